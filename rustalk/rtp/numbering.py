"""Sequence numbers of one source on their way through a translator that leaves packets out and puts others in.

RFC 3550 section 7.2 has a translator keep what a receiver reads from the numbers true. A packet that we leave out on
purpose is no loss, so those after it move up and the receiver sees none; a packet that was lost before it reached us
stays a gap. SRTP needs the same: no number is used twice, and none jumps.
"""

from __future__ import annotations

from collections import deque

__all__ = ["Numbering"]

MAX_DROPOUT = 3000
"""A number this far ahead is no loss but a new beginning (RFC 3550 appendix A.1)."""

MAX_MISORDER = 100
"""A number this far behind is no late packet but a new beginning."""

CHANGES = 64
"""How many changes of the shift are remembered, to number packets that come late."""


class Numbering:
    """What each number that comes becomes. Numbers are extended: they count on beyond 16 bits.

    ``highest`` is the latest that came and ``shift`` what is added to it. ``packets`` and ``octets`` say how much more
    goes out than came in, beside what was lost: negative where more is left out than put in.
    """

    __slots__ = ("_changes", "_full", "highest", "octets", "packets", "shift")

    def __init__(self, first: int) -> None:
        """``first`` is the number of the first packet; it keeps it."""
        self.highest = first - 1
        self.shift = 0
        self.packets = self.octets = 0
        self._changes: deque[tuple[int, int]] = deque([(first - MAX_MISORDER, 0)], CHANGES)

    def place(self, sequence: int) -> int | None:
        """The number that a packet goes on with; None for one too late to say."""
        extended = self._extend(sequence)
        if extended > self.highest:
            self.highest = extended
            return extended + self.shift & 0xFFFF
        for since, shift in reversed(self._changes):
            if since <= extended:
                return extended + shift & 0xFFFF
        return None

    def leave_out(self, sequence: int, octets: int) -> None:
        """A packet with so many octets of payload goes no further. A late one leaves a gap."""
        self.packets -= 1
        self.octets -= octets
        extended = self._extend(sequence)
        if extended > self.highest:
            self.highest = extended
            self._change(self.shift - 1)

    def insert(self, octets: int) -> int:
        """The number of a packet of our own, after all that have gone out."""
        self.packets += 1
        self.octets += octets
        self._change(self.shift + 1)
        return self.highest + self.shift & 0xFFFF

    def _change(self, shift: int) -> None:
        self.shift = shift
        self._changes.append((self.highest + 1, shift))

    def _extend(self, sequence: int) -> int:
        ahead = (sequence - self.highest) & 0xFFFF
        if ahead > 0x10000 - MAX_MISORDER:
            return self.highest - (0x10000 - ahead)
        extended = self.highest + ahead
        if ahead >= MAX_DROPOUT:
            self._begin(extended)
        return extended

    def _begin(self, extended: int) -> None:
        """Let what goes out continue although what comes has jumped."""
        following = self.highest + self.shift + 1
        self.highest = extended - 1
        self._change(following - extended)
