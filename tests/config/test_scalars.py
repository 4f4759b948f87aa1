"""Single values of the file."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from rustalk.config.about import About
from rustalk.config.scalars import SCALARS, UnfitError, choice, shown
from rustalk.config.secret import Secret
from rustalk.config.text import Number

PORT = About("A port.", low=0, high=65535)


@pytest.mark.parametrize("raw", [True, "5060", 5060.0, -1, 65536, None, 10**400])
def test_an_integer_is_neither_a_boolean_nor_a_text_nor_out_of_range(raw: object) -> None:
    """In Python True is 1; in a port it is a mistake."""
    with pytest.raises(UnfitError, match="an integer from 0 to 65535"):
        SCALARS[int](raw, PORT)


@pytest.mark.parametrize("raw", [True, "1", float("inf"), float("nan")])
def test_a_number_is_finite_and_in_range(raw: object) -> None:
    """Infinity and NaN are in no range."""
    with pytest.raises(UnfitError):
        SCALARS[float](raw, PORT)


@pytest.mark.parametrize(("raw", "time"), [("09:00", datetime.time(9)), ("17:30:59", datetime.time(17, 30, 59))])
def test_a_time_has_hours_and_minutes(raw: str, time: datetime.time) -> None:
    """Seconds are optional."""
    assert SCALARS[datetime.time](raw, About("")) == time


@pytest.mark.parametrize("raw", ["9:00", "24:00", "0900", "T09:00", 900, "09:00+01:00", "\u0660\u0669:00"])
def test_other_times_are_refused(raw: object) -> None:
    """ISO 8601 allows forms that people read differently."""
    with pytest.raises(UnfitError):
        SCALARS[datetime.time](raw, About(""))


@pytest.mark.parametrize("raw", ["2026-02-30", "20261224", "2026-W01-1", 5])
def test_other_dates_are_refused(raw: object) -> None:
    """A date is YYYY-MM-DD and exists."""
    with pytest.raises(UnfitError):
        SCALARS[datetime.date](raw, About(""))


@pytest.mark.parametrize("raw", [5, "a\0b", "\ud800"])
def test_a_text_is_unicode_without_nul(raw: object) -> None:
    """File names and headers are made of it."""
    with pytest.raises(UnfitError):
        SCALARS[str](raw, About(""))


def test_a_secret_is_hidden_as_soon_as_it_is_read() -> None:
    """The model never holds the plain text."""
    assert SCALARS[Secret]("hunter2", About("")) == Secret("hunter2")


def test_a_near_miss_of_a_fixed_word_is_suggested() -> None:
    """What the operator most likely meant."""
    with pytest.raises(UnfitError) as caught:
        choice(("relay", "direct"), "realy")
    assert caught.value.hint == 'did you mean "relay"?'


def test_a_value_is_shown_cut_and_containers_only_by_kind() -> None:
    """An error never prints a whole object, in which a secret may stand."""
    assert shown({"password": "hunter2"}) == "an object"
    assert shown(["hunter2"]) == "a list"
    assert len(shown("x" * 1000)) < 70
    assert shown("a\nb") == '"a\\nb"'


@pytest.mark.parametrize("raw", ["0.15", Number("0.15"), 0.15])
def test_an_amount_is_what_was_written(raw: object) -> None:
    """As a text, as a number of a file, and as one of another JSON parser."""
    assert SCALARS[Decimal](raw, About("")) == Decimal("0.15")


@pytest.mark.parametrize("raw", ["0,15", "1e3", Number("1e-3"), "", " 1", "+1", True, None, "0." + "1" * 13, "1" * 16])
def test_other_amounts_are_refused(raw: object) -> None:
    """No exponents, no signs but minus, no more digits than money has."""
    with pytest.raises(UnfitError, match="an amount such as"):
        SCALARS[Decimal](raw, About(""))


@pytest.mark.parametrize(
    "raw", ["2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00Z", "2026-01-01 00:00z", "2026-01-01", 1767225600]
)
def test_a_moment_has_several_forms(raw: object) -> None:
    """RFC 3339, seconds since 1970 as in RusTalk, and a date, which is its first second."""
    assert SCALARS[datetime.datetime](raw, About("")) == datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def test_a_date_as_an_end_is_its_last_second() -> None:
    """A rate card that ends on 31 December holds on that day."""
    moment = SCALARS[datetime.datetime]("2026-12-31", About("", end_of_day=True))
    assert moment == datetime.datetime(2026, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)


@pytest.mark.parametrize("raw", ["2026-01-01T00:00:00", "2026-13-01", "0001-01-01T00:00:00+14:00", 10**400, True, 1.5])
def test_other_moments_are_refused(raw: object) -> None:
    """One without a time zone means different things in different places."""
    with pytest.raises(UnfitError, match="a moment such as"):
        SCALARS[datetime.datetime](raw, About(""))
