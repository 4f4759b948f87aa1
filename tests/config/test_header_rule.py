"""Rules on header fields."""

from __future__ import annotations

import pytest

from rustalk.config.header_rule import OWN_NAMES, HeaderRule, header_name
from rustalk.sip.headers import canonical


def test_the_names_of_the_stack_are_spelt_as_the_stack_spells_them() -> None:
    """A name that is spelt otherwise would be refused to nobody."""
    assert {canonical(name.lower()) for name in OWN_NAMES} == OWN_NAMES


def test_a_name_is_taken_in_its_usual_spelling() -> None:
    """From any case and its compact form."""
    assert [header_name(name) for name in ("user-to-user", "S", "X-Account")] == [
        "User-to-User",
        "Subject",
        "X-Account",
    ]


@pytest.mark.parametrize("name", ["route", "CONTENT-LENGTH", "c", "authorization", "P Asserted"])
def test_a_name_that_no_rule_may_touch_is_refused(name: str) -> None:
    """It belongs to one leg, or is no name."""
    with pytest.raises(ValueError, match="header field"):
        header_name(name)


def test_a_field_is_mapped_where_its_pattern_matches() -> None:
    """Else it stays as it is."""
    rule = HeaderRule(name="Diversion", direction="out", action="map", value=r"sip:0([1-9]) => sip:+49\1")
    assert rule.mapped("<sip:030123@a.example>") == "<sip:+4930123@a.example>"
    assert rule.mapped("<sip:+4930@a.example>") == "<sip:+4930@a.example>"
