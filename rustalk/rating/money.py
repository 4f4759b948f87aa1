"""Amounts and chargeable times: exact decimals, each rounded once and by one rule, half up to a millionth."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_UP, Context, Decimal

__all__ = ["ZERO", "minutes", "percent", "price", "rounded", "rounded_up"]

ZERO = Decimal("0.00")

_CONTEXT = Context(prec=50, rounding=ROUND_HALF_UP)
_SMALLEST = Decimal("0.000001")
_CENT = Decimal("0.01")


def rounded(amount: Decimal) -> Decimal:
    """The amount to a millionth, without the zeros at its end beyond two places: 0.35 and not 0.350000."""
    exact = _CONTEXT.quantize(amount, _SMALLEST)
    cents = _CONTEXT.quantize(exact, _CENT)
    return cents if cents == exact else _CONTEXT.normalize(exact)


def minutes(seconds: Decimal) -> Decimal:
    """So many seconds in minutes, rounded: a figure to show, not one to go on with."""
    return rounded(_CONTEXT.divide(seconds, Decimal(60)))


def price(seconds: Decimal, per_minute: Decimal) -> Decimal:
    """What so many seconds cost, rounded at the end only."""
    return rounded(_CONTEXT.divide(_CONTEXT.multiply(seconds, per_minute), Decimal(60)))


def percent(amount: Decimal, rate: Decimal) -> Decimal:
    """So many percent of an amount, rounded."""
    return rounded(_CONTEXT.divide(_CONTEXT.multiply(amount, rate), Decimal(100)))


def rounded_up(seconds: Decimal, increment: int) -> Decimal:
    """The time as the next multiple of the increment; an increment of 0 leaves it as it is."""
    if increment <= 0:
        return seconds
    steps = _CONTEXT.divide(seconds, Decimal(increment)).to_integral_value(ROUND_CEILING)
    return _CONTEXT.multiply(steps, Decimal(increment))
