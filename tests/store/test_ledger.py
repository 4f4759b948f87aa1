"""A finished call in the journal, with what it cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from twisted.internet.defer import succeed
from twisted.internet.task import Clock

from rustalk.config.rate import RateCard
from rustalk.observe.snapshots import CallSnapshot, CallState
from rustalk.store.journal import Entry, Journal, parse
from rustalk.store.ledger import Ledger
from tests.fakes.switch import START, make_call

CARD = RateCard(
    id="mobile",
    prefix="4477",
    rate_per_minute=Decimal("0.15"),
    connection_fee=Decimal("0.05"),
    minimum_charge_seconds=30,
    billing_increment_seconds=6,
)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path, Clock(), lambda work: succeed(work()))
    yield journal
    journal.close()


@pytest.fixture
def rates() -> list[tuple[RateCard, ...]]:
    """The cards in force are the last of these."""
    return [(CARD,)]


@pytest.fixture
def ledger(journal: Journal, rates: list[tuple[RateCard, ...]]) -> Ledger:
    return Ledger(journal, lambda: rates[-1], node="a")


def finished(destination: str | None = "carrier", called: str = "+447700900123") -> CallSnapshot:
    """A call that was answered at once and ended after 120 s."""
    end = START + timedelta(seconds=120)
    legs = make_call().legs
    return make_call(
        state=CallState.ENDED, answered=START, ended=end, called=called, destination_trunk=destination, legs=legs
    )


def entries(journal: Journal) -> list[Entry]:
    piece = journal.next()
    return parse(piece.read())[0] if piece else []


def test_a_call_is_entered_with_its_cost(ledger: Ledger, journal: Journal) -> None:
    cost = ledger.enter(finished())
    assert cost is not None
    assert str(cost.total) == "0.35"
    entry = entries(journal)[0]
    assert (entry.id, entry.record["cost"], entry.record["card"], entry.record["node"]) == ("c1", "0.35", "mobile", "a")


@pytest.mark.parametrize("destination", [None, "extension:2000"])
def test_a_call_within_the_house_has_no_cost(ledger: Ledger, journal: Journal, destination: str | None) -> None:
    assert ledger.enter(finished(destination)) is None
    assert entries(journal)[0].record["cost"] is None


def test_a_call_without_an_answer_costs_nothing(ledger: Ledger) -> None:
    cost = ledger.enter(replace(finished(), answered=None, state=CallState.FAILED))
    assert cost is not None
    assert (cost.status, cost.total) == ("unanswered", 0)


def test_the_number_is_the_one_that_the_trunk_got(ledger: Ledger) -> None:
    """The plan of the trunk has made an international number of it."""
    call = finished(called="07700900123")
    sent = replace(call.legs[1], trunk="carrier", called="+447700900123")
    cost = ledger.enter(replace(call, legs=(call.legs[0], sent)))
    assert cost is not None
    assert cost.card == "mobile"


def test_new_rate_cards_count_from_the_next_call_on(ledger: Ledger, rates: list[tuple[RateCard, ...]]) -> None:
    ledger.enter(finished())
    rates.append((replace(CARD, id="dearer", rate_per_minute=Decimal(1)),))
    cost = ledger.cost(finished())
    assert cost is not None
    assert (cost.card, str(cost.total)) == ("dearer", "2.05")
