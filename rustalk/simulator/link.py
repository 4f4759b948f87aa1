"""One way from the simulator to a peer and back: a TLS or TCP connection, or a UDP socket and an address.

A link cuts what arrives into messages and hands each to its ``receive``; nothing is interpreted here.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, cast

from OpenSSL.SSL import Error as SslError
from twisted.internet import interfaces, protocol
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    TCP6ClientEndpoint,
    TCP6ServerEndpoint,
    wrapClientTLS,
)
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Message
from rustalk.sip.parse import FramingError, Limits, StreamParser, parse_datagram

if TYPE_CHECKING:
    from OpenSSL.crypto import X509
    from OpenSSL.SSL import Connection
    from twisted.internet.address import IPv4Address

__all__ = [
    "Datagrams",
    "Entrance",
    "Link",
    "Mode",
    "StreamLink",
    "UnreachableError",
    "certificate_names",
    "connect",
    "covers",
]

Received = Message | RemoteProtocolError
Receive = Callable[[Received, "Link"], None]

LIMITS = Limits()


def covers(names: Iterable[str], host: str) -> bool:
    """Whether a certificate with these names is good for this host; a wildcard stands for one label (MTN-02)."""
    host = host.lower()
    parent = host.partition(".")[2]
    return any(name == host or (name.startswith("*.") and bool(parent) and name[2:] == parent) for name in names)


class UnreachableError(Exception):
    """No connection could be made; the text names the place and the cause."""


class Link:
    """What a user agent needs to know of its way to a peer.

    ``kind`` is the transport as a Via names it, ``entrance`` the name of the listener that took the connection ('' for
    one that we opened), ``names`` those of the peer's verified certificate, ``server_name`` the one it asked for (SNI).
    """

    kind = "UDP"
    entrance = ""
    names: tuple[str, ...] = ()
    server_name = ""
    local: tuple[str, int] = ("", 0)
    peer: tuple[str, int] = ("", 0)

    @property
    def reliable(self) -> bool:
        """Whether the transport retransmits by itself."""
        return self.kind != "UDP"

    def send(self, data: bytes) -> None:
        """Write one message; silently lost when the connection is gone."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the connection, if there is one."""


def certificate_names(certificate: X509 | None) -> tuple[str, ...]:
    """The DNS names of a certificate: those of subjectAltName and the common name, in lower case."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    if certificate is None:
        return ()
    parsed = certificate.to_cryptography()
    names = [str(item.value) for item in parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        extension = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return tuple(name.lower() for name in names)
    names += extension.value.get_values_for_type(x509.DNSName)
    return tuple(dict.fromkeys(name.lower() for name in names))


@implementer(interfaces.IHandshakeListener)
class StreamLink(protocol.Protocol, Link):
    """A TCP or TLS connection that carries SIP messages.

    ``ready`` fires with the link when it can be used: after the handshake, on TLS.
    """

    def __init__(self, kind: str, receive: Receive, entrance: str = "", server_name: str = "") -> None:
        self.kind = kind
        self.entrance = entrance
        self.server_name = server_name
        self.ready: Deferred[StreamLink] | None = Deferred()
        self.on_closed: Callable[[StreamLink, str], None] = lambda link, cause: None
        self.open = False
        self._receive = receive
        self._parser = StreamParser(LIMITS)

    def connectionMade(self) -> None:
        transport = cast(interfaces.ITCPTransport, self.transport)
        transport.setTcpNoDelay(True)  # several small messages in a row, none of which may wait for the one before
        here, there = transport.getHost(), transport.getPeer()
        self.local, self.peer = (here.host, here.port), (there.host, there.port)
        self.open = True
        if self.kind == "TCP":
            self._settle()

    def handshakeCompleted(self) -> None:
        transport = cast(interfaces.ISSLTransport, self.transport)
        self.names = certificate_names(cast("X509 | None", transport.getPeerCertificate()))
        if self.entrance:
            connection = cast("_TlsTransport", self.transport).getHandle()
            self.server_name = (connection.get_servername() or b"").decode("ascii", "replace")
        self._settle()

    def _settle(self) -> None:
        ready, self.ready = self.ready, None
        if ready is not None:
            ready.callback(self)

    def dataReceived(self, data: bytes) -> None:
        pings = self._parser.pings
        for message in self._parser.feed(data):
            self._receive(message, self)
            if isinstance(message, FramingError):
                self.close()
                return
        if self._parser.pings > pings:
            self.send(b"\r\n")

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        self.open = False
        ready, self.ready = self.ready, None
        if ready is not None and not ready.called:
            ready.errback(reason)
        self.on_closed(self, reason.getErrorMessage())

    def send(self, data: bytes) -> None:
        if self.open and self.transport is not None:
            self.transport.write(data)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()


if TYPE_CHECKING:

    class _TlsTransport(interfaces.ISSLTransport):
        """The handle that Twisted's TLS transports offer beyond their interface."""

        def getHandle() -> Connection: ...


class Mode(enum.Enum):
    """How a listener behaves: as it should, or in one of the ways a failover must get over (FO-02, FO-05)."""

    UP = "serves"
    STALLED = "accepts the connection, then nothing: no handshake"
    MUTE = "completes the handshake, then answers nothing"


class _Silence(protocol.Protocol):
    """Accepts a connection and never says a word."""

    def __init__(self, held: set[_Silence]) -> None:
        self._held = held

    def connectionMade(self) -> None:
        self._held.add(self)

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        self._held.discard(self)


async def _listen(
    reactor: interfaces.IReactorTCP, port: int, address: str, factory: interfaces.IProtocolFactory
) -> interfaces.IListeningPort:
    make: Callable[..., interfaces.IStreamServerEndpoint] = TCP6ServerEndpoint if ":" in address else TCP4ServerEndpoint
    return await make(reactor, port, interface=address).listen(factory)


@implementer(interfaces.IProtocolFactory)
class Entrance:
    """One listening address of the simulator. Port 0 takes a free one and keeps it when closed and opened again.

    ``touched`` counts the connections accepted; ``trouble`` is told of each one that ended before its handshake did.
    """

    def __init__(
        self,
        reactor: interfaces.IReactorTCP,
        name: str,
        address: str,
        port: int,
        receive: Receive,
        tls: interfaces.IOpenSSLServerConnectionCreator | None = None,
    ) -> None:
        self.name = name
        self.address = address
        self.port = port
        self.mode = Mode.UP
        self.links: set[StreamLink] = set()
        self.touched = 0
        self._held: set[_Silence] = set()
        self.trouble: Callable[[str, str], None] = lambda entrance, cause: None
        self.on_touch: Callable[[str], None] = lambda entrance: None
        self._reactor = reactor
        self._receive = receive
        self._listening: interfaces.IListeningPort | None = None
        self._kind = "TCP" if tls is None else "TLS"
        plain = protocol.Factory.forProtocol(self._link)
        plain.noisy = False
        self._served: interfaces.IProtocolFactory = plain if tls is None else TLSMemoryBIOFactory(tls, False, plain)

    async def open(self) -> None:
        """Begin to listen. Raises CannotListenError when the address is taken."""
        if self._listening is None:
            self._listening = await _listen(self._reactor, self.port, self.address, self)
            self.port = cast("IPv4Address", self._listening.getHost()).port

    async def close(self) -> None:
        """Refuse new connections and end the open ones."""
        listening, self._listening = self._listening, None
        for link in list(self.links):
            link.close()
        for held in list(self._held):
            if held.transport is not None:
                held.transport.loseConnection()
        if listening is not None:
            await maybeDeferred(listening.stopListening)

    def doStart(self) -> None:
        """Part of IProtocolFactory: nothing to prepare."""

    def doStop(self) -> None:
        """Part of IProtocolFactory: nothing to clear away."""

    def buildProtocol(self, addr: interfaces.IAddress) -> interfaces.IProtocol | None:
        """Part of IProtocolFactory: what speaks on a new connection."""
        self.touched += 1
        self.on_touch(self.name)
        if self.mode is Mode.STALLED:
            return _Silence(self._held)
        return self._served.buildProtocol(addr)

    def _link(self) -> StreamLink:
        link = StreamLink(self._kind, self._take, self.name)
        link.on_closed = self._closed
        if link.ready is not None:
            link.ready.addErrback(lambda failure: self.trouble(self.name, failure.getErrorMessage()))
        self.links.add(link)
        return link

    def _take(self, message: Received, link: Link) -> None:
        if self.mode is Mode.UP:
            self._receive(message, link)

    def _closed(self, link: StreamLink, cause: str) -> None:
        self.links.discard(link)


async def connect(
    reactor: interfaces.IReactorTCP,
    place: tuple[str, int],
    receive: Receive,
    *,
    source: str = "",
    server_name: str = "",
    tls: interfaces.IOpenSSLClientConnectionCreator | None = None,
    timeout: float = 5.0,
) -> StreamLink:
    """Open a connection, from ``source`` where given; with TLS it is returned after the handshake.

    Raises UnreachableError, also when the certificate is not for ``server_name`` (unless that is empty).
    """
    link = StreamLink("TCP" if tls is None else "TLS", receive, server_name=server_name)
    ready = link.ready
    make: Callable[..., interfaces.IStreamClientEndpoint] = (
        TCP6ClientEndpoint if ":" in place[0] else TCP4ClientEndpoint
    )
    endpoint = make(reactor, *place, timeout=timeout, bindAddress=(source, 0) if source else None)
    if tls is not None:
        endpoint = _wrapped(tls, endpoint)
    factory = protocol.Factory.forProtocol(lambda: link)
    factory.noisy = False
    try:
        await endpoint.connect(factory)
        if ready is not None:
            await ready.addTimeout(timeout, cast(interfaces.IReactorTime, reactor))
    except _FAILURES as error:
        link.close()
        raise UnreachableError(f"no connection to {place[0]}:{place[1]}: {error or type(error).__name__}") from error
    if server_name and not covers(link.names, server_name):
        link.close()
        raise UnreachableError(f"the certificate of {place[0]}:{place[1]} is for {link.names}, not for {server_name}")
    return link


_FAILURES = (ConnectError, ConnectionClosed, SslError, DeferredTimeoutError)


_wrapped: Callable[..., interfaces.IStreamClientEndpoint] = wrapClientTLS


class _DatagramLink(Link):
    """A UDP socket and the address of one peer."""

    def __init__(self, socket: Datagrams, peer: tuple[str, int]) -> None:
        self._socket = socket
        self.local = socket.local
        self.peer = peer

    def send(self, data: bytes) -> None:
        self._socket.write(data, self.peer)


class Datagrams(protocol.DatagramProtocol):
    """A UDP socket that carries SIP messages."""

    noisy = False

    def __init__(self, receive: Receive) -> None:
        self.local = ("", 0)
        self._receive = receive

    def startProtocol(self) -> None:
        host = cast(interfaces.IUDPTransport, self.transport).getHost()
        self.local = (host.host, host.port)

    def to(self, peer: tuple[str, int]) -> Link:
        """The link to a peer."""
        return _DatagramLink(self, peer)

    def write(self, data: bytes, peer: tuple[str, int]) -> None:
        """Send one datagram."""
        if self.transport is not None:
            self.transport.write(data, peer)

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        link = self.to((addr[0], addr[1]))
        try:
            message = parse_datagram(datagram, LIMITS)
        except RemoteProtocolError as error:
            self._receive(error, link)
            return
        if message is not None:
            self._receive(message, link)
