"""The figures that the machinery adds up while it works: plain integers, no locks, no names looked up."""

from __future__ import annotations

__all__ = ["Counters"]

_DAY = 86400


class Counters:
    """What the process has done since its start. The parts hold this object and write ``counters.messages_in += 1``."""

    __slots__ = (
        "_day",
        "_today",
        "bytes_in",
        "bytes_out",
        "calls",
        "calls_answered",
        "media_bytes",
        "media_packets",
        "messages_in",
        "messages_malformed",
        "messages_out",
        "messages_stray",
        "refused",
        "retransmissions",
    )

    def __init__(self) -> None:
        self.messages_in = 0
        self.messages_out = 0
        self.messages_malformed = 0
        self.messages_stray = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.retransmissions = 0
        self.calls = 0
        self.calls_answered = 0
        self.media_packets = 0
        self.media_bytes = 0
        self.refused: dict[str, int] = {}
        self._day = 0
        self._today = 0

    def call(self, now: float) -> None:
        """Count a new call; ``now`` in seconds since the epoch."""
        self.calls += 1
        self._turn(now)
        self._today += 1

    def calls_today(self, now: float) -> int:
        """The calls since midnight UTC."""
        self._turn(now)
        return self._today

    def refuse(self, reason: str) -> None:
        """Count a refusal under its reason code, a word of our own registry and never of the peer."""
        self.refused[reason] = self.refused.get(reason, 0) + 1

    def _turn(self, now: float) -> None:
        day = int(now // _DAY)
        if day != self._day:
            self._day = day
            self._today = 0
