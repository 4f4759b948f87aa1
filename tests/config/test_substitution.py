"""Patterns with their replacements."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustalk.config.pattern import Pattern
from rustalk.config.substitution import Substitution, mapping, substitution


@pytest.mark.parametrize(
    ("match", "replacement", "new"),
    [
        (r"^0(\d+)$", r"+49\1", "+4930123"),
        (r"^(\d)(\d+)$", r"\2-\1", "30123-0"),
        ("30", r"<\0>", "0<30>123"),
        (r"(x)?30", r"\1-\\", "0-\\123"),
        ("^", "é", "é030123"),
    ],
)
def test_the_first_match_is_replaced(match: str, replacement: str, new: str) -> None:
    """Groups, the whole match, groups that took no part, and the backslash."""
    assert Substitution(Pattern(match), replacement).apply("030123") == new


@pytest.mark.parametrize("replacement", [r"\2", r"\x", "\\", r"\1" * 10])
def test_a_replacement_that_cannot_be_is_refused(replacement: str) -> None:
    """A group that is not there, a reference to nothing, and more than the result may grow by."""
    with pytest.raises(ValueError, match="group"):
        Substitution(Pattern("(a)"), replacement)


@pytest.mark.parametrize("value", ["a", " => b", "a=>b", "( => b", r"a => \1"])
def test_a_mapping_has_its_arrow_and_two_sides(value: str) -> None:
    """Each fault says what was expected."""
    with pytest.raises(ValueError, match=r"PATTERN|pattern|group"):
        mapping(value)


def test_a_mapping_may_delete() -> None:
    """The replacement is empty then."""
    assert mapping("^x => ").apply("xy") == "y"


def test_substitutions_are_equal_by_what_they_say() -> None:
    """And made once."""
    assert mapping("a => b") == substitution(Pattern("a"), "b") != substitution(Pattern("a"), "c")
    assert len({mapping("a => b"), substitution(Pattern("a"), "b")}) == 1
    assert repr(mapping("a => b")) == "Substitution('a => b')"


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    """What callers send raises nothing."""
    assert mapping("^ => x").apply(text) == "x" + text.encode("utf-8", "replace").decode()
