"""The transport layer as the layer above sees it: start listening, get a flow to a peer, take up new certificates.

Downward the SIP layer asks ``flow``; upward everything goes to one Receiver (see reception).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import cast

from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger, LogLevel

from rustalk.interfaces import IFlow
from rustalk.sip.parse import Limits

from .errors import ListenError, TransportError
from .flows import Flows, Route
from .identity import is_address
from .listen import INetwork, Listening, Profile, open_profile
from .material import MaterialError, TlsMaterial
from .reception import Admits, Receiver, Reception
from .resolve import Resolver
from .stream import Bounds, StreamFlow
from .tls import ClientTls
from .udp import UdpSocket

__all__ = ["Reloaded", "Transport"]


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What became of one set of TLS files. ``problem`` is '' unless the old files had to stay in force."""

    material: TlsMaterial
    changed: bool
    problem: str = ""


class Transport:
    """All sockets of the process.

    ``knows(address, profile)`` tells the addresses of trunks from strangers', who may hold few connections together.
    ``clients`` are the client credentials that ``flow`` may name. ``reactor`` opens the sockets; time limits run on
    ``clock``, which is the reactor unless a test gives its own.
    """

    log = Logger()

    def __init__(
        self,
        reactor: INetwork,
        *,
        receiver: Receiver,
        admits: Admits,
        knows: Admits | None = None,
        resolver: Resolver,
        profiles: Sequence[Profile],
        clients: Mapping[str, ClientTls] | None = None,
        limits: Limits | None = None,
        bounds: Bounds | None = None,
        clock: IReactorTime | None = None,
    ) -> None:
        self._reactor = reactor
        self._clock = clock or cast(IReactorTime, reactor)
        self._resolver = resolver
        self._profiles = {profile.id: profile for profile in profiles}
        self._clients = dict(clients or {})
        self._reception = Reception(receiver, admits, limits or Limits(), knows)
        self._flows = Flows(reactor, self._clock, self._reception, bounds or Bounds())
        self._sockets = {
            profile.id: UdpSocket(profile.id, self._reception, self._clock, family=profile.family)
            for profile in profiles
            if "UDP" in profile.protocols
        }
        self.listening: tuple[Listening, ...] = ()

    # Life

    def start(self) -> None:
        """Open every profile. Raises ListenError, with nothing left open."""
        try:
            for profile in self._profiles.values():
                self._open(profile)
        except ListenError:
            self.stop()
            raise
        self._flows.start()

    def _open(self, profile: Profile) -> None:
        udp = self._sockets.get(profile.id) or UdpSocket(
            profile.id, self._reception, self._clock, family=profile.family
        )
        opened = open_profile(
            self._reactor, profile, udp, lambda secure: self._flows.door(profile.id, profile.tls if secure else None)
        )
        self.listening += (opened,)
        self.log.info(
            "Profile {profile} listens on {address} port {port} for {protocols}",
            profile=profile.id,
            address=profile.address,
            port=opened.port,
            protocols=", ".join(profile.protocols),
        )

    def stop_listening(self) -> Deferred[object]:
        """Take in no new connection and no new datagram; connections live on. For draining, use it last."""
        listening, self.listening = self.listening, ()
        return cast("Deferred[object]", DeferredList([opened.stop() for opened in listening]))

    def stop(self) -> Deferred[object]:
        """Close everything; the Deferred fires when no socket is left."""
        return cast("Deferred[object]", DeferredList([self.stop_listening(), self._flows.stop()]))

    def port(self, profile: str) -> int:
        """The port a profile listens on, also where the kernel chose it. Raises LookupError."""
        for opened in self.listening:
            if opened.profile.id == profile:
                return opened.port
        raise LookupError(profile)

    @property
    def connections(self) -> Iterator[StreamFlow]:
        """The TCP and TLS connections that are open."""
        return iter(self._flows)

    @property
    def refused(self) -> Mapping[str, int]:
        """How many connections were not let in, by reason, and how many datagrams."""
        return {**self._flows.refused, "datagrams": sum(one.refused for one in self._sockets.values())}

    # Flows

    def datagram_flow(self, profile: str, host: str, port: int) -> IFlow | None:
        """The UDP flow to an address, which needs no waiting; None for a name, or where the profile has no UDP."""
        socket = self._sockets.get(profile)
        address = _literal(host, socket.family, port) if socket is not None else ""
        return cast("IFlow", socket.flow(address, port)) if socket is not None and address else None

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
        """A flow from a profile to a host, name or address; an open connection is reused.

        ``name`` is what a TLS server must prove (the host, unless given), ``tls`` the key of the client credentials,
        ``timeout`` the seconds for all of it: DNS, TCP and TLS. Fails with TransportError.
        """
        datagrams = self.datagram_flow(profile, host, port) if transport == "UDP" else None
        if datagrams is not None:
            return succeed(datagrams)
        return Deferred.fromCoroutine(self._reach(profile, transport, host, port, name or host, tls, timeout))

    async def _reach(
        self, profile_id: str, transport: str, host: str, port: int, name: str, tls: str | None, timeout: float
    ) -> IFlow:
        deadline = self._clock.seconds() + timeout
        profile, client = self._checked(profile_id, transport, tls)
        if not 0 < port < 65536:
            raise TransportError("unsupported", f"{host} port {port}: there is no such port")
        resolving = Deferred.fromCoroutine(self._resolver.addresses(host, (profile.family,)))
        resolving.addTimeout(timeout, self._clock, _too_slow(host, timeout))
        addresses = await resolving
        if transport == "UDP":
            return self._sockets[profile_id].flow(_canonical(addresses[0]), port)
        proven, key = (name, tls or "") if client is not None else ("", "")
        routes = [Route(profile_id, transport, _canonical(one), port, proven.lower(), key) for one in addresses]
        for route in routes:
            if (stream := self._flows.open_stream(route)) is not None:
                return stream.flow
        return await self._first(routes, client, profile.source, deadline)

    async def _first(
        self, routes: Sequence[Route], client: ClientTls | None, source: tuple[str, int] | None, deadline: float
    ) -> StreamFlow:
        """The first of these that can be connected; the time left is shared among those still to try."""
        problem = TransportError("dns", "no address")
        for tried, route in enumerate(routes):
            share = (deadline - self._clock.seconds()) / (len(routes) - tried)
            try:
                return await self._flows.connect(route, client, source, max(0.0, share))
            except TransportError as error:
                problem = error
        raise problem

    def _checked(self, profile_id: str, transport: str, tls: str | None) -> tuple[Profile, ClientTls | None]:
        profile = self._profiles.get(profile_id)
        if profile is None:
            raise TransportError("unsupported", f"there is no SIP profile {profile_id!r}")
        if transport == "UDP" and profile_id not in self._sockets:
            raise TransportError("unsupported", f"profile {profile_id} has no UDP; add it to its protocols")
        if transport not in ("UDP", "TCP", "TLS"):
            raise TransportError("unsupported", f"{transport!r} is no transport")
        client = self._clients.get(tls or "") if transport == "TLS" else None
        if transport == "TLS" and client is None:
            raise TransportError("unsupported", f"there are no TLS client credentials {tls!r}")
        return profile, client

    # Certificates

    def reload(self) -> tuple[Reloaded, ...]:
        """Read every certificate, key and root file again (OPS-05).

        New handshakes use the new ones. Connections made with old ones serve no new requests and close once unused.
        Where new files are bad the old ones stay in force, and the result says why.
        """
        results = tuple(self._reload(material) for material in self._materials())
        retired = self._flows.retire()
        self.log.info("{count} connections were made with a replaced certificate", count=retired)
        return results

    def _reload(self, material: TlsMaterial) -> Reloaded:
        try:
            changed = material.reload()
        except MaterialError as problem:
            self.log.emit(LogLevel.error, "The old certificate stays in force: {problem}", problem=problem)
            return Reloaded(material, changed=False, problem=str(problem))
        for warning in material.current.warnings:
            self.log.emit(LogLevel.warn, "{warning}", warning=warning)
        return Reloaded(material, changed)

    def _materials(self) -> list[TlsMaterial]:
        servers = [profile.tls.material for profile in self._profiles.values() if profile.tls is not None]
        return list(dict.fromkeys(servers + [client.material for client in self._clients.values()]))


@lru_cache(4096)
def _literal(host: str, family: int, port: int) -> str:
    """The canonical form of an address that a socket of this family can send to; '' for anything else."""
    if not is_address(host) or not 0 < port < 65536:
        return ""
    address = ip_address(host)
    return str(address) if address.version == family else ""


def _canonical(address: str) -> str:
    return str(ip_address(address))


def _too_slow(host: str, timeout: float) -> Callable[[object, float], object]:
    def explain(result: object, _: float) -> object:
        raise TransportError("dns", f"{host}: no answer from the DNS within {timeout:g} s")

    return explain
