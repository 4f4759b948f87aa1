"""Questions to the Linux kernel and its answers (netlink, RFC 3549): messages of attributes over a local socket.

The kernel deals with a question while it is being sent, so its answer is there at once: nothing here waits. What is
read comes from the kernel alone, never from a network.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from struct import Struct
from typing import TypeAlias

__all__ = [
    "ACK",
    "POLICIES",
    "Attributes",
    "Changes",
    "Hop",
    "Message",
    "Netlink",
    "NetlinkError",
    "attribute",
    "attributes",
    "interface_name",
    "nested",
    "next_hop",
    "number",
    "protects",
    "size_of",
    "text",
]

Attributes: TypeAlias = dict[int, bytes]
Message: TypeAlias = tuple[int, int, bytes]
"""Type, flags beside REQUEST, and what follows the header."""

REQUEST, ACK, DUMP = 0x1, 0x4, 0x300

POLICIES = 6
"""The part of the kernel that knows of IPsec: NETLINK_XFRM."""

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
_DESTINATION, _SOURCE, _INTERFACE, _GATEWAY, _OTHER_GATEWAY, _ENCAPSULATION = 1, 2, 4, 5, 18, 22
_UNICAST = 1
_ROUTE = Struct("=BBBBBBBBI")


@dataclass(frozen=True, slots=True)
class Hop:
    """Where packets for a host go next: the index of the interface, and whose address on the wire is asked for there.

    ``neighbour`` is None where that cannot be said: a gateway of another IP version, or packets that are wrapped up.
    """

    interface: int
    neighbour: bytes | None


def next_hop(routing: Netlink, host: str, source: str) -> Hop | None:
    """Where what we send to this host from our address ``source`` goes next; None to our own host, and to nowhere.

    ``routing`` is of socket.NETLINK_ROUTE.
    """
    ip, own = ip_address(host), ip_address(source)
    family, size = socket.AF_INET if ip.version == 4 else socket.AF_INET6, ip.max_prefixlen
    asked = _ROUTE.pack(family, size, size, 0, 0, 0, 0, 0, 0)
    try:
        found = routing.ask(
            [(_GET_ROUTE, 0, asked + attribute(_DESTINATION, ip.packed) + attribute(_SOURCE, own.packed))]
        )
    except NetlinkError:
        return None
    if _ROUTE.unpack_from(found[0])[7] != _UNICAST:
        return None
    says = attributes(found[0][_ROUTE.size :])
    wrapped = _OTHER_GATEWAY in says or _ENCAPSULATION in says
    if _INTERFACE not in says:
        return None
    return Hop(int.from_bytes(says[_INTERFACE], sys.byteorder), None if wrapped else says.get(_GATEWAY, ip.packed))


_GET_LINK = 18
_NAME = 3
_LINK = Struct("=BxHiII")


def interface_name(routing: Netlink, index: int) -> str:
    """The name of the interface with this index. Raises NetlinkError, ENODEV where there is none."""
    (answer,) = routing.ask([(_GET_LINK, 0, _LINK.pack(0, 0, index, 0, 0))])
    return attributes(answer[_LINK.size :])[_NAME].rstrip(b"\0").decode()


_CHANGES = 0x1 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | 1 << 18 | 1 << 31
"""Links; addresses, routes and rules of IPv4; the same of IPv6; next hops (linux/rtnetlink.h, RTNLGRP)."""

_AT_ONCE = 64


class Changes:
    """Notices when the system's routes may lead elsewhere than they did."""

    def __init__(self) -> None:
        """Listen from now on. Raises OSError where the system has no routes."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.setblocking(False)
        self._socket.bind((0, _CHANGES))

    def seen(self) -> bool:
        """Whether anything has changed since the last question; where very much has, again at the next one."""
        for count in range(_AT_ONCE):
            try:
                self._socket.recv(_LARGEST_ANSWER)
            except BlockingIOError:
                return count > 0
            except OSError:  # more has come than the socket holds
                return True
        return True

    def close(self) -> None:
        """Close the socket; harmless twice."""
        self._socket.close()


_GET_POLICIES = 0x25
_POLICIES = Struct("=II")


def protects(policies: Netlink) -> bool:
    """Whether any policy of IPsec holds for what is sent. ``policies`` is of NETLINK_XFRM. Raises NetlinkError."""
    (answer,) = policies.ask([(_GET_POLICIES, 0, bytes(4))])
    _, sent = _POLICIES.unpack_from(attributes(answer[4:])[1])
    return bool(sent)
