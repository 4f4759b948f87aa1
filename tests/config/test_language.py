"""Patterns compared as sets of numbers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rustalk.config.language import UndecidedError, example, glance, is_in, language, terms
from rustalk.config.pattern import Pattern

_ATOMS = ["1", "2", "a", r"\+", r"\d", r"\D", r"\w", ".", "é", "[12]", "[^1-3]", r"[\d-]", "^", "$", r"\A", r"\z", "()"]
_TIMES = ["", "", "*", "+", "?", "{2}", "{0,2}", "{1,}", "*?"]


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    part = st.builds("{}{}".format, st.sampled_from(_ATOMS) | inner.map("({})".format), st.sampled_from(_TIMES))
    row = st.lists(part, max_size=4).map("".join)
    return st.lists(row, min_size=1, max_size=3).map("|".join)


PATTERNS = st.recursive(st.sampled_from(_ATOMS), _grown, max_leaves=8)
NUMBERS = st.text("0123a+-é ", max_size=6)


def left(first: str, *others: str) -> str | None:
    """A number that matches the first pattern and none of the others."""
    return example(terms([(Pattern(first), True)]), [terms([(Pattern(other), True)]) for other in others])


@given(PATTERNS, st.lists(NUMBERS, min_size=5, max_size=5))
@settings(max_examples=150, deadline=None)
def test_a_language_is_what_re2_finds(source: str, numbers: list[str]) -> None:
    """Whatever the pattern and the number are."""
    found = language(source)
    assert found is not None
    for number in numbers:
        assert is_in(number, ((found, True),)) is Pattern(source).matches(number)


@given(PATTERNS, PATTERNS, NUMBERS)
@settings(max_examples=150, deadline=None)
def test_a_number_that_is_left_matches_the_one_and_not_the_other(first: str, second: str, number: str) -> None:
    """Where none is left there is none, not even a random one."""
    try:
        found = left(first, second)
    except UndecidedError:
        return
    asked = number if found is None else found
    assert (Pattern(first).matches(asked) and not Pattern(second).matches(asked)) is (found is not None)


@pytest.mark.parametrize(
    ("first", "others"),
    [
        (r"^\+49\d+$", [r"^\+[1-9]"]),
        ("^[12]", ["^1", "^2"]),
        ("^1{2,3}$", ["^11$", "^111$"]),
        ("1$2", []),
        ("^\t", []),
        ("^[0-9]{4}$", [r"^\d\d", "^5"]),
    ],
)
def test_nothing_is_left(first: str, others: list[str]) -> None:
    """One pattern within others, and patterns of what cannot be dialled: the end in the middle, a control character."""
    assert left(first, *others) is None


@pytest.mark.parametrize(
    ("first", "others", "number"),
    [("^1", ["^11"], "1"), ("^1.", ["^1[0-9]"], "1 "), ("5", ["^5"], "05"), ("^[12]", ["^1"], "2"), ("", [], "")],
)
def test_a_shortest_number_is_left(first: str, others: list[str], number: str) -> None:
    """With digits where they will do."""
    assert left(first, *others) == number


def test_a_pattern_that_is_not_read_has_no_language() -> None:
    """And one that is too large has none either."""
    assert language(r"\b1") is None
    assert language(r"^(\d{60}){60}$") is None
    assert terms([(Pattern(r"\b1"), True)]) == ()


def test_a_search_that_takes_too_long_is_given_up() -> None:
    """What comes from the configuration stalls nothing."""
    with pytest.raises(UndecidedError):
        left(r"(0|1)*1(0|1){12}$", r"(0|1)*0(0|1){13}$")


def test_a_glance_shows_the_beginning_and_one_number() -> None:
    """Nothing where that takes more than a glance."""
    assert glance(Pattern(r"^\+49\d{3}$")) == ("+49", "+49000")
    assert glance(Pattern(r"(?i)a")) == ("", "")
    assert glance(Pattern("1$2")) == ("", "")
