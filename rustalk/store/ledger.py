"""Where a finished call is entered: what it cost is found out, and its record goes into the journal."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from rustalk.config.rate import RateCard
from rustalk.observe.snapshots import CallSnapshot
from rustalk.rating.cost import Cost, Tariff
from rustalk.store.journal import Journal
from rustalk.store.record import record_of

__all__ = ["Ledger"]

_EXTENSION = "extension:"


class Ledger:
    """Enters calls into the journal. ``rates`` gives the rate cards in force; ``node`` is the name of this machine."""

    def __init__(self, journal: Journal, rates: Callable[[], tuple[RateCard, ...]], *, node: str = "") -> None:
        self._journal = journal
        self._rates = rates
        self._node = node
        self._cards: tuple[RateCard, ...] = ()
        self._tariff = Tariff(())

    def enter(self, call: CallSnapshot) -> Cost | None:
        """Keep the record of a call that is over; return its cost. Never raises, never waits.

        Only a call that went to a trunk has a cost. It is that of the number which the trunk got, for the time from
        the answer to the end, by the cards of the call's beginning.
        """
        cost = self.cost(call)
        self._journal.append(call.id, record_of(call, cost, node=self._node))
        return cost

    def cost(self, call: CallSnapshot) -> Cost | None:
        """What a call costs, up to its end or, if it has none, to its answer; None for one within the house."""
        if call.destination_trunk is None or call.destination_trunk.startswith(_EXTENSION):
            return None
        milliseconds = round(1000 * (call.duration(call.ended or call.started) or 0))
        return self.tariff.cost(_number(call), Decimal(milliseconds) / 1000, call.answered is not None, call.started)

    @property
    def tariff(self) -> Tariff:
        """The rate cards in force, sorted anew when they have been changed."""
        cards = self._rates()
        if cards is not self._cards:
            self._cards, self._tariff = cards, Tariff(cards)
        return self._tariff


def _number(call: CallSnapshot) -> str:
    """The called number as the last INVITE to the trunk has it."""
    sent = [leg.called for leg in call.legs if leg.direction == "out" and leg.trunk == call.destination_trunk]
    return (sent[-1] if sent else "") or call.called
