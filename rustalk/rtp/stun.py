"""STUN seen from a media port: telling it from RTP (RFC 7983) and reading its header (RFC 8489 section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from rustalk.rtp.packet import MalformedPacketError

__all__ = ["MAGIC_COOKIE", "StunHeader", "is_stun", "parse_header"]

MAGIC_COOKIE = 0x2112A442
HEADER = Struct("!HHI12s")

_COOKIE_BYTES = MAGIC_COOKIE.to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class StunHeader:
    """The 20 bytes that start a STUN message. ``kind`` is the 14-bit type, ``length`` counts what follows them."""

    kind: int
    length: int
    transaction: bytes


def is_stun(data: bytes | bytearray | memoryview) -> bool:
    """Whether a datagram is STUN: first byte 0 to 3 (RFC 7983 section 7) and the magic cookie in its place."""
    return len(data) >= HEADER.size and data[0] <= 3 and data[4:8] == _COOKIE_BYTES


def parse_header(data: bytes) -> StunHeader:
    """Read the header of one STUN message. Raises MalformedPacketError when it is none, or is cut short."""
    if not is_stun(data):
        raise MalformedPacketError("not a STUN message: no magic cookie after a type of two zero bits")
    kind, length, _, transaction = HEADER.unpack_from(data)
    if length % 4 or length != len(data) - HEADER.size:
        raise MalformedPacketError(f"a STUN message of {len(data)} bytes announces {length} after its header")
    return StunHeader(kind, length, transaction)
