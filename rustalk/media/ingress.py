"""The table ``netdev rustalk`` of nftables: packets of a route go on as they come in, and IP never sees them.

A chain at the ingress hook of each interface that a route came by, last of all, with two rules:

    source . arrival . interface  ->  departure, target, interface, neighbour

Both addresses and both ports are rewritten, and the packet goes out by that interface to that neighbour, whose MAC
address the kernel looks up each time. The time to live becomes one less.

What does not match goes where it always went: to the table of rustalk.media.nftables, which has all the same routes.
So does what forwarding has more to say about, from the right source: packets with options, in fragments, near the
end of their life, or so big that a wire may be too narrow for them.

What passes here passes no firewall, no connection tracking and no policy of IPsec, except chains at the same hook,
which see it first, and tc; tcpdump sees it as it comes in and as it goes out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from rustalk.media.netlink import Netlink, interface_name, number
from rustalk.media.offload import Route
from rustalk.media.rules import (
    EQUAL,
    FAMILIES,
    NETWORK,
    REGISTER,
    UNEQUAL,
    Carried,
    Map,
    Rules,
    compare,
    expression,
    is_rtp,
    load,
    load_ends,
    look_up,
    masked,
    packed,
    store_addresses,
    store_ports,
)

__all__ = ["Ingress", "Passage"]

_NETDEV = 5
_INGRESS = 0
_LAST = 500
_ADDRESSES, _PORT, _INTERFACE, _INTEGER = {4: 7, 6: 8}, 13, 20, 4  # what nft prints keys and values by
_TO_US = b"\0"

_KEYS = {4: 16 + 4, 6: 40 + 4}
_VALUES = {4: 2 * 4 + 4 + 4 + 4, 6: 2 * 16 + 4 + 4 + 16}


def _map(family: int, identity: int) -> Map:
    end = _ADDRESSES[family] << 6 | _PORT
    key = (end << 12 | end) << 6 | _INTERFACE
    return Map(f"passages{family}", identity, family, (key, _KEYS[family]), (_INTEGER, _VALUES[family]))


_PASSAGES = {family: _map(family, identity) for identity, family in enumerate(FAMILIES, 1)}


@dataclass(frozen=True, slots=True)
class Passage:
    """Where packets of a route come in and go out, by index of interface, and to which neighbour there."""

    entry: int
    exit: int
    neighbour: bytes


class Ingress:
    """Our table in the kernel; it is there from the beginning to ``close``. Every call is done when it returns."""

    def __init__(self, owning: Netlink, reading: Netlink, routing: Netlink) -> None:
        """Make the table. Two sockets are of NETFILTER and become ours; the table stands and falls with ``owning``.

        ``routing``, of socket.NETLINK_ROUTE, is only asked for names of interfaces. Raises NetlinkError as
        rustalk.media.nftables.Table does.
        """
        self._rules = rules = Rules(_NETDEV, owning, reading)
        self._routing = routing
        self._hooked: set[int] = set()
        rules.commit([rules.table(), *map(rules.map, _PASSAGES.values())])

    def add(self, route: Route, passage: Passage) -> None:
        """Let what comes in this way on a route go on at once.

        Raises NetlinkError: ENODEV where there is no such interface any more, EOPNOTSUPP where it has no such hook,
        ENFILE where there are too many routes already.
        """
        self._hook(passage.entry)
        ends = route.departure, route.target
        hosts = [ip_address(host).packed for host, _ in ends]
        ports = [port.to_bytes(2, "big") for _, port in ends]
        value = b"".join([*hosts, *ports, passage.exit.to_bytes(4, sys.byteorder), passage.neighbour])
        self._rules.commit([self._rules.added(_of(route), _key(route, passage), value)])

    def remove(self, route: Route, passage: Passage) -> None:
        """Let it go its normal way. Raises NetlinkError when it is not there."""
        self._rules.commit([self._rules.removed(_of(route), _key(route, passage))])

    def passed(self, route: Route, passage: Passage) -> Carried:
        """What has passed on a route since it was added. Raises NetlinkError when it is not there."""
        return self._rules.count(_of(route), _key(route, passage))

    def passages(self) -> Iterator[list[tuple[bytes, Carried]]]:
        """What has passed on all routes, by the names that Table has for them, and in parts as it tells."""
        for counting in _PASSAGES.values():
            for counts in self._rules.counts(counting):
                yield [(key[:-4], carried) for key, carried in counts]

    def close(self) -> None:
        """Give the table up, with all that is in it."""
        self._rules.close()

    def _hook(self, interface: int) -> None:
        """Have our rules at the ingress of this interface."""
        if interface in self._hooked:
            return
        name = f"ingress{interface}"
        chain = self._rules.chain(name, _INGRESS, _LAST, interface_name(self._routing, interface))
        self._rules.commit([chain, *(self._rules.rule(name, _passing(family)) for family in FAMILIES)])
        self._hooked.add(interface)


def _of(route: Route) -> Map:
    return _PASSAGES[6 if ":" in route.source[0] else 4]


def _key(route: Route, passage: Passage) -> bytes:
    return packed(route.source) + packed(route.arrival) + passage.entry.to_bytes(4, sys.byteorder)


def _passing(family: int) -> list[bytes]:
    """The rule of one IP version. What the map gives takes the place of the key in the registers."""
    words, ends, protocol = (1, 12, 2) if family == 4 else (4, 8, 10)
    ports = 2 * words
    onward = number(1, REGISTER + ports + 1), number(2, REGISTER + ports + 2), number(3, protocol)
    return [
        *(_meta(19), compare(EQUAL, _TO_US)),
        *_is_plain(family),
        *is_rtp(),
        *load_ends(family),
        _meta(4, _KEYS[family] // 4 - 1),
        look_up(_PASSAGES[family].name, 0),
        store_addresses(0, family, ends, 2),
        store_ports(ports, 0, 2),
        expression("fwd", *onward),
    ]


def _meta(what: int, register: int = 0) -> bytes:
    """Have in a register what is known of the packet: 4, the index of its interface; 19, whom it was sent to."""
    return expression("meta", number(1, REGISTER + register), number(2, what))


def _is_plain(family: int) -> list[bytes]:
    """Only UDP of this IP version without options or fragments, of less than 1 KiB, with more than one hop to live."""
    if family == 4:
        return [
            *(load(0, NETWORK, 0, 4), masked("ff00fc00"), compare(EQUAL, b"\x45\0\0\0")),
            *(load(0, NETWORK, 6, 2), masked("3fff0000"), compare(EQUAL, b"\0\0")),
            *(load(0, NETWORK, 8, 4), masked("feff0000"), compare(UNEQUAL, b"\0")),
            *(masked("00ff0000"), compare(EQUAL, b"\0\x11\0\0")),
        ]
    return [
        *(load(0, NETWORK, 0, 1), masked("f0000000"), compare(EQUAL, b"\x60")),
        *(load(0, NETWORK, 4, 4), masked("fc00ff00"), compare(EQUAL, b"\0\0\x11\0")),
        *(load(0, NETWORK, 7, 1), masked("fe000000"), compare(UNEQUAL, b"\0")),
    ]
