"""The number plan of a trunk."""

from __future__ import annotations

import pytest

from rustalk.config.model import Manners, NumberRule, Numbers
from rustalk.config.pattern import Pattern
from rustalk.trunk.plan import NumberPlan


def rule(match: str, replace: str) -> NumberRule:
    """A rule on numbers."""
    return NumberRule(match=Pattern(match), replace=replace)


def plan(country: str = "", in_: tuple[NumberRule, ...] = (), out: tuple[NumberRule, ...] = ()) -> NumberPlan:
    """The plan of a trunk with these rules."""
    return NumberPlan(Manners(country=country, numbers=Numbers(in_=in_, out=out)))


def test_without_rules_and_country_a_number_stays_as_it_is() -> None:
    """The very same text, both ways."""
    number = "030 1234"
    assert plan().inward(number) is number
    assert plan().outward(number) is number


def test_rules_come_before_the_country() -> None:
    """A leading 9 for an outside line goes first."""
    trunk = plan("DE", in_=(rule(r"^9(0\d+)$", r"\1"),))
    assert trunk.inward("9030123456") == "+4930123456"
    assert trunk.inward("030123456") == "+4930123456"


def test_numbers_go_out_as_the_trunk_takes_them() -> None:
    """The first rule that matches decides."""
    trunk = plan("DE", out=(rule(r"^\+49", "0"), rule(r"^\+", "00")))
    assert trunk.outward("+4930123456") == "030123456"
    assert trunk.outward("+15551230002") == "0015551230002"


def test_a_target_of_a_transfer_without_a_plus() -> None:
    """XFR-06: the same rules hold for it."""
    assert plan("US").inward("15551230002") == "+15551230002"


@pytest.mark.parametrize("number", ["911", "+911", "112", "", "anonymous"])
def test_rules_do_not_touch_calls_for_help_and_people_without_number(number: str) -> None:
    """EMG-03: a rule for every number is not meant for these."""
    trunk = plan("US", in_=(rule(r"^.*$", r"+1\0"),), out=(rule(r"^.*$", "x"),))
    assert (trunk.inward(number), trunk.outward(number)) == (number, number)
