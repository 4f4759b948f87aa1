"""The RTP packet (RFC 3550 section 5.1): reading and building one, and telling RTP from RTCP on one port."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

__all__ = ["HEADER", "HEADER_SIZE", "MalformedPacketError", "Packet", "is_control", "parse"]

HEADER = Struct("!BBHII")
"""First byte, marker and payload type, sequence number, timestamp, SSRC: the twelve bytes every packet has."""

HEADER_SIZE = HEADER.size
VERSION = 2
_EXTENSION = Struct("!HH")


class MalformedPacketError(ValueError):
    """The peer sent something that is not the packet it should be; the message says which rule it breaks."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet. ``extension`` is the profile's 16 bits and the extension's words, unread (section 5.3.1)."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    csrcs: tuple[int, ...] = ()
    extension: tuple[int, bytes] | None = None

    def build(self) -> bytes:
        """The packet as sent: sequence number and timestamp wrap at 16 and 32 bits; padding is never added."""
        first = VERSION << 6 | (self.extension is not None) << 4 | len(self.csrcs)
        second = self.marker << 7 | self.payload_type
        header = HEADER.pack(first, second, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.ssrc)
        sources = b"".join(csrc.to_bytes(4, "big") for csrc in self.csrcs)
        return header + sources + self._extension_bytes() + self.payload

    def _extension_bytes(self) -> bytes:
        if self.extension is None:
            return b""
        profile, words = self.extension
        return _EXTENSION.pack(profile, len(words) // 4) + words


def is_control(second: int) -> bool:
    """Whether a packet of version 2 with this second byte is RTCP, 200 to 207 (RFC 5761 section 4)."""
    return 200 <= second <= 207


def parse(data: bytes) -> Packet:
    """Read one RTP packet; padding is taken off. Raises MalformedPacketError."""
    if len(data) < HEADER_SIZE:
        raise MalformedPacketError(f"{len(data)} bytes are too few for an RTP header of {HEADER_SIZE}")
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    if first >> 6 != VERSION:
        raise MalformedPacketError(f"RTP version {first >> 6} instead of {VERSION}")
    start = HEADER_SIZE + 4 * (first & 0x0F)
    csrcs = tuple(int.from_bytes(data[i : i + 4], "big") for i in range(HEADER_SIZE, start, 4))
    extension = None
    if first & 0x10:
        extension, start = _parse_extension(data, start)
    end = len(data) - _padding(data) if first & 0x20 else len(data)
    if end < start:
        raise MalformedPacketError(f"header and padding need more than the packet's {len(data)} bytes")
    marker, payload_type = bool(second & 0x80), second & 0x7F
    return Packet(payload_type, sequence, timestamp, ssrc, data[start:end], marker, csrcs, extension)


def _parse_extension(data: bytes, start: int) -> tuple[tuple[int, bytes], int]:
    if len(data) < start + _EXTENSION.size:
        raise MalformedPacketError("the packet ends inside its header extension")
    profile, words = _EXTENSION.unpack_from(data, start)
    begin = start + _EXTENSION.size
    end = begin + 4 * words
    return (profile, data[begin:end]), end


def _padding(data: bytes) -> int:
    count = data[-1]
    if count == 0:
        raise MalformedPacketError("padding is announced and its length is 0")
    return count
