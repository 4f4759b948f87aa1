"""What calls in progress cost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.scenarios.office import Office

OUT = {"id": "out", "pattern": "^\\+1555", "destination": {"type": "Trunk", "value": "carrier"}, "policy": "money"}
CARD = {"id": "us", "prefix": "1", "rate_per_minute": "0.60", "billing_increment_seconds": 6, "currency": "USD"}
NUMBER = "+15551230009"


@pytest.fixture
def office() -> Office:
    """A dollar a day for each phone, at a cent a second, charged by six seconds."""
    limit = {"id": "money", "spend_limit": {"per_day": "1.00", "currency": "USD"}}
    abroad = {"permissions": {"international": True}}
    return Office(more={"1001": abroad, "1002": abroad}, policies=[limit], rates=[CARD], routing={"routes": [OUT]})


def talk(office: Office, number: str = "1001") -> Any:
    """An answered call of a phone to the carrier."""
    leg = office.phones[number].call(NUMBER)
    office.run()
    office.carrier.last.answer()
    office.run()
    return leg


def spent(office: Office) -> Decimal:
    """What is counted by now."""
    counts = office.core.grants.policies.counts(office.timeouts.now())
    return sum((Decimal(count.count) for count in counts if count.limit_type == "spend"), Decimal(0))


def test_a_call_ends_before_it_costs_more_than_is_left(office: Office) -> None:
    """A8: the money of the day is never exceeded, and the reason is said."""
    leg = talk(office)
    office.run(90)
    assert not leg.over
    office.run(10)
    assert leg.over
    assert office.record.reason == "policy_spend"
    assert Decimal("0.90") <= spent(office) <= Decimal("1.00")
    assert not office.leftovers()


@pytest.mark.parametrize(("limit", "seconds"), [("0.06", 1), ("0.07", 2), ("0.12", 7), ("0.17", 12)])
def test_not_a_second_more_and_none_less(limit: str, seconds: int) -> None:
    """With five cents for the answer and one for each second, also where the money is gone before the first look."""
    policy = {"id": "money", "spend_limit": {"per_day": limit, "currency": "USD"}}
    card = {**CARD, "connection_fee": "0.05", "billing_increment_seconds": 1}
    office = Office(
        more={"1001": {"permissions": {"international": True}}},
        policies=[policy],
        rates=[card],
        routing={"routes": [OUT]},
    )
    leg = talk(office)
    office.run(60)
    assert leg.over
    record = office.record
    assert record.reason == "policy_spend"
    assert seconds - 0.5 < (record.ended - record.answered).total_seconds() < seconds
    assert spent(office) == Decimal(limit)
    assert not office.leftovers()


def test_calls_at_once_share_what_is_left(office: Office) -> None:
    """Each counts with what it has cost so far; the next one is refused when nothing is left for its beginning."""
    legs = [talk(office), talk(office)]
    office.run(35)
    assert Decimal("0.72") <= spent(office) <= Decimal("0.96")
    office.run(20)
    assert any(leg.over for leg in legs)
    office.run(50)
    assert all(leg.over for leg in legs)
    assert Decimal("0.90") <= spent(office) <= Decimal("1.00")
    refused = office.phones["1001"].call(NUMBER)
    office.run()
    assert refused.statuses[-1] == 603
    assert not office.leftovers()


def test_who_has_money_left_keeps_talking(office: Office) -> None:
    """The other phone has its own."""
    talk(office)
    other = talk(office, "1002")
    other.bye()
    office.run(120)
    assert talk(office, "1002").statuses[-1] == 200


def test_a_call_that_nobody_answers_costs_nothing(office: Office) -> None:
    """What was set aside for its beginning is given back."""
    leg = office.phones["1001"].call(NUMBER)
    office.run()
    assert spent(office) == Decimal("0.06")
    office.carrier.last.refuse(486)
    office.run()
    assert leg.statuses[-1] == 486
    assert spent(office) == 0
    assert not office.leftovers()
