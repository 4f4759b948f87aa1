"""A queue that a script waits on for a bounded time."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

__all__ = ["Inbox"]

T = TypeVar("T")


class Inbox(Generic[T]):
    """What has arrived and was not yet looked at; one script at a time waits on it."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._items: deque[T] = deque()
        self._waiting: Deferred[T | None] | None = None

    def put(self, item: T) -> None:
        """Hand an item to the script that waits, or keep it for the next that will."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            self._items.append(item)
        else:
            waiting.callback(item)

    def take(self, seconds: float) -> Deferred[T | None]:
        """The next item; None when so many seconds have passed without one."""
        result: Deferred[T | None] = Deferred(self._cancelled)
        if self._items:
            result.callback(self._items.popleft())
            return result
        self._waiting = result
        timer = self._clock.callLater(seconds, self._expire, result)

        def arrived(item: T | None) -> T | None:
            if timer.active():
                timer.cancel()
            return item

        return result.addBoth(arrived)

    def _expire(self, waiting: Deferred[T | None]) -> None:
        if self._waiting is waiting:
            self._waiting = None
            waiting.callback(None)

    def _cancelled(self, waiting: Deferred[T | None]) -> None:
        if self._waiting is waiting:
            self._waiting = None
