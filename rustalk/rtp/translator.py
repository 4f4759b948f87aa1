"""One direction of a treated stream: a packet of one side becomes the packet that the other side gets.

RFC 3550 section 7.2 calls this a translator: the source (SSRC) and its timestamps stay, payload types, keys and
sequence numbers may change. A Translator is told what comes and when; who sends and receives is not its business.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from struct import Struct
from typing import TypeVar

from rustalk.rtp.digits import DIGITS, EventListener, Frame, event_frames, parse_event
from rustalk.rtp.dtmf import ToneListener, tone_frames
from rustalk.rtp.g711 import LAWS
from rustalk.rtp.numbering import Numbering
from rustalk.rtp.packet import HEADER, MalformedPacketError, Packet, parse
from rustalk.rtp.rtcp import (
    ControlPacket,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    build_compound,
    parse_compound,
)
from rustalk.rtp.srtp import KeyMaterial, Receiver, Sender
from rustalk.rtp.statistics import CLOCK_RATES, DEFAULT_CLOCK_RATE
from rustalk.rtp.treatment import Treatment

__all__ = ["FRAME", "Translator"]

FRAME = 0.02
"""Seconds between two turns of dialling."""

QUEUE = 64
"""Digits that wait to be dialled at most."""

SOURCES = 16
"""Sources whose numbering is remembered."""

_OUT = -1  # in the table of payload types: goes no further
_second_and_sequence = Struct("!BH").pack_into
_unpack = HEADER.unpack_from
_End = TypeVar("_End", Receiver, Sender)


@dataclass(frozen=True, slots=True)
class _Dialling:
    """The digit that is being sent, and the place in the stream where it began."""

    frames: Iterator[Frame | None]
    ssrc: int
    numbering: Numbering
    timestamp: int


class Translator:
    """What is done to the packets of one side on their way to the other.

    ``on_digit`` is called with each digit that this side dials and its milliseconds, where its treatment says that they
    are taken out.
    """

    __slots__ = (
        "_clock_rates",
        "_dialling",
        "_events",
        "_heard",
        "_identity",
        "_listens",
        "_missed",
        "_numbering",
        "_numberings",
        "_queue",
        "_receivers",
        "_senders",
        "_source",
        "_ssrc",
        "_stamped",
        "_table",
        "_target",
        "_timestamp",
        "_tones",
        "_type",
        "on_digit",
        "receiver",
        "sender",
    )

    def __init__(self) -> None:
        """Change nothing, until ``treat`` says otherwise."""
        self.on_digit: Callable[[str, int], None] = _ignore
        self.receiver: Receiver | None = None
        self.sender: Sender | None = None
        self._receivers: deque[tuple[KeyMaterial, Receiver]] = deque(maxlen=2)
        self._senders: deque[tuple[KeyMaterial, Sender]] = deque(maxlen=2)
        self._missed: tuple[int, int] | None = None
        self._source = self._target = Treatment()
        self._clock_rates: Mapping[int, int] = CLOCK_RATES
        self._table = list(range(128))
        self._listens = False
        self._events = EventListener(self._tell)
        self._tones = ToneListener(self._tell)
        self._numberings: dict[int, Numbering] = {}
        self._ssrc = -1
        self._numbering = Numbering(0)
        self._timestamp, self._stamped, self._type = 0, 0.0, 0
        self._queue: deque[tuple[str, int]] = deque()
        self._dialling: _Dialling | None = None

    def treat(self, source: Treatment, target: Treatment) -> None:
        """Say how this side, and how the other one, is to be treated.

        Raises UnusableKeyError, and changes nothing then. A key that stays keeps its rollover counter, and so does the
        one before it: an offer that was refused puts it in force again. Any other begins at 0 (MED-05).
        """
        receiver = _recall(self._receivers, source.receive, self._make_receiver)
        sender = _recall(self._senders, target.send, Sender)
        self.receiver, self.sender = receiver, sender
        self._source, self._target = source, target
        self._table = _table(source)
        self._listens = source.digits == "tones"

    def miss(self, ssrc: int, rollovers: int) -> None:
        """Say that this side's source was carried past us until now, see Receiver.miss; before ``treat``."""
        self._missed = ssrc, rollovers

    def _make_receiver(self, key: KeyMaterial) -> Receiver:
        receiver = Receiver(key)
        if self._missed is not None:
            receiver.miss(*self._missed)
        return receiver

    @property
    def treatments(self) -> tuple[Treatment, Treatment]:
        """Those of this side and of the other one, as last told."""
        return self._source, self._target

    def close(self) -> None:
        """Let go of the keys, and of whoever is told of digits; nothing may be translated after that."""
        self.receiver = self.sender = None
        self._receivers.clear()
        self._senders.clear()
        self._source = self._target = Treatment()
        self._dialling = None
        self._queue.clear()
        self.on_digit = _ignore
        self._events, self._tones = EventListener(_ignore), ToneListener(_ignore)

    def set_clock_rates(self, clock_rates: Mapping[int, int]) -> None:
        """Say the RTP clock rates in Hz of the payload types that this side sends."""
        self._clock_rates = {**CLOCK_RATES, **clock_rates}

    def verify(self, datagram: bytes) -> bytes:
        """The RTP packet in what came from this side. Raises ProtectionError."""
        return datagram if self.receiver is None else self.receiver.verify(datagram)

    def verify_control(self, datagram: bytes) -> bytes:
        """The RTCP packet in what came from this side. Raises ProtectionError."""
        return datagram if self.receiver is None else self.receiver.verify_control(datagram)

    def protect(self, packet: bytes) -> bytes:
        """What to send to the other side for an RTP packet. Raises ProtectionError."""
        return packet if self.sender is None else self.sender.protect(packet)

    def protect_control(self, packet: bytes) -> bytes:
        """What to send to the other side for an RTCP packet. Raises ProtectionError."""
        return packet if self.sender is None else self.sender.protect_control(packet)

    def translate(self, packet: bytes, now: float) -> bytes | None:
        """The RTP packet that the other side gets for a verified one, before encryption; None: it gets none."""
        _, second, sequence, timestamp, ssrc = _unpack(packet)
        if ssrc != self._ssrc:
            self._change_source(ssrc, sequence)
        payload_type = second & 0x7F
        mapped = self._table[payload_type]
        if mapped == _OUT:
            self._leave_out(packet, payload_type, timestamp, now)
            return None
        self._timestamp, self._stamped, self._type = timestamp, now, payload_type
        if self._dialling is not None:
            self._numbering.leave_out(sequence, len(packet) - HEADER.size)
            return None
        number = self._numbering.place(sequence)
        if number is None:
            return None
        if self._listens and payload_type in LAWS:
            packet = self._hear(packet, payload_type, now)
        if number == sequence and mapped == payload_type:
            return packet
        changed = bytearray(packet)
        _second_and_sequence(changed, 1, second & 0x80 | mapped, number)
        return bytes(changed)

    def look(self, now: float) -> None:
        """Notice that a digit has ended although nothing came to say so; call it now and then."""
        self._events.look(now)
        self._tones.look(now)

    @property
    def ssrc(self) -> int | None:
        """The source whose packets went out last, or under which we dialled; None before any."""
        return None if self._ssrc < 0 else self._ssrc

    @property
    def highest(self) -> int:
        """The highest extended sequence number that has come from that source."""
        return max(0, self._numbering.highest)

    @property
    def dialling(self) -> bool:
        """Whether digits are on their way to the other side: ``dialled`` wants to be called every FRAME seconds."""
        return self._dialling is not None

    def dial(self, digit: str, milliseconds: int, now: float) -> None:
        """Send a digit to the other side after those that wait. Where neither way is agreed, it is passed over.

        Raises ValueError for what is no digit.
        """
        if len(digit) != 1 or digit not in DIGITS:
            raise ValueError(f"{digit[:8]!r} is not one of the digits {DIGITS}")
        if len(self._queue) < QUEUE:
            self._queue.append((digit, milliseconds))
        if self._dialling is None:
            self._dial_next(now)

    def dialled(self, now: float) -> bytes | None:
        """The packet of this turn for the other side, before encryption; None in a pause. The audio waits meanwhile."""
        on = self._dialling
        if on is None:
            return None
        try:
            frame = next(on.frames)
        except StopIteration:
            self._dial_next(now)
            return None
        if frame is None:
            return None
        number = on.numbering.insert(len(frame.payload))
        timestamp = on.timestamp + frame.offset
        return Packet(frame.payload_type, number, timestamp, on.ssrc, frame.payload, frame.marker).build()

    def control(self, packet: bytes, back: Translator) -> bytes:
        """The RTCP packet that the other side gets for a verified one, before encryption.

        Where packets were left out or put in, a sender's counts and the highest number in a report block change in the
        same way (RFC 3550 section 7.2); ``back`` is the translator of the other direction, whose packets the blocks are
        about. What cannot be read, or needs no change, passes as it is.
        """
        if not (self._altered or back._altered):
            return packet
        try:
            parts = parse_compound(packet)
        except MalformedPacketError:
            return packet
        return build_compound(self._corrected(part, back) for part in parts)

    @property
    def _altered(self) -> bool:
        return any(numbering.shift for numbering in self._numberings.values())

    def _corrected(self, part: ControlPacket, back: Translator) -> ControlPacket:
        if isinstance(part, ReceiverReport):
            return replace(part, blocks=tuple(map(back._before, part.blocks)))
        if not isinstance(part, SenderReport):
            return part
        blocks = tuple(map(back._before, part.blocks))
        numbering = self._numberings.get(part.ssrc)
        if numbering is None:
            return replace(part, blocks=blocks)
        packets, octets = part.packets + numbering.packets, part.octets + numbering.octets
        return replace(part, packets=packets & 0xFFFFFFFF, octets=octets & 0xFFFFFFFF, blocks=blocks)

    def _before(self, block: ReportBlock) -> ReportBlock:
        """The block as it would be had we changed no numbers."""
        numbering = self._numberings.get(block.ssrc)
        if numbering is None:
            return block
        return replace(block, highest=block.highest - numbering.shift & 0xFFFFFFFF)

    def _change_source(self, ssrc: int, sequence: int) -> None:
        self._events.finish()
        self._tones.finish()
        self._ssrc = ssrc
        if ssrc not in self._numberings:
            self._remember(ssrc, Numbering(sequence))
        self._numbering = self._numberings[ssrc]

    def _remember(self, ssrc: int, numbering: Numbering) -> None:
        if len(self._numberings) >= SOURCES:
            del self._numberings[next(iter(self._numberings))]
        self._numberings[ssrc] = numbering

    def _leave_out(self, packet: bytes, payload_type: int, timestamp: int, now: float) -> None:
        sequence = int.from_bytes(packet[2:4], "big")
        self._numbering.leave_out(sequence, len(packet) - HEADER.size)
        if payload_type == self._source.event and self._source.digits == "events":
            rate = self._clock_rates.get(payload_type, DEFAULT_CLOCK_RATE)
            try:
                self._events.hear(parse_event(parse(packet).payload), timestamp, rate, now)
            except MalformedPacketError:
                return  # it tells no digit, and was not to cross anyway

    def _hear(self, packet: bytes, payload_type: int, now: float) -> bytes:
        """The packet with silence in it, if it holds a digit's tone."""
        law = LAWS[payload_type]
        try:
            audio = parse(packet)
        except MalformedPacketError:
            return packet
        if not self._tones.hear(law.decode(audio.payload), now):
            return packet
        return replace(audio, payload=bytes([law.silence]) * len(audio.payload)).build()

    def _tell(self, digit: str, milliseconds: int) -> None:
        self.on_digit(digit, milliseconds)

    def _dial_next(self, now: float) -> None:
        """Begin with the digit that waits first, at the moment of the stream that is now."""
        self._dialling = None
        if not self._queue:
            return
        if self._ssrc < 0:
            self._change_source(secrets.randbits(32), secrets.randbits(15))
            self._timestamp, self._stamped = secrets.randbits(32), now
            self._type = self._target.voice or 0
        rate = self._clock_rates.get(self._type, DEFAULT_CLOCK_RATE)
        self._timestamp = self._timestamp + round(max(FRAME, now - self._stamped) * rate) & 0xFFFFFFFF
        self._stamped = now
        frames = self._frames(*self._queue.popleft(), rate)
        if frames is None:
            self._queue.clear()
        else:
            self._dialling = _Dialling(frames, self._ssrc, self._numbering, self._timestamp)

    def _frames(self, digit: str, milliseconds: int, rate: int) -> Iterator[Frame | None] | None:
        event, voice = self._target.event, self._target.voice
        if event is not None:
            return event_frames(digit, milliseconds, event, rate)
        if voice is not None and voice in LAWS:
            return tone_frames(digit, milliseconds, voice)
        return None


def _recall(
    known: deque[tuple[KeyMaterial, _End]], key: KeyMaterial | None, make: Callable[[KeyMaterial], _End]
) -> _End | None:
    """What serves this key, with its rollover counters if it is one of the last two."""
    if key is None:
        return None
    entry = next((entry for entry in known if entry[0] == key), None)
    if entry is None:
        entry = key, make(key)
    else:
        known.remove(entry)
    known.append(entry)
    return entry[1]


def _table(source: Treatment) -> list[int]:
    """For each payload type the one it goes on with, or _OUT.

    A type that was not agreed keeps its number, unless that would make it another one that was.
    """
    taken = set(source.payloads.values())
    table = [_OUT if number in taken else number for number in range(128)]
    for number, mapped in source.payloads.items():
        table[number] = mapped
    for number in source.strip:
        table[number] = _OUT
    if source.digits == "events" and source.event is not None:
        table[source.event] = _OUT
    return table


def _ignore(digit: str, milliseconds: int) -> None:
    """Nobody asked to be told."""
