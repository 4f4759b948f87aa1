"""The regular expressions: what the short forms match, the long forms match too; and none of them can be slow."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable
from re import _constants as constants
from re import _parser as parser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rustalk.sip
from rustalk.sip import grammar

ALPHABET = 'ab1:;=,<>@[]?."\\ \t/%+SIPsip20'


@given(st.text(ALPHABET, max_size=40))
def test_what_the_short_form_of_a_via_matches_the_long_one_does(text: str) -> None:
    for value in (text, f"SIP/2.0/UDP {text}"):
        assert grammar.PLAIN_VIA.fullmatch(value) is None or grammar.VIA.fullmatch(value) is not None


@given(st.text(ALPHABET, max_size=40))
def test_what_the_short_form_of_an_address_matches_the_long_one_does(text: str) -> None:
    for value in (text, f"a<{text}>;tag=1"):
        assert grammar.PLAIN_ADDR.fullmatch(value) is None or grammar.NAME_ADDR.fullmatch(value) is not None


@given(st.text(ALPHABET, max_size=40))
def test_what_the_short_form_of_parameters_matches_the_long_one_does(text: str) -> None:
    for value in (text, f";{text}"):
        assert grammar.PLAIN_PARAMS.fullmatch(value) is None or grammar.PARAMS.fullmatch(value) is not None


@given(st.text(ALPHABET, max_size=40))
def test_what_the_short_form_of_a_uri_matches_the_long_one_does(text: str) -> None:
    for value in (text, f"sip:{text}"):
        assert grammar.PLAIN_URI.fullmatch(value) is None or grammar.SIP_URI.fullmatch(value) is not None


def expressions() -> dict[str, re.Pattern[Any]]:
    """Every expression of the package by its pattern."""
    modules = [importlib.import_module(m.name) for m in pkgutil.walk_packages(rustalk.sip.__path__, "rustalk.sip.")]
    return {f"{name} {v.pattern!r}": v for m in modules for name, v in vars(m).items() if isinstance(v, re.Pattern)}


def backtracking(parsed: Iterable[tuple[Any, Any]], at_end: bool = True) -> list[Any]:
    """The unbounded repetitions that could give characters back to something behind them."""
    found: list[Any] = []
    items = list(parsed)
    for place, (kind, argument) in enumerate(items):
        last = at_end and place == len(items) - 1
        if kind is constants.MAX_REPEAT and argument[1] is constants.MAXREPEAT and not last:
            found.append(argument)
        if kind in (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT):
            found += backtracking(argument[2], False)
        elif kind is constants.SUBPATTERN:
            found += backtracking(argument[-1], last)
        elif kind is constants.BRANCH:
            found += [bad for branch in argument[1] for bad in backtracking(branch, last)]
    return found


@pytest.mark.parametrize("expression", expressions().values(), ids=[name.partition(" ")[0] for name in expressions()])
def test_no_expression_can_backtrack_without_bound(expression: re.Pattern[Any]) -> None:
    """A15, A18: every unbounded repetition is possessive, or nothing stands behind it."""
    assert backtracking(parser.parse(expression.pattern, expression.flags & ~re.UNICODE)) == []


def test_the_check_for_backtracking_finds_the_classic() -> None:
    assert backtracking(parser.parse(r"(\d+)+x"))
    assert not backtracking(parser.parse(r"(\d++)x(.*)"))
