"""What calls in progress cost: spend limits are told every few seconds, and end a call before it costs too much."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from rustalk.call.call import Call
from rustalk.rating.cost import Cost

from .policies import Slot

__all__ = ["Meter"]

_SECONDS = 5
"""Between two looks at a call."""
_AHEAD = _SECONDS + 1
"""As far as a call is charged at each: a second more than to the next, which may be late."""
_EARLY = 0.25
"""How much before the last second that can be paid is over a call ends: a second that has begun is counted."""


class Meter:
    """Follows the calls that a spend limit counts, from their answer to their end.

    ``cost`` says what a call costs that ends at a moment, which ``now`` gives with its time zone. Each call is charged
    as far as the next look, at its answer too. One that cannot pay that far ends with the last second that it can.
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
        if any(slot.is_watched for slot in _slots(call)) and self._goes_on(call):
            self._calls.add(call)
            if self._next is None:
                self._next = self._clock.callLater(_SECONDS, self._look)

    def _look(self) -> None:
        self._calls = {call for call in self._calls if call.ended_at is None and self._goes_on(call)}
        self._next = self._clock.callLater(_SECONDS, self._look) if self._calls else None

    def _goes_on(self, call: Call) -> bool:
        """Charge a call ahead; one that cannot pay for that is charged for what it can, and ended then."""
        now = self._now()
        for seconds in range(_AHEAD, 0, -1):
            cost = self._cost(call, now + timedelta(seconds=seconds))
            if cost is None or cost.total is None:
                return True
            holds = [slot.costs(cost.total, cost.currency, now) for slot in _slots(call)]  # each is told
            if all(holds):
                break
        else:
            seconds = 0
        if seconds < _AHEAD:
            self._clock.callLater(max(0.0, seconds - _EARLY), call.hang_up, "policy_spend")
        return seconds == _AHEAD


def _slots(call: Call) -> Iterator[Slot]:
    """The places that a call has under policies."""
    return (grant for grant in call.grants if isinstance(grant, Slot))
