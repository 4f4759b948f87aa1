"""SIP over TCP and TLS: bytes to messages, and a bound on everything a peer can make us wait for or hold.

A connection has three phases: it opens (the TLS handshake), it is open (messages), it closes. Time limits are not
timers of its own; whoever owns the connection asks ``overdue`` now and then (see flows.Flows), so ten thousand
connections cost no timer.

Keep-alives (RFC 5626 section 3.5.1): a double CRLF is answered by one CRLF.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol as Shape
from typing import cast

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHandshakeListener, IPushProducer, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from rustalk.interfaces import IFlow
from rustalk.sip.parse import FramingError, StreamParser

from .identity import PeerIdentity
from .reception import Reception
from .tls import Judged, Verdict, error_in_words
from .udp import unmapped

__all__ = ["Bounds", "Owner", "Stream", "StreamFlow"]

_KEEP_ALIVE = ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))
_MAX_PONGS = 16


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long, in seconds, and how much, in bytes and connections, a peer may occupy us."""

    handshake: float = 5.0
    first_message: float = 60.0
    partial: float = 10.0
    idle: float = 600.0
    blocked: float = 20.0
    closing: float = 5.0
    unsent: int = 1 << 20
    connections: int = 4096
    connections_per_address: int = 1024
    strangers: int = 64
    strangers_per_address: int = 8
    stale_idle: float = 200.0
    stale: float = 900.0


class Phase(Enum):
    """Where a connection is in its life."""

    OPENING = auto()
    OPEN = auto()
    CLOSING = auto()
    CLOSED = auto()


class Link(Shape):
    """What a connection uses of its transport: Twisted's TCP connection, or its TLS wrapper around one."""

    def write(self, data: bytes) -> None: ...
    def loseConnection(self) -> None: ...
    def abortConnection(self) -> None: ...
    def registerProducer(self, producer: object, streaming: bool) -> None: ...
    def unregisterProducer(self) -> None: ...
    def getHost(self) -> object: ...
    def getPeer(self) -> object: ...
    def getHandle(self) -> object: ...
    def setTcpNoDelay(self, enabled: bool) -> None: ...
    def setTcpKeepAlive(self, enabled: bool) -> None: ...


class Owner(Shape):
    """Who is told of the life of a connection."""

    def opened(self, stream: Stream) -> None:
        """The connection may be used; with TLS the peer is verified."""

    def closed(self, stream: Stream, reason: str) -> None:
        """The connection is gone. It may never have been open."""


@implementer(IFlow)
class StreamFlow:
    """A TCP or TLS connection, as the layers above see it."""

    __slots__ = ("_stream", "identity", "local", "peer", "profile", "reliable", "transport")

    def __init__(self, stream: Stream, profile: str, transport: str) -> None:
        self.transport = transport
        self.reliable = True
        self.profile = profile
        self.local = ("", 0)
        self.peer = ("", 0)
        self.identity: PeerIdentity | None = None
        self._stream = stream

    def toward(self, port: int) -> StreamFlow:
        """Itself: answers go back on the connection."""
        return self

    def send(self, data: bytes) -> None:
        """Write one whole message; when the connection is gone, the receiver hears of it again."""
        self._stream.send(data)

    @property
    def is_open(self) -> bool:
        """Whether something sent now can arrive."""
        return self._stream.phase is Phase.OPEN

    @property
    def is_stale(self) -> bool:
        """Whether the connection was made with a certificate that has been replaced since (OPS-05)."""
        return self._stream.stale_since is not None

    def retain(self) -> None:
        """Keep the connection from being closed as idle or stale, once for each ``release`` to come."""
        self._stream.retained += 1

    def release(self) -> None:
        """Take back one ``retain``."""
        self._stream.retained -= 1

    def close(self, reason: str) -> None:
        """Send what is queued, then close."""
        self._stream.close(reason)

    def __repr__(self) -> str:
        return f"<{self.transport} {self.peer[0]}:{self.peer[1]} on {self.profile}>"


@implementer(IHandshakeListener, IPushProducer)
class Stream(Protocol):
    """One connection. ``inbound`` ones must say something soon; ``secure`` ones open with a handshake."""

    log = Logger()

    def __init__(
        self,
        profile: str,
        owner: Owner,
        reception: Reception,
        bounds: Bounds,
        clock: IReactorTime,
        *,
        secure: bool,
        inbound: bool,
    ) -> None:
        self.flow = StreamFlow(self, profile, "TLS" if secure else "TCP")
        self.phase = Phase.OPENING
        self.verdict: Verdict | None = None
        self.retained = 0
        self.inbound = inbound
        self.was_open = False
        self.stale_since: float | None = None
        self._link: Link | None = None
        self._owner = owner
        self._reception = reception
        self._bounds = bounds
        self._clock = clock
        self._secure = secure
        self._parser = StreamParser(reception.limits)
        self._pongs = 0
        self._reason = ""
        self._unsent = 0
        self._since = self._active = clock.seconds()
        self._partial_since: float | None = None
        self._blocked_since: float | None = None
        self._heard = False

    # Life

    def connectionMade(self) -> None:
        """TCP is up; with TLS the handshake is still to come."""
        self._link = tcp = cast(Link, self.transport)
        if self._secure:
            self.verdict = cast(Judged, tcp.getHandle()).verdict
            tcp = cast(Link, cast(TLSMemoryBIOProtocol, tcp).transport)
        _tune(tcp)
        self.flow.local = _endpoint(tcp.getHost())
        self.flow.peer = _endpoint(tcp.getPeer())
        self._link.registerProducer(self, True)
        if not self._secure:
            self._open()

    def handshakeCompleted(self) -> None:
        """The TLS handshake is done; nobody is let in whom the verdict has not named acceptable."""
        if self.verdict is None or not self.verdict.acceptable:
            self.abort("the TLS peer was not verified")
            return
        self.flow.identity = self.verdict.identity
        self._open()

    def _open(self) -> None:
        if self.phase is Phase.OPENING:
            self.phase = Phase.OPEN
            self.was_open = True
            self._active = self._clock.seconds()
            self._owner.opened(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection ended, by whomever."""
        self.phase = Phase.CLOSED
        self._owner.closed(self, self._reason or self._in_words(reason.value or ConnectionDone()))

    def close(self, reason: str) -> None:
        """Send what is queued, then close."""
        if self.phase in (Phase.OPENING, Phase.OPEN) and self._link is not None:
            self.phase = Phase.CLOSING
            self._reason = reason
            self._since = self._clock.seconds()
            self._link.unregisterProducer()
            self._link.loseConnection()

    def abort(self, reason: str) -> None:
        """Drop the connection at once, with what is queued."""
        if self.phase is not Phase.CLOSED and self._link is not None:
            self.phase = Phase.CLOSING
            self._reason = self._reason or reason
            self._link.abortConnection()

    def _in_words(self, error: BaseException) -> str:
        if isinstance(error, ConnectionDone):
            return "the peer closed the connection"
        if self._secure and not isinstance(error, ConnectionLost):
            return error_in_words(error, self.verdict)
        if self.verdict is not None and self.verdict.problems:
            return error_in_words(error, self.verdict)
        return f"the connection broke: {error}"

    # Messages

    def dataReceived(self, data: bytes) -> None:
        """Bytes in any portions become messages, in order."""
        if self.phase is not Phase.OPEN:
            return
        self._active = self._clock.seconds()
        found = self._parser.feed(data)
        self._answer_pings()
        for message in found:
            if not self._may_speak():
                self.abort("shut out")
                return
            self._reception.deliver(message, self.flow)
            if self.phase is not Phase.OPEN:
                return
            if isinstance(message, FramingError):
                self.close(f"the stream cannot be followed: {message.reason}")
                return
        self._note_progress(bool(found))

    def _may_speak(self) -> bool:
        """Whether one more message of the peer is heard; whom we have called ourselves is."""
        return not self.inbound or self._reception.admits(self.flow.peer[0], self.flow.profile)

    def _answer_pings(self) -> None:
        pings = self._parser.pings - self._pongs
        if pings:
            self._pongs = self._parser.pings
            self.send(b"\r\n" * min(pings, _MAX_PONGS))

    def _note_progress(self, found: bool) -> None:
        self._heard = self._heard or found
        if not self._parser.partial:
            self._partial_since = None
        elif found or self._partial_since is None:
            self._partial_since = self._active

    def send(self, data: bytes) -> None:
        """Write bytes. A peer that does not read is cut when too much has piled up."""
        if self.phase is not Phase.OPEN or self._link is None:
            self._clock.callLater(0, self._reception.lost, self.flow, self._reason or "the connection is closed")
            return
        if self._blocked_since is not None:
            self._unsent += len(data)
            if self._unsent > self._bounds.unsent:
                self.abort(f"the peer did not read; {self._unsent} bytes had piled up")
                return
        self._active = self._clock.seconds()
        self._link.write(data)

    @property
    def is_blocked(self) -> bool:
        """Whether the kernel takes no more because the peer does not read."""
        return self._blocked_since is not None

    def pauseProducing(self) -> None:
        """The kernel takes no more: from now on what is written piles up here."""
        if self._blocked_since is None:
            self._blocked_since = self._clock.seconds()

    def resumeProducing(self) -> None:
        """The peer has read again."""
        self._blocked_since = None
        self._unsent = 0

    def stopProducing(self) -> None:
        """The connection is going down; connectionLost says the rest."""

    # Time

    def overdue(self, now: float) -> str:
        """Why this connection should end now; '' when it should not."""
        bounds = self._bounds
        if self.phase is Phase.OPENING:
            return self._waited(now, self._since, bounds.handshake, "the TLS handshake did not finish")
        if self.phase is Phase.CLOSING:
            return self._waited(now, self._since, bounds.closing, "the peer did not close")
        if self.inbound and self._reception.bars(self.flow.peer[0]):
            return "shut out"
        return (
            self._waited(now, self._partial_since, bounds.partial, "a message stayed unfinished")
            or self._waited(now, self._blocked_since, bounds.blocked, "the peer did not read")
            or (not self.retained and self._unused(now))
            or ""
        )

    def _unused(self, now: float) -> str:
        bounds = self._bounds
        if self.inbound and not self._heard:
            return self._waited(now, self._since, bounds.first_message, "no message came")
        if self.stale_since is not None:
            return self._waited(now, self._active, bounds.stale_idle, "made with a replaced certificate, unused") or (
                self._waited(now, self.stale_since, bounds.stale, "made with a replaced certificate, not closed")
            )
        return self._waited(now, self._active, bounds.idle, "unused")

    @staticmethod
    def _waited(now: float, since: float | None, bound: float, what: str) -> str:
        return f"{what} for {bound:g} s" if since is not None and now - since >= bound else ""


def _endpoint(address: object) -> tuple[str, int]:
    return unmapped(getattr(address, "host", "")), getattr(address, "port", 0)


def _tune(tcp: Link) -> None:
    """No delay for small messages; a vanished peer is noticed within a minute (section 3.8)."""
    tcp.setTcpNoDelay(True)
    tcp.setTcpKeepAlive(True)
    handle = tcp.getHandle()
    if isinstance(handle, socket.socket):
        for option, value in _KEEP_ALIVE:
            handle.setsockopt(socket.IPPROTO_TCP, option, value)
