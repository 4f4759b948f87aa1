"""What can be said of conditions without a call: that some never hold together, or that they do wherever others do.

A condition holds wherever others do when its opposite never holds together with those. Days are gone through one by one
as far as they differ from each other; times, places and numbers are compared as sets. In doubt conditions may hold.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from rustalk.config.calendar import Calendar
from rustalk.config.language import may_match
from rustalk.config.routing import (
    CallerIdCondition,
    Condition,
    DateRangeCondition,
    DayOfWeekCondition,
    HolidayCondition,
    LocationCondition,
    TimeCondition,
)

__all__ = ["TIME_RULES", "contradiction", "implied", "over"]

TIME_RULES = (TimeCondition, DayOfWeekCondition, DateRangeCondition, HolidayCondition)
"""Conditions about the moment of the call alone, in the time zone of their route."""

_DAY_RULES = (DayOfWeekCondition, DateRangeCondition, HolidayCondition)
_LAST_DAY = datetime.date.max.toordinal()
_WEEK = 7
_EVERY_PAIRING = 40 * 366
"""So many days have every day of the year on every day of the week, 29 February around 2100 included."""


def contradiction(conditions: Sequence[Condition], calendars: Mapping[str, Calendar]) -> str:
    """Return why these conditions never hold together, '' where they may."""
    for condition in conditions:
        if not condition.negate and replace(condition, negate=True) in conditions:
            return "one is there both as it is and negated"
        if isinstance(condition, HolidayCondition) and not condition.negate:
            calendar = calendars.get(condition.calendar)
            if calendar is not None and not calendar.dates:
                return f'calendar "{calendar.id}" has no days'
    if not _are_met(conditions, _DAY_RULES, calendars):
        return "no day is left"
    if not _are_met(conditions, TimeCondition, calendars):
        return "no time of the day is left"
    if not _are_met(conditions, LocationCondition, calendars):
        return "no way of finding a location is left"
    return "" if _are_met(conditions, CallerIdCondition, calendars) else "no calling number is left"


def over(conditions: Sequence[Condition], calendars: Mapping[str, Calendar], today: datetime.date) -> str:
    """Return since when conditions that could hold once hold no more, '' where they hold today or later."""
    days = _Days.of(conditions, calendars)
    if days.first(today.toordinal()) is not None:
        return ""
    last = min(days.last_ones(), default=_LAST_DAY)
    if last >= today.toordinal():
        return f"no day is left from {today} on"
    return f"{datetime.date.fromordinal(last)} was the last day"


def implied(
    condition: Condition, others: Sequence[Condition], calendars: Mapping[str, Calendar], *, same_zone: bool
) -> bool:
    """Say whether the condition surely holds wherever all the others do. ``same_zone``: they go by the same clock."""
    if isinstance(condition, TIME_RULES) and not same_zone:
        others = ()
    if condition in others:
        return True
    opposite = replace(condition, negate=not condition.negate)
    kinds = _DAY_RULES if isinstance(condition, _DAY_RULES) else (type(condition),)
    return not _are_met((*others, opposite), kinds, calendars)


def _are_met(
    conditions: Sequence[Condition], kinds: type | tuple[type, ...], calendars: Mapping[str, Calendar]
) -> bool:
    """Whether those of the conditions that are of these kinds may hold together."""
    asked = [each for each in conditions if isinstance(each, kinds)]
    if not asked:
        return True
    match asked[0]:
        case TimeCondition():
            return _is_time_left([each for each in asked if isinstance(each, TimeCondition)])
        case LocationCondition():
            return _is_way_left([each for each in asked if isinstance(each, LocationCondition)])
        case DayOfWeekCondition() | DateRangeCondition() | HolidayCondition():
            return _Days.of(asked, calendars).first(1) is not None
        case CallerIdCondition():
            return may_match([(each.pattern, not each.negate) for each in asked if isinstance(each, CallerIdCondition)])
    return True


def _is_way_left(conditions: Sequence[LocationCondition]) -> bool:
    wanted = [{method.lower() for method in each.methods} for each in conditions if not each.negate]
    unwanted = {method.lower() for each in conditions if each.negate for method in each.methods}
    return not wanted or bool(set.intersection(*wanted) - unwanted)


def _is_time_left(conditions: Sequence[TimeCondition]) -> bool:
    """What holds at any second also holds at one where a span begins or has just ended."""
    spans = [(_second(each.start_time), _second(each.end_time), each.negate) for each in conditions]
    seconds = {0, *(start for start, _, _ in spans), *((end + 1) % 86400 for _, end, _ in spans)}
    return any(all(_within(start, end, at) is not negate for start, end, negate in spans) for at in seconds)


def _second(time: datetime.time) -> int:
    return (time.hour * 60 + time.minute) * 60 + time.second


def _within(start: int, end: int, at: int) -> bool:
    return start <= at <= end if start <= end else at >= start or at <= end


@dataclass(frozen=True, slots=True)
class _Days:
    """The days on which conditions hold. Days are counted from 1 January of the year 1, a Monday, which is 1."""

    weekdays: frozenset[int]
    ranges: tuple[tuple[int, int, bool], ...]
    holidays: tuple[tuple[frozenset[int], frozenset[tuple[int, int]], bool], ...]

    @classmethod
    def of(cls, conditions: Iterable[Condition], calendars: Mapping[str, Calendar]) -> _Days:
        """Gather what conditions say of days; a calendar that there is not says nothing."""
        weekdays = frozenset(range(1, 1 + _WEEK))
        ranges: list[tuple[int, int, bool]] = []
        holidays: list[tuple[frozenset[int], frozenset[tuple[int, int]], bool]] = []
        for each in conditions:
            if isinstance(each, DayOfWeekCondition):
                weekdays = weekdays - set(each.days) if each.negate else weekdays & set(each.days)
            elif isinstance(each, DateRangeCondition):
                ranges.append((each.start_date.toordinal(), each.end_date.toordinal(), each.negate))
            elif isinstance(each, HolidayCondition) and each.calendar in calendars:
                holidays.append((*_dates(calendars[each.calendar]), each.negate))
        return cls(weekdays, tuple(ranges), tuple(holidays))

    def first(self, start: int) -> int | None:
        """The first day from ``start`` on, None where there is none."""
        if not self.weekdays:
            return None
        return next((day for day in self._differing(start) if self._has(day)), None)

    def last_ones(self) -> Iterator[int]:
        """Days after which one of the conditions holds no more."""
        yield from (end for _, end, negate in self.ranges if not negate)
        yield from (max(dated, default=0) for dated, yearly, negate in self.holidays if not (negate or yearly))

    def _differing(self, start: int) -> Iterator[int]:
        """Days one of which is right if any is: from each change on as many as are not alike."""
        edges = {day for first, last, _ in self.ranges for day in (first, last + 1)}
        edges |= {day for dated, _, _ in self.holidays for day in dated}
        edges |= {day + 1 for dated, _, _ in self.holidays for day in dated}
        changes = [start, *sorted(edge for edge in edges if start < edge <= _LAST_DAY), _LAST_DAY + 1]
        length = _EVERY_PAIRING if any(yearly for _, yearly, _ in self.holidays) else _WEEK
        for change, following in pairwise(changes):
            yield from range(change, min(change + length, following))

    def _has(self, day: int) -> bool:
        if (day - 1) % _WEEK + 1 not in self.weekdays:
            return False
        if any((first <= day <= last) is negate for first, last, negate in self.ranges):
            return False
        return all(_is_holiday(day, dated, yearly) is not negate for dated, yearly, negate in self.holidays)


def _is_holiday(day: int, dated: frozenset[int], yearly: frozenset[tuple[int, int]]) -> bool:
    if day in dated:
        return True
    date = datetime.date.fromordinal(day)
    return (date.month, date.day) in yearly


def _dates(calendar: Calendar) -> tuple[frozenset[int], frozenset[tuple[int, int]]]:
    """The days of one year, and those of every year by month and day."""
    dated = frozenset(
        datetime.date.fromisoformat(day.date).toordinal() for day in calendar.dates if day.date[4:5] == "-"
    )
    yearly = frozenset((int(day.date[:2]), int(day.date[3:])) for day in calendar.dates if day.date[2:3] == "-")
    return dated, yearly
