"""The timers of RFC 3261 table 4 with those of RFC 6026, in one table. Seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Timers"]


@dataclass(frozen=True, slots=True)
class Timers:
    """T1, T2 and T4, and from them each lettered timer.

    ``t1`` is the estimated round trip, ``t2`` the longest interval between retransmissions of a non-INVITE request or a
    final response, ``t4`` how long a message may stay in the network.

    ``unreliable`` and ``reliable`` give the seconds of each letter on UDP and on TCP, TLS. A, E and G are first
    intervals of retransmissions; a letter with 0 is not started: nothing is retransmitted, nothing waited for.
    """

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0
    unreliable: Mapping[str, float] = field(init=False, repr=False, compare=False)
    reliable: Mapping[str, float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        t1, t4, long = self.t1, self.t4, 64 * self.t1
        table = {
            # letter: (UDP, TCP and TLS)
            "A": (t1, 0.0),  # INVITE again
            "B": (long, long),  # no answer to an INVITE
            "D": (long, 0.0),  # more copies of a final response to INVITE
            "E": (t1, 0.0),  # other request again
            "F": (long, long),  # no final answer to another request
            "G": (t1, 0.0),  # final response to INVITE again
            "H": (long, long),  # no ACK
            "I": (t4, 0.0),  # more copies of the ACK
            "J": (long, 0.0),  # more copies of another request
            "K": (t4, 0.0),  # more copies of its response
            "L": (long, long),  # more copies of an accepted INVITE (RFC 6026)
            "M": (long, long),  # more 2xx, from this branch or another (RFC 6026)
        }
        object.__setattr__(self, "unreliable", {letter: pair[0] for letter, pair in table.items()})
        object.__setattr__(self, "reliable", {letter: pair[1] for letter, pair in table.items()})

    def on(self, reliable: bool) -> Mapping[str, float]:
        """The seconds of each letter on such a transport."""
        return self.reliable if reliable else self.unreliable
