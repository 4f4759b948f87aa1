"""How many calls a trunk takes, and how fast: beyond it the caller hears 503 and goes elsewhere (FO-09)."""

from __future__ import annotations

from collections.abc import Callable

from rustalk.security.limits import bucket

__all__ = ["Limit"]


class Limit:
    """Counts the calls of one trunk, those that came from it as well as those that go to it.

    ``max_calls`` 0 and ``max_cps`` 0 are no limit; new calls a second may come at once, in a burst of a second's worth.
    ``now`` gives seconds that never run backwards. Whatever was taken or admitted must be released once.
    """

    __slots__ = ("_bucket", "_max_calls", "_now", "calls")

    def __init__(self, max_calls: int, max_cps: float, now: Callable[[], float]) -> None:
        self._max_calls = max_calls
        self._now = now
        self._bucket = bucket(max_cps, now())
        self.calls = 0

    def allow(self, max_calls: int, max_cps: float) -> None:
        """Take so many calls from now on; those there are go on and count."""
        self._max_calls = max_calls
        self._bucket = bucket(max_cps, self._now())

    def admit(self) -> str:
        """Ask for a call to the trunk: '' when it may begin, and counts, else the code of the reason why not."""
        if 0 < self._max_calls <= self.calls:
            return "trunk_full"
        if self._bucket is not None and not self._bucket.take(self._now()):
            return "trunk_too_fast"
        self.calls += 1
        return ""

    def refusal(self) -> str:
        """What `admit` would answer now; nothing is counted."""
        if 0 < self._max_calls <= self.calls:
            return "trunk_full"
        return "trunk_too_fast" if self._bucket is not None and self._bucket.wait(self._now()) > 0 else ""

    def barred(self) -> str:
        """Calls from the trunk are never refused for its own number of calls."""
        return ""

    def take(self) -> None:
        """Count a call from the trunk, which is not asked for."""
        self.calls += 1

    def release(self) -> None:
        """A call that was admitted or taken is over."""
        self.calls -= 1
