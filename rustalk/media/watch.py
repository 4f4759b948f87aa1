"""Notices what callers complain about: one side that is not heard, and a call in which nobody is heard any more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["Watch"]


class Watch:
    """Looks now and then at when each side was last heard. All times are seconds of one clock.

    A side is missing when it has not been heard for ``one_way_after`` seconds in which the other one spoke. The stream
    is silent when nothing at all was heard for ``silent_after`` seconds. Each is told once, and again only after the
    side, or anyone, was heard in between. None for either turns that check off.
    """

    __slots__ = ("_missing", "_one_way_after", "_silent", "_silent_after", "_since", "_speaking_since")

    def __init__(self, one_way_after: float | None, silent_after: float | None) -> None:
        """Start switched off."""
        self._one_way_after = one_way_after
        self._silent_after = silent_after
        self._since: float | None = None
        self.stop()

    def start(self, now: float) -> None:
        """Expect both sides to be heard from now on. Nothing changes when that was so already."""
        if self._since is None:
            self._since = now

    def stop(self) -> None:
        """Expect nothing, for instance on hold; what was noticed is forgotten."""
        self._since = None
        self._missing: list[bool] = [False, False]
        self._speaking_since: list[float | None] = [None, None]
        self._silent = False

    @property
    def active(self) -> bool:
        """Whether anything is expected now."""
        return self._since is not None

    def missing(self, heard: Sequence[float | None], now: float) -> int | None:
        """The side that turned out to be missing just now. ``heard`` says when each side's last RTP packet came."""
        since, after = self._since, self._one_way_after
        if since is None or after is None:
            return None
        for side in (0, 1):
            last = heard[side]
            if last is None or last < since or now - last >= after:
                self._speaking_since[side] = None
            elif self._speaking_since[side] is None:
                self._speaking_since[side] = last
                self._missing[side] = False
        if None not in self._speaking_since:
            return None
        return next((side for side in (0, 1) if self._turned_missing(side, now - after)), None)

    def _turned_missing(self, side: int, deadline: float) -> bool:
        other = self._speaking_since[1 - side]
        if self._missing[side] or self._speaking_since[side] is not None or other is None or other > deadline:
            return False
        self._missing[side] = True
        return True

    def fell_silent(self, heard: Iterable[float | None], now: float) -> bool:
        """Whether the stream turned out to be silent just now. ``heard`` says when anything last came from anyone."""
        since, after = self._since, self._silent_after
        if since is None or after is None:
            return False
        for last in (since, *heard):
            if last is not None and now - last < after:
                self._silent = False
                return False
        turned = not self._silent
        self._silent = True
        return turned
