"""Single values of the file: what a number, a text, a time or a pattern must look like."""

from __future__ import annotations

import datetime
import difflib
import json
import math
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from rustalk.config.about import About
from rustalk.config.pattern import Pattern
from rustalk.config.secret import Secret
from rustalk.config.text import Number

__all__ = ["SCALARS", "UnfitError", "choice", "quoted", "shown"]

_MAX_SHOWN = 60
_AMOUNT = re.compile(r"-?\d{1,15}(\.\d{1,12})?", re.ASCII)
_DAY = r"\d{4}-\d\d-\d\d"
_MOMENT = _DAY + r"[Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:\d\d)"


class UnfitError(Exception):
    """A value that does not fit; says what was expected, and what to do where that is known."""

    def __init__(self, expected: str, hint: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.hint = hint


def shown(raw: object) -> str:
    """Return a value from the file in a form to print: cut where long, and containers by their kind only."""
    if isinstance(raw, dict):
        return "an object"
    if isinstance(raw, list):
        return "a list"
    if raw is None:
        return "nothing"
    text = json.dumps(raw)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def quoted(names: Iterable[object]) -> str:
    """Return the names in quotes, for a list of what is possible."""
    return ", ".join(f'"{name}"' for name in names)


def choice(choices: tuple[Any, ...], raw: object) -> object:
    """Read one of some fixed words."""
    if isinstance(raw, str) and raw in choices:
        return raw
    near = difflib.get_close_matches(raw, choices, n=1) if isinstance(raw, str) else []
    raise UnfitError(f"one of {quoted(choices)}", f'did you mean "{near[0]}"?' if near else "")


def _boolean(raw: object, about: About) -> bool:
    if not isinstance(raw, bool):
        raise UnfitError("true or false")
    return raw


def _integer(raw: object, about: About) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or not _within(raw, about):
        raise UnfitError(f"an integer{_range(about)}")
    return raw


def _number(raw: object, about: About) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not _within(raw, about):
        raise UnfitError(f"a number{_range(about)}")
    return float(raw)


def _decimal(raw: object, about: About) -> Decimal:
    """Read an amount from the digits as they are written, never through a binary fraction."""
    text = raw.text if isinstance(raw, Number) else str(raw)
    exact = _AMOUNT.fullmatch(text) is not None
    if (
        isinstance(raw, bool)
        or not isinstance(raw, int | float | str)
        or not exact
        or not _within(Decimal(text), about)
    ):
        raise UnfitError(f'an amount such as 0.15 or "0.15"{_range(about)}')
    return Decimal(text)


def _within(number: float | Decimal, about: About) -> bool:
    low = -math.inf if about.low is None else about.low
    high = math.inf if about.high is None else about.high
    return low <= number <= high


def _range(about: About) -> str:
    unit = f" {about.unit}" if about.unit else ""
    return (
        f" from {about.low:g} to {about.high:.12g}{unit}" if about.low is not None and about.high is not None else unit
    )


def _string(raw: object, about: About) -> str:
    if not isinstance(raw, str):
        raise UnfitError("a text in quotes")
    if "\0" in raw or raw != raw.encode("utf-8", "ignore").decode():
        raise UnfitError("a text without NUL and lone surrogates")
    if about.check is None:
        return raw
    try:
        return about.check(raw)
    except ValueError as error:
        raise UnfitError(str(error)) from None


def _secret(raw: object, about: About) -> Secret:
    return Secret(_string(raw, about))


def _pattern(raw: object, about: About) -> Pattern:
    if not isinstance(raw, str):
        raise UnfitError("a regular expression in quotes")
    try:
        return Pattern(raw)
    except ValueError as error:
        raise UnfitError("a regular expression that RE2 can compile", str(error)) from None


def _time(raw: object, about: About) -> datetime.time:
    try:
        return datetime.time.fromisoformat(_shaped(r"\d\d:\d\d(:\d\d)?", raw))
    except ValueError:
        raise UnfitError('a time such as "09:00" or "17:30:59"') from None


def _date(raw: object, about: About) -> datetime.date:
    try:
        return datetime.date.fromisoformat(_shaped(_DAY, raw))
    except ValueError:
        raise UnfitError('a date such as "2026-12-24"') from None


def _moment(raw: object, about: About) -> datetime.datetime:
    """Read a moment: RFC 3339, seconds since 1970 or a date, which is its first second in UTC or the last one."""
    try:
        if isinstance(raw, int) and not isinstance(raw, bool):
            return datetime.datetime.fromtimestamp(raw, datetime.UTC)
        if day := _shaped(_DAY, raw):
            time = datetime.time(23, 59, 59) if about.end_of_day else datetime.time()
            return datetime.datetime.combine(datetime.date.fromisoformat(day), time, datetime.UTC)
        return datetime.datetime.fromisoformat(_shaped(_MOMENT, raw).upper()).astimezone(datetime.UTC)
    except (ValueError, OverflowError, OSError):
        raise UnfitError('a moment such as "2026-12-24T18:00:00Z", or a date') from None


def _shaped(form: str, raw: object) -> str:
    """Return ``raw`` where it is a text of that form, else nothing; ISO 8601 allows more forms than people expect."""
    return raw if isinstance(raw, str) and re.fullmatch(form, raw, re.ASCII) else ""


SCALARS: dict[object, Callable[[object, About], object]] = {
    bool: _boolean,
    int: _integer,
    float: _number,
    str: _string,
    Secret: _secret,
    Pattern: _pattern,
    datetime.time: _time,
    datetime.date: _date,
    datetime.datetime: _moment,
    Decimal: _decimal,
}
"""How to read a value of each type; the readers raise `UnfitError`."""
