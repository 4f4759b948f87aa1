"""What is left of a call that is over: its cost, its record, its place in the figures, and a word to who listens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

from rustalk.call.switchboard import Grant
from rustalk.config.model import RateCard
from rustalk.observe.events import Events
from rustalk.observe.figures import Figures
from rustalk.observe.printable import printable
from rustalk.observe.snapshots import CallSnapshot
from rustalk.rating.cost import Cost, Tariff
from rustalk.store.record import record_of

from .policies import Slot

__all__ = ["Ledger"]

_OF_THE_HOUSE = "extension:"


class Keeps(Protocol):
    """Where records go first, as `rustalk.store.journal.Journal`."""

    def append(self, id: str, record: Mapping[str, Any]) -> None:
        """Keep a record. Never raises, never waits."""


class Ledger:
    """Takes each call when it is over. ``journal`` None keeps no records; ``node`` is the name of this switch in them.

    A call that stays in the house costs nothing. ``now`` gives the moment with its time zone.
    """

    def __init__(
        self,
        journal: Keeps | None,
        figures: Figures,
        events: Events | None,
        *,
        rates: Iterable[RateCard] = (),
        node: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._journal = journal
        self._figures = figures
        self._events = events
        self._node = node
        self._now = now
        self.use(rates)

    def use(self, rates: Iterable[RateCard]) -> None:
        """Calls cost this from now on."""
        self._tariff = Tariff(rates)

    def over(self, call: CallSnapshot, grants: Iterable[Grant] = ()) -> None:
        """A call is over; its policies are told what it has cost."""
        cost = self.cost(call)
        if cost is not None and cost.total is not None:
            for grant in grants:
                if isinstance(grant, Slot):
                    grant.costs(cost.total, cost.currency, self._now())
        self._figures.call(call)
        if self._journal is not None:
            self._journal.append(call.id, record_of(call, cost, node=self._node))
        self.tell(call)

    def cost(self, call: CallSnapshot) -> Cost | None:
        """What a call has cost; None for one that did not leave the house."""
        if call.destination_trunk is None or call.destination_trunk.startswith(_OF_THE_HOUSE):
            return None
        ended = call.ended or call.started
        answered = call.answered
        seconds = Decimal(0) if answered is None else Decimal(str(max(0.0, (ended - answered).total_seconds())))
        return self._tariff.cost(call.called, seconds, answered is not None, call.started)

    def tell(self, call: CallSnapshot) -> None:
        """Tell whoever follows the events how a call is now."""
        if self._events is not None:
            self._events.publish(
                "call",
                {
                    "id": call.id,
                    "status": call.state.value,
                    "from": printable(call.caller),
                    "to": printable(call.called),
                    "source_trunk": call.source_trunk,
                    "destination_trunk": call.destination_trunk,
                    "reason": call.reason,
                    "sip_status": call.sip_status,
                },
            )
