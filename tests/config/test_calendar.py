"""The section of the calendars."""

from __future__ import annotations

import datetime

import pytest

from rustalk.config.calendar import Calendar, Day
from tests.config.findings import paths

HOLIDAYS = Calendar(id="h", dates=(Day(date="12-25"), Day(date="2026-04-06"), Day(date="02-29")))


@pytest.mark.parametrize(
    ("date", "is_there"),
    [("2026-12-25", True), ("2030-12-25", True), ("2026-04-06", True), ("2027-04-06", False), ("2028-02-29", True)],
)
def test_a_day_is_of_one_year_or_of_every_year(date: str, is_there: bool) -> None:
    """A day in February can be one of leap years only."""
    assert HOLIDAYS.has(datetime.date.fromisoformat(date)) is is_there


@pytest.mark.parametrize("date", ["2026-02-29", "13-01", "1-1", "25-12", "2026", "", "12-25T00:00", "\u0661\u0662-25"])
def test_other_days_are_refused(date: str) -> None:
    """They would never come."""
    assert paths(calendars=[{"id": "h", "dates": [{"date": date}]}]) == ["$.calendars[0].dates[0].date"]
