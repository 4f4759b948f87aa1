"""SIP over UDP: one socket per profile, one cheap flow per peer (RFC 3261 section 18)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from errno import EAGAIN, ENOBUFS

from twisted.internet.error import MessageLengthError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger
from zope.interface import implementer

from rustalk.interfaces import IFlow
from rustalk.rtp.stun import is_stun
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.parse import parse_datagram

from .reception import Reception
from .stun import answer

__all__ = ["LARGEST_DATAGRAM", "UdpFlow", "UdpSocket", "unmapped"]

LARGEST_DATAGRAM = 65535

_MAX_FLOWS = 32768
_MAPPED = "::ffff:"
_NO_STUN = 2
"""What a SIP message never begins with is below this, and a binding request or answer always (RFC 5626 section 8)."""


@implementer(IFlow)
class UdpFlow:
    """One peer of one socket. It stays usable after the socket has forgotten it."""

    __slots__ = (
        "_address",
        "_socket",
        "identity",
        "peer",
        "profile",
        "reliable",
        "transport",
    )

    def __init__(self, socket: UdpSocket, address: tuple[str, int], peer: tuple[str, int]) -> None:
        self.transport = "UDP"
        self.reliable = False
        self.profile = socket.profile
        self.peer = peer
        self.identity = None
        self._socket = socket
        self._address = address

    @property
    def local(self) -> tuple[str, int]:
        """Where the socket is now: its profile may have moved."""
        return self._socket.local

    def send(self, data: bytes) -> None:
        """Write one datagram. What the kernel refuses is reported as a lost flow; a full buffer is mere loss."""
        try:
            self._socket.write(data, self._address)
        except MessageLengthError:
            self._socket.report(self, f"a message of {len(data)} bytes is too long for UDP")
        except OSError as error:
            if error.errno not in (EAGAIN, ENOBUFS):
                self._socket.report(self, f"the datagram could not be sent: {error.strerror}")

    def close(self, reason: str) -> None:
        """Nothing is open."""

    def toward(self, port: int) -> UdpFlow:
        """The flow to another port of the same peer."""
        return self._socket.flow(self._address[0], port)

    def __repr__(self) -> str:
        return f"<UDP {self.peer[0]}:{self.peer[1]} on {self.profile}>"


class UdpSocket(DatagramProtocol):
    """Datagrams to messages. Of whom is not admitted nothing is parsed or kept; memory is bounded.

    ``admits`` is asked for each datagram: it may count them.
    """

    noisy = False
    log = Logger()

    def __init__(
        self, profile: str, reception: Reception, clock: IReactorTime, max_flows: int = _MAX_FLOWS, *, family: int = 4
    ) -> None:
        self.profile = profile
        self.family = family
        self.local = ("", 0)
        self.refused = 0
        self._reception = reception
        self._clock = clock
        self._max_flows = max_flows
        self._flows: OrderedDict[tuple[str, int], UdpFlow] = OrderedDict()
        self._write: Callable[[bytes, tuple[str, int]], object]

    def startProtocol(self) -> None:
        """The socket is open."""
        if self.transport is not None:
            host = self.transport.getHost()
            self.local = (host.host, host.port)
            # Straight to the socket where there is one: Twisted's write looks three times whether this is an address.
            socket = getattr(self.transport, "socket", None)
            self._write = self.transport.write if socket is None else socket.sendto

    def flow(self, host: str, port: int) -> UdpFlow:
        """The flow to this address, made when there is none; the least recently used is forgotten beyond the bound."""
        address = (host, port)
        flow = self._flows.get(address)
        if flow is None:
            flow = self._flows[address] = UdpFlow(self, address, (unmapped(host), port))
            if len(self._flows) > self._max_flows:
                self._flows.popitem(last=False)
        else:
            self._flows.move_to_end(address)
        return flow

    def datagramReceived(self, data: bytes, addr: tuple[str, int]) -> None:
        """One datagram. This runs for each message: keep it short."""
        host, port = addr[0], addr[1]
        if not self._reception.admits(unmapped(host), self.profile):
            self.refused += 1
            return
        if data and data[0] < _NO_STUN and is_stun(data):
            self._answer_stun(data, host, port)
            return
        flow = self.flow(host, port)
        try:
            message = parse_datagram(data, self._reception.limits)
        except RemoteProtocolError as error:
            self._reception.deliver(error, flow)
            return
        if message is not None:
            self._reception.deliver(message, flow)

    def _answer_stun(self, data: bytes, host: str, port: int) -> None:
        """Tell a phone how it is seen. Strangers get silence: whose address it is has not been proven."""
        peer = unmapped(host)
        if not self._reception.knows(peer, self.profile):
            return
        response = answer(data, peer, port)
        if response is not None:
            with suppress(OSError, MessageLengthError):  # it is asked for again
                self.write(response, (host, port))

    def write(self, data: bytes, address: tuple[str, int]) -> None:
        """Send one datagram. Raises OSError or MessageLengthError; nothing happens once the socket is closed."""
        if self.transport is not None:
            self._write(data, address)

    def report(self, flow: UdpFlow, reason: str) -> None:
        """Tell the receiver, not before the sender has returned, that a flow does not work."""
        self._clock.callLater(0, self._reception.lost, flow, reason)


def unmapped(host: str) -> str:
    """The IPv4 address inside an IPv4-mapped IPv6 address; any other address as it is."""
    return host[len(_MAPPED) :] if host.startswith(_MAPPED) and "." in host else host
