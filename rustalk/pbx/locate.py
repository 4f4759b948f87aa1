"""Where the phones are: the location service that registrations fill and calls ask (RFC 3261 section 10.1).

A phone is reached over the flow that it registered on, because nothing else leads through a NAT: the UDP address and
port that its REGISTER came from, or the connection. A connection that is lost takes outbound bindings with it (RFC 5626
section 4.2); any other binding stays, and is reached again where its Path or its Contact shows a way in.

All of it is in memory, bounded by the extensions there are; ``saved`` is told of each change, for a store that outlives
the process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from rustalk.interfaces import IFlow
from rustalk.sip.headers import NameAddr
from rustalk.sip.uri import Uri
from rustalk.transport.errors import TransportError

from .bindings import Binding, FlowKey

__all__ = ["Locator", "flow_key"]

log = Logger()

_SWEEPS = 5
"""Seconds within which each extension is looked at for bindings that have expired."""
_FEWEST_PER_SWEEP = 64


def flow_key(flow: IFlow) -> FlowKey:
    """What tells this flow from others, also after a restart where it is UDP."""
    return FlowKey(flow.profile, flow.transport, *flow.peer)


class Locator:
    """The bindings of every extension.

    ``datagrams(profile, host, port)`` gives the UDP flow to an address, ``find(profile, uri)`` connects to a URI.
    ``passes(node)`` says whether another node takes calls for the phones whose flows it holds. ``saved(number,
    bindings)`` is called with all bindings of an extension after each change of them, ``told(event, binding)`` with
    ``registered``, ``unregistered``, ``expired``, ``lost`` or ``removed``. ``now`` gives seconds since the epoch.
    ``arrived`` is called with each extension that had no binding and has one now; ``count`` is how many there are.
    """

    def __init__(
        self,
        clock: IReactorTime,
        now: Callable[[], float],
        *,
        node: str,
        datagrams: Callable[[str, str, int], IFlow | None],
        find: Callable[[str, Uri], Deferred[IFlow]],
        passes: Callable[[str], bool] = lambda node: False,
        saved: Callable[[str, tuple[Binding, ...]], None] = lambda number, bindings: None,
        told: Callable[[str, Binding], None] = lambda event, binding: None,
    ) -> None:
        self.node = node
        self.now = now
        self.count = 0
        self.arrived: Callable[[str], None] = lambda number: None
        self._datagrams = datagrams
        self._find = find
        self.passes = passes
        self.saved = saved
        self._told = told
        self._table: dict[str, tuple[Binding, ...]] = {}
        self._connections: dict[FlowKey, IFlow] = {}
        self._users: dict[FlowKey, set[str]] = {}
        self._hosts: Counter[str] = Counter()
        self._silent: set[Binding] = set()
        self._last_seen: dict[str, float] = {}
        self._to_sweep: list[str] = []
        self._share = _FEWEST_PER_SWEEP
        self._sweep = LoopingCall(self.sweep)
        self._sweep.clock = clock

    def start(self) -> None:
        """Begin to look for bindings that have expired."""
        self._sweep.start(1, now=False).addErrback(lambda reason: log.failure("The sweep of bindings stopped", reason))

    def stop(self) -> None:
        """Look no more; what is registered stays, for the next process."""
        if self._sweep.running:
            self._sweep.stop()

    # Asked by calls.

    def bindings(self, number: str) -> tuple[Binding, ...]:
        """The bindings of an extension that can be reached, the preferred first: by q, then the latest."""
        now = self.now()
        found = [each for each in self._table.get(number, ()) if each.expires_at > now and self.is_reachable(each)]
        if len(found) > 1:
            found.sort(key=lambda each: (-each.q, -each.refreshed_at))
        return tuple(found)

    def is_reachable(self, binding: Binding) -> bool:
        """Whether a call to this phone has a way to go, as far as is known without trying."""
        if self._silent and binding in self._silent:
            return False
        if binding.node == self.node and (binding.flow.transport == "UDP" or binding.flow in self._connections):
            return True
        return self.is_elsewhere(binding) or _way_in(binding) is not None

    def is_elsewhere(self, binding: Binding) -> bool:
        """Whether a phone is to be called through another node, which holds its flow."""
        return binding.node != self.node and self.passes(binding.node)

    def flow(self, binding: Binding) -> Deferred[IFlow]:
        """The way to a phone from here; fails with TransportError, as it does for one that another node calls."""
        if self.is_elsewhere(binding):
            return fail(TransportError("lost", f"extension {binding.extension} is registered at node {binding.node}"))
        standing = self.standing(binding) if binding.node == self.node else None
        if standing is not None:
            return succeed(standing)
        uri = _way_in(binding) if binding.flow.transport != "UDP" or binding.node != self.node else None
        if uri is None:
            return fail(_gone(binding))
        return self._find(binding.flow.profile, uri).addErrback(self._missed, binding)

    def standing(self, binding: Binding) -> IFlow | None:
        """The flow that a phone has registered on at this node; None when it is gone."""
        key = binding.flow
        if key.transport == "UDP":
            return self._datagrams(key.profile, key.host, key.port)
        return self._connections.get(key)

    def _missed(self, reason: Failure, binding: Binding) -> Failure:
        self.silent(binding)
        return reason

    # Asked by the API and by the transport.

    def all(self, number: str) -> tuple[Binding, ...]:
        """The bindings of an extension as they were registered, reachable or not."""
        return self._table.get(number, ())

    def listed(self) -> list[Binding]:
        """Every binding there is, extension by extension."""
        now = self.now()
        return [each for bindings in self._table.values() for each in bindings if each.expires_at > now]

    def knows(self, address: str) -> bool:
        """Whether a phone is registered from this address: it has shown a password there, so nobody forged it."""
        return address in self._hosts

    def last_seen(self, number: str) -> float | None:
        """When an extension was registered last, now if it is; None when it never was as far as is known."""
        return self.now() if self._table.get(number) else self._last_seen.get(number)

    # Changes.

    def put(
        self, number: str, bindings: tuple[Binding, ...], flow: IFlow | None = None, event: str = "unregistered"
    ) -> None:
        """Replace the bindings of an extension; ``flow`` is what they came over, ``event`` why others are gone."""
        self._replace(number, bindings, flow, event)
        self.saved(number, bindings)

    def _replace(self, number: str, bindings: tuple[Binding, ...], flow: IFlow | None = None, event: str = "") -> None:
        """Put bindings in place; without an ``event`` nobody is told."""
        before = self._table.get(number, ())
        for binding in bindings:
            if binding not in before:
                self._note(binding, event)
        if flow is not None and flow.reliable and flow_key(flow) in self._users:
            self._connections[flow_key(flow)] = flow
        for binding in before:
            if binding not in bindings:
                self._forget(binding, bindings, event)
        if bindings:
            self._table[number] = bindings
            if not before:
                self.arrived(number)
        else:
            self._table.pop(number, None)

    def _note(self, binding: Binding, event: str) -> None:
        self.count += 1
        self._hosts[binding.flow.host] += 1
        if binding.flow.transport != "UDP":
            self._users.setdefault(binding.flow, set()).add(binding.extension)
        if event and binding.since == binding.refreshed_at:
            log.info(
                "Extension {number} is registered at {transport} {host} port {port}: {agent}",
                number=binding.extension,
                transport=binding.flow.transport,
                host=binding.flow.host,
                port=binding.flow.port,
                agent=binding.user_agent,
            )
            self._told("registered", binding)

    def _forget(self, binding: Binding, after: Iterable[Binding], event: str) -> None:
        self.count -= 1
        key = binding.flow
        self._hosts[key.host] -= 1
        if not self._hosts[key.host]:
            del self._hosts[key.host]
        if self._silent:  # a binding is dear to hash
            self._silent.discard(binding)
        self._last_seen[binding.extension] = binding.refreshed_at
        if key.transport != "UDP" and all(each.flow != key for each in after):
            self._leave(key, binding.extension)
        if event and all(each.name != binding.name for each in after):
            log.info(
                "Extension {number} is no longer registered at {transport} {host} port {port}: {event}",
                number=binding.extension,
                transport=key.transport,
                host=key.host,
                port=key.port,
                event=event,
            )
            self._told(event, binding)

    def _leave(self, key: FlowKey, number: str) -> None:
        """No binding of an extension uses this connection any more."""
        users = self._users.get(key)
        if users is not None:
            users.discard(number)
            if not users:
                del self._users[key]
                self._connections.pop(key, None)

    def silent(self, binding: Binding) -> None:
        """A phone does not answer: it is not called until it registers again, or is heard."""
        if any(each is binding for each in self._table.get(binding.extension, ())):
            self._silent.add(binding)

    def heard(self, binding: Binding) -> None:
        """A phone that was silent has answered."""
        self._silent.discard(binding)

    def flow_lost(self, flow: IFlow) -> None:
        """A connection is gone, and with it the bindings that exist by it alone."""
        key = flow_key(flow)
        if self._connections.get(key) is not flow:
            return
        del self._connections[key]
        for number in self._users.pop(key, ()):
            before = self._table.get(number, ())
            after = tuple(each for each in before if each.flow != key or not each.reg_id)
            if len(after) < len(before):
                self.put(number, after, event="lost")

    def remove(self, id: str) -> Binding | None:
        """End one binding, whatever the phone wants; the binding, or None when there is none of that id."""
        number = id.rpartition("-")[0]
        before = self._table.get(number, ())
        found = next((each for each in before if each.id == id), None)
        if found is not None:
            self.put(number, tuple(each for each in before if each is not found), event="removed")
        return found

    def forget(self, number: str) -> None:
        """End every binding of an extension, which is no more or must prove itself anew."""
        if number in self._table:
            self.put(number, (), event="removed")
        self._last_seen.pop(number, None)

    def restore(self, bindings: Iterable[Binding], seen: Mapping[str, float] | None = None) -> None:
        """Take up what was registered before this process began; what has expired only tells when it was seen.

        ``seen`` tells that of more extensions. What phones have registered meanwhile is newer, and stays.
        """
        now, alive = self.now(), dict[str, list[Binding]]()
        self._last_seen = {**(seen or {}), **self._last_seen}
        for binding in bindings:
            former = self._last_seen.get(binding.extension, 0.0)
            self._last_seen[binding.extension] = max(former, binding.refreshed_at)
            if binding.expires_at > now:
                alive.setdefault(binding.extension, []).append(binding)
        for number, found in alive.items():
            newer = self._table.get(number, ())
            names = {each.name for each in newer}
            self._replace(number, (*(each for each in found if each.name not in names), *newer))

    def learn(self, number: str, bindings: Iterable[Binding]) -> None:
        """Take up all bindings of an extension as the nodes share them, after another node has changed some.

        Ours stay as they are where they are still among them; else the phone has moved, or was removed over there.
        """
        ours = {each.name: each for each in self._table.get(number, ()) if each.node == self.node}
        now = self.now()
        shared = (ours.get(each.name) if each.node == self.node else each for each in bindings)
        self._replace(number, tuple(each for each in shared if each is not None and each.expires_at > now))

    def sweep(self) -> None:
        """Drop the bindings that have expired, among the next share of all extensions."""
        now = self.now()
        if not self._to_sweep:
            self._to_sweep = list(self._table)
            self._share = max(_FEWEST_PER_SWEEP, len(self._table) // _SWEEPS + 1)
        numbers, self._to_sweep = self._to_sweep[: self._share], self._to_sweep[self._share :]
        for number in numbers:
            before = self._table.get(number, ())
            if any(each.expires_at <= now for each in before):
                self.put(number, tuple(each for each in before if each.expires_at > now), event="expired")


def _way_in(binding: Binding) -> Uri | None:
    """A URI that leads to a phone whose connection is gone: its nearest proxy, or its own where no NAT hides it."""
    if binding.path:
        return NameAddr.parse(binding.path[0]).uri
    uri = Uri.parse(binding.contact)
    return uri if uri.host == binding.flow.host else None


def _gone(binding: Binding) -> TransportError:
    return TransportError("lost", f"the flow that extension {binding.extension} registered on is gone")
