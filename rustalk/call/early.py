"""What a caller hears before the answer (RNG-01, RNG-02, RNG-03)."""

from __future__ import annotations

from collections.abc import Callable

from rustalk.media.session import MediaSession
from rustalk.ua.timeouts import Timeout, Timeouts

__all__ = ["EarlyMedia"]

_LOOK = 0.1
_NOT_RINGING = (181, 182)
"""Forwarded and queued (HDR-14): worth telling, but nobody hears a ring because of them."""


class EarlyMedia:
    """Passes 18x on by the trunk's policy.

    ``first``: the first 18x crosses, without a session description until audio really arrives from the called side,
    since a 183 with silent media would take the caller's own ringback away. ``pass``: all cross as they are. ``ring``:
    always 180 without one. ``rang`` tells whether the called side has sent any 18x, after which no other host is tried.
    """

    __slots__ = ("_media", "_policy", "_ring", "_rings", "_timeouts", "_waiting", "_watch", "rang")

    def __init__(
        self, policy: str, media: MediaSession, timeouts: Timeouts, ring: Callable[[int, bytes], None]
    ) -> None:
        self._policy = policy
        self._media = media
        self._timeouts = timeouts
        self._ring = ring
        self._waiting = b""
        self._watch: Timeout | None = None
        self._rings = False
        self.rang = False

    def progress(self, status: int, body: bytes) -> None:
        """The called side sent an 18x with this description (already turned for the caller), or without one."""
        self.rang = True
        if self._policy == "pass" or self._media.direct or status in _NOT_RINGING:
            self._ring(status, body)
            return
        if self._policy == "first" and body:
            self._waiting = body
            if self._watch is None:
                self._watch = self._timeouts.start(_LOOK, self._look)
        if not self._rings:
            self._rings = True
            self._ring(180 if body or self._policy == "ring" else status, b"")

    def stop(self) -> None:
        """The answer is here, or there will be none."""
        if self._watch is not None:
            self._watch.cancel()

    def _look(self) -> None:
        if any(callee.packets for _, callee in self._media.statistics()):
            self._ring(183, self._waiting)
        else:
            self._watch = self._timeouts.start(_LOOK, self._look)
