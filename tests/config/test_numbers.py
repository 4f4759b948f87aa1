"""Rules on numbers."""

from __future__ import annotations

from rustalk.config.load import load
from rustalk.config.numbers import NumberRule, Numbers, rewritten
from rustalk.config.pattern import Pattern

NATIONAL = NumberRule(match=Pattern(r"^0([1-9]\d+)$"), replace=r"+49\1")
FOREIGN = NumberRule(match=Pattern(r"^00(\d+)$"), replace=r"+\1")


def test_the_first_rule_that_matches_decides() -> None:
    """A number that none matches stays as it is."""
    rules = (NATIONAL, FOREIGN, NumberRule(match=Pattern(r"^\+"), replace="never"))
    assert [rewritten(rules, number) for number in ("030123", "0044123", "112")] == ["+4930123", "+44123", "112"]
    assert NATIONAL.apply("112") is None


def test_rules_are_read_by_direction() -> None:
    """The keys are in and out."""
    text = '{"teams": {"numbers": {"in": [{"match": "^1", "replace": "2"}], "out": []}}}'
    one = NumberRule(match=Pattern("^1"), replace="2")
    assert load(text).teams.numbers == Numbers(in_=(one,))
