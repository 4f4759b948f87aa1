"""PowerShell as text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustalk.trunk.powershell import literal, names, table

_LITERAL = re.compile("['\u2018-\u201b]((?:[^'\u2018-\u201b]|(['\u2018-\u201b])\\2)*)['\u2018-\u201b]")


def read(text: str) -> str:
    """What PowerShell makes of a literal: any of the five single quotes ends it unless it stands twice."""
    match = _LITERAL.fullmatch(text)
    assert match is not None, text
    return re.sub("(['\u2018-\u201b])\\1", r"\1", match[1])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "'plain'"),
        ("", "''"),
        ("O'Brien", "'O''Brien'"),
        ("$(Remove-Item *) `n", "'$(Remove-Item *) `n'"),
        ("\u2019; exit #", "'\u2019\u2019; exit #'"),
        (5061, "5061"),
        (True, "$true"),
        (False, "$false"),
    ],
)
def test_a_value_is_nothing_but_a_value(value: str | int | bool, text: str) -> None:
    """OPS-01: quotes, dollar signs and backticks in a name start nothing."""
    assert literal(value) == text


@pytest.mark.parametrize("value", ["a\nb", "a\r", "\0", "\u2028", "\x1b[2J", "\u202e"])
def test_what_cannot_be_seen_is_refused(value: str) -> None:
    """A line end would begin a new statement in a comment, others hide what is run."""
    with pytest.raises(ValueError, match="cannot be shown"):
        literal(value)


@given(st.text().filter(str.isprintable))
def test_any_text_is_read_as_it_was_written(text: str) -> None:
    """OPS-01: whatever it holds."""
    assert read(literal(text)) == text


def test_an_array_and_a_table() -> None:
    """The table's signs stand below each other."""
    assert names(["a", "b'"]) == "@('a', 'b''')"
    assert table("x", [("Port", 1), ("Enabled", True)]) == ["$x = @{", "    Port    = 1", "    Enabled = $true", "}"]
