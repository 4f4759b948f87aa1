"""Where a call goes: ordered routes over the called number, the caller, the source and the time.

Pure: the same routes, call and moment always give the same answer, so `explain` can tell afterwards what `decide` did.
Routes are looked at by priority, lower first, whatever their order in the file; the first that fits decides, except one
with action "continue", which is only noted. Patterns are searched for as in RusTalk's configuration and anchored by
their author; they are RE2, whose ``$`` is the very end, and a number with a control character fits nothing (A19).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rustalk.config.model import (
    CallerIdCondition,
    Condition,
    DateRangeCondition,
    DayOfWeekCondition,
    DestinationCondition,
    LocationCondition,
    MediaPath,
    Route,
    TimeCondition,
)

__all__ = ["CallQuery", "Decision", "NoRoute", "Outcome", "Rejection", "Step", "decide", "explain", "ordered"]

_MAX_NUMBER = 256
_FORBIDDEN = 403

Outcome = Literal["matched", "noted", "disabled", "source", "pattern", "condition"]


@dataclass(frozen=True, slots=True)
class CallQuery:
    """What the routing knows of a call. ``source`` is the trunk it came from; ``now`` must have a time zone.

    ``location`` is how the caller's location was found, '' where none came with the call.
    """

    source: str
    caller: str
    destination: str
    now: datetime.datetime
    location: str = ""

    def __post_init__(self) -> None:
        """Refuse a moment that means different things on different machines."""
        if self.now.tzinfo is None:
            raise ValueError("CallQuery.now needs a time zone")


@dataclass(frozen=True, slots=True)
class Decision:
    """The call goes to ``trunk``. ``media`` is what the route says of it, None: what the trunks say."""

    route: Route
    trunk: str
    media: MediaPath | None


@dataclass(frozen=True, slots=True)
class Rejection:
    """A route refuses the call with a SIP ``status``."""

    route: Route
    status: int


@dataclass(frozen=True, slots=True)
class NoRoute:
    """No route takes the call. "number": it has a calling or called number that no route is asked about."""

    reason: Literal["no-match", "number"]


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one route: it matched, was noted, or was passed over because of what ``outcome`` names.

    ``condition`` is the first condition that did not hold where that is the outcome.
    """

    route: Route
    outcome: Outcome
    condition: Condition | None = None


def ordered(routes: Iterable[Route]) -> tuple[Route, ...]:
    """Return the routes in the order in which they are asked; equal priorities keep their order."""
    return tuple(sorted(routes, key=lambda route: route.priority))


def decide(routes: Sequence[Route], call: CallQuery) -> Decision | Rejection | NoRoute:
    """Ask the routes, which `ordered` has put in order."""
    if not (_presentable(call.caller) and _presentable(call.destination)):
        return NoRoute("number")
    for step in explain(routes, call):
        if step.outcome == "matched":
            return _carried_out(step.route)
    return NoRoute("no-match")


def explain(routes: Sequence[Route], call: CallQuery) -> Iterator[Step]:
    """Yield what becomes of each route, one at a time, up to and including the one that decides."""
    if not (_presentable(call.caller) and _presentable(call.destination)):
        return
    for route in routes:
        step = _try(route, call)
        yield step
        if step.outcome == "matched":
            return


def _try(route: Route, call: CallQuery) -> Step:
    if not route.enabled:
        return Step(route, "disabled")
    if route.source and route.source != call.source:
        return Step(route, "source")
    if not route.pattern.matches(call.destination):
        return Step(route, "pattern")
    for condition in route.conditions:
        if _holds(condition, call) is condition.negate:
            return Step(route, "condition", condition)
    return Step(route, "noted" if route.action == "continue" else "matched")


def _carried_out(route: Route) -> Decision | Rejection:
    """What a route that matched does with the call."""
    destination = route.destination
    if route.action == "accept" and destination is not None and destination.type == "Trunk":
        return Decision(route, destination.value, route.media)
    status = destination.value if destination is not None and destination.type == "Hangup" else ""
    return Rejection(route, int(status) if status else _FORBIDDEN)


def _holds(condition: Condition, call: CallQuery) -> bool:
    """Whether a condition holds, before it is negated. Time is UTC and counts to the second."""
    now = call.now.astimezone(datetime.UTC)
    match condition:
        case TimeCondition(start_time=start, end_time=end):
            time = now.time().replace(microsecond=0)
            return start <= time <= end if start <= end else time >= start or time <= end
        case DayOfWeekCondition(days=days):
            return now.isoweekday() in days
        case DateRangeCondition(start_date=start_date, end_date=end_date):
            return start_date <= now.date() <= end_date
        case CallerIdCondition(pattern=pattern):
            return pattern.matches(call.caller)
        case DestinationCondition(pattern=pattern):
            return pattern.matches(call.destination)
        case LocationCondition(methods=methods):
            return bool(call.location) and call.location.lower() in (method.lower() for method in methods)


def _presentable(number: str) -> bool:
    """Whether a number can be asked about: of bounded length and without control characters or lone surrogates."""
    return len(number) <= _MAX_NUMBER and number.isprintable()
