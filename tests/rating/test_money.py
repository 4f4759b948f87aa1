"""Amounts keep what binary fractions lose."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rustalk.rating.money import minutes, percent, price, rounded, rounded_up


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0.350000", "0.35"), ("0.3", "0.30"), ("1E+1", "10.00"), ("0", "0.00"), ("0.0012340", "0.001234")],
)
def test_an_amount_has_two_places_or_as_many_as_it_needs(amount: str, text: str) -> None:
    assert str(rounded(Decimal(amount))) == text


def test_half_a_millionth_is_rounded_up() -> None:
    assert rounded(Decimal("0.0000015")) == Decimal("0.000002")


def test_a_price_is_rounded_after_the_division_and_not_before() -> None:
    """7 seconds at 0.10 are 0.011666..., and not 7 times a rounded price of a second."""
    assert price(Decimal(7), Decimal("0.10")) == Decimal("0.011667")


def test_a_tenth_ten_times_is_one() -> None:
    assert sum((price(Decimal(6), Decimal(1)) for _ in range(10)), Decimal(0)) == 1


def test_minutes_are_shown_rounded() -> None:
    assert (str(minutes(Decimal(120))), str(minutes(Decimal(10)))) == ("2.00", "0.166667")


def test_percent() -> None:
    assert percent(Decimal("10.50"), Decimal(19)) == Decimal("1.995")


@pytest.mark.parametrize(
    ("seconds", "increment", "charged"),
    [("120", 6, "120"), ("120.001", 6, "126"), ("0", 6, "0"), ("0.4", 1, "1"), ("7.25", 0, "7.25")],
)
def test_time_is_rounded_up_to_the_increment(seconds: str, increment: int, charged: str) -> None:
    assert rounded_up(Decimal(seconds), increment) == Decimal(charged)
