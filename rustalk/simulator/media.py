"""Media from the simulator's side: a tone sent every 20 ms, and each packet that comes in verified.

A packet counts as verified when its authentication tag is right (with SRTP) and its audio is the peer's tone. RTCP goes
out once a second, on its own port or on that of RTP, and is verified in the same way. Addresses are those of the
session description: nothing is learned, so a relay that sends from elsewhere is noticed.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import cast

from twisted.internet import interfaces, protocol
from twisted.internet.address import IPv4Address
from twisted.internet.defer import maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.task import LoopingCall

from rustalk.rtp.g711 import decode
from rustalk.rtp.packet import MalformedPacketError, Packet, is_control, parse
from rustalk.rtp.rtcp import SenderReport, SourceDescription, build_compound, ntp_time, parse_compound
from rustalk.rtp.srtp import KeyMaterial, ProtectionError, Receiver, Sender, Suite
from rustalk.rtp.tone import FRAME_SAMPLES, frames, presence

from .ice import IceAgent
from .stun import is_stun

__all__ = ["CARRIER_TONE", "DATAGRAM", "SUITE", "TEAMS_TONE", "Audio", "MediaCounts", "SrtpEnd"]

TEAMS_TONE = 440
CARRIER_TONE = 1000
SUITE: Suite = "AES_CM_128_HMAC_SHA1_80"
FRAME = 0.02
RTCP_INTERVAL = 1.0
RTP, RTCP = range(2)
"""The components of a stream, by their place in Audio.sources."""
ATTEMPTS = 50
DATAGRAM = 8192
PCMU = 0
COMFORT_NOISE = 13
EVENT = 101
DIGITS = "0123456789*#ABCD"
EVENT_PACKETS = 5
LAST_COPIES = 3
_EVENT = Struct("!BBH")


@dataclass(frozen=True, slots=True)
class MediaCounts:
    """What one end has sent and received.

    ``early``: RTP that came before the description that names its source. ``late``: came from where an earlier
    description had put the peer. ``forged``: wrong authentication tag. ``foreign``: not the peer's tone. ``stray``:
    from an address that no description named, RTP or RTCP. ``events`` are packets of telephone-event, ``noise`` those
    of comfort noise.
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
    events: int = 0
    noise: int = 0
    rtcp_sent: int = 0
    rtcp_verified: int = 0
    rtcp_forged: int = 0

    @property
    def bad(self) -> int:
        """Packets that should not have come, or not so."""
        return self.forged + self.foreign + self.stray + self.rtcp_forged

    @property
    def good(self) -> bool:
        """Whether audio came, and nothing but the peer's audio."""
        return self.verified > 0 and not self.bad


@dataclass(frozen=True, slots=True)
class Audio:
    """Where to send, and the key that arrives: None for plain RTP both ways. Ports in UDP, addresses numeric.

    With ``rtcp_port`` equal to ``port`` RTCP shares the port (RFC 5761). ``event`` is the payload type that the peer
    takes telephone-events with, None when it takes none.
    """

    address: str
    port: int
    rtcp_port: int
    inbound: KeyMaterial | None
    event: int | None = EVENT

    @property
    def muxed(self) -> bool:
        """Whether RTCP shares the port of RTP."""
        return self.rtcp_port == self.port

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


class _Plain:
    """Stands where the keys of SRTP would: plain RTP goes and comes as it is."""

    def protect(self, packet: bytes) -> bytes:
        return packet

    protect_control = verify = verify_control = protect


PLAIN = _Plain()


class SrtpEnd:
    """One end of a stream, with a key of its own and a pair of UDP ports.

    It speaks plain RTP where it is ``plain`` or the peer says so. ``tone`` and ``expected`` are in Hz. ``now`` gives
    the Unix time for RTCP. ``carry`` and ``carry_control`` send a packet that is ready; replace them to lose, delay or
    change packets on their way. ``event`` is the payload type that telephone-events come with, ``digits`` what they
    have dialled so far. ``ice`` gets what is STUN, if set.
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
        plain: bool = False,
    ) -> None:
        self.address = address
        self.plain = plain
        self.event = EVENT
        self.digits = ""
        self.ice: IceAgent | None = None
        self.key = KeyMaterial(SUITE, secrets.token_bytes(30))
        self._clock = clock
        self._now = now
        self._expected = expected
        self._frames = frames(tone)
        self._sender = Sender(self.key)
        self._receivers: dict[bytes, Receiver] = {}
        self._receiver: Receiver | _Plain | None = None
        self._dialled: int | None = None
        self._audio: Audio | None = None
        self._former: set[tuple[str, int]] = set()
        self._strays: Counter[tuple[tuple[str, int], int]] = Counter()
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
        for component, source in enumerate(audio.sources):
            hasty = self._strays.pop((source, component), 0)
            self._counts["stray"] -= hasty
            self._counts["early"] += hasty * (component == RTP)
        self.plain = audio.inbound is None
        self._receiver = PLAIN if audio.inbound is None else self._receiver_for(audio.inbound)

    def rekey(self) -> None:
        """Take a new key of our own; the rollover counter starts at 0 (MED-05)."""
        self.key = KeyMaterial(SUITE, secrets.token_bytes(30))
        self._sender = Sender(self.key)

    def jump(self, sequence: int) -> None:
        """Go on with this sequence number; only before the first packet of a key."""
        self._sequence = sequence

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

    def dial(self, digit: str) -> None:
        """Send one digit as telephone-events (RFC 4733 section 2.5): five packets, the last three times."""
        if self._audio is None or self._audio.event is None:
            return
        event, start = DIGITS.index(digit), self._timestamp
        for number in range(EVENT_PACKETS + LAST_COPIES - 1):
            end, length = number >= EVENT_PACKETS - 1, min(number + 1, EVENT_PACKETS) * FRAME_SAMPLES
            payload = _EVENT.pack(event, 0x80 * end | 10, length)
            self._say(Packet(self._audio.event, self._sequence, start, self._ssrc, payload, marker=not number))
        self._timestamp += EVENT_PACKETS * FRAME_SAMPLES

    def whisper(self) -> None:
        """Send one packet of comfort noise (RFC 3389)."""
        self._say(Packet(COMFORT_NOISE, self._sequence, self._timestamp, self._ssrc, b"\x40"))
        self._timestamp += FRAME_SAMPLES

    def transmit(self, data: bytes, to: tuple[str, int]) -> None:
        """Send one datagram from the RTP port, whatever it is."""
        self._rtp.send(data, to)

    async def close(self) -> None:
        """Give the ports back."""
        self.hush()
        if self.ice is not None:
            self.ice.stop()
        if self._reporting.running:
            self._reporting.stop()
        for port in self._listening:
            await maybeDeferred(port.stopListening)

    def _send(self, data: bytes) -> None:
        if self._audio is not None:
            self._rtp.send(data, (self._audio.address, self._audio.port))

    def _send_control(self, data: bytes) -> None:
        if self._audio is not None:
            socket = self._rtp if self._audio.muxed else self._rtcp
            socket.send(data, (self._audio.address, self._audio.rtcp_port))

    def _speak(self) -> None:
        if self._audio is None:
            return
        self._say(Packet(PCMU, self._sequence, self._timestamp, self._ssrc, next(self._frames)))
        self._timestamp += FRAME_SAMPLES

    def _say(self, packet: Packet) -> None:
        self.carry(self._guard.protect(packet.build()))
        self._sequence += 1
        self._counts["sent"] += 1

    @property
    def _guard(self) -> Sender | _Plain:
        return PLAIN if self.plain else self._sender

    def _receiver_for(self, key: KeyMaterial) -> Receiver:
        if key.secret not in self._receivers:
            self._receivers[key.secret] = Receiver(key)
        return self._receivers[key.secret]

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
        self.carry_control(self._guard.protect_control(build_compound((report, name))))
        self._counts["rtcp_sent"] += 1

    def rtp_received(self, data: bytes, source: tuple[str, int]) -> None:
        """Verify and count one datagram of the RTP port."""
        if self.ice is not None and is_stun(data):
            self.ice.received(data, source)
            return
        if self._audio is not None and self._audio.muxed and len(data) > 1 and is_control(data[1]):
            self.rtcp_received(data, source)
            return
        self._counts["received"] += 1
        receiver = self._expected_from(source, RTP)
        if receiver is None:
            return
        try:
            packet = parse(receiver.verify(data))
        except (ProtectionError, MalformedPacketError):
            self._counts["forged"] += 1
            return
        self._count_lost(packet.sequence)
        self._counts[self._kind(packet)] += 1

    def _kind(self, packet: Packet) -> str:
        """What a packet that verified is: the peer's tone, a telephone-event, comfort noise, or nothing of the peer."""
        if packet.payload_type == self.event and len(packet.payload) == _EVENT.size:
            self._note_event(packet)
            return "events"
        if packet.payload_type == COMFORT_NOISE:
            return "noise"
        right = packet.payload_type == PCMU and presence(decode(packet.payload), self._expected) > 0.9
        return "verified" if right else "foreign"

    def _note_event(self, packet: Packet) -> None:
        """An event counts once, by its timestamp, when its end is told."""
        event, flags, _ = _EVENT.unpack(packet.payload)
        if flags & 0x80 and packet.timestamp != self._dialled and event < len(DIGITS):
            self._dialled = packet.timestamp
            self.digits += DIGITS[event]

    def _expected_from(self, source: tuple[str, int], component: int) -> Receiver | _Plain | None:
        """What verifies a datagram from here; None, and counted, for one that is out of time or out of place."""
        if self._audio is None:
            self._counts["early"] += component == RTP
        elif source == self._audio.sources[component]:
            return self._receiver
        elif source in self._former:
            self._counts["late"] += 1
        else:
            self._counts["stray"] += 1
            self._strays[source, component] += 1
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
        receiver = self._expected_from(source, RTCP)
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
