"""Holidays that routes ask for: the section calendars."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, field

from rustalk.config import formats
from rustalk.config.about import about

__all__ = ["Calendar", "Day"]

_LEAP_YEAR = "2000-"


def _day(text: str) -> str:
    """A day of one year or of every year."""
    try:
        if re.fullmatch(r"(\d{4}-)?\d\d-\d\d", text, re.ASCII):
            datetime.date.fromisoformat(text if len(text) > len("MM-DD") else _LEAP_YEAR + text)
            return text
    except ValueError:
        pass
    raise ValueError('a day such as "2026-04-06", or "12-25" for every year')


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day of a calendar."""

    date: str = field(
        metadata=about("The day: of one year, or without a year of every year.", example="12-25", check=_day)
    )
    name: str = field(default="", metadata=about("Name of the day.", example="Christmas Day"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """A list of days, such as the holidays of a country."""

    id: str = field(metadata=about("Name by which routes refer to it.", example="holidays", check=formats.identifier))
    name: str = field(default="", metadata=about("Name to show. Empty: the id.", example="Public holidays"))
    dates: tuple[Day, ...] = field(default=(), metadata=about("The days."))

    def has(self, date: datetime.date) -> bool:
        """Whether ``date`` is one of the days."""
        full = date.isoformat()
        return any(day.date in {full, full[len("YYYY-") :]} for day in self.dates)
