"""Whether a condition of a route holds for a call.

Times, days and dates are those of the route's own time zone, and a moment has exactly one time of day there: where
clocks are put forward the hour between never comes, and where they are put back it comes twice and counts twice.
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from rustalk.config.model import (
    Calendar,
    CallerIdCondition,
    Condition,
    DateRangeCondition,
    DayOfWeekCondition,
    DestinationCondition,
    HeaderCondition,
    HolidayCondition,
    LocationCondition,
    TimeCondition,
)
from rustalk.config.policy import TimeWindow

__all__ = ["Calendars", "Facts", "is_open", "is_time_rule", "local", "within"]

_TIME_RULES = (TimeCondition, DayOfWeekCondition, DateRangeCondition, HolidayCondition)


@dataclass(frozen=True, slots=True)
class Facts:
    """What conditions are asked about. ``now`` is in the zone of the route; ``header`` gives the value of a field."""

    now: datetime.datetime
    caller: str
    destination: str
    location: str
    header: Callable[[str], str | None]


class Calendars:
    """The holidays by calendar: days of one year, and days of every year."""

    __slots__ = ("_days",)

    def __init__(self, calendars: Iterable[Calendar] = ()) -> None:
        self._days = {calendar.id: frozenset(day.date for day in calendar.dates) for calendar in calendars}

    def is_holiday(self, calendar: str, day: datetime.date) -> bool:
        """Whether ``day`` is in the calendar; a calendar that there is not has no holidays."""
        days = self._days.get(calendar, frozenset())
        return day.isoformat() in days or day.strftime("%m-%d") in days

    def holds(self, condition: Condition, facts: Facts) -> bool:
        """Whether the condition holds, turned round where it is negated."""
        return self._is_so(condition, facts) is not condition.negate

    def _is_so(self, condition: Condition, facts: Facts) -> bool:
        match condition:
            case TimeCondition(start_time=start, end_time=end):
                return within(start, end, facts.now)
            case DayOfWeekCondition(days=days):
                return facts.now.isoweekday() in days
            case DateRangeCondition(start_date=start_date, end_date=end_date):
                return start_date <= facts.now.date() <= end_date
            case HolidayCondition(calendar=calendar):
                return self.is_holiday(calendar, facts.now.date())
            case CallerIdCondition(pattern=pattern):
                return pattern.matches(facts.caller)
            case DestinationCondition(pattern=pattern):
                return pattern.matches(facts.destination)
            case LocationCondition(methods=methods):
                return facts.location.lower() in {method.lower() for method in methods} and bool(facts.location)
            case HeaderCondition(name=name, pattern=pattern):
                value = facts.header(name)
                return value is not None and pattern.matches(value)


def is_time_rule(condition: Condition) -> bool:
    """Whether a condition is about the moment of the call alone."""
    return isinstance(condition, _TIME_RULES)


def local(moment: datetime.datetime, zone: str) -> datetime.datetime:
    """The moment as the clocks of a time zone show it."""
    return moment.astimezone(datetime.UTC if zone == "UTC" else _zone(zone))


def within(start: datetime.time, end: datetime.time, moment: datetime.datetime) -> bool:
    """Whether the clock is between two times of the day, both included to the second; the span may cross midnight."""
    clock = moment.time().replace(microsecond=0)
    return start <= clock <= end if start <= end else clock >= start or clock <= end


def is_open(window: TimeWindow, moment: datetime.datetime) -> bool:
    """Whether the moment is in the hours of a window; what crosses midnight belongs to the day on which it began."""
    here = local(moment, window.timezone)
    if not within(window.start, window.end, here):
        return False
    began = here.date()
    if window.start > window.end and here.time().replace(microsecond=0) <= window.end:
        began -= datetime.timedelta(days=1)
    return began.isoweekday() in window.days


@functools.cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
