"""Single values of the file."""

from __future__ import annotations

import datetime

import pytest

from rustalk.config.about import About
from rustalk.config.scalars import SCALARS, UnfitError, choice, shown
from rustalk.config.secret import Secret

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
