"""The transport layer as the layer above sees it: listen, change that at run time, get a flow to a peer.

Downward the SIP layer asks ``flow``; upward everything goes to one Receiver (see reception).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import ip_address
from typing import cast

from twisted.internet.defer import Deferred, DeferredList, DeferredLock, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger, LogLevel

from rustalk.interfaces import IFlow
from rustalk.sip.parse import Limits

from .errors import ListenError, TransportError
from .flows import Flows, Route
from .identity import is_address
from .listen import INetwork, Listening, Profile, open_profile
from .material import MaterialError, TlsMaterial
from .reception import Admits, Bars, Receiver, Reception
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

    ``knows(address, profile)`` tells the addresses of trunks from strangers', who may hold few connections together;
    ``bars(address)`` those whose connections are to be closed.
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
        bars: Bars | None = None,
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
        self._reception = Reception(receiver, admits, limits or Limits(), knows, bars)
        self._flows = Flows(reactor, self._clock, self._reception, bounds or Bounds())
        self._sockets = {
            profile.id: UdpSocket(profile.id, self._reception, self._clock, family=profile.family)
            for profile in profiles
            if "UDP" in profile.protocols
        }
        self.listening: tuple[Listening, ...] = ()
        self._changing = DeferredLock()
        self._stopping = False

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

    def use(self, profiles: Sequence[Profile], clients: Mapping[str, ClientTls]) -> Deferred[None]:
        """Listen on these profiles, with these client credentials, from now on; the credentials hold at once.

        What listens where it should is left alone, and connections live on whatever becomes of their profile. Fails
        with ListenError when a profile cannot be opened, which then is as it was, while the others are as they should.
        """
        gone = [key for key, client in self._clients.items() if clients.get(key) is not client]
        self._clients = dict(clients)
        self._flows.disown(gone)
        return self._changing.run(self._change, tuple(profiles))

    def _change(self, profiles: Sequence[Profile]) -> Deferred[None]:
        return Deferred.fromCoroutine(self._move(profiles))

    async def _move(self, profiles: Sequence[Profile]) -> None:
        wanted = {profile.id: profile for profile in profiles}
        before = self._profiles
        leaving = [opened for opened in self.listening if not _is_there(opened.profile, wanted.get(opened.profile.id))]
        self.listening = tuple(
            replace(opened, profile=wanted[opened.profile.id]) for opened in self.listening if opened not in leaving
        )
        self._profiles = {opened.profile.id: opened.profile for opened in self.listening}
        # First all that goes: another profile may want its port, and a UDP socket must be free to be opened elsewhere.
        await DeferredList([opened.stop() for opened in leaving])
        if self._stopping:
            return
        problems = []
        for id, profile in wanted.items():
            if id not in self._profiles:
                problems += self._opened_or_restored(profile, before.get(id))
        for opened in leaving:
            if opened.profile.id not in self._profiles:
                self._sockets.pop(opened.profile.id, None)
                self.log.info("Profile {profile} is closed", profile=opened.profile.id)
        if problems:
            raise ListenError("; ".join(problems))

    def _opened_or_restored(self, profile: Profile, former: Profile | None) -> list[str]:
        """Open a profile, or else what it was before; return what is to be said of it."""
        problems = []
        for tried in (profile, former):
            if tried is None:
                continue
            self._fit_socket(tried)
            try:
                self._open(tried)
            except ListenError as problem:
                problems.append(str(problem))
            else:
                self._profiles[tried.id] = tried
                break
        return problems

    def _fit_socket(self, profile: Profile) -> None:
        """Have the UDP socket that a profile needs: the one of before, by which calls go on, where that is possible."""
        known = self._sockets.get(profile.id)
        if "UDP" not in profile.protocols:
            self._sockets.pop(profile.id, None)
        elif known is None or known.family != profile.family:
            self._sockets[profile.id] = UdpSocket(profile.id, self._reception, self._clock, family=profile.family)

    def stop_listening(self) -> Deferred[object]:
        """Take in no new connection and no new datagram; connections live on. For draining, use it last."""
        listening, self.listening = self.listening, ()
        return cast("Deferred[object]", DeferredList([opened.stop() for opened in listening]))

    def stop(self) -> Deferred[object]:
        """Close everything; the Deferred fires when no socket is left."""
        self._stopping = True
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


def _is_there(profile: Profile, wanted: Profile | None) -> bool:
    """Whether what is open is what is wanted, but for the name that we carry there."""
    return wanted is not None and replace(profile, domain=wanted.domain) == wanted


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
