"""STUN binding messages (RFC 8489) as an ICE agent needs them; written beside the switch's own, so that no mistake is
made twice.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import zlib
from dataclasses import dataclass, field
from ipaddress import ip_address
from struct import Struct

__all__ = ["BINDING", "CONTROLLING", "ERROR", "PRIORITY", "SUCCESS", "USERNAME", "USE_CANDIDATE", "Stun", "is_stun"]

BINDING, SUCCESS, ERROR = 0x0001, 0x0101, 0x0111
USERNAME, INTEGRITY, MAPPED, PRIORITY, USE_CANDIDATE = 0x0006, 0x0008, 0x0020, 0x0024, 0x0025
FINGERPRINT, CONTROLLING = 0x8028, 0x802A

COOKIE = 0x2112A442
_HEADER = Struct("!HHI12s")
_ATTRIBUTE = Struct("!HH")
_INTEGRITY_SIZE, _FINGERPRINT_SIZE = 24, 8
_FINGERPRINT_MASK = 0x5354554E


def is_stun(data: bytes) -> bool:
    """Whether a datagram is STUN: two zero bits and the magic cookie."""
    return len(data) >= _HEADER.size and data[0] < 4 and int.from_bytes(data[4:8], "big") == COOKIE


@dataclass(frozen=True, slots=True)
class Stun:
    """One message: its type, its transaction, and its attributes in order.

    Integrity and fingerprint are among them in what was read; ``to_bytes`` adds its own.
    """

    kind: int
    attributes: tuple[tuple[int, bytes], ...] = ()
    transaction: bytes = field(default_factory=lambda: secrets.token_bytes(12))

    def to_bytes(self, password: str) -> bytes:
        """The message with MESSAGE-INTEGRITY by this password, and FINGERPRINT."""
        body = b"".join(_attribute(kind, value) for kind, value in self.attributes)
        signed = self._header(len(body) + _INTEGRITY_SIZE) + body
        body += _attribute(INTEGRITY, hmac.new(password.encode(), signed, hashlib.sha1).digest())
        marked = self._header(len(body) + _FINGERPRINT_SIZE) + body
        return marked + _attribute(FINGERPRINT, (zlib.crc32(marked) ^ _FINGERPRINT_MASK).to_bytes(4, "big"))

    @classmethod
    def read(cls, data: bytes, password: str) -> Stun | None:
        """Read a message whose integrity and fingerprint are right by this password; None for any other datagram."""
        if not is_stun(data):
            return None
        kind, length, _, transaction = _HEADER.unpack_from(data)
        if length != len(data) - _HEADER.size or length % 4:
            return None
        attributes, signed = [], 0
        position = _HEADER.size
        while position + _ATTRIBUTE.size <= len(data):
            name, size = _ATTRIBUTE.unpack_from(data, position)
            attributes.append((name, data[position + 4 : position + 4 + size]))
            signed = position if name == INTEGRITY else signed
            position += 4 + size + -size % 4
        message = cls(kind, tuple(attributes), transaction)
        return message if signed and message._genuine(data, signed, password) else None

    def get(self, name: int) -> bytes | None:
        """The value of an attribute; None when it is not there."""
        return next((value for kind, value in self.attributes if kind == name), None)

    @property
    def mapped(self) -> tuple[str, int]:
        """The address in XOR-MAPPED-ADDRESS; ('', 0) without a readable one."""
        value = self.get(MAPPED) or b""
        if len(value) not in (8, 20):
            return "", 0
        mask = COOKIE.to_bytes(4, "big") + self.transaction
        address = bytes(one ^ other for one, other in zip(value[4:], mask, strict=False))
        return str(ip_address(address)), int.from_bytes(value[2:4], "big") ^ COOKIE >> 16

    def answer(self, source: tuple[str, int]) -> Stun:
        """The success response to this request, which came from here."""
        packed = ip_address(source[0]).packed
        mask = COOKIE.to_bytes(4, "big") + self.transaction
        address = bytes(one ^ other for one, other in zip(packed, mask, strict=False))
        family = b"\0\1" if len(packed) == 4 else b"\0\2"
        port = (source[1] ^ COOKIE >> 16).to_bytes(2, "big")
        return Stun(SUCCESS, ((MAPPED, family + port + address),), self.transaction)

    def _header(self, length: int) -> bytes:
        return _HEADER.pack(self.kind, length, COOKIE, self.transaction)

    def _genuine(self, data: bytes, signed: int, password: str) -> bool:
        """Whether the integrity at ``signed`` is right, and the fingerprint behind it as well."""
        text = self._header(signed - _HEADER.size + _INTEGRITY_SIZE) + data[_HEADER.size : signed]
        wanted = hmac.new(password.encode(), text, hashlib.sha1).digest()
        mark = self.get(FINGERPRINT)
        crc = (zlib.crc32(data[:-_FINGERPRINT_SIZE]) ^ _FINGERPRINT_MASK).to_bytes(4, "big")
        if data[signed + _INTEGRITY_SIZE : -4] != _ATTRIBUTE.pack(FINGERPRINT, 4):
            return False
        return hmac.compare_digest(self.get(INTEGRITY) or b"", wanted) and mark == crc


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)
