"""SRTP from the simulator's side: a tone sent every 20 ms, and each packet that comes in verified.

A packet counts as verified when its authentication tag is right and its audio is the peer's tone. RTCP goes out once a
second on its own port and is verified in the same way. Addresses are those of the session description: nothing is
learned, so a relay that sends from elsewhere is noticed.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from twisted.internet import interfaces, protocol
from twisted.internet.address import IPv4Address
from twisted.internet.defer import maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.task import LoopingCall

from rustalk.rtp.g711 import decode
from rustalk.rtp.packet import MalformedPacketError, Packet, parse
from rustalk.rtp.rtcp import SenderReport, SourceDescription, build_compound, ntp_time, parse_compound
from rustalk.rtp.srtp import KeyMaterial, ProtectionError, Receiver, Sender, Suite
from rustalk.rtp.tone import FRAME_SAMPLES, frames, presence

__all__ = ["CARRIER_TONE", "TEAMS_TONE", "Audio", "MediaCounts", "SrtpEnd"]

TEAMS_TONE = 440
CARRIER_TONE = 1000
SUITE: Suite = "AES_CM_128_HMAC_SHA1_80"
FRAME = 0.02
RTCP_INTERVAL = 1.0
ATTEMPTS = 50
DATAGRAM = 8192
PCMU = 0


@dataclass(frozen=True, slots=True)
class MediaCounts:
    """What one end has sent and received.

    ``early``: came before the description that names its source. ``late``: came from where an earlier description had
    put the peer. ``forged``: wrong authentication tag. ``foreign``: not the peer's tone. ``stray``: from an address
    that no description named, RTP or RTCP.
    """

    sent: int = 0
    received: int = 0
    early: int = 0
    late: int = 0
    verified: int = 0
    forged: int = 0
    foreign: int = 0
    stray: int = 0
    lost: int = 0
    rtcp_sent: int = 0
    rtcp_verified: int = 0
    rtcp_forged: int = 0

    @property
    def good(self) -> bool:
        """Whether audio came, and nothing but the peer's audio."""
        return self.verified > 0 and not (self.forged or self.foreign or self.stray or self.rtcp_forged)


@dataclass(frozen=True, slots=True)
class Audio:
    """Where to send, and with which keys: one direction each. Ports in UDP, addresses numeric."""

    address: str
    port: int
    rtcp_port: int
    inbound: KeyMaterial

    @property
    def sources(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Where RTP and RTCP must come from."""
        return (self.address, self.port), (self.address, self.rtcp_port)


_Take = Callable[[bytes, tuple[str, int]], None]


class _Port(protocol.DatagramProtocol):
    """One UDP socket that hands each datagram on."""

    noisy = False

    def __init__(self, taken: _Take) -> None:
        self._taken = taken

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        self._taken(datagram, (addr[0], addr[1]))

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        """Send one datagram."""
        if self.transport is not None:
            self.transport.write(data, to)


class SrtpEnd:
    """One end of an SRTP stream, with a key of its own and a pair of UDP ports.

    ``tone`` and ``expected`` are in Hz. ``now`` gives the Unix time for RTCP. ``carry`` and ``carry_control`` send a
    packet that is ready; replace them to lose, delay or change packets on their way.
    """

    def __init__(
        self,
        reactor: interfaces.IReactorUDP,
        clock: interfaces.IReactorTime,
        address: str,
        *,
        tone: int,
        expected: int,
        now: Callable[[], float],
    ) -> None:
        self.address = address
        self.key = KeyMaterial(SUITE, secrets.token_bytes(30))
        self._clock = clock
        self._now = now
        self._expected = expected
        self._frames = frames(tone)
        self._sender = Sender(self.key)
        self._receivers: dict[bytes, Receiver] = {}
        self._receiver: Receiver | None = None
        self._audio: Audio | None = None
        self._former: set[tuple[str, int]] = set()
        self._strays: Counter[tuple[str, int]] = Counter()
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(15)
        self._timestamp = secrets.randbits(32)
        self._counts = dict.fromkeys(MediaCounts.__dataclass_fields__, 0)
        self._first: int | None = None
        self._highest = 0
        self.carry: Callable[[bytes], None] = self._send
        self.carry_control: Callable[[bytes], None] = self._send_control
        sockets, self._listening = _listen_pair(reactor, address, (self.rtp_received, self.rtcp_received))
        self._rtp, self._rtcp = sockets
        self.port = cast(IPv4Address, self._listening[0].getHost()).port
        self.rtcp_port = self.port + 1
        self._speaking = LoopingCall(self._speak)
        self._reporting = LoopingCall(self._report)
        self._speaking.clock = self._reporting.clock = clock

    def crypto(self, tag: int) -> str:
        """The value of the a=crypto line that announces this end's key."""
        return f"{tag} {SUITE} {self.key.inline()}|2^31"

    @property
    def counts(self) -> MediaCounts:
        """What has been sent and received so far."""
        return MediaCounts(**self._counts)

    def connect(self, audio: Audio) -> None:
        """Send to here and accept from here, from now on; a key met before keeps its rollover counter (MED-05)."""
        if self._audio is not None:
            self._former.update(self._audio.sources)
        self._audio = audio
        for source in audio.sources:
            hasty = self._strays.pop(source, 0)
            self._counts["stray"] -= hasty
            self._counts["early"] += hasty
        secret = audio.inbound.secret
        if secret not in self._receivers:
            self._receivers[secret] = Receiver(audio.inbound)
        self._receiver = self._receivers[secret]

    def expect(self, frequency: int) -> None:
        """The tone in Hz that counts as the peer's from now on."""
        self._expected = frequency

    def speak(self) -> None:
        """Begin to send, or go on."""
        for loop, interval in ((self._speaking, FRAME), (self._reporting, RTCP_INTERVAL)):
            if not loop.running:
                loop.start(interval)

    def hush(self) -> None:
        """Send no RTP until told to speak again; RTCP goes on (MED-11)."""
        if self._speaking.running:
            self._speaking.stop()

    async def close(self) -> None:
        """Give the ports back."""
        self.hush()
        if self._reporting.running:
            self._reporting.stop()
        for port in self._listening:
            await maybeDeferred(port.stopListening)

    def _send(self, data: bytes) -> None:
        if self._audio is not None:
            self._rtp.send(data, (self._audio.address, self._audio.port))

    def _send_control(self, data: bytes) -> None:
        if self._audio is not None:
            self._rtcp.send(data, (self._audio.address, self._audio.rtcp_port))

    def _speak(self) -> None:
        if self._audio is None:
            return
        packet = Packet(PCMU, self._sequence, self._timestamp, self._ssrc, next(self._frames))
        self.carry(self._sender.protect(packet.build()))
        self._sequence += 1
        self._timestamp += FRAME_SAMPLES
        self._counts["sent"] += 1

    def _report(self) -> None:
        if self._audio is None:
            return
        report = SenderReport(
            self._ssrc,
            ntp_time(self._now()),
            self._timestamp,
            self._counts["sent"],
            self._counts["sent"] * FRAME_SAMPLES,
        )
        name = SourceDescription(((self._ssrc, ((1, b"simulator"),)),))
        self.carry_control(self._sender.protect_control(build_compound((report, name))))
        self._counts["rtcp_sent"] += 1

    def rtp_received(self, data: bytes, source: tuple[str, int]) -> None:
        """Verify and count one datagram of the RTP port."""
        self._counts["received"] += 1
        receiver = self._expected_from(source, 0)
        if receiver is None:
            return
        try:
            packet = parse(receiver.verify(data))
        except (ProtectionError, MalformedPacketError):
            self._counts["forged"] += 1
            return
        self._count_lost(packet.sequence)
        right = packet.payload_type == PCMU and presence(decode(packet.payload), self._expected) > 0.9
        self._counts["verified" if right else "foreign"] += 1

    def _expected_from(self, source: tuple[str, int], component: int) -> Receiver | None:
        """What verifies a datagram from here; None, and counted, for one that is out of time or out of place."""
        if self._audio is None:
            self._counts["early"] += 1
        elif source == self._audio.sources[component]:
            return self._receiver
        elif source in self._former:
            self._counts["late"] += 1
        else:
            self._counts["stray"] += 1
            self._strays[source] += 1
        return None

    def _count_lost(self, sequence: int) -> None:
        """Follow the sequence numbers: a gap counts as lost, a late packet takes one back."""
        if self._first is None:
            self._first = self._highest = sequence
            return
        ahead = (sequence - self._highest) & 0xFFFF
        if ahead < 0x8000:
            self._counts["lost"] += ahead - 1
            self._highest = sequence
        elif self._counts["lost"]:
            self._counts["lost"] -= 1

    def rtcp_received(self, data: bytes, source: tuple[str, int]) -> None:
        """Verify and count one datagram of the RTCP port."""
        receiver = self._expected_from(source, 1)
        if receiver is None:
            return
        try:
            parse_compound(receiver.verify_control(data))
        except (ProtectionError, MalformedPacketError):
            self._counts["rtcp_forged"] += 1
            return
        self._counts["rtcp_verified"] += 1


def _listen_pair(
    reactor: interfaces.IReactorUDP, address: str, take: tuple[_Take, _Take]
) -> tuple[tuple[_Port, _Port], tuple[interfaces.IListeningPort, interfaces.IListeningPort]]:
    """An even port and the odd one after it, and what reads them.

    Each attempt has protocols of its own, since a port lets go of its protocol only later. Raises CannotListenError
    when many attempts met a taken port.
    """
    attempts = ATTEMPTS
    while True:
        port = 20000 + 2 * secrets.randbelow(20000)
        attempts -= 1
        rtp, rtcp = _Port(take[0]), _Port(take[1])
        try:
            first = reactor.listenUDP(port, rtp, address, DATAGRAM)
        except CannotListenError:
            if not attempts:
                raise
            continue
        try:
            return (rtp, rtcp), (first, reactor.listenUDP(port + 1, rtcp, address, DATAGRAM))
        except CannotListenError:
            first.stopListening()
            if not attempts:
                raise
