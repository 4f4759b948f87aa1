"""How much one source may send before anything of it is parsed: a token bucket for each, forgotten in turn."""

from __future__ import annotations

from collections import OrderedDict

from rustalk.config.security import Flood

__all__ = ["Floods"]

_MOST = 20_000


class _Meter:
    """What is left to one source, as of when; and what came beyond it since there was half the burst to spare."""

    __slots__ = ("beyond", "left", "seen")

    def __init__(self, left: float, seen: float) -> None:
        self.left = left
        self.seen = seen
        self.beyond = 0


class Floods:
    """A rate for each source. A rate of 0 lets everything pass.

    Memory is bounded: the source that was heard least recently is forgotten and starts with a full bucket again, which
    helps nobody who can send from so many. The arithmetic is that of `limits.TokenBucket` without its calls, since it
    is done for each datagram.
    """

    __slots__ = ("_burst", "_meters", "_most", "_rate")

    def __init__(self, flood: Flood, most: int = _MOST) -> None:
        self._rate = flood.per_second
        self._burst = flood.burst
        self._most = most
        self._meters: OrderedDict[str, _Meter] = OrderedDict()

    def use(self, flood: Flood) -> None:
        """Take another rate from now on; nobody starts with more than the new burst."""
        self._rate = flood.per_second
        self._burst = flood.burst
        for meter in self._meters.values():
            meter.beyond = 0

    def take(self, source: str, now: float) -> bool:
        """Let one message of a source pass, or say that it is too much."""
        if not self._rate:
            return True
        meter = self._meters.get(source)
        if meter is None:
            meter = self._add(source, now)
        else:
            self._meters.move_to_end(source)
        elapsed = now - meter.seen
        if elapsed > 0:
            meter.left += elapsed * self._rate
        meter.seen = now
        if meter.left > self._burst:
            meter.left = self._burst
        if meter.left < 1:
            meter.beyond += 1
            return False
        meter.left -= 1
        if meter.beyond and 2 * meter.left >= self._burst:
            meter.beyond = 0
        return True

    def goes_on(self, source: str) -> bool:
        """Whether a source has just sent, without a pause, as much beyond its rate as it may at once, or twice that."""
        meter = self._meters.get(source)
        return meter is not None and meter.beyond > 0 and meter.beyond % self._burst == 0

    def __len__(self) -> int:
        """How many sources are remembered."""
        return len(self._meters)

    def _add(self, source: str, now: float) -> _Meter:
        meter = self._meters[source] = _Meter(self._burst, now)
        if len(self._meters) > self._most:
            self._meters.popitem(last=False)
        return meter
