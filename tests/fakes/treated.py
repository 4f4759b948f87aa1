"""A treated stream of the userspace relay with two parties on loopback, and virtual time."""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.defer import gatherResults, maybeDeferred
from twisted.internet.task import Clock

from rustalk.media.latch import Latching
from rustalk.media.offload import Offload
from rustalk.media.ports import PortPool
from rustalk.media.relay import Relay, Stream
from rustalk.rtp.srtp import KEY_SIZES, KeyMaterial
from rustalk.rtp.treatment import Treatment
from tests.fakes.party import Party
from tests.fakes.streams import opened

__all__ = ["CALLEE", "CALLER", "PLAIN", "SUITE", "TreatedCall", "key"]

CALLER, CALLEE = 0, 1
SUITE = "AES_CM_128_HMAC_SHA1_80"
PLAIN = Treatment()
HOST = "127.0.0.1"


def key(number: int, suite: str = SUITE) -> KeyMaterial:
    """A key that is told from others by its number."""
    return KeyMaterial(suite, bytes([number]) * KEY_SIZES[suite])


class TreatedCall:
    """The stream, its two parties and the digits it has told. ``close`` asserts that nothing is left of it."""

    def __init__(
        self,
        *,
        latching: Latching = "strict",
        timeout: float | None = None,
        treated: bool = True,
        offload: Offload | None = None,
    ) -> None:
        self.clock = Clock()
        self.pool = PortPool(24000, 24999)
        self.relay = Relay(
            reactor,
            self.pool,
            clock=self.clock,
            bind_addresses={4: HOST},
            latching=latching,
            timeout=timeout,
            offload=offload,
        )
        self.stream: Stream = opened(self.relay.open((4, 4), treated=treated))
        self.parties: list[Party] = []
        self.caller, self.callee = self.party(), self.party()
        self.digits: list[tuple[int, str, int]] = []
        self.stream.on_digit = lambda *digit: self.digits.append(digit)

    def party(self, host: str = HOST) -> Party:
        """One more of those who send and receive."""
        self.parties.append(Party(host))
        return self.parties[-1]

    def connect(self, caller: Treatment | None, callee: Treatment | None) -> None:
        """Let the two talk, RTCP on the RTP port."""
        self.stream.treat(None if caller is None or callee is None else (caller, callee))
        for side, party in ((CALLER, self.caller), (CALLEE, self.callee)):
            self.stream.expect(side, party.address, party.address)

    def port(self, side: int) -> tuple[str, int]:
        """Where this side sends RTP to."""
        return self.stream.local(side)[:2]

    def say(self, side: int, *datagrams: bytes) -> None:
        """Let this side's party send."""
        (self.caller, self.callee)[side].send(datagrams, to=self.port(side))

    async def close(self) -> None:
        """End it all; no port and no timer may be left."""
        self.relay.close()
        await gatherResults([maybeDeferred(party.stop) for party in self.parties])
        assert (self.pool.leased, self.clock.getDelayedCalls()) == (0, [])
