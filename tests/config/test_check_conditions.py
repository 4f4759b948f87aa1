"""What can be said of conditions without a call."""

from __future__ import annotations

import datetime

import pytest

from rustalk.config.calendar import Calendar, Day
from rustalk.config.check_conditions import contradiction, implied, over
from rustalk.config.pattern import Pattern
from rustalk.config.routing import (
    CallerIdCondition,
    Condition,
    DateRangeCondition,
    DayOfWeekCondition,
    HeaderCondition,
    HolidayCondition,
    LocationCondition,
    TimeCondition,
)

CALENDARS = {
    "none": Calendar(id="none"),
    "yearly": Calendar(id="yearly", dates=(Day(date="12-25"), Day(date="02-29"))),
    "once": Calendar(id="once", dates=(Day(date="2026-04-06"),)),
}


def time(start: str, end: str, *, negate: bool = False) -> TimeCondition:
    """A span of the day."""
    parse = datetime.time.fromisoformat
    return TimeCondition(start_time=parse(start), end_time=parse(end), negate=negate)


def week(*days: int, negate: bool = False) -> DayOfWeekCondition:
    """Days of the week."""
    return DayOfWeekCondition(days=days, negate=negate)


def dates(start: str, end: str, *, negate: bool = False) -> DateRangeCondition:
    """A range of days."""
    parse = datetime.date.fromisoformat
    return DateRangeCondition(start_date=parse(start), end_date=parse(end), negate=negate)


def holiday(calendar: str, *, negate: bool = False) -> HolidayCondition:
    """The days of a calendar."""
    return HolidayCondition(calendar=calendar, negate=negate)


def caller(pattern: str, *, negate: bool = False) -> CallerIdCondition:
    """Some callers."""
    return CallerIdCondition(pattern=Pattern(pattern), negate=negate)


def found(*methods: str, negate: bool = False) -> LocationCondition:
    """Some ways of finding a location."""
    return LocationCondition(methods=methods, negate=negate)


@pytest.mark.parametrize(
    "conditions",
    [
        [dates("2027-01-02", "2027-01-01")],
        [week()],
        [week(1), week(2, 3)],
        [week(6, 7), week(6, 7, negate=True)],
        [week(1, 2, 3, 4, 5, 6, 7, negate=True)],
        [dates("2027-01-01", "2027-01-02"), week(1, 2, 3, 4)],
        [dates("2027-01-01", "2027-01-09"), dates("2026-12-31", "2027-01-10", negate=True)],
        [time("22:00", "06:00"), time("07:00", "09:00")],
        [time("00:00", "23:59:59", negate=True)],
        [caller("^1"), caller("^1", negate=True)],
        [caller("^1$"), caller("^2")],
        [holiday("none")],
        [holiday("once"), week(2)],
        [holiday("once"), dates("2027-01-01", "2027-12-31")],
        [holiday("yearly"), dates("2027-01-01", "2027-12-24")],
        [found()],
        [found("LIS"), found("lis", "ASSIST", negate=True)],
    ],
)
def test_conditions_that_never_hold_together_are_told(conditions: list[Condition]) -> None:
    """Times, dates, days, callers and locations; 1 January 2027 is a Friday, 6 April 2026 a Monday."""
    assert contradiction(conditions, CALENDARS)


@pytest.mark.parametrize(
    "conditions",
    [
        [time("22:00", "06:00"), time("05:00", "09:00"), dates("2027-01-01", "2027-01-07"), week(3)],
        [holiday("yearly"), week(1), dates("2026-12-26", "2199-12-31")],
        [holiday("yearly"), week(2), dates("2028-01-01", "2028-03-01")],
        [holiday("nowhere")],
        [time("08:00", "17:59:59", negate=True), time("18:00", "18:00")],
        [dates("0001-01-01", "9999-12-31")],
        [caller(r"\b1"), caller("^2")],
        [found("LIS", "ASSIST"), found("lis", negate=True)],
        [HeaderCondition(name="Subject", pattern=Pattern("a")), HeaderCondition(name="Subject", pattern=Pattern("b"))],
    ],
)
def test_conditions_that_may_hold_are_left_alone(conditions: list[Condition]) -> None:
    """A night shift that overlaps the early one, and Christmas on a Monday, which comes later; 29 February 2028."""
    assert contradiction(conditions, CALENDARS) == ""


@pytest.mark.parametrize(
    ("conditions", "since"),
    [
        ([dates("2026-01-01", "2026-03-31")], "2026-03-31 was the last day"),
        ([holiday("once"), week(1)], "2026-04-06 was the last day"),
        ([dates("2026-01-01", "2026-12-24"), week(7)], ""),
        ([dates("2026-01-01", "2026-11-24"), week(6, 7)], "no day is left from 2026-11-23 on"),
        ([dates("2026-11-01", "9999-12-31", negate=True)], "no day is left from 2026-11-23 on"),
        ([holiday("yearly")], ""),
        ([time("08:00", "12:00")], ""),
    ],
)
def test_conditions_that_are_over_say_since_when(conditions: list[Condition], since: str) -> None:
    """On Monday, 23 November 2026."""
    assert over(conditions, CALENDARS, datetime.date(2026, 11, 23)) == since


@pytest.mark.parametrize(
    ("condition", "others", "surely"),
    [
        (time("08:00", "18:00"), [time("09:00", "17:00")], True),
        (time("09:00", "17:00"), [time("08:00", "18:00")], False),
        (time("00:00", "23:59:59"), [], True),
        (week(1, 2, 3, 4, 5), [week(6, 7, negate=True)], True),
        (week(5), [dates("2027-01-01", "2027-01-01")], True),
        (holiday("once"), [dates("2026-04-06", "2026-04-06")], True),
        (holiday("yearly", negate=True), [week(1)], False),
        (caller(r"^\+49"), [caller(r"^\+4930")], True),
        (caller(r"^\+4930"), [caller(r"^\+49")], False),
        (found("LIS", "ASSIST"), [found("lis")], True),
        (HeaderCondition(name="Subject", pattern=Pattern("a")), [], False),
    ],
)
def test_a_condition_may_hold_wherever_others_do(condition: Condition, others: list[Condition], surely: bool) -> None:
    """A longer span, the other days of the week, a day whose weekday is known, fewer callers."""
    assert implied(condition, others, CALENDARS, same_zone=True) is surely


def test_times_of_another_zone_say_nothing() -> None:
    """But a condition that always holds does there too."""
    assert not implied(week(1, 2), [week(1)], CALENDARS, same_zone=False)
    assert implied(week(1, 2, 3, 4, 5, 6, 7), [week(1)], CALENDARS, same_zone=False)
    assert implied(caller("^1"), [caller("^1")], CALENDARS, same_zone=False)
