"""Someone who sends and receives UDP on loopback: a caller, a carrier, an attacker."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol

from rustalk.rtp.packet import Packet

PATIENCE = 10.0
"""Seconds until a test that waits for a datagram gives up."""


class Party(DatagramProtocol):
    """One UDP port. ``received`` holds the datagrams that came, in order."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen at once; port 0 takes any."""
        self.received: list[bytes] = []
        self._waiting: list[tuple[int, Deferred[list[bytes]]]] = []
        self._port = reactor.listenUDP(port, self, interface=host, maxPacketSize=65536)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host = self._port.getHost()
        return host.host, host.port

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Keep it, and tell who waited for it."""
        self.received.append(datagram)
        for waiting in [entry for entry in self._waiting if entry[0] <= len(self.received)]:
            self._waiting.remove(waiting)
            waiting[1].callback(self.received)

    def has(self, count: int) -> Deferred[list[bytes]]:
        """Fires with all datagrams as soon as ``count`` have come."""
        deferred: Deferred[list[bytes]] = Deferred()
        if len(self.received) >= count:
            deferred.callback(self.received)
        else:
            self._waiting.append((count, deferred))
            deferred.addTimeout(PATIENCE, reactor)
        return deferred

    def send(self, datagrams: Iterable[bytes], to: tuple[str, int]) -> None:
        """Send one after the other."""
        for datagram in datagrams:
            self._port.socket.sendto(datagram, to)

    def stop(self) -> Deferred[None] | None:
        """Close the port."""
        return self._port.stopListening()


def udptl(count: int, *, first: int = 0, text: bytes = b"fax") -> list[bytes]:
    """So many datagrams of fax in sequence (ITU-T T.38), each with ``text`` as its primary packet and no other."""
    numbers = (number.to_bytes(2, "big") for number in range(first, first + count))
    return [number + bytes([len(text)]) + text + b"\x00\x00" for number in numbers]


def voice(count: int, *, first: int = 0, ssrc: int = 0x1234, text: bytes = b"") -> list[bytes]:
    """So many RTP packets in sequence; ``text`` begins their payload."""
    payload = text.ljust(160, b"\xff")
    return [Packet(0, number, number * 160, ssrc, payload).build() for number in range(first, first + count)]
