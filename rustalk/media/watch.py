"""Notices what callers complain about: one side that is not heard, and a call in which nobody is heard any more."""

from __future__ import annotations

from collections.abc import Sequence

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

    def missing(self, heard: Sequence[float | None], now: float) -> int | None:
        """The side that turned out to be missing just now. ``heard`` says when each side's last RTP packet came."""
        if self._since is None or self._one_way_after is None:
            return None
        for side in (0, 1):
            self._note_speech(side, heard[side], now, self._since, self._one_way_after)
        for side in (0, 1):
            if self._turned_missing(side, now, self._since, self._one_way_after):
                self._missing[side] = True
                return side
        return None

    def _note_speech(self, side: int, heard: float | None, now: float, since: float, after: float) -> None:
        if heard is None or heard < since or now - heard >= after:
            self._speaking_since[side] = None
        else:
            self._missing[side] = False
            if self._speaking_since[side] is None:
                self._speaking_since[side] = heard

    def _turned_missing(self, side: int, now: float, since: float, after: float) -> bool:
        other = self._speaking_since[1 - side]
        if self._missing[side] or self._speaking_since[side] is not None or other is None:
            return False
        return now - other >= after and now - since >= after

    def fell_silent(self, heard: float | None, now: float) -> bool:
        """Whether the stream turned out to be silent just now. ``heard`` says when anything last came from anyone."""
        if self._since is None or self._silent_after is None:
            return False
        silent = now - max(self._since, heard or self._since) >= self._silent_after
        turned = silent and not self._silent
        self._silent = silent
        return turned
