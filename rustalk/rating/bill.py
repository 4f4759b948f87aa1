"""The calls of a billing period as a bill: minutes that are included, increments, a fee and tax.

Every call counts at least the initial increment, and what goes beyond it is rounded up to the billing increment. The
calls of a period use up the included minutes in the order of their beginning; a call that only partly fits into what is
left pays for the rest. Tax is on the whole, the fee included.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Literal

from rustalk.config.rate import BillTemplate

from .money import minutes, percent, price, rounded, rounded_up

__all__ = ["Bill", "BilledCall", "FinishedCall", "Period", "bill", "bills", "period"]

_NOTHING = Decimal(0)
_MINUTE = Decimal(60)
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class FinishedCall:
    """As much of a call as a bill needs; ``seconds`` are those since the answer."""

    id: str
    started: datetime.datetime
    seconds: Decimal
    answered: bool = True


@dataclass(frozen=True, slots=True)
class Period:
    """A billing period: from its first moment, UTC, to just before the first moment of the next one."""

    start: datetime.datetime
    end: datetime.datetime


@dataclass(frozen=True, slots=True)
class BilledCall:
    """One line: ``counted`` seconds, of which ``included`` cost nothing more, and the amount for the others.

    ``status`` is "included" when nothing is left to pay for the time, and "zero-duration" for a call without an answer.
    """

    id: str
    status: Literal["charged", "included", "zero-duration"]
    counted: Decimal
    included: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Bill:
    """What one period costs. ``included_left`` are the minutes of the period that nobody used."""

    template: str
    currency: str
    period: Period
    calls: tuple[BilledCall, ...]
    setup_fee: Decimal
    subtotal: Decimal
    tax: Decimal
    total: Decimal
    included_left: Decimal


def period(template: BillTemplate, at: datetime.datetime) -> Period:
    """The billing period that this moment is in; weeks begin on Monday."""
    day = at.astimezone(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if template.billing_interval == "daily":
        return Period(day, day + _DAY)
    if template.billing_interval == "weekly":
        monday = day - day.weekday() * _DAY
        return Period(monday, monday + 7 * _DAY)
    if template.billing_interval == "monthly":
        first = day.replace(day=1)
        return Period(first, (first + 31 * _DAY).replace(day=1))
    return Period(day.replace(month=1, day=1), day.replace(year=day.year + 1, month=1, day=1))


def bill(template: BillTemplate, of: Period, calls: Iterable[FinishedCall]) -> Bill:
    """The bill of one period for calls that all began in it; without calls it is that of the fee."""
    left = template.included_minutes * _MINUTE
    billed = []
    for call in sorted(calls, key=lambda call: (call.started, call.id)):
        counted = _counted(template, call)
        included = min(counted, left)
        left -= included
        billed.append(_billed(template, call, counted, included))
    fee = rounded(template.setup_fee)
    subtotal = rounded(sum((line.amount for line in billed), fee))
    tax = percent(subtotal, template.tax_percent)
    total = rounded(subtotal + tax)
    return Bill(template.id, template.currency, of, tuple(billed), fee, subtotal, tax, total, minutes(left))


def bills(template: BillTemplate, calls: Iterable[FinishedCall]) -> tuple[Bill, ...]:
    """A bill for each period in which a call began, the oldest first."""
    ordered = sorted(calls, key=lambda call: call.started)
    periods = groupby(ordered, key=lambda call: period(template, call.started))
    return tuple(bill(template, of, group) for of, group in periods)


def _counted(template: BillTemplate, call: FinishedCall) -> Decimal:
    if not call.answered:
        return _NOTHING
    initial = Decimal(template.initial_increment_secs)
    return initial + rounded_up(max(call.seconds - initial, _NOTHING), template.billing_increment_secs)


def _billed(template: BillTemplate, call: FinishedCall, counted: Decimal, included: Decimal) -> BilledCall:
    over = counted - included
    status: Literal["charged", "included", "zero-duration"] = "charged" if over else "included"
    amount = price(over, template.overage_rate_per_minute)
    return BilledCall(call.id, status if counted else "zero-duration", counted, included, amount)
