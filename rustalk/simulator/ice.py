"""A Teams client's end of ICE (RFC 8445): a controlling agent that checks, nominates and restarts; or a lite one.

The SBC must be ICE-lite: it answers checks and never sends one (ICE-01, ICE-02).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from .stun import BINDING, CONTROLLING, ERROR, PRIORITY, SUCCESS, USE_CANDIDATE, USERNAME, Stun

__all__ = ["Candidate", "IceAgent", "IcePeer"]

AGAIN = 0.1
HOST_PRIORITY = 2130706431
REFLEXIVE_PRIORITY = 1694498815

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One a=candidate line (RFC 8839 section 5.1)."""

    component: int
    transport: str
    address: str
    port: int
    kind: str

    @classmethod
    def read(cls, value: str) -> Candidate | None:
        """Read what stands behind ``a=candidate:``; None when it cannot be read."""
        words = value.split()
        if len(words) < 8 or not (words[1].isdecimal() and words[5].isdecimal()) or words[6] != "typ":
            return None
        return cls(int(words[1]), words[2].upper(), words[4], int(words[5]), words[7])


@dataclass(frozen=True, slots=True)
class IcePeer:
    """What the other side has described: its fragment and password, its candidates, whether it is ICE-lite."""

    ufrag: str
    password: str = field(repr=False)
    candidates: tuple[Candidate, ...]
    lite: bool


class IceAgent:
    """The agent of one media end. ``send`` writes a datagram from its RTP port, which is at ``place``.

    ``answered`` counts the checks that were answered rightly, ``refused`` the error responses, ``asked`` the checks
    that came to us; ``selected`` is the pair's other end once it is nominated. With ``lite`` nothing is ever checked.
    """

    def __init__(
        self, clock: IReactorTime, place: Place, send: Callable[[bytes, Place], None], *, lite: bool = False
    ) -> None:
        self.lite = lite
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(16)
        self.peer: IcePeer | None = None
        self.answered = 0
        self.refused = 0
        self.asked = 0
        self.mapped: Place = ("", 0)
        self.selected: Place | None = None
        self.final = False
        self._clock = clock
        self._place = place
        self._send = send
        self._pending: dict[bytes, tuple[Place, bool]] = {}
        self._timer: IDelayedCall | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """What stands in our description: fragment, password, candidates; and the chosen pair when it is final."""
        address, port = self._place
        host = f"a=candidate:1 1 UDP {HOST_PRIORITY} {address} {port} typ host"
        credentials = (f"a=ice-ufrag:{self.ufrag}", f"a=ice-pwd:{self.password}")
        if self.lite:
            return (*credentials, host)
        if self.final and self.selected is not None:
            return (*credentials, host, f"a=remote-candidates:1 {self.selected[0]} {self.selected[1]}")
        reflexive = (
            f"a=candidate:2 1 UDP {REFLEXIVE_PRIORITY} 203.0.113.77 {port} typ srflx raddr {address} rport {port}"
        )
        relay = "a=candidate:3 1 TCP-ACT 1684797951 203.0.113.78 9 typ relay raddr 203.0.113.77 rport 9"
        return (*credentials, host, reflexive, relay)

    def restart(self) -> None:
        """Take a new fragment and password (ICE-05); the next description holds them."""
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(16)
        self.peer, self.selected, self.final = None, None, False

    def check(self, peer: IcePeer, *, nominate: bool = False, password: str = "", again: bool = True) -> None:
        """Send a check to each candidate of the peer, and again until one is answered.

        Another ``password`` than the peer's makes a check that must not be answered with success (ICE-02).
        """
        self.peer, answered = peer, self.answered
        for candidate in peer.candidates:
            self._check((candidate.address, candidate.port), nominate, password or peer.password)
        self.stop()
        if again:
            self._timer = self._clock.callLater(AGAIN, self._again, peer, nominate, answered)

    def nominate(self) -> None:
        """Check once more with USE-CANDIDATE: the pair is chosen when this is answered (ICE-03)."""
        if self.peer is not None:
            self.check(self.peer, nominate=True)

    def received(self, data: bytes, source: Place) -> None:
        """Take a STUN message: an answer to a check of ours, or a check of the peer, which is answered."""
        request = Stun.read(data, self.password)
        if request is not None and request.kind == BINDING:
            self.asked += 1
            self._send(request.answer(source).to_bytes(self.password), source)
            return
        transaction = data[8:20]
        if transaction not in self._pending:
            return
        if int.from_bytes(data[:2], "big") == ERROR:
            self.refused += 1
            return
        response = Stun.read(data, self.peer.password if self.peer else "")
        if response is not None and response.kind == SUCCESS:
            self._answered(response, source)

    def stop(self) -> None:
        """Send no more. Stopping twice is harmless."""
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _answered(self, response: Stun, source: Place) -> None:
        place, nominated = self._pending.pop(response.transaction)
        if source != place:
            return
        self.answered += 1
        self.mapped = response.mapped
        if nominated:
            self.selected = place

    def _check(self, place: Place, nominate: bool, password: str) -> None:
        if self.peer is None:
            return
        attributes = [
            (USERNAME, f"{self.peer.ufrag}:{self.ufrag}".encode()),
            (CONTROLLING, secrets.token_bytes(8)),
            (PRIORITY, HOST_PRIORITY.to_bytes(4, "big")),
            (0xC057, b"\0\3\0\0"),  # a network cost, comprehension-optional, as Teams' clients send it
        ]
        if nominate:
            attributes.append((USE_CANDIDATE, b""))
        request = Stun(BINDING, tuple(attributes))
        self._pending[request.transaction] = place, nominate
        self._send(request.to_bytes(password), place)

    def _again(self, peer: IcePeer, nominate: bool, answered: int) -> None:
        self._timer = None
        if self.answered == answered and self.peer is peer:
            self.check(peer, nominate=nominate)
