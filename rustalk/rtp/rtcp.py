"""RTCP (RFC 3550 section 6): sender and receiver reports, source descriptions, goodbyes, in compound packets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from struct import Struct
from typing import TypeAlias

from rustalk.rtp.packet import VERSION, MalformedPacketError

__all__ = [
    "ControlPacket",
    "Goodbye",
    "OtherPacket",
    "ReceiverReport",
    "ReportBlock",
    "SenderReport",
    "SourceDescription",
    "build_compound",
    "middle_of",
    "ntp_time",
    "parse_compound",
    "parse_reports",
]

SENDER_REPORT, RECEIVER_REPORT, SOURCE_DESCRIPTION, GOODBYE = 200, 201, 202, 203
CNAME = 1

_HEADER = Struct("!BBH")
_BLOCK = Struct("!IIIIII")
_SENDER = Struct("!IQIII")
_TYPES = range(192, 224)
_NTP_EPOCH = 2208988800  # seconds from 1900 to 1970


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a receiver says about one source (6.4.1).

    ``fraction_lost`` is in 1/256, ``lost`` is signed, ``jitter`` in units of the RTP clock, ``last_report`` the middle
    32 bits of an NTP time and ``delay`` in 1/65536 seconds.
    """

    ssrc: int
    fraction_lost: int = 0
    lost: int = 0
    highest: int = 0
    jitter: int = 0
    last_report: int = 0
    delay: int = 0

    def build(self) -> bytes:
        """The 24 bytes of the block."""
        loss = self.fraction_lost << 24 | self.lost & 0xFFFFFF
        return _BLOCK.pack(self.ssrc, loss, self.highest, self.jitter, self.last_report, self.delay)


@dataclass(frozen=True, slots=True)
class SenderReport:
    """SR, 6.4.1. ``ntp`` is a 64-bit NTP time (see ntp_time), ``octets`` counts payload only."""

    ssrc: int
    ntp: int
    timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()

    def build(self) -> bytes:
        """The report as one RTCP packet."""
        sender = _SENDER.pack(self.ssrc, self.ntp, self.timestamp & 0xFFFFFFFF, self.packets, self.octets)
        return _frame(SENDER_REPORT, len(self.blocks), sender + _build_blocks(self.blocks))


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """RR, 6.4.2."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()

    def build(self) -> bytes:
        """The report as one RTCP packet."""
        body = self.ssrc.to_bytes(4, "big") + _build_blocks(self.blocks)
        return _frame(RECEIVER_REPORT, len(self.blocks), body)


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """SDES, 6.5: for each source its items as (type, text); CNAME is type 1."""

    chunks: tuple[tuple[int, tuple[tuple[int, bytes], ...]], ...]

    def build(self) -> bytes:
        """The description as one RTCP packet. An item is at most 255 bytes."""
        return _frame(SOURCE_DESCRIPTION, len(self.chunks), b"".join(map(_build_chunk, self.chunks)))


@dataclass(frozen=True, slots=True)
class Goodbye:
    """BYE, 6.6."""

    ssrcs: tuple[int, ...]
    reason: bytes = b""

    def build(self) -> bytes:
        """The goodbye as one RTCP packet; the reason is left out when empty."""
        body = b"".join(ssrc.to_bytes(4, "big") for ssrc in self.ssrcs)
        if self.reason:
            body += _pad(bytes([len(self.reason)]) + self.reason)
        return _frame(GOODBYE, len(self.ssrcs), body)


@dataclass(frozen=True, slots=True)
class OtherPacket:
    """Any other RTCP packet (APP, feedback, extended reports), its body unread."""

    packet_type: int
    count: int
    body: bytes = field(default=b"", repr=False)

    def build(self) -> bytes:
        """The packet as it came."""
        return _frame(self.packet_type, self.count, self.body)


ControlPacket: TypeAlias = SenderReport | ReceiverReport | SourceDescription | Goodbye | OtherPacket


def ntp_time(seconds: float) -> int:
    """The 64-bit NTP time of a Unix time in seconds (RFC 3550 section 4)."""
    return int((seconds + _NTP_EPOCH) * 2**32) & 0xFFFFFFFFFFFFFFFF


def middle_of(ntp: int) -> int:
    """The middle 32 bits of an NTP time, as ``last_report`` of a block has them (RFC 3550 section 4)."""
    return ntp >> 16 & 0xFFFFFFFF


def build_compound(packets: Iterable[ControlPacket]) -> bytes:
    """Put packets into one datagram; the first should be a report (6.1)."""
    return b"".join(packet.build() for packet in packets)


def parse_compound(data: bytes) -> tuple[ControlPacket, ...]:
    """Read every packet of one datagram. Raises MalformedPacketError.

    A datagram that does not start with a report is taken as well (RFC 5506).
    """
    packets = []
    start = 0
    while start < len(data):
        packet, start = _parse_one(data, start)
        packets.append(packet)
    if not packets:
        raise MalformedPacketError("an empty datagram holds no RTCP packet")
    return tuple(packets)


def parse_reports(data: bytes, most: int) -> tuple[SenderReport | ReceiverReport, ...]:
    """Read the sender and receiver reports among the first ``most`` packets of a datagram, and pass over all else.

    Raises MalformedPacketError, also for a packet type that is none of RTCP (RFC 5761 section 4): so SRTCP, whose first
    header is in the clear, is found out by what follows it.
    """
    reports: list[SenderReport | ReceiverReport] = []
    start = 0
    for _ in range(most):
        if start >= len(data):
            break
        packet_type, count, body, start = _split(data, start)
        if packet_type not in _TYPES:
            raise MalformedPacketError(f"packet type {packet_type} is none of RTCP")
        if packet_type == SENDER_REPORT:
            reports.append(_parse_sender_report(body, count))
        elif packet_type == RECEIVER_REPORT:
            reports.append(_parse_receiver_report(body, count))
    return tuple(reports)


def _parse_one(data: bytes, start: int) -> tuple[ControlPacket, int]:
    packet_type, count, body, end = _split(data, start)
    return _parse_body(packet_type, count, body), end


def _split(data: bytes, start: int) -> tuple[int, int, bytes, int]:
    """Type, count and body of the packet at ``start``, and where the next one begins."""
    if len(data) - start < _HEADER.size:
        raise MalformedPacketError(f"{len(data) - start} bytes are too few for an RTCP header")
    first, packet_type, words = _HEADER.unpack_from(data, start)
    end = start + 4 * (words + 1)
    if first >> 6 != VERSION:
        raise MalformedPacketError(f"RTCP version {first >> 6} instead of {VERSION}")
    if end > len(data):
        raise MalformedPacketError(f"an RTCP packet announces {end - start} bytes, {len(data) - start} came")
    body = data[start + _HEADER.size : end]
    if first & 0x20:
        body = _without_padding(body)
    return packet_type, first & 0x1F, body, end


def _without_padding(body: bytes) -> bytes:
    count = body[-1] if body else 0
    if count == 0 or count > len(body):
        raise MalformedPacketError(f"an RTCP packet has {count} bytes of padding in a body of {len(body)}")
    return body[:-count]


def _parse_body(packet_type: int, count: int, body: bytes) -> ControlPacket:
    if packet_type == SENDER_REPORT:
        return _parse_sender_report(body, count)
    if packet_type == RECEIVER_REPORT:
        return _parse_receiver_report(body, count)
    if packet_type == SOURCE_DESCRIPTION:
        return _parse_description(body, count)
    if packet_type == GOODBYE:
        return _parse_goodbye(body, count)
    return OtherPacket(packet_type, count, body)


def _parse_sender_report(body: bytes, count: int) -> SenderReport:
    _require(body, _SENDER.size + count * _BLOCK.size, "sender report")
    ssrc, ntp, timestamp, packets, octets = _SENDER.unpack_from(body)
    return SenderReport(ssrc, ntp, timestamp, packets, octets, _parse_blocks(body, _SENDER.size, count))


def _parse_receiver_report(body: bytes, count: int) -> ReceiverReport:
    _require(body, 4 + count * _BLOCK.size, "receiver report")
    return ReceiverReport(int.from_bytes(body[:4], "big"), _parse_blocks(body, 4, count))


def _require(body: bytes, size: int, what: str) -> None:
    if len(body) < size:
        raise MalformedPacketError(f"a {what} needs {size} bytes, {len(body)} came")


def _parse_blocks(body: bytes, start: int, count: int) -> tuple[ReportBlock, ...]:
    return tuple(_parse_block(body, start + i * _BLOCK.size) for i in range(count))


def _parse_block(body: bytes, start: int) -> ReportBlock:
    ssrc, loss, highest, jitter, last_report, delay = _BLOCK.unpack_from(body, start)
    lost = (loss & 0xFFFFFF ^ 0x800000) - 0x800000
    return ReportBlock(ssrc, loss >> 24, lost, highest, jitter, last_report, delay)


def _parse_description(body: bytes, count: int) -> SourceDescription:
    chunks = []
    start = 0
    for _ in range(count):
        _require(body, start + 4, "source description")
        ssrc = int.from_bytes(body[start : start + 4], "big")
        items, start = _parse_items(body, start + 4)
        chunks.append((ssrc, items))
    return SourceDescription(tuple(chunks))


def _parse_items(body: bytes, start: int) -> tuple[tuple[tuple[int, bytes], ...], int]:
    """Items up to the null byte that ends them, and where the next chunk begins: on a word boundary."""
    items: list[tuple[int, bytes]] = []
    while True:
        _require(body, start + 1, "source description")
        if body[start] == 0:
            return tuple(items), (start // 4 + 1) * 4
        _require(body, start + 2, "source description")
        end = start + 2 + body[start + 1]
        _require(body, end, "source description")
        items.append((body[start], body[start + 2 : end]))
        start = end


def _parse_goodbye(body: bytes, count: int) -> Goodbye:
    end = 4 * count
    _require(body, end, "goodbye")
    ssrcs = tuple(int.from_bytes(body[i : i + 4], "big") for i in range(0, end, 4))
    reason = b""
    if len(body) > end:
        _require(body, end + 1 + body[end], "goodbye")
        reason = body[end + 1 : end + 1 + body[end]]
    return Goodbye(ssrcs, reason)


def _frame(packet_type: int, count: int, body: bytes) -> bytes:
    return _HEADER.pack(VERSION << 6 | count, packet_type, len(body) // 4) + body


def _pad(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _build_blocks(blocks: tuple[ReportBlock, ...]) -> bytes:
    return b"".join(block.build() for block in blocks)


def _build_chunk(chunk: tuple[int, tuple[tuple[int, bytes], ...]]) -> bytes:
    ssrc, items = chunk
    texts = b"".join(bytes([kind, len(text)]) + text for kind, text in items)
    return ssrc.to_bytes(4, "big") + _pad(texts + b"\0")
