"""How many things happened lately: a window that slides with the time."""

from __future__ import annotations

from collections import deque

__all__ = ["Window"]

_PARTS = 4096


class Window:
    """Counts within the last ``length`` seconds.

    Moments are taken together to the second, or to the 4096th part of a longer window, so that a long window with many
    events stays small; one that began within the window counts whole, which errs on the side of the limit.
    """

    __slots__ = ("_counts", "_length", "_part", "_total")

    def __init__(self, length: float) -> None:
        self._length = length
        self._part = max(1.0, length / _PARTS)
        self._counts: deque[tuple[int, int]] = deque()
        self._total = 0

    def count(self, now: float) -> int:
        """How many there were in the window that ends ``now``, in seconds."""
        while self._counts and (self._counts[0][0] + 1) * self._part <= now - self._length:
            self._total -= self._counts.popleft()[1]
        return self._total

    def add(self, now: float) -> None:
        """One more."""
        self.count(now)
        part = int(now // self._part)
        if self._counts and self._counts[-1][0] >= part:
            last, several = self._counts.pop()
            self._counts.append((last, several + 1))
        else:
            self._counts.append((part, 1))
        self._total += 1

    def ends(self) -> float:
        """When the oldest that still counts leaves the window; 0 where nothing counts."""
        return (self._counts[0][0] + 1) * self._part + self._length if self._counts else 0.0
