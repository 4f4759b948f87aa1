"""What is left of a call: its cost, its record, its figures, and the word to who listens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rustalk.config.model import Policy, RateCard
from rustalk.config.policy import SpendLimit
from rustalk.observe.events import Events
from rustalk.observe.figures import Figures
from rustalk.observe.snapshots import CallSnapshot, CallState
from rustalk.pbx.ledger import Ledger
from rustalk.pbx.policies import Asked, Policies, Refused
from rustalk.store.record import record_of
from tests.scenarios.site import Site

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CARD = RateCard(
    id="uk",
    name="UK",
    prefix="4477",
    rate_per_minute=Decimal("0.15"),
    connection_fee=Decimal("0.05"),
    minimum_charge_seconds=30,
    billing_increment_seconds=6,
    currency="GBP",
)
CALL = CallSnapshot(
    id="c1",
    state=CallState.ENDED,
    caller="+12025550123",
    called="+447700900123",
    started=START,
    source_trunk="extension:1001",
    destination_trunk="carrier",
    answered=START,
    ended=START + timedelta(seconds=120),
    legs=(),
    reason="normal",
    sip_status=200,
    hung_up_by="caller",
)


class Kept:
    """A journal in memory."""

    def __init__(self) -> None:
        self.records: dict[str, Mapping[str, Any]] = {}
        self.begun: dict[str, Callable[[], Mapping[str, Any]]] = {}

    def begin(self, id: str, record: Callable[[], Mapping[str, Any]]) -> None:
        self.begun[id] = record

    def append(self, id: str, record: Mapping[str, Any]) -> None:
        self.records[id] = record


def ms(time: datetime | None) -> int:
    """As records have times."""
    assert time is not None
    return round(time.timestamp() * 1000)


def test_the_worked_example_is_in_the_record() -> None:
    """RusTalk's own: 120 s at 0.15 a minute and 0.05 for the connection are 0.35."""
    kept, events = Kept(), Events(lambda: 0.0)
    Ledger(kept, Figures(), events, rates=[CARD], node="a").over(CALL)
    assert kept.records["c1"]["cost"] == "0.35"
    [event] = events.since(1, 10)
    assert (event.kind, event.data["status"], event.data["reason"]) == ("call", "ended", "normal")


@pytest.mark.parametrize("destination", ["extension:1002", "node:b", "teams", "custom", None])
def test_what_does_not_go_to_a_provider_costs_nothing(destination: str | None) -> None:
    """Whatever card there is for the number."""
    ledger = Ledger(None, Figures(), None, rates=[CARD])
    assert ledger.cost(replace(CALL, destination_trunk=destination)) is None


def test_nobody_pays_for_a_call_that_was_not_answered() -> None:
    """Nor for the minimum of seconds."""
    cost = Ledger(None, Figures(), None, rates=[CARD]).cost(replace(CALL, answered=None))
    assert cost is not None
    assert (cost.status, cost.total) == ("unanswered", Decimal(0))


def test_new_rates_count_at_once() -> None:
    """For the next call that ends."""
    ledger = Ledger(None, Figures(), None)
    before = ledger.cost(CALL)
    ledger.use([CARD])
    after = ledger.cost(CALL)
    assert before is not None
    assert after is not None
    assert (before.total, after.total) == (None, Decimal("0.35"))


def test_a_call_is_noted_when_it_is_answered_and_not_before() -> None:
    """F-11: with all that is known of it then."""
    kept, site = Kept(), Site()
    site.ledger._journal = kept
    talk = site.ringing()
    assert kept.begun == {}
    talk.callee.answer()
    site.run()
    [note] = kept.begun.values()
    noted = note()
    assert (noted["answered"], noted["reason"], len(noted["legs"])) == (ms(site.record.answered), None, 2)
    assert kept.records == {}
    talk.end()
    assert kept.records.keys() == kept.begun.keys()


def test_a_call_that_was_cut_short_costs_the_seconds_that_are_certain() -> None:
    """F-11: its end is the last moment that is known of it; 7 seconds are charged as 30."""
    noted = record_of(replace(CALL, state=CallState.ACTIVE, ended=None, reason=None, sip_status=None))
    record = Ledger(None, Figures(), None, rates=[CARD]).interrupted(noted, START.timestamp() + 7)
    assert (record["status"], record["reason"], record["hung_up_by"]) == ("ended", "interrupted", "switch")
    assert (record["answered"], record["ended"], record["duration"]) == (ms(START), ms(START) + 7000, 7000)
    assert (record["cost"], record["currency"], record["card"]) == ("0.125", "GBP", "uk")


def test_a_call_of_which_nothing_is_known_behind_the_answer_lasted_no_time() -> None:
    """The last sign of life was before it."""
    noted = record_of(replace(CALL, destination_trunk="extension:1002", ended=None))
    record = Ledger(None, Figures(), None, rates=[CARD]).interrupted(noted, 0.0)
    assert (record["ended"], record["duration"], record["cost"]) == (noted["answered"], 0, None)


def test_a_spend_limit_hears_what_a_call_has_cost() -> None:
    """The next call is refused once the day's money is spent."""
    limit = Policy(id="p", name="p", spend_limit=SpendLimit(per_day=Decimal("0.30"), currency="GBP"))
    policies = Policies([limit])
    asked = Asked("1001", "+447700900123", "carrier", START)
    slot = policies.admit([("here", "p")], asked)
    assert not isinstance(slot, Refused)
    Ledger(None, Figures(), None, rates=[CARD], now=lambda: START).over(CALL, (slot,))
    refused = policies.admit([("here", "p")], asked)
    assert isinstance(refused, Refused)
    assert refused.code == "policy_spend"
