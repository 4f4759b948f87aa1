"""The connections there are: accepted, dialled once and shared, closed when overdue (RFC 5923, RFC 3261 section 18).

Dialled connections are reused by route: profile, transport, address, port, the name the peer had to prove and the
credentials used. Accepted ones serve the responses to what came in on them. Within each second every connection is
asked whether it is overdue, a share of them at a time; connections have no timers of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import NamedTuple

from twisted.internet import error
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IAddress, IConnector, IDelayedCall, IReactorTCP, IReactorTime
from twisted.internet.protocol import ClientFactory, Protocol, ServerFactory, connectionDone
from twisted.internet.task import LoopingCall
from twisted.logger import Logger, LogLevel
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from .errors import TransportError
from .reception import Reception
from .stream import Bounds, Phase, Stream, StreamFlow
from .tls import ClientTls, ServerTls
from .udp import unmapped

__all__ = ["Flows", "Route"]

_LOOK_SECONDS = 0.2
_LOOKS_PER_SWEEP = 5
_FEWEST_PER_LOOK = 64
_KERNEL_TIMEOUT = 120.0
"""Connecting is ended by our own clock long before; this only stops what nobody waits for."""


class Route(NamedTuple):
    """What makes two uses of a connection the same. ``name`` and ``tls`` are empty for TCP."""

    profile: str
    transport: str
    address: str
    port: int
    name: str
    tls: str

    def __str__(self) -> str:
        named = f" ({self.name})" if self.name and self.name != self.address else ""
        return f"{self.transport} {self.address}:{self.port}{named}"


class Flows:
    """Every TCP and TLS connection of the process."""

    log = Logger()

    def __init__(self, reactor: IReactorTCP, clock: IReactorTime, reception: Reception, bounds: Bounds) -> None:
        self.refused: Counter[str] = Counter()
        self.clock = clock
        self.reception = reception
        self.bounds = bounds
        self._reactor = reactor
        self._streams: dict[Stream, Attempt | Door] = {}
        self._dialled: dict[Route, Stream] = {}
        self._attempts: dict[Route, Attempt] = {}
        self._to_ask: list[Stream] = []
        self._empty: Deferred[None] | None = None
        self._sweep = LoopingCall(self.cut_overdue)
        self._sweep.clock = clock

    def __iter__(self) -> Iterator[StreamFlow]:
        """The connections that are open."""
        return iter([stream.flow for stream in self._streams if stream.phase is Phase.OPEN])

    def __len__(self) -> int:
        """How many sockets there are, in whatever phase."""
        return len(self._streams)

    def start(self) -> None:
        """Begin to look for overdue connections."""
        self._sweep.start(_LOOK_SECONDS, now=False)

    def stop(self) -> Deferred[None]:
        """Close everything, politely and then not; the Deferred fires when no socket is left."""
        self._empty = Deferred()
        for attempt in list(self._attempts.values()):
            attempt.settle(TransportError("lost", "shutting down"))
        for stream in list(self._streams):
            stream.close("shutting down")
        emptied = self._empty
        self._note_empty()
        return emptied.addBoth(self._end_sweep)

    def _end_sweep(self, result: object) -> None:
        if self._sweep.running:
            self._sweep.stop()

    # Outgoing

    def connect(
        self, route: Route, creator: ClientTls | None, bind: tuple[str, int] | None, timeout: float
    ) -> Deferred[StreamFlow]:
        """The connection of this route: the open one, the one being made, or a new one.

        Fails with TransportError. Cancelling gives up this wait only; the last one to give up ends the attempt.
        """
        if self._empty is not None:
            return fail(TransportError("lost", "shutting down"))
        stream = self.open_stream(route)
        if stream is not None:
            return succeed(stream.flow)
        attempt = self._attempts.get(route)
        if attempt is None:
            try:
                attempt = Attempt(self, route, creator)
            except ValueError as problem:
                return fail(TransportError("tls", f"{route.name!r} is no name a certificate can prove: {problem}"))
            self._attempts[route] = attempt
            waiter = attempt.join(timeout)
            attempt.dial(self._reactor, bind)
            return waiter
        return attempt.join(timeout)

    def open_stream(self, route: Route) -> Stream | None:
        """The connection of this route that new requests may use; never one made with a replaced certificate."""
        stream = self._dialled.get(route)
        return stream if stream is not None and stream.phase is Phase.OPEN else None

    def forget(self, attempt: Attempt) -> None:
        """An attempt is over, one way or the other."""
        if self._attempts.get(attempt.route) is attempt:
            del self._attempts[attempt.route]

    # Incoming

    def door(self, profile: str, tls: ServerTls | None) -> ServerFactory:
        """What a listening socket asks for a protocol."""
        door = Door(self, profile, secure=tls is not None)
        return door if tls is None else SecureDoor(door, tls, self._reactor)

    # Life of a connection

    def made(self, stream: Stream, origin: Attempt | Door) -> None:
        """A protocol was built; its socket is up or about to be."""
        self._streams[stream] = origin

    def opened(self, stream: Stream) -> None:
        """The connection may be used."""
        origin = self._streams[stream]
        if isinstance(origin, Attempt) and origin.is_over:
            stream.abort("nobody waits for this connection any more")
        elif isinstance(origin, Attempt):
            self._dialled[origin.route] = stream
            origin.settle(stream.flow)

    def closed(self, stream: Stream, reason: str) -> None:
        """The connection is gone: whoever waited for it, or used it, is told."""
        origin = self._streams.pop(stream)
        if isinstance(origin, Door):
            origin.left(stream)
        elif self._dialled.get(origin.route) is stream:
            del self._dialled[origin.route]
        if stream.was_open:
            self.log.info("{flow} is closed: {reason}", flow=stream.flow, reason=reason)
            self.reception.lost(stream.flow, reason)
        elif isinstance(origin, Attempt):
            origin.settle(TransportError("tls" if stream.flow.transport == "TLS" else "lost", reason))
        else:
            self.log.emit(LogLevel.warn, "{flow} is refused: {reason}", flow=stream.flow, reason=reason)
        self._note_empty()

    def cut_overdue(self) -> None:
        """End the connections that have exceeded one of their bounds, among the next share of all."""
        now = self.clock.seconds()
        self._to_ask = self._to_ask or list(self._streams)
        share = max(_FEWEST_PER_LOOK, len(self._streams) // _LOOKS_PER_SWEEP + 1)
        asked, self._to_ask = self._to_ask[:share], self._to_ask[share:]
        for stream in asked:
            reason = stream.overdue(now)
            if not reason:
                continue
            if stream.phase is Phase.OPEN and not stream.is_blocked:
                stream.close(reason)
            else:
                stream.abort(reason)

    def retire(self) -> int:
        """Mark what was made with replaced credentials: no new request uses it, and it closes once it is unused.

        The number of connections newly marked.
        """
        marked = 0
        for stream, origin in self._streams.items():
            if stream.stale_since is None and origin.is_stale(stream):
                stream.stale_since = self.clock.seconds()
                marked += 1
                if isinstance(origin, Attempt) and self._dialled.get(origin.route) is stream:
                    del self._dialled[origin.route]
        return marked

    def disown(self, keys: Collection[str]) -> None:
        """No new request uses what was dialled with the credentials of these keys; it closes once it is unused."""
        for route, stream in list(self._dialled.items()):
            if route.tls and route.tls in keys:
                del self._dialled[route]
                if stream.stale_since is None:
                    stream.stale_since = self.clock.seconds()

    def refuse(self, door: Door, address: str, why: str) -> None:
        """Count a connection that was not let in; log the first, second, fourth, eighth ... of its kind."""
        self.refused[why] += 1
        count = self.refused[why]
        if count & (count - 1) == 0:
            self.log.emit(
                LogLevel.warn,
                "Connection from {address} to {profile} is refused: {why} ({count} so far)",
                address=address,
                profile=door.profile,
                why=why,
                count=count,
            )

    def _note_empty(self) -> None:
        if self._empty is not None and not self._streams and not self._empty.called:
            self._empty.callback(None)


class Attempt(ClientFactory[Protocol]):
    """One connection in the making, and those who wait for it, each with a time limit of its own."""

    noisy = False

    def __init__(self, flows: Flows, route: Route, creator: ClientTls | None) -> None:
        self.route = route
        self.is_over = False
        self._flows = flows
        self._creator = creator
        self._dialled = creator.dial(route.name) if creator is not None else None
        self._waiters: dict[Deferred[StreamFlow], IDelayedCall] = {}
        self._connector: IConnector | None = None
        self._stream: Stream | None = None

    def join(self, timeout: float) -> Deferred[StreamFlow]:
        """Wait for the outcome."""
        waiter: Deferred[StreamFlow] = Deferred(self._leave)
        self._waiters[waiter] = self._flows.clock.callLater(timeout, self._give_up, waiter, timeout)
        return waiter

    def dial(self, reactor: IReactorTCP, bind: tuple[str, int] | None) -> None:
        """Start connecting, from this local address."""
        address, port = self.route.address, self.route.port
        if self._dialled is None:
            self._connector = reactor.connectTCP(address, port, self, _KERNEL_TIMEOUT, bind)
        else:
            secured = TLSMemoryBIOFactory(self._dialled, True, self, _time_of(reactor))
            self._connector = reactor.connectTCP(address, port, secured, _KERNEL_TIMEOUT, bind)

    def buildProtocol(self, addr: IAddress | None) -> Stream:
        """TCP is up."""
        flows, route = self._flows, self.route
        secure = self._dialled is not None
        stream = Stream(route.profile, flows, flows.reception, flows.bounds, flows.clock, secure=secure, inbound=False)
        self._stream = stream
        flows.made(stream, self)
        return stream

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        """There is no TCP connection."""
        self.settle(_why_not_connected(self.route, reason))

    def settle(self, result: StreamFlow | TransportError) -> None:
        """Tell all who wait. A failure before the socket is up also ends the connecting."""
        self._flows.forget(self)
        waiters, self._waiters = self._waiters, {}
        for waiter, timer in waiters.items():
            timer.cancel()
            if isinstance(result, TransportError):
                waiter.errback(result)
            else:
                waiter.callback(result)
        if isinstance(result, TransportError):
            self._abandon()

    def is_stale(self, stream: Stream) -> bool:
        """Whether the credentials have been replaced since."""
        return _has_old_credentials(stream, self._creator)

    def _leave(self, waiter: Deferred[StreamFlow]) -> None:
        timer = self._waiters.pop(waiter, None)
        if timer is not None and timer.active():
            timer.cancel()
        if not self._waiters:
            self._flows.forget(self)
            self._abandon()

    def _give_up(self, waiter: Deferred[StreamFlow], timeout: float) -> None:
        what = "no TCP connection" if self._stream is None else "the TLS handshake did not finish"
        self._leave(waiter)
        waiter.errback(TransportError("timeout", f"{self.route}: {what} within {timeout:g} s"))

    def _abandon(self) -> None:
        self.is_over = True
        if self._stream is not None:
            self._stream.abort("nobody waits for this connection any more")
        elif self._connector is not None:
            self._connector.disconnect()


class Door(ServerFactory):
    """Lets a peer in: known to the screen, and neither the listener nor its address too busy (A13)."""

    noisy = False

    def __init__(self, flows: Flows, profile: str, *, secure: bool) -> None:
        self.profile = profile
        self.secure = secure
        self.tls: ServerTls | None = None
        self._flows = flows
        self._inside: dict[Stream, str] = {}
        self._from: Counter[str] = Counter()
        self._strangers: set[Stream] = set()

    def admits(self, addr: IAddress | None) -> bool:
        """Whether one more connection from this address is welcome."""
        flows, address = self._flows, unmapped(getattr(addr, "host", ""))
        if not flows.reception.admits(address, self.profile):
            flows.refuse(self, address, "unknown address")
        elif len(self._inside) >= flows.bounds.connections:
            flows.refuse(self, address, "too many connections")
        elif self._from[address] >= flows.bounds.connections_per_address:
            flows.refuse(self, address, "too many connections from one address")
        elif not flows.reception.knows(address, self.profile) and self._is_crowded(address):
            flows.refuse(self, address, "too many connections of strangers")
        else:
            return True
        return False

    def _is_crowded(self, address: str) -> bool:
        """Whether those that no trunk is known by hold all the connections that are left to them."""
        bounds = self._flows.bounds
        return len(self._strangers) >= bounds.strangers or self._from[address] >= bounds.strangers_per_address

    def buildProtocol(self, addr: IAddress | None) -> Stream | None:
        """A connection was accepted."""
        return self.enter(addr) if self.admits(addr) else None

    def enter(self, addr: IAddress | None) -> Stream:
        """Count the connection and make its protocol."""
        flows = self._flows
        stream = Stream(
            self.profile, flows, flows.reception, flows.bounds, flows.clock, secure=self.secure, inbound=True
        )
        address = self._inside[stream] = unmapped(getattr(addr, "host", ""))
        self._from[address] += 1
        if not flows.reception.knows(address, self.profile):
            self._strangers.add(stream)
        flows.made(stream, self)
        return stream

    def left(self, stream: Stream) -> None:
        """One of ours is gone."""
        self._strangers.discard(stream)
        address = self._inside.pop(stream)
        self._from[address] -= 1
        if not self._from[address]:
            del self._from[address]

    def is_stale(self, stream: Stream) -> bool:
        """Whether the credentials have been replaced since."""
        return _has_old_credentials(stream, self.tls)


class SecureDoor(ServerFactory):
    """A door with TLS behind it: who is not admitted never costs a handshake."""

    noisy = False

    def __init__(self, door: Door, tls: ServerTls, reactor: IReactorTCP) -> None:
        door.tls = tls
        self._door = door
        self._inner = TLSMemoryBIOFactory(tls, False, _Entrance(door), _time_of(reactor))

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        """A connection was accepted."""
        return self._inner.buildProtocol(addr) if self._door.admits(addr) else None


class _Entrance(ServerFactory):
    """The door of those who are admitted already."""

    noisy = False

    def __init__(self, door: Door) -> None:
        self._door = door

    def buildProtocol(self, addr: IAddress | None) -> Stream:
        return self._door.enter(addr)


def _has_old_credentials(stream: Stream, tls: ClientTls | ServerTls | None) -> bool:
    return tls is not None and stream.verdict is not None and stream.verdict.credentials is not tls.material.current


def _time_of(reactor: IReactorTCP) -> IReactorTime | None:
    return reactor if IReactorTime.providedBy(reactor) else None


def _why_not_connected(route: Route, reason: Failure) -> TransportError:
    problem = reason.value or connectionDone.value
    if isinstance(problem, error.ConnectionRefusedError):
        return TransportError("refused", f"{route}: nothing listens there")
    if isinstance(problem, error.TimeoutError | error.TCPTimedOutError):
        return TransportError("timeout", f"{route}: the network did not answer")
    return TransportError("refused", f"{route}: {problem}")
