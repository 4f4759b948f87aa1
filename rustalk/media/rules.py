"""Tables of nftables in the kernel's own form (linux/netfilter/nf_tables.h): what maps, chains and rules are made by.

The ``nft`` program has no words for two writes from one look-up, therefore rules are given to the kernel so. A rule is
a list of expressions, which share sixteen registers of four bytes each. What is loaded and compared has four bytes or
fewer, and lies at a multiple of its size, where that can be: the kernel has a short way for that.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from struct import Struct

from rustalk.media.latch import Address
from rustalk.media.netlink import ACK, Message, Netlink, attribute, attributes, nested, number, size_of, text

__all__ = [
    "AT_LEAST",
    "EQUAL",
    "FAMILIES",
    "NETFILTER",
    "NETWORK",
    "REGISTER",
    "TABLE",
    "TRANSPORT",
    "UNEQUAL",
    "Carried",
    "Map",
    "Rules",
    "compare",
    "expression",
    "is_rtp",
    "load",
    "load_ends",
    "look_up",
    "masked",
    "packed",
    "store_addresses",
    "store_ports",
]

NETFILTER = 12
"""The part of the kernel to open Netlink for: NETLINK_NETFILTER."""

TABLE = "rustalk"

MOST = 1 << 16
"""Elements of a map; the kernel keeps a table for that many, about 700 kilobytes each."""

FAMILIES = (4, 6)

REGISTER = 8
"""The first of the registers."""

NETWORK, TRANSPORT = 1, 2
"""What offsets count from: the header of IP, that of UDP."""

EQUAL, UNEQUAL, AT_LEAST = 0, 1, 5

_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_SUBSYSTEM = 10
_CREATE, _EXCLUSIVE, _APPEND = 0x400, 0x200, 0x800
_NEW_TABLE, _NEW_CHAIN, _NEW_RULE, _NEW_SET = 0, 3, 6, 9
_NEW_ELEMENT, _GET_ELEMENT, _DELETE_ELEMENT = 12, 13, 14
_OWNED = 2
_IS_MAP = 8
_INTERNET_CHECKSUM = 1
_PSEUDO_HEADER = 1

_GENERAL = Struct(">BBH")


@dataclass(frozen=True, slots=True)
class Carried:
    """What the kernel has counted on one route: packets of RTP, and their bytes without IP and UDP."""

    packets: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Map:
    """A map that counts: its name, its number in the message that makes it, the IP version of what is counted.

    Key and value are what nft prints them by (``TYPE_`` in its datatype.h, six bits each), and how many bytes.
    """

    name: str
    identity: int
    family: int
    key: tuple[int, int]
    value: tuple[int, int]


class Rules:
    """One table of the kernel, ours alone, and what is in it. The table stands and falls with the ``owning`` socket.

    What makes something is a message; ``commit`` does it. Every call is done when it returns, and may raise
    rustalk.media.netlink.NetlinkError.
    """

    def __init__(self, place: int, owning: Netlink, reading: Netlink) -> None:
        """``place`` is the family of the table (NFPROTO_INET, say). Both sockets are of NETFILTER and become ours."""
        self._place = place
        self._owning = owning
        self._reading = reading
        self._used: set[str] = set()

    def commit(self, messages: Sequence[Message]) -> None:
        """Have these done all together, or none of them."""
        edge = _GENERAL.pack(0, 0, _SUBSYSTEM)
        self._owning.ask([(_BATCH_BEGIN, 0, edge), *messages, (_BATCH_END, 0, edge)])

    def close(self) -> None:
        """Give the table up, with all that is in it."""
        self._owning.close()
        self._reading.close()

    def table(self) -> Message:
        """The table itself, which nobody else may have."""
        return self._message(_NEW_TABLE, _CREATE | _EXCLUSIVE, text(1, TABLE), number(2, _OWNED))

    def chain(self, name: str, hook: int, priority: int, device: str | None = None) -> Message:
        """A chain that packets come through at this hook, of one device where hooks belong to devices."""
        of_device = () if device is None else (text(3, device),)
        where = nested(4, number(1, hook), number(2, priority & 0xFFFFFFFF), *of_device)
        return self._message(_NEW_CHAIN, _CREATE, text(1, TABLE), text(3, name), where, text(7, "filter"))

    def rule(self, chain: str, expressions: Iterable[bytes]) -> Message:
        """One more rule at the end of a chain."""
        return self._message(_NEW_RULE, _CREATE | _APPEND, text(1, TABLE), text(2, chain), nested(4, *expressions))

    def map(self, made: Map) -> Message:
        """A map without elements."""
        (key_type, key_size), (value_type, value_size) = made.key, made.value
        return self._message(
            _NEW_SET,
            _CREATE,
            *(text(1, TABLE), text(2, made.name), number(3, _IS_MAP), number(10, made.identity)),
            *(number(4, key_type), number(5, key_size), number(6, value_type), number(7, value_size)),
            *(nested(17, text(1, "counter"), nested(2)), nested(9, number(1, MOST))),
        )

    def added(self, to: Map, key: bytes, value: bytes) -> Message:
        """One more element: EEXIST where the key is there, ENFILE where there are MOST."""
        self._used.add(to.name)
        return self._of_element(_NEW_ELEMENT, _CREATE | _EXCLUSIVE, to, key, nested(2, attribute(1, value)))

    def removed(self, of: Map, key: bytes) -> Message:
        """One element less: ENOENT where it is not there."""
        return self._of_element(_DELETE_ELEMENT, 0, of, key)

    def count(self, of: Map, key: bytes) -> Carried:
        """What an element has counted: ENOENT where it is not there."""
        answers = self._owning.ask([self._of_element(_GET_ELEMENT, 0, of, key)])
        ((_, carried),) = _counted(answers[0], of)
        return carried

    def counts(self, of: Map) -> Iterator[list[tuple[bytes, Carried]]]:
        """Key and count of all elements, some hundreds at a time; one reading has to end before the next begins."""
        if of.name not in self._used:  # the kernel would go through all the places that are empty
            return
        asked = self._message(_GET_ELEMENT, 0, text(1, TABLE), text(2, of.name))
        for answers in self._reading.listed(asked):
            yield [each for answer in answers for each in _counted(answer, of)]

    def _of_element(self, kind: int, flags: int, of: Map, key: bytes, value: bytes = b"") -> Message:
        element = nested(1, nested(1, attribute(1, key)), value)
        return self._message(kind, flags, text(1, TABLE), text(2, of.name), nested(3, element))

    def _message(self, kind: int, flags: int, *parts: bytes) -> Message:
        return _SUBSYSTEM << 8 | kind, flags | ACK, _GENERAL.pack(self._place, 0, 0) + b"".join(parts)


def _counted(answer: bytes, of: Map) -> Iterator[tuple[bytes, Carried]]:
    """Key and counter of the elements in an answer, which are many and all laid out alike."""
    listed = attributes(answer[_GENERAL.size :]).get(3, b"")
    if not listed:
        return
    key_size, headers = of.key[1], 28 if of.family == 4 else 48
    counter = listed.index(b"counter\0", 12 + key_size + 8 + of.value[1])  # a peer may have that in its address
    before, after = counter + 16 - 12 - key_size, size_of(listed) - counter - 36
    for key, size, packets in Struct(f">12x{key_size}s{before}xQ4xQ{after}x").iter_unpack(listed):
        yield key, Carried(packets, size - packets * headers)


def packed(address: Address) -> bytes:
    """An address and port as they are in keys."""
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.inet_pton(family, host) + port.to_bytes(2, "big") + bytes(2)


def expression(name: str, *parts: bytes) -> bytes:
    """Any expression."""
    return nested(1, text(1, name), nested(2, *parts))


def load(register: int, base: int, offset: int, size: int) -> bytes:
    """Have these bytes of the packet in the registers from this one on; the rule ends where the packet does before."""
    where = number(2, base), number(3, offset), number(4, size)
    return expression("payload", number(1, REGISTER + register), *where)


def load_ends(family: int) -> list[bytes]:
    """Have source and destination of the packet in the first registers, each as ``packed`` has it."""
    words, source, target = (1, 12, 16) if family == 4 else (4, 8, 24)
    return [
        load(0, NETWORK, source, 4 * words),
        load(words, TRANSPORT, 0, 2),
        load(words + 1, NETWORK, target, 4 * words),
        load(2 * words + 1, TRANSPORT, 2, 2),
    ]


def look_up(name: str, register: int) -> bytes:
    """Have what this map gives for the first registers in those from this one on; the rule ends if that is nothing."""
    return expression("lookup", text(1, name), number(2, REGISTER), number(3, REGISTER + register))


def store_addresses(register: int, family: int, offset: int, count: int) -> bytes:
    """Write so many addresses; IPv4 has a checksum in its header, and the one of UDP covers the addresses too."""
    where = number(2, NETWORK), number(3, offset), number(4, count * (4 if family == 4 else 16))
    mended = (number(6, _INTERNET_CHECKSUM), number(7, 10)) if family == 4 else ()
    return expression("payload", number(5, REGISTER + register), *where, *mended, number(8, _PSEUDO_HEADER))


def store_ports(register: int, offset: int, count: int) -> bytes:
    """Write so many ports."""
    where = number(2, TRANSPORT), number(3, offset), number(4, 2 * count)
    return expression("payload", number(5, REGISTER + register), *where, number(6, _INTERNET_CHECKSUM), number(7, 6))


def masked(mask: str) -> bytes:
    """Leave these bits of the first register."""
    bits = nested(4, attribute(1, bytes.fromhex(mask))), nested(5, attribute(1, bytes(4)))
    return expression("bitwise", number(1, REGISTER), number(2, REGISTER), number(3, 4), *bits)


def compare(how: int, value: bytes) -> bytes:
    """Go on if the first register begins with what compares so with the value."""
    return expression("cmp", number(1, REGISTER), number(2, how), nested(3, attribute(1, value)))


def is_rtp() -> list[bytes]:
    """Of UDP, only what can be RTP and not RTCP (RFC 5761 section 4), and has a checksum to be mended."""
    return [
        *(load(0, TRANSPORT, 8, 4), masked("c0600000"), compare(EQUAL, b"\x80"), compare(UNEQUAL, b"\x80\x40")),
        *(load(0, TRANSPORT, 6, 2), compare(UNEQUAL, b"\0\0")),
        *(load(0, TRANSPORT, 4, 2), compare(AT_LEAST, (8 + 12).to_bytes(2, "big"))),
    ]
