"""What an extension may call."""

from __future__ import annotations

import pytest

from rustalk.config.model import Permissions
from rustalk.pbx.permissions import INTERNAL, kinds, refusal, region_of

ALL = Permissions(international=True, premium=True)


@pytest.mark.parametrize(
    ("number", "country", "kind"),
    [
        ("+4930123456", "DE", "domestic"),
        ("030123456", "DE", "domestic"),
        ("1001", "DE", "domestic"),
        ("+442079460000", "DE", "international"),
        ("00442079460000", "DE", "international"),
        ("011442079460000", "US", "international"),
        ("+12025550123", "US", "domestic"),
        ("+18765551234", "US", "international"),
        ("+15551234567", "US", "domestic"),
        ("+18761111111", "US", "international"),
        ("+447700900123", "GB", "domestic"),
        ("+8835100012345", "DE", "international"),
        ("+999", "US", "international"),
        ("bob", "DE", "international"),
        ("*21*00441#", "DE", "international"),
        ("+442079460000", "", "international"),
        ("0044123", "", "international"),
        ("030123", "", "domestic"),
    ],
)
def test_where_a_number_is(number: str, country: str, kind: str) -> None:
    """Jamaica has the country code of the United States; numbers that no plan knows go by their first digits."""
    assert kinds(number, country) == (kind,)


@pytest.mark.parametrize(
    ("number", "country", "kind"),
    [
        ("+4990012345678", "DE", "domestic"),
        ("09001234567", "DE", "domestic"),
        ("090012345678901", "DE", "domestic"),
        ("+19005551234", "US", "domestic"),
        ("+448712345678", "DE", "international"),
        ("+979123456789", "US", "international"),
    ],
)
def test_what_costs_a_premium(number: str, country: str, kind: str) -> None:
    """Of any country, and with digits behind it that the provider leaves out."""
    assert kinds(number, country) == (kind, "premium")


def test_each_kind_of_a_number_must_be_permitted() -> None:
    """A premium number abroad is both."""
    number, both = "+448712345678", ("international", "premium")
    assert refusal(Permissions(), number, both) == "international_barred"
    assert refusal(Permissions(international=True), number, both) == "premium_barred"
    assert refusal(Permissions(premium=True), number, both) == "international_barred"
    assert refusal(ALL, number, both) == ""


def test_what_is_off_unless_it_is_switched_on() -> None:
    """A phone whose password was guessed does not call the other end of the world."""
    calls = (INTERNAL, ("domestic",), ("international",), ("domestic", "premium"))
    assert [refusal(Permissions(), "1", each) for each in calls] == ["", "", "international_barred", "premium_barred"]
    assert refusal(Permissions(internal=False), "1002", INTERNAL) == "internal_barred"
    assert refusal(Permissions(domestic=False), "110", ("domestic",)) == "domestic_barred"


def test_the_lists_count_more_than_the_kinds() -> None:
    """And what is denied more than what is allowed."""
    permissions = Permissions(allow=("+44",), deny=(r"^\+449", "+4930"), international=False)
    assert refusal(permissions, "+4420", ("international",)) == ""
    assert refusal(permissions, "+4490", ("international",)) == "number_barred"
    assert refusal(permissions, "+4930", ("domestic",)) == "number_barred"


@pytest.mark.parametrize(
    ("number", "country", "region"), [("030123456", "DE", "DE"), ("+33123456789", "DE", "FR"), ("bob", "DE", "")]
)
def test_the_country_of_a_number(number: str, country: str, region: str) -> None:
    """For policies."""
    assert region_of(number, country) == region
