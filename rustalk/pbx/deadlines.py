"""Things that run out, to the second: subscriptions, publications.

They last up to an hour and are set anew or dropped all the time. A timer that is cancelled would stay in its queue
until then; here what is dropped leaves nothing behind, so that nobody fills memory by asking often.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

__all__ = ["Deadlines"]

log = Logger()

Item = TypeVar("Item", bound=Hashable)


class Deadlines(Generic[Item]):
    """Calls ``expired`` with each item at most a second after its time. The clock is asked only while there are any."""

    def __init__(self, clock: IReactorTime, expired: Callable[[Item], None]) -> None:
        self._clock = clock
        self._expired = expired
        self._seconds: dict[Item, int] = {}
        self._due: dict[int, dict[Item, None]] = {}
        self._next: IDelayedCall | None = None
        self._done = 0

    def set(self, item: Item, seconds: float) -> None:
        """Let an item run out in so many seconds, and not when it would have before."""
        self.drop(item)
        now = self._clock.seconds()
        due = self._seconds[item] = math.ceil(now + seconds)
        self._due.setdefault(due, {})[item] = None
        if self._next is None:
            self._done = math.floor(now)
            self._next = self._clock.callLater(1.0, self._tick)

    def drop(self, item: Item) -> None:
        """Let an item not run out; one that is not known is no mistake."""
        due = self._seconds.pop(item, None)
        if due is not None:
            items = self._due[due]
            del items[item]
            if not items:
                del self._due[due]

    def left(self, item: Item) -> int:
        """The seconds until an item runs out, 0 for one that is not known."""
        due = self._seconds.get(item)
        return 0 if due is None else max(0, due - math.ceil(self._clock.seconds()))

    def __len__(self) -> int:
        return len(self._seconds)

    def _tick(self) -> None:
        now = math.floor(self._clock.seconds())
        for second in range(self._done + 1, now + 1):
            for item in list(self._due.get(second, ())):
                self.drop(item)
                self._expire(item)
        self._done = now
        self._next = self._clock.callLater(1.0, self._tick) if self._seconds else None

    def _expire(self, item: Item) -> None:
        try:
            self._expired(item)
        except Exception:
            log.failure("What should happen to {item!r} when it runs out failed", item=item)
