"""What is left of a call that is over: its cost, its record, its place in the figures, and a word to who listens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTime

from rustalk.call.call import Call
from rustalk.call.record import snapshot
from rustalk.call.switchboard import Grant
from rustalk.config.model import TEAMS, RateCard
from rustalk.observe.events import Events
from rustalk.observe.figures import Figures
from rustalk.observe.printable import printable
from rustalk.observe.snapshots import CallSnapshot, CallState
from rustalk.rating.cost import Cost, Tariff
from rustalk.store.record import interrupted, record_of
from rustalk.trunk.build import WORLD

from .meter import Meter
from .policies import Slot

__all__ = ["Ledger", "is_rated"]

_OF_THE_HOUSE = ("extension:", "node:")
_FREE = (TEAMS, WORLD)
"""Where a call costs nothing although it leaves: Teams is the house, and an address is reached over the network."""


class Keeps(Protocol):
    """Where records go first, as `rustalk.store.unfinished.Unfinished`."""

    def begin(self, id: str, record: Callable[[], Mapping[str, Any]]) -> None:
        """Note that a call is answered; ``record`` gives what is known of it. Never raises, never waits."""

    def append(self, id: str, record: Mapping[str, Any]) -> None:
        """Keep the record of a call that is over. Never raises, never waits."""


class Ledger:
    """Takes each call when it is over. ``journal`` None keeps no records; ``node`` is the name of this switch in them.

    Only a call to a provider costs anything. ``now`` gives the moment with its time zone; by ``clock`` the spend limits
    are told what calls in progress cost, which without it are asked at the end of calls only.
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
        clock: IReactorTime | None = None,
    ) -> None:
        self._journal = journal
        self._figures = figures
        self._events = events
        self._node = node
        self._now = now
        self._meter = Meter(clock, self.cost_until, now) if clock is not None else None
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
                    grant.costs(cost.total, cost.currency, self._now(), ends=True)
        self._figures.call(call)
        if self._journal is not None:
            self._journal.append(call.id, record_of(call, cost, node=self._node))
        if self._events is not None:
            ends = {"reason": call.reason, "sip_status": call.sip_status}
            between = (call.caller, call.called, call.source_trunk, call.destination_trunk)
            self._events.publish("call", _told(call.id, call.state, *between) | ends)

    def parted(self, trunk: str, direction: str, delay: timedelta) -> None:
        """The peer of a leg has answered our BYE after so long."""
        self._figures.parted(trunk, direction, delay)

    def registered(self, trunk: str, delay: timedelta, status: int) -> None:
        """A trunk has answered our REGISTER, after so long; 408 is silence."""
        self._figures.registration(delay, status, trunk)

    def cost(self, call: CallSnapshot) -> Cost | None:
        """What a call has cost; None for one that did not go to a provider."""
        if not is_rated(call.destination_trunk):
            return None
        seconds = _seconds(call.answered, call.ended or call.started)
        return self._tariff.cost(call.called, seconds, call.answered is not None, call.started)

    def cost_until(self, call: Call, moment: datetime) -> Cost | None:
        """What a call in progress has cost when it ends at ``moment``."""
        if not is_rated(call.destination):
            return None
        seconds = _seconds(call.answered_at, moment)
        return self._tariff.cost(call.subject.called, seconds, call.answered_at is not None, call.started_at)

    def interrupted(self, record: Mapping[str, Any], alive: float) -> dict[str, Any]:
        """The record of a call that was up when the last run was cut short, which was known to live at ``alive``.

        ``record`` is what was noted at the answer; ``alive`` is in seconds since 1970. Only the seconds that are
        certain cost something, by the cards of the day when the call began.
        """
        ended = max(round(alive * 1000), record["answered"])
        cost = None
        if is_rated(record["destination"]):
            seconds = Decimal(ended - record["answered"]) / 1000
            started = datetime.fromtimestamp(record["started"] / 1000, UTC)
            cost = self._tariff.cost(record["called"], seconds, True, started)
        return interrupted(record, ended, cost)

    def tell(self, call: Call) -> None:
        """Tell whoever follows the events that a call has begun or is answered; what is answered is noted."""
        if call.answered_at is not None:
            if self._meter is not None:
                self._meter.follow(call)
            if self._journal is not None:
                self._journal.begin(call.id, lambda: record_of(snapshot(call, measured=False), node=self._node))
        if self._events is not None:
            state = CallState.RINGING if call.answered_at is None else CallState.ACTIVE
            subject = call.subject
            between = (subject.caller, subject.called, call.source, call.destination)
            self._events.publish("call", _told(call.id, state, *between))


def _seconds(answered: datetime | None, until: datetime) -> Decimal:
    """How long a call has lasted, 0 before its answer."""
    return Decimal(0) if answered is None else Decimal(str(max(0.0, (until - answered).total_seconds())))


def is_rated(trunk: str | None) -> bool:
    """Whether a call to this peer is one to a provider, which alone costs something."""
    return trunk is not None and trunk not in _FREE and not trunk.startswith(_OF_THE_HOUSE)


def _told(
    id: str, state: CallState, caller: str, called: str, source: str | None, destination: str | None
) -> dict[str, object]:
    return {
        "id": id,
        "status": state.value,
        "from": printable(caller),
        "to": printable(called),
        "source_trunk": source,
        "destination_trunk": destination,
    }
