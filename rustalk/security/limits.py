"""How much is let through: a token bucket."""

from __future__ import annotations

import math

__all__ = ["TokenBucket", "bucket"]


class TokenBucket:
    """Tokens come in at a steady rate up to a burst, and each thing let through takes one.

    The clock is not asked but handed in: ``now`` is in seconds, such as IReactorTime.seconds(). When it is put back, no
    tokens are lost or won, and they go on coming in from then on (F-06). Rate 0 gives only the first burst; an infinite
    rate lets everything through.
    """

    __slots__ = ("_burst", "_rate", "_seen", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        """Start full. ``rate`` is in tokens a second, ``burst`` the most that can be taken at once."""
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._seen = now

    def take(self, now: float, count: float = 1) -> bool:
        """Take ``count`` tokens if they are there; say whether they were."""
        if math.isinf(self._rate):
            return True
        self._fill(now)
        if self._tokens < count:
            return False
        self._tokens -= count
        return True

    def wait(self, now: float, count: float = 1) -> float:
        """Return the seconds until ``count`` tokens are there, infinity where that never comes."""
        if math.isinf(self._rate):
            return 0.0
        self._fill(now)
        missing = count - self._tokens
        if missing <= 0:
            return 0.0
        return missing / self._rate if self._rate > 0 and count <= self._burst else math.inf

    def _fill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + max(0.0, now - self._seen) * self._rate)
        self._seen = now


def bucket(rate: float, now: float) -> TokenBucket | None:
    """A bucket for so many things a second with the burst of one second; None where rate 0 means that all may pass."""
    return TokenBucket(rate, max(1.0, rate), now) if rate else None
