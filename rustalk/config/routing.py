"""Which call goes where: the section routing, with RusTalk's routes and conditions."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from rustalk.config import formats
from rustalk.config.about import about
from rustalk.config.audio import MEDIA_PATH, MediaPath
from rustalk.config.destination import Destination, RouteTarget
from rustalk.config.numbers import NumberRule
from rustalk.config.pattern import Pattern
from rustalk.config.policy import POLICY, Policy
from rustalk.sip.headers import canonical

__all__ = [
    "PHONES",
    "CallerIdCondition",
    "Condition",
    "DateRangeCondition",
    "DayOfWeekCondition",
    "DestinationCondition",
    "HeaderCondition",
    "HolidayCondition",
    "LocationCondition",
    "Rewrite",
    "Route",
    "Routing",
    "TimeCondition",
]


PHONES = "extensions"
"""The source of calls from extensions, where a route names one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeCondition:
    """Holds between two times of the day, both included to the second; the span may cross midnight."""

    TYPE: ClassVar[str] = "Time"
    start_time: datetime.time = field(metadata=about("First second, in the `timezone` of the route.", example="09:00"))
    end_time: datetime.time = field(metadata=about("Last second.", example="17:00"))
    negate: bool = field(default=False, metadata=about("Turn the condition round."))


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfWeekCondition:
    """Holds on some days of the week, in the `timezone` of the route."""

    TYPE: ClassVar[str] = "DayOfWeek"
    days: tuple[int, ...] = field(
        metadata=about("Days, 1 is Monday and 7 Sunday.", example=[1, 2, 3, 4, 5], low=1, high=7)
    )
    negate: bool = field(default=False, metadata=about("Turn the condition round."))


@dataclass(frozen=True, slots=True, kw_only=True)
class DateRangeCondition:
    """Holds between two dates, both included, in the `timezone` of the route."""

    TYPE: ClassVar[str] = "DateRange"
    start_date: datetime.date = field(metadata=about("First day.", example="2026-12-24"))
    end_date: datetime.date = field(metadata=about("Last day.", example="2027-01-01"))
    negate: bool = field(default=False, metadata=about("Turn the condition round."))


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerIdCondition:
    """Holds for some callers."""

    TYPE: ClassVar[str] = "CallerId"
    pattern: Pattern = field(metadata=about("Pattern on the calling number.", example=r"^\+44"))
    negate: bool = field(default=False, metadata=about("Turn the condition round."))


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationCondition:
    """Holds for some called numbers, beside the route's own pattern."""

    TYPE: ClassVar[str] = "Destination"
    pattern: Pattern = field(metadata=about("Pattern on the called number.", example=r"^\+1900"))
    negate: bool = field(default=False, metadata=about("Turn the condition round."))


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationCondition:
    """Holds for calls that bring a location (PIDF-LO) which was found in one of some ways (EMG-02).

    A call without a location, or whose location does not say, is none of them; turn the condition round to catch it.
    """

    TYPE: ClassVar[str] = "Location"
    methods: tuple[str, ...] = field(
        metadata=about(
            "Methods as the location names them, in any case. Teams writes `LIS` and `ASSIST` for places that it "
            "knows, `CLS` and `MANUAL` for those that somebody should ask about.",
            example=["LIS", "ASSIST"],
            check=formats.identifier,
        )
    )
    negate: bool = field(default=False, metadata=about("Turn the condition round."))


@dataclass(frozen=True, slots=True, kw_only=True)
class HolidayCondition:
    """Holds on the days of a calendar, in the `timezone` of the route."""

    TYPE: ClassVar[str] = "Holiday"
    calendar: str = field(metadata=about("Id of one of `calendars`.", example="holidays", check=formats.identifier))
    negate: bool = field(default=False, metadata=about("Turn the condition round."))


def _header(text: str) -> str:
    """The name of a header field in its usual spelling."""
    if not (name := canonical(text)):
        raise ValueError("the name of a header field, such as User-Agent")
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderCondition:
    """Holds for calls with a header field in which a pattern is found; a call without the field has none."""

    TYPE: ClassVar[str] = "Header"
    name: str = field(metadata=about("Header field, in any case.", example="User-to-User", check=_header))
    pattern: Pattern = field(metadata=about("Pattern on the text of the field.", example="^vip$"))
    negate: bool = field(default=False, metadata=about("Turn the condition round."))


Condition = (
    TimeCondition
    | DayOfWeekCondition
    | DateRangeCondition
    | CallerIdCondition
    | DestinationCondition
    | LocationCondition
    | HolidayCondition
    | HeaderCondition
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """What a route makes of the numbers of its calls. Of each list the first rule that matches decides."""

    caller: tuple[NumberRule, ...] = field(default=(), metadata=about("Rules on the calling number."))
    destination: tuple[NumberRule, ...] = field(default=(), metadata=about("Rules on the called number."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One rule of the routing. Routes are tried by priority, those of equal priority in the order of the file."""

    id: str = field(
        metadata=about(
            "Name of the route in logs, call records and explanations.", example="to-teams", check=formats.identifier
        )
    )
    name: str = field(default="", metadata=about("Name to show. Empty: the id.", example="Numbers of the office"))
    description: str = field(default="", metadata=about("Free text."))
    pattern: Pattern = field(
        metadata=about(
            "Regular expression (RE2) searched for in the called number, so anchor it with ^ and $. No look-ahead and "
            "no back-references. Empty: every number.",
            example=r"^\+1555\d{7}$",
        )
    )
    source: str = field(
        default="",
        metadata=about(
            "Only calls from this trunk, from `teams`, or from the phones of the house with `extensions`; the API "
            "calls the key `source_trunk`. Empty: calls from anyone who may call.",
            example="carrier",
            check=formats.identifier,
            aliases=("source_trunk",),
            written="source_trunk",
        ),
    )
    destination: Destination | None = field(
        default=None, metadata=about("Where the call goes. Needed when `action` is `accept`.")
    )
    destinations: tuple[RouteTarget, ...] = field(
        default=(), metadata=about("Several destinations in place of `destination`; a call goes to one after another.")
    )
    select: Literal["order", "weight", "hash"] = field(
        default="order",
        metadata=about(
            "Which of `destinations` comes first among those of the same `order`: with `order` as they stand, with "
            "`weight` by chance, with `hash` always the same for one `hash_key`."
        ),
    )
    hash_key: Literal["caller", "destination"] = field(
        default="caller", metadata=about("Number whose calls stay together with `select` `hash`.")
    )
    tenant: str = field(
        default="",
        metadata=about(
            "Only calls of this tenant, one of `teams.tenants`. Empty: of any.",
            example="contoso",
            check=formats.identifier,
        ),
    )
    timezone: str = field(
        default="UTC",
        metadata=about(
            "Time zone of the conditions, by its name in the tz database.",
            example="Europe/Berlin",
            check=formats.timezone,
        ),
    )
    rewrite: Rewrite = field(default=Rewrite(), metadata=about("What becomes of the numbers once the route is chosen."))
    policy: str | Policy = field(default="", metadata=about(POLICY, example="office", check=formats.identifier))
    max_calls: int = field(
        default=0,
        metadata=about("Calls of this route at the same time; beyond it 503. 0: no limit.", low=0, high=1000000),
    )
    max_cps: float = field(
        default=0.0,
        metadata=about(
            "New calls of this route a second, over a second's burst; beyond it 503. 0: no limit.",
            unit="calls/s",
            low=0,
            high=100000,
        ),
    )
    emergency: bool = field(
        default=False,
        metadata=about(
            "Calls of this route always pass: no permission, policy or limit holds them up, neither their own nor "
            "those of the whole switch."
        ),
    )
    enabled: bool = field(default=True, metadata=about("Whether the route is looked at."))
    priority: int = field(default=100, metadata=about("Lower is tried first.", example=10, low=0, high=1000000))
    conditions: tuple[Condition, ...] = field(default=(), metadata=about("Further conditions; all must hold."))
    action: Literal["accept", "reject", "continue"] = field(
        default="accept",
        metadata=about(
            "`accept` sends the call to `destination`; `reject` refuses it with the status of a `Hangup` destination, "
            "else 403; `continue` only notes the match and needs `continue_on_match`."
        ),
    )
    continue_on_match: bool = field(
        default=False, metadata=about("Look at further routes after this one; only with `action` `continue`.")
    )
    media: MediaPath | None = field(
        default=None, metadata=about(f"{MEDIA_PATH} null: `relay` unless both trunks say `direct`.", example="relay")
    )

    @property
    def targets(self) -> tuple[Destination, ...]:
        """Where the route leads, one or several, in the order of `order`."""
        if self.destinations:
            return tuple(sorted(self.destinations, key=lambda target: target.order))
        return () if self.destination is None else (self.destination,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """Which call goes where. A call that no route takes is answered 404."""

    routes: tuple[Route, ...] = field(default=(), metadata=about("The routes. None: no call is carried."))
