"""Patterns cannot hang and mean what RusTalk's patterns mean."""

from __future__ import annotations

import pytest

from rustalk.config.pattern import MAX_PATTERN, Pattern

EVIL = [
    r"^(\d+)+$",
    r"^(\d|\d\d)+$",
    r"(a*)*b",
    r"(.*.*.*)*x",
    r"^(([0-9])+.)+([0-9]|\+)+$",
    r"(x+x+)+y",
    r"^(\d{1,20}){1,20}!$",
    r"((((\d?)+)+)+)+z",
]


@pytest.mark.parametrize("source", EVIL)
def test_patterns_that_freeze_a_backtracking_engine_answer(source: str) -> None:
    """A18: evil patterns on 64 characters; with Python's re the first one alone would run for ages."""
    assert not Pattern(source).matches("1" * 63 + "~")


def test_a_pattern_is_searched_for_and_anchored_by_its_author() -> None:
    """The meaning that existing configurations rely on."""
    assert Pattern("555").matches("+15551234")
    assert not Pattern("^555").matches("+15551234")


def test_the_end_is_the_very_end() -> None:
    """A19: a final newline does not slip past the dollar sign."""
    assert Pattern(r"^\+\d+$").matches("+15551234")
    assert not Pattern(r"^\+\d+$").matches("+15551234\n")


@pytest.mark.parametrize("source", ["^(?!1)", r"(a)\1", "(a", "x" * (MAX_PATTERN + 1), r"(\d{1000}){1000}", "\ud800"])
def test_what_re2_cannot_compile_is_refused_with_a_reason(source: str) -> None:
    """A pattern that would silently never match, as in RusTalk, is an error instead."""
    with pytest.raises(ValueError, match=r"\w"):
        Pattern(source)


def test_text_that_is_not_unicode_is_asked_about_without_harm() -> None:
    """Lone surrogates in a number from the network raise nothing."""
    assert not Pattern("^1$").matches("\ud800")


def test_patterns_are_equal_when_their_source_is() -> None:
    """Two loads of one file compare equal."""
    assert Pattern("^1") == Pattern("^1") != Pattern("^2")
    assert hash(Pattern("^1")) == hash(Pattern("^1"))
    assert "^1" in repr(Pattern("^1"))


@pytest.mark.parametrize(("source", "anchored"), [("^1", True), (".*", True), ("", True), ("1$", False)])
def test_a_pattern_knows_whether_it_matches_anywhere(source: str, anchored: bool) -> None:
    """What the warning about forgotten anchors goes by."""
    assert Pattern(source).anchored is anchored
