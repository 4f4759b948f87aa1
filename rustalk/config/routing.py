"""Which call goes where: the section routing, with RusTalk's routes and conditions."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from rustalk.config import formats
from rustalk.config.about import about
from rustalk.config.audio import MEDIA_PATH, MediaPath
from rustalk.config.pattern import Pattern

__all__ = [
    "CallerIdCondition",
    "Condition",
    "DateRangeCondition",
    "DayOfWeekCondition",
    "Destination",
    "DestinationCondition",
    "LocationCondition",
    "Route",
    "Routing",
    "TimeCondition",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a route leads."""

    type: Literal["Trunk", "Hangup", "Extension", "RingGroup", "Voicemail", "Custom"] = field(
        metadata=about(
            "`Trunk` or `Hangup`; the other kinds need the PBX, which is not in this version.", example="Trunk"
        )
    )
    value: str = field(
        default="",
        metadata=about(
            "For `Trunk` the id of a trunk or `teams`; for `Hangup` the SIP status from 400 to 699 to answer with, "
            "empty: 403.",
            example="teams",
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeCondition:
    """Holds between two times of the day, both included to the second; the span may cross midnight."""

    TYPE: ClassVar[str] = "Time"
    start_time: datetime.time = field(metadata=about("First second, UTC.", example="09:00"))
    end_time: datetime.time = field(metadata=about("Last second, UTC.", example="17:00"))
    negate: bool = field(default=False, metadata=about("Turn the condition round."))


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfWeekCondition:
    """Holds on some days of the week (UTC)."""

    TYPE: ClassVar[str] = "DayOfWeek"
    days: tuple[int, ...] = field(
        metadata=about("Days, 1 is Monday and 7 Sunday.", example=[1, 2, 3, 4, 5], low=1, high=7)
    )
    negate: bool = field(default=False, metadata=about("Turn the condition round."))


@dataclass(frozen=True, slots=True, kw_only=True)
class DateRangeCondition:
    """Holds between two dates, both included (UTC)."""

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


Condition = (
    TimeCondition
    | DayOfWeekCondition
    | DateRangeCondition
    | CallerIdCondition
    | DestinationCondition
    | LocationCondition
)


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
            "Only calls from this trunk, or from `teams`. Empty: calls from anyone who may call.",
            example="carrier",
            check=formats.identifier,
        ),
    )
    destination: Destination | None = field(
        default=None, metadata=about("Where the call goes. Needed when `action` is `accept`.")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """Which call goes where. A call that no route takes is answered 404."""

    routes: tuple[Route, ...] = field(default=(), metadata=about("The routes. None: no call is carried."))
