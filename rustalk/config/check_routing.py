"""The rules on routes: that each can be carried out, says what it seems to say, and can match at all."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from rustalk.config.check_destination import check_destination, check_policy, check_source
from rustalk.config.check_manners import check_number_rules
from rustalk.config.finding import Finding, undefined
from rustalk.config.known import Known, all_routes
from rustalk.config.model import (
    DateRangeCondition,
    DayOfWeekCondition,
    HolidayCondition,
    Route,
    Settings,
    TimeCondition,
)
from rustalk.config.problem import Notice, Problem

if TYPE_CHECKING:
    from rustalk.config.read import Reader

__all__ = ["RULES"]

_EVERYTHING = frozenset({"", "^", ".*", "^.*", "^.*$", ".*$", ".+", "^.+", "^.+$", ".+$"})
"""Patterns that every number matches; a call always has a number."""

_WEEK = frozenset(range(1, 8))


def _routes(settings: Settings, reader: Reader, known: Known) -> Iterator[Finding]:
    """Every enabled route can be carried out, and says what it seems to say."""
    for route in all_routes(settings):
        path = reader.path(route)
        yield from _destinations(route, path, known, reader)
        if route.source:
            yield from check_source(route.source, f"{path}.source", known, reader, route.enabled)
        if route.tenant and route.tenant not in known.tenants:
            yield from undefined(
                f"{path}.tenant", route.tenant, "the id of a tenant of $.teams.tenants", known.tenants, reader
            )
        yield from check_policy(route.policy, path, known, reader)
        yield from check_number_rules((*route.rewrite.caller, *route.rewrite.destination), reader)
        yield from _action(route, path)
        if not route.pattern.anchored:
            yield Notice(f"{path}.pattern", "matches anywhere in the number; start it with ^ if that is not meant")


def _destinations(route: Route, path: str, known: Known, reader: Reader) -> Iterator[Finding]:
    """A route that accepts leads somewhere, and says so in one way."""
    if route.destination is not None and route.destinations:
        yield Problem(
            f"{path}.destinations", "destination as well", "one of the two", "a single one can be in the list"
        )
    if not route.targets and route.action == "accept":
        yield Problem(f"{path}.destination", "nothing", "where the call goes", 'or action "reject"')
    if route.destination is not None:
        yield from check_destination(route.destination, f"{path}.destination", known, reader, route.enabled)
    for number, target in enumerate(route.destinations):
        yield from check_destination(target, f"{path}.destinations[{number}]", known, reader, route.enabled)
    if route.destinations and route.select != "order" and not any(each.weight for each in route.destinations):
        yield Problem(f"{path}.destinations", "no weight above 0", f'one at least, for select "{route.select}"')


def _action(route: Route, path: str) -> Iterator[Finding]:
    if route.action == "continue" and not route.continue_on_match:
        yield Problem(
            f"{path}.continue_on_match",
            "false",
            'true with action "continue"',
            "else the search would end without a destination",
        )
    if route.continue_on_match and route.action != "continue":
        yield Notice(f"{path}.continue_on_match", f'has no effect with action "{route.action}"')
    if route.emergency and route.action == "reject":
        yield Problem(f"{path}.emergency", "true", 'false with action "reject"', "an emergency call is never refused")


def _calendars(settings: Settings, reader: Reader, known: Known) -> Iterator[Finding]:
    """The calendars that conditions name exist."""
    for route in all_routes(settings):
        for condition in route.conditions:
            if isinstance(condition, HolidayCondition) and condition.calendar not in known.calendars:
                path = f"{reader.path(condition)}.calendar"
                yield from undefined(path, condition.calendar, "the id of one of $.calendars", known.calendars, reader)


def _impossible(settings: Settings, reader: Reader, known: Known) -> Iterator[Finding]:
    """Conditions that never hold together make a route that never matches."""
    for route in all_routes(settings):
        reason = _contradiction(route, known) if route.conditions else ""
        if reason:
            yield Notice(f"{reader.path(route)}.conditions", f"never hold together: {reason}")


def _contradiction(route: Route, known: Known) -> str:
    """Why the conditions of a route never hold together; empty where they may."""
    conditions = route.conditions
    for condition in conditions:
        if not condition.negate and replace(condition, negate=True) in conditions:
            return "one is there both as it is and negated"
        if isinstance(condition, HolidayCondition) and not condition.negate:
            calendar = known.calendars.get(condition.calendar)
            if calendar is not None and not calendar.dates:
                return f'calendar "{calendar.id}" has no days'
    dates = [each for each in conditions if isinstance(each, DateRangeCondition) and not each.negate]
    first = max((each.start_date for each in dates), default=datetime.date.min)
    last = min((each.end_date for each in dates), default=datetime.date.max)
    if first > last:
        return f"no day is between {first} and {last}"
    if not _days_of_week(conditions) & _days_between(first, last):
        return "no day of the week is left"
    times = [each for each in conditions if isinstance(each, TimeCondition) and not each.negate]
    if times and not any(all(_within(each, start.start_time) for each in times) for start in times):
        return "no time of the day is left"
    return ""


def _days_of_week(conditions: Iterable[object]) -> frozenset[int]:
    """The days of the week on which all conditions about them hold."""
    left = _WEEK
    for condition in conditions:
        if isinstance(condition, DayOfWeekCondition):
            left = left - set(condition.days) if condition.negate else left & set(condition.days)
    return left


def _days_between(first: datetime.date, last: datetime.date) -> frozenset[int]:
    """The days of the week that there are between two days, both included."""
    length = (last - first).days + 1
    return _WEEK if length >= len(_WEEK) else frozenset((first.weekday() + n) % 7 + 1 for n in range(length))


def _within(condition: TimeCondition, time: datetime.time) -> bool:
    start, end = condition.start_time, condition.end_time
    return start <= time <= end if start <= end else time >= start or time <= end


def _shadowed(settings: Settings, reader: Reader, known: Known) -> Iterator[Finding]:
    """A route after one that takes all its calls never matches; those for emergencies are asked first."""
    for routes in (settings.routing.routes, *(tenant.routes for tenant in settings.teams.tenants)):
        before: dict[str, list[Route]] = {}
        for route in sorted((r for r in routes if r.enabled and not r.emergency), key=lambda route: route.priority):
            pattern = "" if route.pattern.source in _EVERYTHING else route.pattern.source
            earlier = (*before.get("", ()), *(before.get(pattern, ()) if pattern else ()))
            taker = next((each for each in earlier if _takes(each, route)), None)
            if taker is not None:
                yield Notice(
                    reader.path(route), f'route "{route.id}" never matches: "{taker.id}" takes all its calls before'
                )
            elif route.action != "continue":
                before.setdefault(pattern, []).append(route)


def _takes(first: Route, second: Route) -> bool:
    """Whether every call that matches ``second`` matches ``first``, their patterns aside."""
    return (
        first.source in {"", second.source}
        and first.tenant in {"", second.tenant}
        and all(condition in second.conditions for condition in first.conditions)
        and (not first.conditions or first.timezone == second.timezone)
    )


RULES = (_routes, _calendars, _impossible, _shadowed)
"""The rules, each a function of the settings, of where they were read, and of what is defined."""
