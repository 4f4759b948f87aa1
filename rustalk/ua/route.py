"""The way to a peer: a URI becomes a flow (RFC 3261 section 8.1.2, RFC 3263)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from rustalk.interfaces import IFlow
from rustalk.sip.uri import Uri
from rustalk.transport.errors import TransportError
from rustalk.transport.identity import is_address
from rustalk.transport.layer import Transport
from rustalk.transport.resolve import Resolver

__all__ = ["Path", "Routed", "Router"]

log = Logger()

_TRANSPORTS = (None, "UDP", "TCP", "TLS")


class Router:
    """Finds flows for one trunk: from its profile, over its protocol where a URI names none, with its certificate.

    ``timeout`` is how long DNS, TCP and TLS may take together (FO-05).
    """

    def __init__(
        self,
        transport: Transport,
        resolver: Resolver,
        *,
        profile: str,
        protocol: str,
        families: Sequence[int],
        tls: str | None,
        timeout: float,
    ) -> None:
        self._transport = transport
        self._resolver = resolver
        self._profile = profile
        self._protocol = protocol
        self._families = tuple(families)
        self._tls = tls
        self._timeout = timeout

    def known(self, uri: Uri, near: IFlow | None) -> IFlow | None:
        """The flow to this address when it needs no waiting: the connection it came on, or UDP to a plain address."""
        if not is_address(uri.host):
            return None
        transport = self._transport_of(uri)
        if near is not None and near.transport == transport and near.peer[0] == uri.host and near.reliable:
            return near
        if transport != "UDP":
            return None
        return self._transport.datagram_flow(self._profile, uri.host, uri.port or 5060)

    def find(self, uri: Uri) -> Deferred[IFlow]:
        """The flow to this address; fails with TransportError."""
        return Deferred.fromCoroutine(self._find(uri))

    async def _find(self, uri: Uri) -> IFlow:
        transport = self._transport_of(uri) if uri.param("transport") or self._protocol != "UDP" else None
        if transport not in _TRANSPORTS:
            raise TransportError("unsupported", f"{str(transport)[:20]!r} is no transport of ours")
        targets = await self._resolver.targets(
            uri.host, uri.port, transport, secure=uri.scheme == "sips", families=self._families
        )
        problem = TransportError("dns", f"{uri.host} leads nowhere")
        for target in targets:
            try:
                return await self._transport.flow(
                    self._profile,
                    target.transport,
                    target.address,
                    target.port,
                    name=target.name,
                    tls=self._tls,
                    timeout=self._timeout,
                )
            except TransportError as error:
                problem = error
        raise problem

    def _transport_of(self, uri: Uri) -> str:
        return "TLS" if uri.scheme == "sips" else (uri.param("transport") or self._protocol).upper()


class Path(Protocol):
    """Where the requests of one dialog go."""

    def follow(self, uri: Uri, use: Callable[[IFlow], None], failed: Callable[[str], None]) -> None:
        """Call ``use`` with the flow to this address, now if possible; ``failed`` with the cause if there is none."""

    def lost(self, flows: Collection[IFlow]) -> None:
        """Flows are gone; if it was one of them the next request looks for another."""


class Routed:
    """A path by the address that the next request is for. Remembers the flow until it is lost or that changes."""

    __slots__ = ("_address", "_flow", "_near", "_router")

    def __init__(self, router: Router, near: IFlow | None) -> None:
        self._router = router
        self._near = near
        self._flow: IFlow | None = None
        self._address = ""

    def follow(self, uri: Uri, use: Callable[[IFlow], None], failed: Callable[[str], None]) -> None:
        """Call ``use`` with the flow to this address, now if possible; ``failed`` with the cause if there is none."""
        address = str(uri)
        if self._flow is not None and address == self._address:
            use(self._flow)
            return
        self._address = address
        flow = self._flow = self._router.known(uri, self._near)
        if flow is not None:
            use(flow)
            return

        def found(flow: IFlow) -> None:
            if address == self._address:  # another request may have turned elsewhere meanwhile
                self._flow = flow
            use(flow)

        def missing(reason: Failure) -> None:
            # A Contact behind NAT names an address that nobody can connect to; a name must be followed (HDR-08).
            near = self._near
            if near is not None and near.reliable and is_address(uri.host):
                found(near)
            else:
                failed(reason.getErrorMessage())
            if not isinstance(reason.value, TransportError):
                log.failure("The way to {uri} could not be found", reason, uri=address)

        self._router.find(uri).addCallbacks(found, missing).addErrback(_log_failed, address)

    def lost(self, flows: Collection[IFlow]) -> None:
        """Flows are gone; if it was one of them the next request looks for another."""
        if self._flow in flows:
            self._flow = None
        if self._near in flows:
            self._near = None


def _log_failed(reason: Failure, address: str) -> None:
    log.failure("What was for {uri} could not be sent", reason, uri=address)
