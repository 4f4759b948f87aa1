"""Bills: included minutes, increments, fee and tax, period by period."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rustalk.config.rate import BillTemplate
from rustalk.rating.bill import Bill, FinishedCall, Period, bill, bills, period

MARCH = datetime(2026, 3, 1, tzinfo=UTC)


def template(**changes: Any) -> BillTemplate:
    return BillTemplate(id="standard", overage_rate_per_minute=Decimal("0.02"), **changes)


def finished(*seconds: str, answered: bool = True) -> list[FinishedCall]:
    """Calls that began one hour after the other."""
    return [
        FinishedCall(f"call-{number}", MARCH + timedelta(hours=number), Decimal(length), answered)
        for number, length in enumerate(seconds)
    ]


def march(terms: BillTemplate, calls: list[FinishedCall]) -> Bill:
    return bill(terms, period(terms, MARCH), calls)


@pytest.mark.parametrize(
    ("seconds", "counted"), [("1", 60), ("60", 60), ("60.001", 66), ("61", 66), ("66", 66), ("67", 72)]
)
def test_a_call_counts_the_initial_increment_and_then_steps(seconds: str, counted: int) -> None:
    found = march(template(billing_increment_secs=6), finished(seconds))
    assert found.calls[0].counted == counted


def test_included_minutes_are_used_up_in_the_order_of_the_calls() -> None:
    """Three minutes are included: the second call pays for one of its two minutes, the third for all."""
    found = march(template(included_minutes=3), finished("120", "120", "60"))
    assert [(line.status, line.included, str(line.amount)) for line in found.calls] == [
        ("included", 120, "0.00"),
        ("charged", 60, "0.02"),
        ("charged", 0, "0.02"),
    ]
    assert (str(found.total), found.included_left) == ("0.04", 0)


def test_fee_and_tax() -> None:
    """9.90 and two minutes at 0.02 are 9.94, and 19 percent of it 1.8886."""
    found = march(template(setup_fee=Decimal("9.90"), tax_percent=Decimal(19)), finished("61"))
    assert [str(each) for each in (found.subtotal, found.tax, found.total)] == ["9.94", "1.8886", "11.8286"]


def test_a_call_without_an_answer_is_on_the_bill_and_costs_nothing() -> None:
    line = march(template(), finished("0", answered=False)).calls[0]
    assert (line.status, line.counted, line.amount) == ("zero-duration", 0, 0)


def test_a_period_without_calls_costs_its_fee() -> None:
    found = march(template(setup_fee=Decimal(5), included_minutes=100), [])
    assert (found.total, found.included_left) == (5, 100)


@pytest.mark.parametrize(
    ("interval", "start", "end"),
    [
        ("daily", datetime(2026, 12, 31, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        ("weekly", datetime(2026, 12, 28, tzinfo=UTC), datetime(2027, 1, 4, tzinfo=UTC)),
        ("monthly", datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        ("yearly", datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_periods_begin_where_the_calendar_says(interval: Any, start: datetime, end: datetime) -> None:
    last = datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert period(template(billing_interval=interval), last) == Period(start, end)


def test_a_leap_day_is_in_february() -> None:
    found = period(template(), datetime(2028, 2, 29, 12, tzinfo=UTC))
    assert found.end == datetime(2028, 3, 1, tzinfo=UTC)


def test_each_period_has_its_own_bill_and_its_own_included_minutes() -> None:
    calls = finished("60", "60")
    late = FinishedCall("next", MARCH + timedelta(days=40), Decimal(60))
    found = bills(template(included_minutes=1), [late, *calls])
    assert [(each.period.start.month, str(each.total)) for each in found] == [(3, "0.02"), (4, "0.00")]
