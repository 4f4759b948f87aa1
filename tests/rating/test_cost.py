"""The cost of a call: which card, which time, which amount."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustalk.config.rate import RateCard
from rustalk.rating.cost import Cost, Item, Tariff, cost, digits

AT = datetime(2026, 6, 15, 12, tzinfo=UTC)


def card(id: str, prefix: str = "", rate: str = "0.10", **changes: Any) -> RateCard:
    return RateCard(id=id, prefix=prefix, rate_per_minute=Decimal(rate), **changes)


def charge(cards: list[RateCard], number: str = "+447700900123", seconds: str = "60", answered: bool = True) -> Cost:
    return cost(cards, number, Decimal(seconds), answered, AT)


MOBILE = card(
    "mobile",
    "4477",
    "0.15",
    connection_fee=Decimal("0.05"),
    minimum_charge_seconds=30,
    billing_increment_seconds=6,
    name="UK mobile",
)


def test_the_worked_example_costs_0_35() -> None:
    """4477 at 0.15 a minute, fee 0.05, at least 30 s, steps of 6 s: 120 s are 0.35."""
    found = charge([MOBILE], seconds="120")
    assert (str(found.total), found.currency, found.card, found.seconds) == ("0.35", "USD", "mobile", 120)
    assert found.items == (
        Item("Connection fee", Decimal("0.05"), Decimal(1), "call", Decimal("0.05")),
        Item("Call time (UK mobile)", Decimal("0.15"), Decimal(2), "minute", Decimal("0.30")),
    )


@pytest.mark.parametrize(
    ("seconds", "charged"), [("1", 30), ("30", 30), ("30.001", 36), ("31", 36), ("36", 36), ("0", 30)]
)
def test_the_minimum_comes_before_the_increment(seconds: str, charged: int) -> None:
    assert charge([MOBILE], seconds=seconds).seconds == charged


def test_a_call_without_an_answer_costs_nothing() -> None:
    """Not even the fee and the minimum."""
    found = charge([MOBILE], answered=False)
    assert (found.status, found.total, found.items) == ("unanswered", 0, ())


def test_the_longest_prefix_counts() -> None:
    cards = [card("default"), card("uk", "44"), card("mobile", "4477"), card("other", "4478")]
    assert charge(cards).card == "mobile"


def test_a_card_without_a_prefix_is_the_default_and_none_leaves_the_price_unknown() -> None:
    assert charge([card("default"), card("us", "1")]).card == "default"
    unknown = charge([card("us", "1")])
    assert (unknown.status, unknown.total) == ("unrated", None)


@pytest.mark.parametrize("number", ["+447700900123", "447700900123", "+44 (7700) 900-123"])
@pytest.mark.parametrize("prefix", ["4477", "+4477"])
def test_the_plus_sign_makes_no_difference(number: str, prefix: str) -> None:
    assert charge([card("mobile", prefix)], number).card == "mobile"


def test_a_card_counts_within_its_days_only_and_a_shorter_one_takes_over() -> None:
    over = card("old", "4477", end_date=datetime(2026, 5, 31, 23, 59, 59, tzinfo=UTC))
    coming = card("new", "4477", effective_date=datetime(2026, 7, 1, tzinfo=UTC))
    assert charge([over, coming, card("uk", "44")]).card == "uk"


def test_the_days_of_a_card_include_their_first_and_last_moment() -> None:
    assert charge([card("now", effective_date=AT, end_date=AT)]).card == "now"


def test_a_card_that_is_not_active_is_not_looked_at() -> None:
    assert charge([card("off", "4477", active=False), card("uk", "44")]).card == "uk"


def test_of_two_cards_the_later_one_counts_and_it_is_said() -> None:
    first = card("a", "44", effective_date=datetime(2026, 1, 1, tzinfo=UTC))
    second = card("b", "44", effective_date=datetime(2026, 2, 1, tzinfo=UTC))
    found = charge([card("c", "44"), second, first])
    assert (found.card, found.why) == (
        "b",
        "b: the longest prefix that fits, 44; of the same prefix are a, c, but it took effect last",
    )


def test_of_two_cards_that_differ_in_nothing_else_the_first_id_counts_and_it_is_said() -> None:
    found = charge([card("b", "44"), card("a", "44")])
    assert found.card == "a"
    assert found.why.endswith("of the same prefix are b, but its id comes first")


def test_an_increment_of_zero_charges_the_time_as_it_was() -> None:
    assert str(charge([card("exact", billing_increment_seconds=0)], seconds="7.5").total) == "0.0125"


@given(st.integers(0, 10**8), st.integers(0, 10**7), st.integers(0, 200), st.integers(0, 200))
def test_the_total_is_the_sum_of_its_items_and_never_less_for_more_time(
    milliseconds: int, rate: int, least: int, step: int
) -> None:
    tariff = Tariff([card("any", rate=f"{rate}e-4", minimum_charge_seconds=least, billing_increment_seconds=step)])
    totals = []
    for more in (0, 1, 60_000):
        found = tariff.cost("1", Decimal(milliseconds + more) / 1000, True, AT)
        assert found.total == sum(item.amount for item in found.items)
        totals.append(found.total or Decimal(0))
    assert totals == sorted(totals)


def test_a_number_is_compared_without_what_is_only_for_the_eye() -> None:
    assert digits("+1 (555) 123-45.67") == "15551234567"


def test_a_name_that_is_no_number_has_the_default_card() -> None:
    assert charge([card("default"), card("uk", "44")], "alice").card == "default"
