"""What calls in progress cost: spend limits are told every few seconds, and end a call before it costs too much."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from rustalk.call.call import Call
from rustalk.rating.cost import Cost

from .policies import Slot

__all__ = ["Meter"]

_SECONDS = 5.0


class Meter:
    """Follows the calls that a spend limit counts, from their answer to their end.

    ``cost`` says what a call costs that ends at a moment, which ``now`` gives with its time zone. Each call is charged
    as far as the next look, so that the one that goes beyond a limit is ended before.
    """

    __slots__ = ("_calls", "_clock", "_cost", "_next", "_now")

    def __init__(
        self, clock: IReactorTime, cost: Callable[[Call, datetime], Cost | None], now: Callable[[], datetime]
    ) -> None:
        self._clock = clock
        self._cost = cost
        self._now = now
        self._calls: set[Call] = set()
        self._next: IDelayedCall | None = None

    def follow(self, call: Call) -> None:
        """A call is answered."""
        if any(isinstance(grant, Slot) and grant.is_watched for grant in call.grants):
            self._calls.add(call)
            if self._next is None:
                self._next = self._clock.callLater(_SECONDS, self._look)

    def _look(self) -> None:
        ahead = self._now() + timedelta(seconds=_SECONDS)
        self._calls = {call for call in self._calls if call.ended_at is None}
        for call in self._calls:
            cost = self._cost(call, ahead)
            if cost is not None and cost.total is not None and not all(_hold(call, cost, ahead)):
                call.hang_up("policy_spend")
        self._next = self._clock.callLater(_SECONDS, self._look) if self._calls else None


def _hold(call: Call, cost: Cost, now: datetime) -> list[bool]:
    """Whether each limit that counts the call still holds."""
    total = cost.total
    slots = [grant for grant in call.grants if isinstance(grant, Slot)]
    return [total is None or slot.costs(total, cost.currency, now) for slot in slots]
