"""The kernel relay: what the userspace relay has settled is carried by the Linux kernel, which never wakes us for it.

It is not a relay of its own but what the userspace Relay is given as ``offload``. A stream begins in userspace, where
its sources are found and its first packets pass. At the next look, when both sources are held, the kernel takes over
one route per direction; a session description that changes a route brings it back at once. RTCP and STUN stay in
userspace, and so do treated streams, sides of different IP versions, and peers on this very host. Of what the kernel
carries, most takes the shortcut of rustalk.media.shortcuts; the rest is forwarded as a router does it.

Of what the kernel carries the packets and bytes are known, and when the last packets came, to the second of a look.
Loss, order and jitter are not, and are None from then on.

What the kernel needs, beside what rustalk.media.nftables says, is that the system forwards packets where media comes
in (``net.ipv4.conf.<interface>.forwarding``), and that no firewall drops them there.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from rustalk.media.netlink import Netlink, next_hop
from rustalk.media.nftables import Table
from rustalk.media.offload import Route, Stream
from rustalk.media.rules import NETFILTER, Carried
from rustalk.media.shortcuts import Shortcuts, open_shortcuts

__all__ = ["Kernel", "forwards", "open_kernel"]

PROOF = 10
"""Packets that come in on a route before one must have gone out."""

BY_TABLE, BY_SHORTCUT = 0, 1
"""The counters of a lane."""

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
        return Kernel(table, Netlink(socket.NETLINK_ROUTE), forwarded, clock, open_shortcuts())
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

    ``name`` is what the table knows it by. There are two counters of it: of the table, and of the shortcut.
    """

    stream: Stream
    side: int
    route: Route
    name: bytes
    told: list[Carried] = field(default_factory=lambda: [Carried(), Carried()])
    proven: bool = False

    def tell(self, arrived: Carried, counter: int) -> None:
        """Let the stream know of what came in since it was told of this counter the last time."""
        told = self.told[counter]
        if arrived.packets > told.packets:
            self.told[counter] = arrived
            self.stream.passed(self.side, arrived.packets - told.packets, arrived.bytes - told.bytes)


class Kernel:
    """Takes over the routes of streams, and gives them back. Implements rustalk.media.offload.Offload."""

    def __init__(
        self,
        table: Table,
        routing: Netlink,
        families: Collection[int],
        clock: IReactorTime,
        shortcuts: Shortcuts | None = None,
    ) -> None:
        """``routing`` is of socket.NETLINK_ROUTE; all become ours. Other IP versions than ``families`` are let be."""
        self._table = table
        self._shortcuts = shortcuts
        self._routing = routing
        self._families = families
        self._clock = clock
        self._lanes: dict[bytes, Lane] = {}
        self._declined: dict[Stream, set[Route]] = {}
        self._streams: dict[Stream, dict[int, Lane]] = {}
        self._warned: set[str] = set()
        self._counts: Iterator[tuple[int, list[tuple[bytes, Carried]]]] = iter(())
        self._counted = 0.0
        self._next: IDelayedCall | None = None

    @property
    def routes(self) -> int:
        """How many routes are carried now."""
        return len(self._lanes)

    def look(self, stream: Stream) -> None:
        """Take over what has settled since the last look, and give back what turns out to lead nowhere."""
        try:
            stuck = [side for side, lane in self._of(stream).items() if self._is_stuck(lane)]
            if stuck:
                self._give_back(stream, stuck)
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
        """Take over what this side sends, if that is settled and was not tried in vain; by a shortcut if there is."""
        lane = self._of(stream).get(side) or self._begin(stream, side)
        if lane is not None and self._shortcuts is not None:
            self._shortcuts.look(lane.name, lane.route)

    def _begin(self, stream: Stream, side: int) -> Lane | None:
        route = _route(stream, side)
        if route is None or route in self._declined.get(stream, ()):
            return None
        name = self._take_over(route) if self._can_carry(route) else None
        if name is None:
            self._decline(stream, route)
            return None
        lane = self._lanes[name] = self._streams.setdefault(stream, {})[side] = Lane(stream, side, route, name)
        if self._next is None:
            self._next = self._clock.callLater(READ_INTERVAL, self._read_some)
        return lane

    def _can_carry(self, route: Route) -> bool:
        if route.family not in self._families:
            return False
        to_source = next_hop(self._routing, route.source[0], route.arrival[0])
        return to_source is not None and next_hop(self._routing, route.target[0], route.departure[0]) is not None

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
        if lane.proven or lane.told[BY_TABLE].packets < PROOF:
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
            if self._shortcuts is not None:
                lane.tell(self._shortcuts.end(lane.name, lane.route), BY_SHORTCUT)
            lane.tell(self._table.arrived(lane.route), BY_TABLE)
            self._table.remove(lane.route)
        if not lanes:
            self._streams.pop(stream, None)
        if not self._lanes:
            self._stop_reading()

    def _stop_reading(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _read_some(self) -> None:
        """Tell the next few hundred streams what was carried; begin anew after a second, or as soon as all are told."""
        self._next = None
        try:
            part = next(self._counts, None)
        except OSError as error:
            self._give_up(error)
            return
        if part is None:
            self._counts = self._reading()
            pause = max(READ_INTERVAL / READ_PARTS, self._counted + READ_INTERVAL - self._clock.seconds())
            self._counted = self._clock.seconds() + pause
        else:
            self._tell(*part)
            pause = READ_INTERVAL / READ_PARTS
        if self._lanes:
            self._next = self._clock.callLater(pause, self._read_some)

    def _tell(self, counter: int, counts: Iterable[tuple[bytes, Carried]]) -> None:
        for name, arrived in counts:
            lane = self._lanes.get(name)
            if lane is not None:
                lane.tell(arrived, counter)

    def _reading(self) -> Iterator[tuple[int, list[tuple[bytes, Carried]]]]:
        for counts in self._table.arrivals():
            yield BY_TABLE, counts
        if self._shortcuts is not None:
            for counts in self._shortcuts.counts():
                yield BY_SHORTCUT, counts

    def _give_up(self, error: OSError) -> None:
        """The kernel no longer does what it has done so far: with the table all routes go back to userspace."""
        self._forget()
        self._families = ()
        self._warn(f"The kernel carries media no more, userspace does: {error.strerror}. Restart to try again")

    def _forget(self) -> None:
        if self._shortcuts is not None:
            self._shortcuts.close()
        self._table.close()
        self._lanes.clear()
        self._streams.clear()
        self._stop_reading()

    def _warn(self, text: str) -> None:
        """Say this once, not for every stream."""
        if text not in self._warned:
            self._warned.add(text)
            _log.warn("{text}", text=text)
