"""Questions to the Linux kernel and its answers (netlink, RFC 3549): messages of attributes over a local socket.

The kernel deals with a question while it is being sent, so its answer is there at once: nothing here waits. What is
read comes from the kernel alone, never from a network.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from struct import Struct
from typing import TypeAlias

__all__ = [
    "ACK",
    "Attributes",
    "Message",
    "Netlink",
    "NetlinkError",
    "attribute",
    "attributes",
    "is_elsewhere",
    "nested",
    "number",
    "size_of",
    "text",
]

Attributes: TypeAlias = dict[int, bytes]
Message: TypeAlias = tuple[int, int, bytes]
"""Type, flags beside REQUEST, and what follows the header."""

REQUEST, ACK, DUMP = 0x1, 0x4, 0x300

_LARGEST_ANSWER = 1 << 16
_ERROR, _DONE, _FIRST_REAL = 0x2, 0x3, 0x10
_NESTED = 0x8000
_KIND = 0x3FFF

_HEADER = Struct("=IHHII")
_ATTRIBUTE = Struct("=HH")
_CODE = Struct("=i")


class NetlinkError(OSError):
    """The kernel refused; ``errno`` says why."""


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def nested(kind: int, *parts: bytes) -> bytes:
    """An attribute that consists of attributes."""
    return attribute(kind | _NESTED, b"".join(parts))


def number(kind: int, value: int) -> bytes:
    """An attribute with 32 bits in network order, as nftables wants them."""
    return attribute(kind, value.to_bytes(4, "big"))


def text(kind: int, value: str) -> bytes:
    """An attribute with a name."""
    return attribute(kind, value.encode() + b"\0")


def attributes(data: bytes) -> Attributes:
    """The attributes that these bytes consist of, by kind; the last of each kind."""
    found = {}
    place, end = 0, len(data) - _ATTRIBUTE.size
    while place <= end:
        size, kind = _ATTRIBUTE.unpack_from(data, place)
        if size < _ATTRIBUTE.size:
            break
        found[kind & _KIND] = data[place + _ATTRIBUTE.size : place + size]
        place += size + 3 & ~3
    return found


def size_of(data: bytes) -> int:
    """How many bytes the first of these attributes takes, header and padding included."""
    size: int = _ATTRIBUTE.unpack_from(data)[0]
    return size + 3 & ~3


class Netlink:
    """A socket to one part of the kernel, ``protocol``. Raises OSError where the system has none."""

    def __init__(self, protocol: int) -> None:
        """Open the socket; what the kernel ties to it (an owned table) is gone when it closes."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._socket.setblocking(False)
        self._sequence = 0

    def ask(self, messages: Sequence[Message]) -> list[bytes]:
        """Send messages together; what the kernel answers, each without its header. Raises NetlinkError.

        At least the last message that can fail has to ask for ACK.
        """
        request = b"".join(map(self._message, messages))
        self._socket.sendto(request, (0, 0))
        found: list[bytes] = []
        refusals: list[int] = []
        for kind, body in self._answers():
            if kind == _ERROR:
                refusals.append(-_CODE.unpack_from(body)[0])
            elif kind >= _FIRST_REAL:
                found.append(body)
        refusal = next(filter(None, refusals), 0)
        if refusal or not (found or refusals):
            code = refusal or errno.ENOMSG
            raise NetlinkError(code, os.strerror(code))
        return found

    def listed(self, message: Message) -> Iterator[list[bytes]]:
        """Ask for a list, which comes in parts, each read when it is asked for. Raises NetlinkError.

        Nothing else may be asked by this socket before the last part was read.
        """
        kind, flags, body = message
        self._socket.sendto(self._message((kind, flags | DUMP, body)), (0, 0))
        last = False
        while not last:
            answers = list(_split(self._socket.recv(_LARGEST_ANSWER)))
            ends = [-_CODE.unpack_from(body)[0] for kind, body in answers if kind in (_ERROR, _DONE)]
            if any(ends):
                raise NetlinkError(ends[0], os.strerror(ends[0]))
            last = bool(ends)
            yield [body for kind, body in answers if kind >= _FIRST_REAL]

    def close(self) -> None:
        """Close the socket; harmless twice."""
        self._socket.close()

    def _message(self, message: Message) -> bytes:
        kind, flags, body = message
        self._sequence += 1
        return _HEADER.pack(_HEADER.size + len(body), kind, flags | REQUEST, self._sequence & 0xFFFFFFFF, 0) + body

    def _answers(self) -> Iterator[tuple[int, bytes]]:
        while True:
            try:
                data = self._socket.recv(_LARGEST_ANSWER)
            except BlockingIOError:
                return
            yield from _split(data)


def _split(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each message in what was read at once."""
    place = 0
    while place + _HEADER.size <= len(data):
        size, kind, *_ = _HEADER.unpack_from(data, place)
        if size < _HEADER.size:
            return
        yield kind, data[place + _HEADER.size : place + size]
        place += size + -size % 4


_GET_ROUTE = 26
_DESTINATION = 1
_UNICAST = 1
_ROUTE = Struct("=BBBBBBBBI")


def is_elsewhere(routing: Netlink, host: str) -> bool:
    """Whether this address is another host's, and there is a way there. ``routing`` is of socket.NETLINK_ROUTE."""
    ip = ip_address(host)
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    asked = _ROUTE.pack(family, ip.max_prefixlen, 0, 0, 0, 0, 0, 0, 0) + attribute(_DESTINATION, ip.packed)
    try:
        found = routing.ask([(_GET_ROUTE, 0, asked)])
    except NetlinkError:
        return False
    return any(_ROUTE.unpack_from(route)[7] == _UNICAST for route in found)
