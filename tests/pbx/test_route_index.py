"""Which of many routes a number can match at all."""

from __future__ import annotations

from random import Random

import pytest

from rustalk.config.pattern import Pattern
from rustalk.pbx.route_index import RouteIndex, ordered, plain_prefix
from tests.pbx.plans import to


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [
        (r"^\+1555\d{7}$", "+1555"),
        ("^1001$", "1001"),
        (r"^\+44(20|30)", "+44"),
        (r"^\+44[\]|]", "+44"),
        ("^1+", "1"),
        ("^(911|999)$", ""),
        ("^0*1", ""),
        ("^01{3}", "0"),
        ("^12?", "1"),
        (r"^12\Q\E*", "1"),
        ("^12(?i)*", "1"),
        ("^1|2", ""),
        (r"^1[\\]|[x]", ""),
        ("^1[[:alpha:]|]|x", ""),
        ("555", ""),
        ("", ""),
    ],
)
def test_what_every_match_begins_with(pattern: str, prefix: str) -> None:
    """Where it is not certain, nothing is."""
    assert plain_prefix(pattern) == prefix


def test_only_routes_that_a_number_can_match_are_asked() -> None:
    """In their order, from a place on."""
    patterns = (r"^\+49", "", r"^\+4930", r"^\+1", "^(1|2)")
    index = RouteIndex(ordered(to(str(number), pattern) for number, pattern in enumerate(patterns)))
    assert list(index.candidates("+4930123")) == [0, 1, 2, 4]
    assert list(index.candidates("+4930123", 2)) == [2, 4]
    assert list(index.candidates("")) == [1, 4]


def test_no_route_that_matches_is_ever_left_out() -> None:
    """On random patterns of the pieces that patterns are made of."""
    random, pieces = Random(7), ("1", "2", r"\+", "*", "?", "+", "|", "(1|2)", "[12]", r"\d", "{2}", "$", "^", "(?:2)")
    tried = 0
    while tried < 3000:
        source = "^" + "".join(random.choice(pieces) for _ in range(random.randrange(6)))
        try:
            pattern = Pattern(source)
        except ValueError:
            continue
        tried += 1
        number = "".join(random.choice("12+") for _ in range(random.randrange(6)))
        assert number.startswith(plain_prefix(source)) or not pattern.matches(number), (source, number)
