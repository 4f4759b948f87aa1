"""So many NOTIFYs a second and no more, whatever changes how often (F-16)."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from rustalk.security.limits import TokenBucket

__all__ = ["Pace", "Speaker"]

log = Logger()

_PAUSE = 0.02
"""Seconds between two looks at the line while it moves."""
_BATCH = 500
"""How many are asked at once: who has nothing to say any more takes time too."""


class Speaker(Protocol):
    """Who waits to say something. It stands in the line once, however often it has reason to."""

    def turn(self) -> bool:
        """Say it now; False where there is nothing to say any more."""


class Pace:
    """A line of speakers, first come first served: ``per_second`` of them in a second, at most a tenth more at once.

    Nobody is asked before whatever made them wait is done, so that they say what is so then.
    """

    def __init__(self, clock: IReactorTime, per_second: float) -> None:
        self._clock = clock
        self._bucket = TokenBucket(per_second, max(1.0, per_second / 10), clock.seconds())
        self._line: deque[Speaker] = deque()
        self._next: IDelayedCall | None = None

    def ask(self, speaker: Speaker) -> None:
        """Wait for a turn."""
        self._line.append(speaker)
        if self._next is None:
            self._next = self._clock.callLater(0, self._move)

    def __len__(self) -> int:
        return len(self._line)

    def _move(self) -> None:
        now = self._clock.seconds()
        for _ in range(min(_BATCH, len(self._line))):
            if self._bucket.wait(now):
                break
            if self._listen(self._line.popleft()):
                self._bucket.take(now)
        wait = max(_PAUSE, self._bucket.wait(now))
        self._next = self._clock.callLater(wait, self._move) if self._line else None

    def _listen(self, speaker: Speaker) -> bool:
        try:
            return speaker.turn()
        except Exception:
            log.failure("A notification could not be sent")
            return True
