"""Whether a condition of a route holds."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from rustalk.config.calendar import Day
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
from rustalk.config.pattern import Pattern
from rustalk.config.policy import TimeWindow
from rustalk.pbx.conditions import Calendars, Facts, is_open, is_time_rule, local
from tests.pbx.plans import MONDAY_NOON, at

CALENDARS = Calendars((Calendar(id="de", dates=(Day(date="12-25"), Day(date="2026-04-06"), Day(date="02-29"))),))
DAY = MONDAY_NOON.date()


def holds(condition: Condition, **keys: Any) -> bool:
    """Whether it holds for a call at noon on a Monday."""
    facts: dict[str, Any] = {
        "now": MONDAY_NOON,
        "caller": "+44",
        "destination": "+1",
        "location": "",
        "header": {}.get,
    } | keys
    return CALENDARS.holds(condition, Facts(**facts))


def span(start: int, end: int) -> TimeCondition:
    """From one hour to another."""
    return TimeCondition(start_time=datetime.time(start), end_time=datetime.time(end))


@pytest.mark.parametrize(
    ("clock", "inside"), [("08:59:59", False), ("09:00:00", True), ("17:00:00", True), ("17:00:01", False)]
)
def test_a_time_span_includes_both_ends_to_the_second(clock: str, inside: bool) -> None:
    """As RusTalk counts: 17:00:01 is outside 17:00."""
    assert holds(span(9, 17), now=at(f"2026-11-23T{clock}.900000+00:00")) is inside


@pytest.mark.parametrize(("hour", "inside"), [(21, False), (22, True), (0, True), (6, True), (7, False)])
def test_a_time_span_may_cross_midnight(hour: int, inside: bool) -> None:
    """Night starts in one day and ends in the next."""
    assert holds(span(22, 6), now=MONDAY_NOON.replace(hour=hour)) is inside


def test_days_count_from_monday_and_dates_include_both_ends() -> None:
    """1 is Monday, 7 Sunday."""
    assert holds(DayOfWeekCondition(days=(1, 2)))
    assert not holds(DayOfWeekCondition(days=(7,)))
    assert holds(DateRangeCondition(start_date=DAY, end_date=DAY))
    assert not holds(DateRangeCondition(start_date=datetime.date(2026, 11, 24), end_date=datetime.date(2026, 12, 1)))


@pytest.mark.parametrize(
    ("day", "inside"),
    [("2026-12-25", True), ("2030-12-25", True), ("2026-04-06", True), ("2027-04-06", False), ("2028-02-29", True)],
)
def test_holidays_are_days_of_one_year_or_of_every_year(day: str, inside: bool) -> None:
    """A calendar that there is not has none."""
    now = at(f"{day}T12:00+00:00")
    assert holds(HolidayCondition(calendar="de"), now=now) is inside
    assert not holds(HolidayCondition(calendar="gone"), now=now)


@pytest.mark.parametrize(("method", "direct"), [("LIS", True), ("assist", True), ("CLS", False), ("", False)])
def test_a_location_is_asked_how_it_was_found(method: str, direct: bool) -> None:
    """EMG-02: in any case; a call without one is none of them, and all that is left when turned round."""
    methods = ("lis", "ASSIST")
    assert holds(LocationCondition(methods=methods), location=method) is direct
    assert holds(LocationCondition(methods=methods, negate=True), location=method) is not direct


def test_a_field_that_is_not_there_has_no_text() -> None:
    """Not even the empty one."""
    assert not holds(HeaderCondition(name="X-Kind", pattern=Pattern("")))
    assert holds(HeaderCondition(name="X-Kind", pattern=Pattern("^vip$")), header={"X-Kind": "vip"}.get)


@pytest.mark.parametrize(
    "condition",
    [
        TimeCondition(start_time=datetime.time(9), end_time=datetime.time(17), negate=True),
        DayOfWeekCondition(days=(1,), negate=True),
        DateRangeCondition(start_date=DAY, end_date=DAY, negate=True),
        CallerIdCondition(pattern=Pattern(r"^\+44"), negate=True),
        DestinationCondition(pattern=Pattern(r"^\+1"), negate=True),
    ],
)
def test_a_negated_condition_is_turned_round(condition: Condition) -> None:
    """Each of these would hold otherwise."""
    assert not holds(condition)
    assert is_time_rule(condition) is not isinstance(condition, CallerIdCondition | DestinationCondition)


@pytest.mark.parametrize(
    ("moment", "clock"),
    [
        ("2026-03-29T00:59:59+00:00", "01:59:59"),
        ("2026-03-29T01:00:00+00:00", "03:00:00"),
        ("2026-10-25T00:30:00+00:00", "02:30:00"),
        ("2026-10-25T01:30:00+00:00", "02:30:00"),
    ],
)
def test_clocks_that_are_put_forward_and_back(moment: str, clock: str) -> None:
    """The hour after two never comes in March and comes twice in October."""
    here = local(at(moment), "Europe/Berlin")
    assert here.time().isoformat() == clock
    assert holds(span(2, 3), now=here) is clock.startswith(("02", "03:00:00"))


@pytest.mark.parametrize(
    ("moment", "is_so"),
    [
        ("2026-11-27T21:59:59+00:00", False),
        ("2026-11-27T22:00:00+00:00", True),
        ("2026-11-28T06:00:00+00:00", True),
        ("2026-11-28T22:00:00+00:00", False),
        ("2026-11-23T03:00:00+00:00", False),
    ],
)
def test_the_night_of_a_window_belongs_to_the_day_on_which_it_began(moment: str, is_so: bool) -> None:
    """Friday night lasts until Saturday morning; Monday before dawn is still Sunday night."""
    window = TimeWindow(start=datetime.time(22), end=datetime.time(6), days=(1, 2, 3, 4, 5))
    assert is_open(window, at(moment)) is is_so
