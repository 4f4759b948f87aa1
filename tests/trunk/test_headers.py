"""Which header fields cross by the table of a trunk."""

from __future__ import annotations

from typing import Any

import pytest

from rustalk.config.model import HeaderRule
from rustalk.trunk.headers import HeaderPolicy, asked_for

FIELDS = [("X-One", "1"), ("x-two", "00441"), ("X-One", "3")]


def rule(action: Any, name: str = "X-One", value: str = "", direction: Any = "out") -> HeaderRule:
    """One rule."""
    return HeaderRule(name=name, direction=direction, action=action, value=value)


def policy(action: str, name: str = "X-One", value: str = "", direction: str = "out") -> HeaderPolicy:
    """A table of one rule, for what goes out."""
    return HeaderPolicy([rule(action, name, value, direction)], "out")


def test_keep_and_drop() -> None:
    """Every field of the name, in any case."""
    assert policy("keep").apply(FIELDS) == FIELDS
    assert policy("drop").apply(FIELDS) == [FIELDS[1]]
    assert policy("drop", "X-TWO").apply(FIELDS) == [FIELDS[0], FIELDS[2]]


def test_set_makes_one_of_it_or_adds_it() -> None:
    """Whether it was there or not."""
    assert policy("set", value="new").apply(FIELDS) == [FIELDS[1], ("X-One", "new")]
    assert policy("set", "X-Three", "new").apply([]) == [("X-Three", "new")]


def test_rename_and_map() -> None:
    """Values stay where names change, and names where values do."""
    assert policy("rename", "X-Two", "X-Deux").apply(FIELDS)[1] == ("X-Deux", "00441")
    assert policy("map", "X-Two", r"^00(\d+) => +\1").apply(FIELDS)[1] == ("x-two", "+441")
    assert policy("map", "X-One", r"^00(\d+) => +\1").apply(FIELDS) == FIELDS


def test_rules_work_in_their_order() -> None:
    """The second sees what the first made."""
    rules = [rule("rename", value="X-New"), rule("map", "X-New", "1 => one"), rule("drop", "X-Two")]
    assert HeaderPolicy(rules, "out").apply(FIELDS) == [("X-New", "one"), ("X-New", "3")]


def test_a_table_of_one_direction() -> None:
    """The other direction's rules are not in it."""
    assert not policy("drop", direction="in")
    assert policy("drop", direction="in").apply(FIELDS) == FIELDS


@pytest.mark.parametrize("name", ["Via", "Contact", "contact", "Content-Type", "Content-Encoding", "Route", "Replaces"])
def test_no_rule_makes_a_field_of_our_own(name: str) -> None:
    """Those are written by the stack alone."""
    assert policy("rename", "X-Two", name).apply(FIELDS) == [FIELDS[0], FIELDS[2]]


@pytest.mark.parametrize("value", ["a\r\nVia: b", "a\nb", "a\x00b", "x" * 4097])
def test_a_value_that_does_not_fit_on_its_line(value: str) -> None:
    """A10: it stays behind."""
    assert policy("keep").apply([("X-One", value)]) == []


def test_what_a_peer_may_add_is_bounded() -> None:
    """Whatever it sends."""
    assert len(policy("keep").apply([("X-One", "1")] * 500)) == 32


def test_what_is_asked_of_other_trunks() -> None:
    """By rules on what goes out that need something to work on."""
    rules = [rule("keep", "X-A"), rule("map", "X-B", "a => b"), rule("rename", "X-C", "X-D")]
    assert asked_for([*rules, rule("drop", "X-E"), rule("set", "X-F"), rule("keep", "X-G", direction="in")]) == {
        "x-a",
        "x-b",
        "x-c",
    }
