"""A network in memory: UDP with loss, delay and copies, TCP and TLS connections, all on a virtual clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from zope.interface import implementer

from rustalk.interfaces import IFlow
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.parse import Limits, parse_datagram
from rustalk.transport.errors import TransportError
from rustalk.transport.identity import is_address
from rustalk.transport.lookup import LookupFailedError
from rustalk.transport.reception import Admits, Receiver, Reception

__all__ = [
    "Certificate",
    "DatagramFlow",
    "MemoryTransport",
    "Network",
    "Station",
    "StreamFlow",
    "lookup_nothing",
    "run",
]

Address = tuple[str, int]
LIMITS = Limits()
_LAGGING = 1.0
"""Seconds by which a datagram may come later than those sent after it."""


def run(clock: Clock, seconds: float) -> None:
    """Let so much time pass, one event after the other, each at its own moment."""
    end = clock.seconds() + seconds
    while clock.calls and clock.calls[0].getTime() <= end:
        clock.rightNow = max(clock.rightNow, clock.calls[0].getTime())
        clock.advance(0)
    clock.rightNow = end


def lookup_nothing(name: str, kind: object) -> Deferred[Any]:
    """A DNS that never knows anything."""
    return fail(LookupFailedError(f"{name}: no such name"))


@dataclass(frozen=True)
class Certificate:
    """What a TLS peer has proven: these names."""

    names: frozenset[str]

    def covers(self, name: str) -> bool:
        return name in self.names


class Station(Protocol):
    """Somebody on the network. ``certificate`` is what its TLS peers verify."""

    profile: str
    certificate: Certificate | None

    def arrived(self, data: bytes, flow: IFlow) -> None:
        """One whole message."""

    def lost(self, flow: IFlow) -> None:
        """A connection is gone."""


@implementer(IFlow)
class DatagramFlow:
    """One station's view of one UDP peer."""

    transport = "UDP"
    reliable = False
    identity = None

    def __init__(self, network: Network, profile: str, local: Address, peer: Address) -> None:
        self.profile, self.local, self.peer = profile, local, peer
        self._network = network

    def close(self, reason: str) -> None:
        """Nothing is open."""

    def toward(self, port: int) -> DatagramFlow:
        """Another port of the same peer."""
        return DatagramFlow(self._network, self.profile, self.local, (self.peer[0], port))

    def send(self, data: bytes) -> None:
        self._network.carry(data, self.local, self.peer)


@implementer(IFlow)
class StreamFlow:
    """One end of a TCP or TLS connection; ``other`` is the far end."""

    reliable = True
    other: StreamFlow

    def __init__(self, network: Network, station: Station, transport: str, local: Address, peer: Address) -> None:
        self.transport, self.local, self.peer = transport, local, peer
        self.profile = station.profile
        self.identity: Certificate | None = None
        self.is_open = True
        self._network, self._station = network, station

    def toward(self, port: int) -> StreamFlow:
        """Itself."""
        return self

    def send(self, data: bytes) -> None:
        """Write one message; on a connection that is gone, the station hears of it again."""
        if self.is_open:
            self._network.clock.callLater(self._network.latency, self.other.receive, data)
        else:
            self._network.clock.callLater(0, self._station.lost, self)

    def receive(self, data: bytes) -> None:
        """The far end's bytes are here."""
        if self.is_open:
            self._network.heard(self.local, data)
            self._station.arrived(data, self)

    def close(self, reason: str = "") -> None:
        """End the connection for both ends; with a reason, what was written arrives before that."""
        if reason:
            self._network.clock.callLater(2 * self._network.latency, self.close)
            return
        for end in (self, self.other):
            if end.is_open:
                end.is_open = False
                self._network.clock.callLater(0, end._station.lost, end)


class Network:
    """Carries messages between stations. The rates are probabilities for each datagram; times are seconds.

    Hosts in ``refusing`` take no connection, those in ``silent`` answer nothing, those in ``untrusted`` fail the
    handshake. ``attempts`` are the connections tried, ``wire`` every message that was delivered, with its receiver,
    where the network ``remembers``. ``overtaken`` is the rate of datagrams that come so late that others overtake them.
    """

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        self.clock = clock
        self.latency = 0.005
        self.loss = self.copies = self.jitter = self.overtaken = 0.0
        self.remembers = True
        self.names: dict[str, str] = {}
        self.refusing: set[str] = set()
        self.silent: set[str] = set()
        self.untrusted: set[str] = set()
        self.attempts: list[Address] = []
        self.streams: list[StreamFlow] = []
        self.wire: list[tuple[Address, bytes]] = []
        self._random = Random(seed)
        self._stations: dict[tuple[str, Address], Station] = {}
        self._datagram_flows: dict[tuple[Address, Address], DatagramFlow] = {}
        self._port = 40000

    def open(self, station: Station, transport: str, local: Address) -> None:
        """Listen."""
        self._stations[transport, local] = station

    def heard(self, local: Address, data: bytes) -> None:
        """Note a message that reached somebody."""
        if self.remembers:
            self.wire.append((local, data))

    # UDP

    def flow(self, profile: str, local: Address, peer: Address) -> DatagramFlow:
        """The flow between two addresses, always the same one."""
        flow = self._datagram_flows.get((local, peer))
        if flow is None:
            flow = self._datagram_flows[local, peer] = DatagramFlow(self, profile, local, peer)
        return flow

    def carry(self, data: bytes, source: Address, target: Address) -> None:
        """Send a datagram, or lose it, or send it twice."""
        random = self._random.random
        for _ in range(1 + (random() < self.copies)):
            if random() >= self.loss:
                delay = self.latency + self.jitter * random()
                if self.overtaken and random() < self.overtaken:
                    delay += _LAGGING * random()
                self.clock.callLater(delay, self._deliver, data, source, target)

    def _deliver(self, data: bytes, source: Address, target: Address) -> None:
        station = self._stations.get(("UDP", target))
        if station is not None and target[0] not in self.silent:
            self.heard(target, data)
            station.arrived(data, self.flow(station.profile, target, source))

    # TCP and TLS

    def connect(
        self, station: Station, transport: str, host: str, target: Address, timeout: float
    ) -> Deferred[StreamFlow]:
        """A connection from ``host``; fails with TransportError as the real transport does."""
        self.attempts.append(target)
        waiting: Deferred[StreamFlow] = Deferred()
        error, delay = None, 4 * self.latency
        if target[0] in self.silent:
            error, delay = TransportError("timeout", f"no connection within {timeout:g} s"), timeout
        elif target[0] in self.refusing or (transport, target) not in self._stations:
            error = TransportError("refused", f"nothing listens on {target[0]}:{target[1]}")
        elif target[0] in self.untrusted:
            error = TransportError("tls", "the certificate is not trusted")

        def decide() -> None:
            if waiting.called:
                return
            if error is None:
                waiting.callback(self.join(station, transport, host, target))
            else:
                waiting.errback(error)

        self.clock.callLater(delay, decide)
        return waiting

    def join(self, station: Station, transport: str, host: str, target: Address) -> StreamFlow:
        """A connection that is open at once; the near end of it."""
        self._port += 1
        far_station, local = self._stations[transport, target], (host, self._port)
        near = StreamFlow(self, station, transport, local, target)
        far = StreamFlow(self, far_station, transport, target, local)
        near.other, far.other = far, near
        if transport == "TLS":
            near.identity, far.identity = far_station.certificate, station.certificate
        self.streams.append(near)
        return near

    def break_all(self, host: str) -> None:
        """Cut every connection from or to a host."""
        for stream in self.streams:
            if host in (stream.local[0], stream.peer[0]):
                stream.close()


def _anybody(address: str, profile: str) -> bool:
    """Nobody is kept out before he has said anything."""
    return True


class MemoryTransport:
    """Stands where rustalk.transport.layer.Transport stands: flows for the switch, what arrives for its endpoint."""

    def __init__(
        self, network: Network, receiver: Receiver, names: Iterable[str] = (), admits: Admits = _anybody
    ) -> None:
        self.certificate = Certificate(frozenset(names))
        self._network = network
        self._reception = Reception(receiver, admits, LIMITS)
        self._profiles: dict[str, Address] = {}
        self._streams: dict[tuple[str, str, Address, str], StreamFlow] = {}

    def open(self, profile: str, address: Address, transports: Iterable[str]) -> None:
        """Listen for a profile."""
        self._profiles[profile] = address
        for transport in transports:
            self._network.open(_Listener(self, profile), transport, address)

    def flow(
        self,
        profile: str,
        transport: str,
        host: str,
        port: int,
        *,
        name: str | None = None,
        tls: str | None = None,
        timeout: float = 4.0,
    ) -> Deferred[IFlow]:
        """A flow to an address, as Transport.flow promises."""
        local = self._profiles[profile]
        found: Deferred[Any] = Deferred()
        if not is_address(host):
            return fail(TransportError("dns", f"{host} is unknown"))
        if transport == "UDP":
            found.callback(self._network.flow(profile, local, (host, port)))
            return found
        key = (profile, transport, (host, port), name or host)
        stream = self._streams.get(key)
        if stream is not None and stream.is_open:
            found.callback(stream)
            return found

        def keep(flow: StreamFlow) -> StreamFlow:
            self._streams[key] = flow
            return flow

        station = _Listener(self, profile)
        return self._network.connect(station, transport, local[0], (host, port), timeout).addCallback(keep)

    def datagram_flow(self, profile: str, host: str, port: int) -> IFlow | None:
        """The UDP flow to an address, as Transport.datagram_flow promises."""
        return self._network.flow(profile, self._profiles[profile], (host, port)) if is_address(host) else None

    def port(self, profile: str) -> int:
        """The port that a profile listens on."""
        return self._profiles[profile][1]

    def arrived(self, data: bytes, flow: IFlow) -> None:
        """Parse and hand up, behind the guard of the real transport."""
        if not self._reception.admits(flow.peer[0], flow.profile):
            return
        try:
            message = parse_datagram(data, LIMITS)
        except RemoteProtocolError as error:
            self._reception.deliver(error, flow)
            return
        if message is not None:
            self._reception.deliver(message, flow)

    def lost(self, flow: IFlow) -> None:
        """A connection is gone."""
        self._reception.lost(flow, "the connection broke")


class _Listener:
    """One profile of the switch as a station."""

    def __init__(self, transport: MemoryTransport, profile: str) -> None:
        self.profile = profile
        self.certificate = transport.certificate
        self.arrived = transport.arrived
        self.lost = transport.lost
