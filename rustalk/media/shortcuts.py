"""Which of the kernel's routes take the shortcut at the ingress, and whether it still leads where routing leads.

A shortcut goes past IP, so it has to be right by itself: a route has one while routing sends packets of either peer's
out by an interface to a neighbour on its wire, and no policy of IPsec is in force. Where routes, rules, addresses or
links of the system change, every shortcut is looked at again when its stream is, within a second or two; whatever has
none goes the normal way of the kernel relay.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

from twisted.logger import Logger

from rustalk.media.ingress import Ingress, Passage
from rustalk.media.netlink import POLICIES, Changes, Netlink, next_hop, protects
from rustalk.media.offload import Route
from rustalk.media.rules import NETFILTER, Carried

__all__ = ["Shortcuts", "open_shortcuts"]

_NO_PLACE = (errno.ENFILE, errno.ENODEV, errno.EOPNOTSUPP)
"""The map is full; the interface is gone, or is of a kind that has no such hook."""

_LOST = (
    "The kernel relay takes no shortcuts, packets go the longer way through IP: {reason}. "
    "Shortcuts need netdev tables of nftables and the module nft_fwd_netdev"
)

_log = Logger()


def open_shortcuts() -> Shortcuts | None:
    """Shortcuts in this network; None, after one line in the log, where the kernel has none."""
    routing = Netlink(socket.NETLINK_ROUTE)
    try:
        ingress = Ingress(Netlink(NETFILTER), Netlink(NETFILTER), routing)
    except OSError as error:
        _log.info(_LOST, reason=error.strerror)
        return None
    try:
        policies = Netlink(POLICIES)
    except OSError:  # a kernel without IPsec
        policies = None
    return Shortcuts(ingress, routing, Changes(), policies)


@dataclass(slots=True)
class Shortcut:
    """That of one route: what it was when routing was last looked at, and what passed before it was changed."""

    looked: int = 0
    passage: Passage | None = None
    before: Carried = field(default_factory=Carried)


class Shortcuts:
    """The shortcuts of the kernel relay, by the names of its routes. No method raises."""

    def __init__(self, ingress: Ingress, routing: Netlink, changes: Changes, policies: Netlink | None) -> None:
        """``routing`` is of socket.NETLINK_ROUTE, ``policies`` of POLICIES; all become ours."""
        self._ingress: Ingress | None = ingress
        self._routing = routing
        self._changes = changes
        self._policies = policies
        self._protected = self._protects()
        self._state = 1
        self._shortcuts: dict[bytes, Shortcut] = {}

    def look(self, name: bytes, route: Route) -> None:
        """Have this route take the shortcut that there is, if it could be another one than at the last look."""
        shortcut = self._shortcuts.get(name)
        if shortcut is None:
            shortcut = self._shortcuts[name] = Shortcut()
        if shortcut.looked == self._state or self._ingress is None:
            return
        shortcut.looked = self._state
        try:
            self._take(shortcut, route, None if self._protected else self._passage(route))
        except OSError as error:
            self._give_up(error)

    def end(self, name: bytes, route: Route) -> Carried:
        """Have this route take none, and forget it; what has passed in all."""
        shortcut = self._shortcuts.pop(name, Shortcut())
        try:
            self._leave(shortcut, route)
        except OSError as error:
            self._give_up(error)
        return shortcut.before

    def counts(self) -> Iterator[list[tuple[bytes, Carried]]]:
        """What has passed of all routes, some hundreds at a time; notices first whether routing has changed."""
        if self._ingress is None:
            return
        protected = self._protects()
        if self._changes.seen() or protected != self._protected:
            self._protected = protected
            self._state += 1
        try:
            for part in self._ingress.passages():
                yield [(name, _sum(self._shortcuts[name].before, new)) for name, new in part if name in self._shortcuts]
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Take our table away."""
        if self._ingress is not None:
            self._ingress.close()
            self._ingress = None
        for each in (self._routing, self._changes, self._policies):
            if each is not None:
                each.close()

    def _passage(self, route: Route) -> Passage | None:
        """The way of a packet past us: in where one to its source would go out, out to the next hop of its target."""
        entry = next_hop(self._routing, route.source[0], route.arrival[0])
        onward = next_hop(self._routing, route.target[0], route.departure[0])
        if entry is None or onward is None or onward.neighbour is None:
            return None
        return Passage(entry.interface, onward.interface, onward.neighbour)

    def _take(self, shortcut: Shortcut, route: Route, passage: Passage | None) -> None:
        if passage == shortcut.passage or self._ingress is None:
            return
        self._leave(shortcut, route)
        if passage is None:
            return
        try:
            self._ingress.add(route, passage)
        except OSError as error:
            if error.errno not in _NO_PLACE:
                raise
        else:
            shortcut.passage = passage

    def _leave(self, shortcut: Shortcut, route: Route) -> None:
        if shortcut.passage is None or self._ingress is None:
            return
        passage, shortcut.passage = shortcut.passage, None
        shortcut.before = _sum(shortcut.before, self._ingress.passed(route, passage))
        self._ingress.remove(route, passage)

    def _protects(self) -> bool:
        """Whether IPsec may have to wrap up what is sent; so too where the kernel does not say."""
        if self._policies is None:
            return False
        try:
            return protects(self._policies)
        except OSError:
            return True

    def _give_up(self, error: OSError) -> None:
        """The kernel no longer does what it has done so far: without the table all goes the longer way."""
        if self._ingress is not None:
            _log.warn(_LOST, reason=error.strerror)
        self.close()


def _sum(one: Carried, other: Carried) -> Carried:
    return Carried(one.packets + other.packets, one.bytes + other.bytes)
