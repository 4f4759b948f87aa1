"""Twisted's virtual clock for thousands of timers: it keeps them in order instead of sorting them at every step."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from typing import Any

from twisted.internet.base import DelayedCall
from twisted.internet.task import Clock

__all__ = ["OrderedClock"]


class OrderedClock(Clock):
    """Does what Clock does, in the same order."""

    def callLater(self, delay: float, callable: Callable[..., Any], *args: object, **kw: object) -> DelayedCall:
        call = DelayedCall(self.seconds() + delay, callable, args, kw, self._cancelled, self._moved, self.seconds)
        insort(self.calls, call, key=DelayedCall.getTime)
        return call

    def _cancelled(self, call: DelayedCall) -> None:
        index = bisect_left(self.calls, call.getTime(), key=DelayedCall.getTime)
        while self.calls[index] is not call:
            index += 1
        del self.calls[index]

    def _moved(self, call: DelayedCall) -> None:
        self.calls.sort(key=DelayedCall.getTime)

    def _sortCalls(self) -> None:
        """They are in order."""
