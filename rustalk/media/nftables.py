"""The table ``inet rustalk`` of nftables: maps that let the Linux kernel carry RTP from one peer to another alone.

Two rules per IP version, and a map for each rule with one element per direction of a stream:

    prerouting, before connection tracking    source . arrival -> target       the destination is rewritten
    routing, forwarding                       as for any packet
    postrouting, last of all                  source . target  -> departure    the source is rewritten

The source is rewritten last because routing refuses a packet that comes in with an address of ours. The key is all four
of addresses and ports: what anybody else sends matches nothing and goes where it always went, to the userspace relay,
which refuses it. So do, from the right source, STUN and RTCP on the RTP port, fragments, packets without a checksum
and what is too short for RTP. No packet is seen by connection tracking.

``nft list table inet rustalk`` shows them. rustalk.media.ingress is a shorter way for most of these packets.

The table is owned by our socket (Linux 5.12): nobody else changes it, ``nft flush ruleset`` passes it over, and when
the process ends, in whatever way, the kernel takes it away. Packets of this host itself do not pass prerouting:
whoever adds routes leaves those out whose source or target is local.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rustalk.media.netlink import Message, Netlink, number
from rustalk.media.offload import Route
from rustalk.media.rules import (
    EQUAL,
    FAMILIES,
    NETWORK,
    REGISTER,
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

__all__ = ["Table"]

_INET = 1
_PREROUTING, _POSTROUTING = 0, 4
_BEFORE_TRACKING, _LAST = -300, 300
_VERSIONS = {4: b"\x02", 6: b"\x0a"}
_ADDRESS_TYPES, _PORT_TYPE = {4: 7, 6: 8}, 13


def _map(name: str, family: int, identity: int) -> Map:
    """From the source and another address to the third one, each with its port."""
    size, address = 8 if family == 4 else 20, _ADDRESS_TYPES[family]
    end = address << 6 | _PORT_TYPE
    return Map(f"{name}{family}", identity, family, (end << 12 | end, 2 * size), (end, size))


_ARRIVALS = {family: _map("arrivals", family, 1) for family in FAMILIES}
_DEPARTURES = {family: _map("departures", family, 2) for family in FAMILIES}


class Table:
    """Our table in the kernel; it is there from the beginning to ``close``. Every call is done when it returns."""

    def __init__(self, owning: Netlink, reading: Netlink) -> None:
        """Make the table. Both sockets are of NETFILTER and become ours; the table stands and falls with ``owning``.

        Raises rustalk.media.netlink.NetlinkError: EPERM without CAP_NET_ADMIN or while another process has the table,
        EOPNOTSUPP, EINVAL or ENOENT from a kernel that cannot.
        """
        self._rules = rules = Rules(_INET, owning, reading)
        rules.commit(
            [
                rules.table(),
                rules.chain("arrivals", _PREROUTING, _BEFORE_TRACKING),
                rules.chain("departures", _POSTROUTING, _LAST),
                *(message for family in FAMILIES for message in _carrying(rules, family)),
            ]
        )

    def add(self, route: Route) -> bytes:
        """Let the kernel carry this; the name by which ``arrivals`` tells of it.

        Raises NetlinkError, EEXIST where it cannot be told from another one, ENFILE where there are too many already.
        """
        name, source, target = _name(route), packed(route.source), packed(route.target)
        self._rules.commit(
            [
                self._rules.added(_ARRIVALS[_family(route)], name, target),
                self._rules.added(_DEPARTURES[_family(route)], source + target, packed(route.departure)),
            ]
        )
        return name

    def remove(self, route: Route) -> None:
        """Let the kernel carry this no more. Raises NetlinkError when it is not there."""
        self._rules.commit(
            [
                self._rules.removed(_ARRIVALS[_family(route)], _name(route)),
                self._rules.removed(_DEPARTURES[_family(route)], packed(route.source) + packed(route.target)),
            ]
        )

    def arrived(self, route: Route) -> Carried:
        """What has come in on a route since it was added. Raises NetlinkError when it is not there."""
        return self._rules.count(_ARRIVALS[_family(route)], _name(route))

    def departed(self, route: Route) -> Carried:
        """What has gone out on a route since it was added. Raises NetlinkError when it is not there."""
        return self._rules.count(_DEPARTURES[_family(route)], packed(route.source) + packed(route.target))

    def arrivals(self) -> Iterator[list[tuple[bytes, Carried]]]:
        """What has come in on all routes, some hundreds at a time; one reading has to end before the next begins.

        Routes that come or go meanwhile may be left out, and others be told twice. Raises NetlinkError.
        """
        for counting in _ARRIVALS.values():
            yield from self._rules.counts(counting)

    def close(self) -> None:
        """Give the table up, with all that is in it."""
        self._rules.close()


def _family(route: Route) -> int:
    return 6 if ":" in route.source[0] else 4


def _name(route: Route) -> bytes:
    """The key of what arrives."""
    return packed(route.source) + packed(route.arrival)


def _carrying(rules: Rules, family: int) -> Iterable[Message]:
    """The maps and rules of one IP version. The registers hold the key first, and after it what the map gave."""
    arriving, leaving = _ARRIVALS[family], _DEPARTURES[family]
    source, target = (12, 16) if family == 4 else (8, 24)
    found, port = (4, 5) if family == 4 else (10, 14)

    def rewritten(by: Map, address: int, offset: int) -> list[bytes]:
        looked_up = [*load_ends(family), look_up(by.name, found)]
        return [*looked_up, store_addresses(found, family, address, 1), store_ports(port, offset, 1)]

    notrack = expression("notrack")
    return [
        rules.map(arriving),
        rules.map(leaving),
        rules.rule("arrivals", [*_is_udp(family), *is_rtp(), *rewritten(arriving, target, 2), notrack]),
        rules.rule("departures", [*_is_udp(family), *rewritten(leaving, source, 0)]),
    ]


def _is_udp(family: int) -> list[bytes]:
    """Only UDP of this IP version, and without fragments or extension headers."""
    version = [expression("meta", number(1, REGISTER), number(2, 15)), compare(EQUAL, _VERSIONS[family])]
    if family == 4:
        whole = load(0, NETWORK, 6, 2), masked("3fff0000"), compare(EQUAL, b"\0\0")
        return [*version, *whole, load(0, NETWORK, 9, 1), compare(EQUAL, b"\x11")]
    return [*version, load(0, NETWORK, 6, 1), compare(EQUAL, b"\x11")]
