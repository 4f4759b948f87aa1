"""STUN: telling it from RTP and SIP (RFC 7983, RFC 5626), reading and building its messages (RFC 5389, RFC 8489).

Credentials are short-term ones, as ICE has them: the key of the message integrity is the password as it stands.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Iterable
from dataclasses import dataclass
from hmac import compare_digest, digest
from ipaddress import ip_address
from struct import Struct

from rustalk.rtp.packet import MalformedPacketError

__all__ = [
    "BINDING_ERROR",
    "BINDING_INDICATION",
    "BINDING_REQUEST",
    "BINDING_SUCCESS",
    "ERROR_CODE",
    "MAGIC_COOKIE",
    "PRIORITY",
    "UNKNOWN_ATTRIBUTES",
    "USERNAME",
    "USE_CANDIDATE",
    "XOR_MAPPED_ADDRESS",
    "StunHeader",
    "StunMessage",
    "build",
    "build_plain",
    "error_code",
    "is_stun",
    "parse_header",
    "parse_message",
    "xor_address",
]

MAGIC_COOKIE = 0x2112A442
HEADER = Struct("!HHI12s")

BINDING_REQUEST, BINDING_INDICATION, BINDING_SUCCESS, BINDING_ERROR = 0x0001, 0x0011, 0x0101, 0x0111

USERNAME = 0x0006
MESSAGE_INTEGRITY = 0x0008
ERROR_CODE = 0x0009
UNKNOWN_ATTRIBUTES = 0x000A
XOR_MAPPED_ADDRESS = 0x0020
PRIORITY = 0x0024
USE_CANDIDATE = 0x0025
FINGERPRINT = 0x8028

LARGEST = 1500
"""Bytes of a message that is read; a binding request has about a hundred."""

_COOKIE_BYTES = MAGIC_COOKIE.to_bytes(4, "big")
_ATTRIBUTE = Struct("!HH")
_INTEGRITY_SIZE = 20
_FINGERPRINT_SIZE = 4
_FINGERPRINT_MASK = 0x5354554E


@dataclass(frozen=True, slots=True)
class StunHeader:
    """The 20 bytes that start a STUN message. ``kind`` is the 14-bit type, ``length`` counts what follows them."""

    kind: int
    length: int
    transaction: bytes


@dataclass(frozen=True, slots=True)
class StunMessage:
    """A message with its attributes in order, without integrity and fingerprint; those are checked on demand."""

    kind: int
    transaction: bytes
    attributes: tuple[tuple[int, bytes], ...]
    signed: bytes | None
    integrity: bytes = b""

    def get(self, attribute: int) -> bytes | None:
        """The value of the first attribute of this type."""
        return next((value for kind, value in self.attributes if kind == attribute), None)

    def verifies(self, password: str) -> bool:
        """Whether the message has an integrity and the password made it (RFC 5389 section 15.4)."""
        if self.signed is None:
            return False
        return compare_digest(digest(password.encode(), self.signed, "sha1"), self.integrity)


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


def parse_message(data: bytes) -> StunMessage:
    """Read one STUN message. Raises MalformedPacketError, also for a fingerprint that is not right.

    What stands behind the integrity, but for the fingerprint, is passed over (RFC 5389 section 15.4).
    """
    if len(data) > LARGEST:
        raise MalformedPacketError(f"a STUN message of {len(data)} bytes; {LARGEST} are read at most")
    header = parse_header(data)
    attributes: list[tuple[int, bytes]] = []
    signed, integrity = None, b""
    start = HEADER.size
    while start < len(data):
        kind, value, end = _parse_attribute(data, start)
        if kind == FINGERPRINT:
            _check_fingerprint(data, start, value, end)
        elif signed is None and kind == MESSAGE_INTEGRITY:
            if len(value) != _INTEGRITY_SIZE:
                raise MalformedPacketError(f"a STUN message integrity of {len(value)} bytes")
            signed, integrity = _with_length(data[:start], end), value
        elif signed is None:
            attributes.append((kind, value))
        start = end
    return StunMessage(header.kind, header.transaction, tuple(attributes), signed, integrity)


def build(
    kind: int, transaction: bytes, attributes: Iterable[tuple[int, bytes]] = (), *, password: str | None = None
) -> bytes:
    """A message with a fingerprint, and with an integrity where a password is given."""
    message = build_plain(kind, transaction, attributes)
    if password is not None:
        signed = _with_length(message, len(message) + _ATTRIBUTE.size + _INTEGRITY_SIZE)
        message = signed + _attribute(MESSAGE_INTEGRITY, digest(password.encode(), signed, "sha1"))
    message = _with_length(message, len(message) + _ATTRIBUTE.size + _FINGERPRINT_SIZE)
    return message + _attribute(FINGERPRINT, _fingerprint(message))


def build_plain(kind: int, transaction: bytes, attributes: Iterable[tuple[int, bytes]] = ()) -> bytes:
    """A message of nothing but these attributes."""
    body = b"".join(_attribute(attribute, value) for attribute, value in attributes)
    return HEADER.pack(kind, len(body), MAGIC_COOKIE, transaction) + body


def xor_address(host: str, port: int, transaction: bytes) -> bytes:
    """The value of XOR-MAPPED-ADDRESS (RFC 5389 section 15.2)."""
    ip = ip_address(host)
    mask = (_COOKIE_BYTES + transaction)[: len(ip.packed)]
    hidden = bytes(one ^ other for one, other in zip(ip.packed, mask, strict=True))
    family = 1 if ip.version == 4 else 2
    return Struct("!BBH").pack(0, family, port ^ MAGIC_COOKIE >> 16) + hidden


def error_code(code: int, reason: str) -> bytes:
    """The value of ERROR-CODE (RFC 5389 section 15.6)."""
    return bytes([0, 0, code // 100, code % 100]) + reason.encode()


def _parse_attribute(data: bytes, start: int) -> tuple[int, bytes, int]:
    """Type and value of an attribute, and where the next one begins: on a word boundary, as the message ends on one."""
    kind, size = _ATTRIBUTE.unpack_from(data, start)
    begin = start + _ATTRIBUTE.size
    end = begin + size + -size % 4
    if end > len(data):
        raise MalformedPacketError(f"a STUN attribute announces {size} bytes, {len(data) - begin} came")
    return kind, data[begin : begin + size], end


def _check_fingerprint(data: bytes, start: int, value: bytes, end: int) -> None:
    if end != len(data) or value != _fingerprint(data[:start]):
        raise MalformedPacketError("the fingerprint of a STUN message is not right")


def _fingerprint(message: bytes) -> bytes:
    return (crc32(message) ^ _FINGERPRINT_MASK).to_bytes(4, "big")


def _with_length(message: bytes, end: int) -> bytes:
    """The message with the length it would have if it ended there."""
    return message[:2] + (end - HEADER.size).to_bytes(2, "big") + message[4:]


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)
