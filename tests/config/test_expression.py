"""Regular expressions as trees."""

from __future__ import annotations

import pytest

from rustalk.config.expression import Anchor, Chars, Choice, Repeat, Row, beginning, parsed, sample
from rustalk.config.pattern import Pattern

ONE, TWO = Chars(((0x31, 0x31),)), Chars(((0x32, 0x32),))


def test_what_patterns_on_numbers_consist_of_is_read() -> None:
    """Anchors, literals, alternatives, groups of all kinds and repetitions, however greedy."""
    assert parsed(r"^1$") == Row((Anchor("begin"), ONE, Anchor("end")))
    assert parsed(r"\A(?:1|(?P<x>2))\z") == Row((Anchor("begin"), Choice((ONE, TWO)), Anchor("end")))
    assert parsed("1*?") == Repeat(ONE, 0, None)
    assert parsed("1{2,3}") == Repeat(ONE, 2, 3)
    assert parsed("") == Row(())


@pytest.mark.parametrize(
    ("source", "ranges"),
    [
        (r"\d", ((0x30, 0x39),)),
        (r"[1-3\d+]", ((0x2B, 0x2B), (0x30, 0x39))),
        ("[^1-9]", ((0, 0x30), (0x3A, 0x10FFFF))),
        ("[]-]", ((0x2D, 0x2D), (0x5D, 0x5D))),
        (r"\.", ((0x2E, 0x2E),)),
        (".", ((0, 9), (0x0B, 0x10FFFF))),
        (r"\D", ((0, 0x2F), (0x3A, 0x10FFFF))),
    ],
)
def test_classes_are_ranges_of_characters(source: str, ranges: tuple[tuple[int, int], ...]) -> None:
    """In their order, and those that touch each other as one."""
    assert parsed(source) == Chars(ranges)


@pytest.mark.parametrize("source", [r"(?i)a", r"\b1", r"\pN", "[[:digit:]]", r"\Q1\E", r"\x31", "(" * 60 + ")" * 60])
def test_what_is_not_read_is_not_guessed(source: str) -> None:
    """RE2 compiles all of these."""
    assert Pattern(source)
    assert parsed(source) is None


@pytest.mark.parametrize(
    ("source", "plain"), [(r"^\+49(30|40)", "+49"), ("^1*", ""), ("49", ""), ("^49$", "49"), ("^1|^2", ""), ("", "")]
)
def test_the_plain_beginning_of_an_expression_is_known(source: str, plain: str) -> None:
    """What only may be there is none of it."""
    tree = parsed(source)
    assert tree is not None
    assert beginning(tree) == plain


@pytest.mark.parametrize("source", [r"^\+49[^0]\d{3,5}$", "^(1|2)+#?$", r"^\w", "[^0-9]"])
def test_a_sample_of_an_expression_matches(source: str) -> None:
    """Where the anchors stand at the ends."""
    tree = parsed(source)
    assert tree is not None
    assert Pattern(source).matches(sample(tree))
