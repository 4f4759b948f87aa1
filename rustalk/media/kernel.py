"""The kernel relay: what the userspace relay has settled is carried by the Linux kernel, which never wakes us for it.

It is not a relay of its own but what the userspace Relay is given as ``offload``. A stream begins in userspace, where
its sources are found and its first packets pass. At the next look, when both sources are held, the kernel takes over
one route per direction; a session description that changes a route brings it back at once. RTCP and STUN stay in
userspace, and so do treated streams, sides of different IP versions, and peers on this very host.

Of what the kernel carries the packets and bytes are known, and when the last packets came, to the second of a look.
Loss, order and jitter are not, and are None from then on.

What the kernel needs, beside what rustalk.media.nftables says, is that the system forwards packets where media comes
in (``net.ipv4.conf.<interface>.forwarding``), and that no firewall drops them there.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from rustalk.media.netlink import Netlink, is_elsewhere
from rustalk.media.nftables import NETFILTER, Carried, Table
from rustalk.media.offload import Route, Stream

__all__ = ["Kernel", "forwards", "open_kernel"]

PROOF = 10
"""Packets that come in on a route before one must have gone out."""

READ_INTERVAL = 1.0
"""Seconds between two readings of all counters; with thousands of streams one reading takes longer."""

READ_PARTS = 16
"""How many parts of a reading there can be in that time; each is about 370 routes and 2 ms."""

_SETTINGS = Path("/proc/sys/net")
_FALLBACK = "Media goes through the userspace relay"

_STUCK = (
    "Packets that the kernel took over do not leave this host: their streams go through userspace. Let the firewall "
    "accept them in its forward hook (nft: ct state untracked), and set net.ipv4.conf.all.forwarding=1 or "
    "net.ipv6.conf.all.forwarding=1 by sysctl"
)

_log = Logger()


def open_kernel(families: Collection[int], clock: IReactorTime) -> Kernel | None:
    """The kernel for streams of these IP versions, 4 and 6; None, after one warning, where it cannot be had."""
    forwarded = {family for family in families if forwards(family)}
    if not forwarded:
        names = " and ".join(f"net.ipv{family}.conf.all.forwarding=1" for family in sorted(families))
        _log.warn("{fallback}: no interface forwards packets. Set {names} by sysctl", fallback=_FALLBACK, names=names)
        return None
    try:
        table = Table(Netlink(NETFILTER), Netlink(NETFILTER))
        return Kernel(table, Netlink(socket.NETLINK_ROUTE), forwarded, clock)
    except OSError as error:
        _log.warn("{fallback}: {remedy}", fallback=_FALLBACK, remedy=_remedy(error))
        return None


def forwards(family: int, settings: Path = _SETTINGS) -> bool:
    """Whether any interface forwards packets of this IP version."""
    found = (settings / f"ipv{family}" / "conf").glob("*/forwarding")
    return any(each.read_text(encoding="ascii").strip() != "0" for each in found)


def _route(stream: Stream, side: int) -> Route | None:
    """The way of what a side sends; None too where its socket cannot say, being closed or cut off (``ss -K``).

    That is no fault of the kernel's table, and concerns no other stream.
    """
    try:
        return stream.route(side)
    except OSError:
        return None


def _remedy(error: OSError) -> str:
    if error.errno == errno.EPERM:
        return (
            "the kernel allows no nftables table. Give the process CAP_NET_ADMIN (systemd: AmbientCapabilities="
            "CAP_NET_ADMIN; otherwise setcap cap_net_admin+ep on the Python program), and see that no other process "
            "owns the table inet rustalk (nft list tables)"
        )
    return f"the kernel takes no nftables table ({error.strerror}). Linux 5.12 or later with nf_tables is needed"


@dataclass(slots=True, eq=False)
class Lane:
    """One direction of a stream that the kernel carries: how much its stream was told, whether packets got through.

    ``name`` is what the table knows it by.
    """

    stream: Stream
    side: int
    route: Route
    name: bytes
    told: Carried = field(default_factory=Carried)
    proven: bool = False

    def tell(self, arrived: Carried) -> None:
        """Let the stream know of what came in since it was told the last time."""
        if arrived.packets > self.told.packets:
            new = arrived.packets - self.told.packets, arrived.bytes - self.told.bytes
            self.told = arrived
            self.stream.passed(self.side, *new)


class Kernel:
    """Takes over the routes of streams, and gives them back. Implements rustalk.media.offload.Offload."""

    def __init__(self, table: Table, routing: Netlink, families: Collection[int], clock: IReactorTime) -> None:
        """``routing`` is of socket.NETLINK_ROUTE; both become ours. Other IP versions than ``families`` are let be."""
        self._table = table
        self._routing = routing
        self._families = families
        self._clock = clock
        self._lanes: dict[bytes, Lane] = {}
        self._declined: dict[Stream, set[Route]] = {}
        self._streams: dict[Stream, dict[int, Lane]] = {}
        self._warned: set[str] = set()
        self._counts: Iterator[list[tuple[bytes, Carried]]] = iter(())
        self._counted = 0.0
        self._read = LoopingCall(self._read_some)
        self._read.clock = clock

    @property
    def routes(self) -> int:
        """How many routes are carried now."""
        return len(self._lanes)

    def look(self, stream: Stream) -> None:
        """Take over what has settled since the last look, and give back what turns out to lead nowhere."""
        try:
            self._give_back(stream, [side for side, lane in self._of(stream).items() if self._is_stuck(lane)])
            for side in (0, 1):
                self._settle(stream, side)
        except OSError as error:
            self._give_up(error)

    def moved(self, stream: Stream) -> None:
        """Give back the routes that are not what they were; ``look`` takes over the new ones."""
        self._declined.pop(stream, None)
        try:
            self._give_back(
                stream, [side for side, lane in self._of(stream).items() if _route(stream, side) != lane.route]
            )
        except OSError as error:
            self._give_up(error)

    def closed(self, stream: Stream) -> None:
        """Give back all routes and forget the stream."""
        try:
            self._give_back(stream, list(self._of(stream)))
        except OSError as error:
            self._give_up(error)
        self._declined.pop(stream, None)

    def close(self) -> None:
        """Take our table away."""
        self._forget()
        self._routing.close()

    def _of(self, stream: Stream) -> dict[int, Lane]:
        return self._streams.get(stream, {})

    def _settle(self, stream: Stream, side: int) -> None:
        """Take over what this side sends, if that is settled and was not tried in vain."""
        if side in self._of(stream):
            return
        route = _route(stream, side)
        if route is None or route in self._declined.get(stream, ()):
            return
        name = self._take_over(route) if self._can_carry(route) else None
        if name is not None:
            self._lanes[name] = self._streams.setdefault(stream, {})[side] = Lane(stream, side, route, name)
            if not self._read.running:
                self._read.start(READ_INTERVAL / READ_PARTS, now=False)
        else:
            self._decline(stream, route)

    def _can_carry(self, route: Route) -> bool:
        if route.family not in self._families:
            return False
        return all(is_elsewhere(self._routing, host) for host, _ in (route.source, route.target))

    def _take_over(self, route: Route) -> bytes | None:
        """Its name in the table; None where another stream has the same peers and ports, or the table is full."""
        try:
            return self._table.add(route)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENFILE):
                raise
            return None

    def _decline(self, stream: Stream, route: Route) -> None:
        self._declined.setdefault(stream, set()).add(route)

    def _is_stuck(self, lane: Lane) -> bool:
        """Whether enough came in, and nothing went out. It is not tried again then."""
        if lane.proven or lane.told.packets < PROOF:
            return False
        lane.proven = self._table.departed(lane.route).packets > 0
        if not lane.proven:
            self._decline(lane.stream, lane.route)
            self._warn(_STUCK)
        return not lane.proven

    def _give_back(self, stream: Stream, sides: Collection[int]) -> None:
        lanes = self._of(stream)
        for side in sides:
            lane = lanes.pop(side)
            del self._lanes[lane.name]
            lane.tell(self._table.arrived(lane.route))
            self._table.remove(lane.route)
        if not lanes:
            self._streams.pop(stream, None)
        if not self._lanes and self._read.running:
            self._read.stop()

    def _read_some(self) -> None:
        """Tell the next few hundred streams what was carried; begin anew after a second, or as soon as all are told."""
        now = self._clock.seconds()
        try:
            counts = next(self._counts, None)
        except OSError as error:
            self._give_up(error)
            return
        if counts is not None:
            for name, arrived in counts:
                lane = self._lanes.get(name)
                if lane is not None:
                    lane.tell(arrived)
        elif now - self._counted >= READ_INTERVAL:
            self._counted = now
            self._counts = self._table.arrivals()

    def _give_up(self, error: OSError) -> None:
        """The kernel no longer does what it has done so far: with the table all routes go back to userspace."""
        self._forget()
        self._families = ()
        self._warn(f"The kernel carries media no more, userspace does: {error.strerror}. Restart to try again")

    def _forget(self) -> None:
        self._table.close()
        self._lanes.clear()
        self._streams.clear()
        if self._read.running:
            self._read.stop()

    def _warn(self, text: str) -> None:
        """Say this once, not for every stream."""
        if text not in self._warned:
            self._warned.add(text)
            _log.warn("{text}", text=text)
