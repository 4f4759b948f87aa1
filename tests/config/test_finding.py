"""Findings that several rules make."""

from __future__ import annotations

from rustalk.config.finding import each_once, once, pair, undefined
from rustalk.config.model import Calendar
from rustalk.config.problem import Problem
from rustalk.config.read import Reader
from rustalk.config.stand_in import StandIn
from rustalk.config.text import wrapped


def test_a_name_given_again_says_where_it_was_first() -> None:
    """The second is the fault."""
    found = list(once([("a", "$.x"), ("b", "$.y"), ("a", "$.z")], "thing"))
    assert found == [Problem("$.z", '"a" again', "an id that no other thing has", "first at $.x")]


def test_a_reference_to_nothing_says_what_there_is() -> None:
    """What only stands in for a name is not among it, and a name that is lost is no second fault."""
    reader = Reader()
    reader.lost.add("b")
    found = list(undefined("$.x", "a", "a thing", ["c", StandIn("d")], reader))
    assert found == [Problem("$.x", '"a"', "a thing", 'defined: "c"')]
    assert list(undefined("$.x", "b", "a thing", [], reader)) == []


def test_half_a_pair_names_the_missing_half() -> None:
    """Both or none is well."""
    (missing,) = pair("$", "cert", "", "key", "k")
    assert missing.path == "$.cert"
    assert list(pair("$", "cert", "c", "key", "k")) == list(pair("$", "cert", "", "key", "")) == []


def test_a_long_list_of_names_is_cut() -> None:
    """Nobody reads twenty thousand."""
    (found,) = undefined("$.x", "a", "a thing", [str(number) for number in range(100, 200)], Reader())
    assert isinstance(found, Problem)
    assert found.hint.endswith('"119" and 80 more')


def test_names_given_twice_are_found_where_something_was_just_read() -> None:
    """Nothing else can have brought a second one."""
    old, reader = Calendar(id="a"), Reader()
    assert list(each_once((old, old), "id", "calendar", reader)) == []
    new = reader.section(Calendar, wrapped({"id": "a"}), "$.new")
    (found,) = each_once((old, new), "id", "calendar", reader)
    assert found.path == "$.new.id"
