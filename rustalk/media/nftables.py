"""The table ``inet rustalk`` of nftables: maps that let the Linux kernel carry RTP from one peer to another alone.

Two rules per IP version, and a map for each rule with one element per direction of a stream:

    prerouting, before connection tracking    source . arrival -> target       the destination is rewritten
    routing, forwarding                       as for any packet
    postrouting, last of all                  source . target  -> departure    the source is rewritten

The source is rewritten last because routing refuses a packet that comes in with an address of ours. The key is all four
of addresses and ports: what anybody else sends matches nothing and goes where it always went, to the userspace relay,
which refuses it. So do, from the right source, STUN and RTCP on the RTP port, fragments, packets without a checksum
and what is too short for RTP. No packet is seen by connection tracking.

Both writes to the destination come from one look-up, and so both to the source; the ``nft`` program has no words for
that, therefore the rules are given to the kernel in its own form (linux/netfilter/nf_tables.h). ``nft list table inet
rustalk`` shows them.

The table is owned by our socket (Linux 5.12): nobody else changes it, ``nft flush ruleset`` passes it over, and when
the process ends, in whatever way, the kernel takes it away. Packets of this host itself do not pass prerouting:
whoever adds routes leaves those out whose source or target is local.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from struct import Struct

from rustalk.media.latch import Address
from rustalk.media.netlink import ACK, Message, Netlink, attribute, attributes, nested, number, size_of, text
from rustalk.media.offload import Route

__all__ = ["NETFILTER", "TABLE", "Carried", "Table"]

NETFILTER = 12
"""The part of the kernel to open Netlink for: NETLINK_NETFILTER."""

TABLE = "rustalk"

MOST = 1 << 16
"""Routes of one IP version at the same time; the kernel keeps a table for that many, about 700 kilobytes each."""

_FAMILIES = (4, 6)

# linux/netfilter/nfnetlink.h and nf_tables.h
_INET = 1
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_SUBSYSTEM = 10
_CREATE, _EXCLUSIVE, _APPEND = 0x400, 0x200, 0x800
_NEW_TABLE, _NEW_CHAIN, _NEW_RULE, _NEW_SET = 0, 3, 6, 9
_NEW_ELEMENT, _GET_ELEMENT, _DELETE_ELEMENT = 12, 13, 14
_OWNED = 2
_IS_MAP = 8
_REGISTER = 8  # the first of sixteen, four bytes each
_NETWORK, _TRANSPORT = 1, 2
_INTERNET_CHECKSUM = 1
_PSEUDO_HEADER = 1
_EQUAL, _UNEQUAL, _AT_MOST, _AT_LEAST = 0, 1, 3, 5
_PREROUTING, _POSTROUTING = 0, 4
_BEFORE_TRACKING, _LAST = -300, 300
_VERSIONS = {4: b"\x02", 6: b"\x0a"}
_ADDRESS_TYPES, _PORT_TYPE = {4: 7, 6: 8}, 13  # what the nft program prints the maps by

_GENERAL = Struct(">BBH")


@dataclass(frozen=True, slots=True)
class Carried:
    """What the kernel has counted on one route: packets of RTP, and their bytes without IP and UDP."""

    packets: int = 0
    bytes: int = 0


class Table:
    """Our table in the kernel; it is there from the beginning to ``close``. Every call is done when it returns."""

    def __init__(self, owning: Netlink, reading: Netlink) -> None:
        """Make the table. Both sockets are of NETFILTER and become ours; the table stands and falls with ``owning``.

        Raises rustalk.media.netlink.NetlinkError: EPERM without CAP_NET_ADMIN or while another process has the table,
        EOPNOTSUPP, EINVAL or ENOENT from a kernel that cannot.
        """
        self._owning = owning
        self._reading = reading
        self._commit([*_table(), *(message for family in _FAMILIES for message in _carrying(family))])

    def add(self, route: Route) -> bytes:
        """Let the kernel carry this; the name by which ``arrivals`` tells of it.

        Raises NetlinkError, EEXIST where it cannot be told from another one, ENFILE where there are MOST already.
        """
        self._commit(_of_route(_NEW_ELEMENT, _CREATE | _EXCLUSIVE, route, whole=True))
        return _arrival_key(route)

    def remove(self, route: Route) -> None:
        """Let the kernel carry this no more. Raises NetlinkError when it is not there."""
        self._commit(_of_route(_DELETE_ELEMENT, 0, route, whole=False))

    def arrived(self, route: Route) -> Carried:
        """What has come in on a route since it was added. Raises NetlinkError when it is not there."""
        return self._ask(route, 0)

    def departed(self, route: Route) -> Carried:
        """What has gone out on a route since it was added. Raises NetlinkError when it is not there."""
        return self._ask(route, 1)

    def arrivals(self) -> Iterator[list[tuple[bytes, Carried]]]:
        """What has come in on all routes, some hundreds at a time; one reading has to end before the next begins.

        Routes that come or go meanwhile may be left out, and others be told twice. Raises NetlinkError.
        """
        for family in _FAMILIES:
            asked = _message(_GET_ELEMENT, 0, text(1, TABLE), text(2, f"arrivals{family}"))
            for answers in self._reading.listed(asked):
                yield [each for answer in answers for each in _counted(answer, family)]

    def close(self) -> None:
        """Give the table up, with all that is in it."""
        self._owning.close()
        self._reading.close()

    def _ask(self, route: Route, end: int) -> Carried:
        answers = self._owning.ask([_of_route(_GET_ELEMENT, 0, route, whole=False)[end]])
        ((_, carried),) = _counted(answers[0], _family(route))
        return carried

    def _commit(self, messages: Sequence[Message]) -> None:
        """Have these done all together, or none of them."""
        edge = _GENERAL.pack(0, 0, _SUBSYSTEM)
        self._owning.ask([(_BATCH_BEGIN, 0, edge), *messages, (_BATCH_END, 0, edge)])


def _family(route: Route) -> int:
    return 6 if ":" in route.source[0] else 4


def _message(kind: int, flags: int, *parts: bytes) -> Message:
    return _SUBSYSTEM << 8 | kind, flags | ACK, _GENERAL.pack(_INET, 0, 0) + b"".join(parts)


def _table() -> list[Message]:
    """The table and its two chains."""
    return [
        _message(_NEW_TABLE, _CREATE | _EXCLUSIVE, text(1, TABLE), number(2, _OWNED)),
        _chain("arrivals", _PREROUTING, _BEFORE_TRACKING),
        _chain("departures", _POSTROUTING, _LAST),
    ]


def _chain(name: str, hook: int, priority: int) -> Message:
    where = nested(4, number(1, hook), number(2, priority & 0xFFFFFFFF))
    return _message(_NEW_CHAIN, _CREATE, text(1, TABLE), text(3, name), where, text(7, "filter"))


def _carrying(family: int) -> list[Message]:
    """The maps and rules of one IP version. The registers hold the key first, and after it what the map gave."""
    words = 1 if family == 4 else 4
    source, target = (12, 16) if family == 4 else (8, 24)
    key = [
        _load(0, _NETWORK, source, 4 * words),
        _load(words, _TRANSPORT, 0, 2),
        _load(words + 1, _NETWORK, target, 4 * words),
        _load(2 * words + 1, _TRANSPORT, 2, 2),
    ]
    found = 2 * words + 2

    def rewritten(name: str, address: int, port: int) -> list[bytes]:
        looked_up = _expression("lookup", text(1, name), number(2, _REGISTER), number(3, _REGISTER + found))
        return [*key, looked_up, _store_address(found, family, address), _store_port(found + words, port)]

    arriving, leaving = f"arrivals{family}", f"departures{family}"
    notrack = _expression("notrack")
    return [
        _map(arriving, family, 1),
        _map(leaving, family, 2),
        _rule("arrivals", [*_is_rtp(family), *rewritten(arriving, target, 2), notrack]),
        _rule("departures", [*_is_udp(family), *rewritten(leaving, source, 0)]),
    ]


def _map(name: str, family: int, identity: int) -> Message:
    """A map from the source and another address to the third one, each with its port, that counts."""
    words = 1 if family == 4 else 4
    address, port = _ADDRESS_TYPES[family], _PORT_TYPE
    key_type, value_type = ((address << 6 | port) << 6 | address) << 6 | port, address << 6 | port
    return _message(
        _NEW_SET,
        _CREATE,
        *(text(1, TABLE), text(2, name), number(3, _IS_MAP), number(10, identity)),
        *(number(4, key_type), number(5, 8 * words + 8), number(6, value_type), number(7, 4 * words + 4)),
        *(nested(17, text(1, "counter"), nested(2)), nested(9, number(1, MOST))),
    )


def _rule(chain: str, expressions: Iterable[bytes]) -> Message:
    return _message(_NEW_RULE, _CREATE | _APPEND, text(1, TABLE), text(2, chain), nested(4, *expressions))


def _expression(name: str, *parts: bytes) -> bytes:
    return nested(1, text(1, name), nested(2, *parts))


def _is_udp(family: int) -> list[bytes]:
    """Only UDP of this IP version, and without fragments or extension headers. What is compared has four bytes where
    that can be, because the kernel has a short way for that.
    """
    version = [_expression("meta", number(1, _REGISTER), number(2, 15)), _compare(_EQUAL, _VERSIONS[family])]
    if family == 4:  # fragment offset and flags, time to live, protocol
        return [*version, _load(0, _NETWORK, 6, 4), _masked("3fff00ff"), _compare(_EQUAL, b"\0\0\0\x11")]
    return [*version, _load(0, _NETWORK, 6, 1), _compare(_EQUAL, b"\x11")]


def _is_rtp(family: int) -> list[bytes]:
    """Only what can be RTP and not RTCP (RFC 5761 section 4), in a datagram that has a checksum to be mended."""
    return [
        *_is_udp(family),
        *(_load(0, _TRANSPORT, 8, 4), _masked("c0600000"), _compare(_EQUAL, b"\x80"), _compare(_UNEQUAL, b"\x80\x40")),
        *(_load(0, _TRANSPORT, 6, 2), _compare(_UNEQUAL, b"\0\0")),
        *(_load(0, _TRANSPORT, 4, 2), _compare(_AT_LEAST, (8 + 12).to_bytes(2, "big"))),
    ]


def _load(register: int, base: int, offset: int, size: int) -> bytes:
    where = number(2, base), number(3, offset), number(4, size)
    return _expression("payload", number(1, _REGISTER + register), *where)


def _store_address(register: int, family: int, offset: int) -> bytes:
    """Write an address; IPv4 has a checksum in its header, and the one of UDP covers the addresses too."""
    where = number(2, _NETWORK), number(3, offset), number(4, 4 if family == 4 else 16)
    mended = (number(6, _INTERNET_CHECKSUM), number(7, 10)) if family == 4 else ()
    return _expression("payload", number(5, _REGISTER + register), *where, *mended, number(8, _PSEUDO_HEADER))


def _store_port(register: int, offset: int) -> bytes:
    where = number(2, _TRANSPORT), number(3, offset), number(4, 2)
    return _expression("payload", number(5, _REGISTER + register), *where, number(6, _INTERNET_CHECKSUM), number(7, 6))


def _masked(mask: str) -> bytes:
    """Leave these bits of the first register."""
    bits = nested(4, attribute(1, bytes.fromhex(mask))), nested(5, attribute(1, bytes(4)))
    return _expression("bitwise", number(1, _REGISTER), number(2, _REGISTER), number(3, 4), *bits)


def _compare(how: int, value: bytes) -> bytes:
    """Go on if the first register compares so with the value."""
    return _expression("cmp", number(1, _REGISTER), number(2, how), nested(3, attribute(1, value)))


def _of_route(kind: int, flags: int, route: Route, *, whole: bool) -> list[Message]:
    """Messages about the two elements of a route: in the map of arrivals, in that of departures."""
    family, target = _family(route), _packed(route.target)
    departure_key, departure = _packed(route.source) + target, _packed(route.departure)
    return [
        _of_element(kind, flags, f"arrivals{family}", _arrival_key(route), target if whole else None),
        _of_element(kind, flags, f"departures{family}", departure_key, departure if whole else None),
    ]


def _arrival_key(route: Route) -> bytes:
    return _packed(route.source) + _packed(route.arrival)


def _of_element(kind: int, flags: int, name: str, key: bytes, value: bytes | None) -> Message:
    parts = [nested(1, attribute(1, key)), *([] if value is None else [nested(2, attribute(1, value))])]
    return _message(kind, flags, text(1, TABLE), text(2, name), nested(3, nested(1, *parts)))


def _packed(address: Address) -> bytes:
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.inet_pton(family, host) + port.to_bytes(2, "big") + bytes(2)


def _counted(answer: bytes, family: int) -> Iterator[tuple[bytes, Carried]]:
    """Key and counter of the elements in an answer, which are many and all laid out alike."""
    listed = attributes(answer[_GENERAL.size :]).get(3, b"")
    if not listed:
        return
    key_size, headers = (16, 28) if family == 4 else (40, 48)
    counter = listed.index(b"counter\0", 12 + key_size)
    before, after = counter + 16 - 12 - key_size, size_of(listed) - counter - 36
    for key, size, packets in Struct(f">12x{key_size}s{before}xQ4xQ{after}x").iter_unpack(listed):
        yield key, Carried(packets, size - packets * headers)
