"""A call that asks the dialplan where it goes, and what it is told: values without behaviour."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rustalk.config.model import Condition, Destination, MediaPath, Policy, Route

__all__ = ["By", "Decision", "Explanation", "NoRoute", "Outcome", "Query", "Rejection", "Result", "Step"]

Result = Literal[
    "matched",
    "noted",
    "disabled",
    "source",
    "pattern",
    "condition",
    "urgent",
    "absent",
    "closed",
    "barred",
    "passed",
    "refused",
]
By = Literal["route", "did", "extension", "ring_group"]


def _nothing(_name: str) -> None:
    """A call without header fields."""


@dataclass(frozen=True, slots=True)
class Query:
    """A call that asks where it goes.

    ``source`` is the id of the trunk that it came from, or "extension:" with a number; ``now`` must have a time zone.
    ``tenant`` is whose call from Teams it is; ``location`` how the caller's location was found, '' without one;
    ``header`` gives the value of a header field by its name; ``is_emergency`` says that help is called.
    """

    source: str
    caller: str
    destination: str
    now: datetime.datetime
    tenant: str = ""
    location: str = ""
    header: Callable[[str], str | None] = _nothing
    is_emergency: bool = False

    def __post_init__(self) -> None:
        """Refuse a moment that means different things on different machines."""
        if self.now.tzinfo is None:
            raise ValueError("Query.now needs a time zone")


@dataclass(frozen=True, slots=True)
class Decision:
    """The call goes to ``destinations``, one after another; there is at least one, and the first is no Hangup.

    ``name`` is what decided: the id of the ``route``, or of what else ``by`` names. ``caller`` and ``destination`` are
    the numbers as rewritten. ``media`` is what the route says of it, None: what the trunks say. ``noted`` are the
    routes with action "continue" on the way, ``tenant`` is whose route it is, '' for a common one.
    """

    by: By
    name: str
    destinations: tuple[Destination, ...]
    caller: str
    destination: str
    route: Route | None = None
    media: MediaPath | None = None
    noted: tuple[Route, ...] = ()
    tenant: str = ""
    is_emergency: bool = False

    @property
    def policies(self) -> tuple[tuple[str, str | Policy], ...]:
        """The policies of the routes, those that were noted first, each with the id of its route."""
        routes = (*self.noted, self.route) if self.route is not None else self.noted
        return tuple((route.id, route.policy) for route in routes if route.policy)


@dataclass(frozen=True, slots=True)
class Rejection:
    """The call is refused with the ``code`` of a reason. ``status`` is that of a route which has one, else 0."""

    code: str
    route: Route | None = None
    status: int = 0


@dataclass(frozen=True, slots=True)
class NoRoute:
    """Nothing takes the call. "number": it has a calling or called number that nothing is asked about."""

    reason: Literal["no-match", "number"]
    code: str = "no_route"


Outcome = Decision | Rejection | NoRoute


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one route: it matched, was noted, or was passed over because of what ``result`` names.

    ``name`` is the id of the route, or what was asked after the routes: "dids", "extensions", "ring_groups",
    "permissions", "destinations", and "limits" of a route and policies. ``condition`` is the first that did not hold,
    where that is the result; ``detail`` says more, and ``whose`` limit it is.
    """

    name: str
    result: Result
    route: Route | None = None
    condition: Condition | None = None
    detail: str = ""
    whose: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """An outcome, and every step that led to it."""

    outcome: Outcome
    steps: tuple[Step, ...]
