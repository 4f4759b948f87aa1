"""SIP profiles: where we listen, for whom, and with which certificate. Several may be up at once."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Protocol as Shape
from typing import cast

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IReactorTCP, IReactorUDP
from twisted.internet.protocol import DatagramProtocol, ServerFactory

from .errors import ListenError
from .tls import ServerTls
from .udp import LARGEST_DATAGRAM

__all__ = ["Listening", "Profile", "open_profile"]

_RECEIVE_BUFFER = 1 << 20
_FREE_PORT_TRIES = 8
_BACKLOG = 512


class INetwork(IReactorTCP, IReactorUDP):
    """The part of the reactor that opens sockets."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One SIP profile. ``port`` serves all ``protocols`` (UDP, TCP, TLS); 0: a free port, the same for all.

    ``domain`` is the name we carry in Contact and certificate on this profile. ``tls`` is needed for TLS only.
    """

    id: str
    address: str
    port: int
    protocols: tuple[str, ...] = ("UDP", "TCP")
    domain: str = ""
    tls: ServerTls | None = None

    @property
    def family(self) -> int:
        """4 or 6: which kind of address this profile can reach."""
        return ip_address(self.address).version

    @property
    def source(self) -> tuple[str, int] | None:
        """The address that outgoing connections leave from; None: the kernel chooses."""
        return None if ip_address(self.address).is_unspecified else (self.address, 0)


@dataclass(frozen=True, slots=True)
class Listening:
    """The open sockets of one profile: the actual port, and a port of Twisted's for each protocol."""

    profile: Profile
    port: int
    ports: tuple[IListeningPort, ...] = field(repr=False)

    def stop(self) -> Deferred[object]:
        """Close the sockets; connections accepted from them live on."""
        return cast("Deferred[object]", DeferredList([maybeDeferred(port.stopListening) for port in self.ports]))


class Addressed(Shape):
    """What a listening port says of itself."""

    host: str
    port: int


def open_profile(
    reactor: INetwork, profile: Profile, udp: DatagramProtocol, door: Callable[[bool], ServerFactory]
) -> Listening:
    """Open every socket of a profile; ``door(secure)`` makes the factory of its stream sockets.

    Raises ListenError, with nothing left open.
    """
    _check(profile)
    # UDP last: Twisted gives a datagram protocol no second port before the first is closed, which takes a turn.
    protocols = sorted(profile.protocols, key="UDP".__eq__)
    for _ in range(_FREE_PORT_TRIES if profile.port == 0 else 1):
        opened: list[IListeningPort] = []
        number = profile.port
        try:
            for protocol in protocols:
                opened.append(_open(reactor, profile, protocol, number, udp, door))
                number = cast(Addressed, opened[0].getHost()).port
            return Listening(profile, number, tuple(opened))
        except CannotListenError as error:
            for port in opened:
                port.stopListening()
            problem = error
    raise ListenError(
        f"profile {profile.id}: cannot listen on {profile.address} port {profile.port or number}: "
        f"{problem.socketError}; is another program using it, or is the address not ours?"
    )


def _check(profile: Profile) -> None:
    unknown = set(profile.protocols) - {"UDP", "TCP", "TLS"}
    if unknown or not profile.protocols:
        raise ListenError(f"profile {profile.id}: protocols {sorted(unknown)} are none of UDP, TCP, TLS")
    if "TCP" in profile.protocols and "TLS" in profile.protocols:
        raise ListenError(f"profile {profile.id}: TCP and TLS cannot share port {profile.port}; make two profiles")
    if "TLS" in profile.protocols and profile.tls is None:
        raise ListenError(f"profile {profile.id}: TLS needs a certificate and a key; set tls_cert and tls_key")
    try:
        ip_address(profile.address)
    except ValueError:
        raise ListenError(f"profile {profile.id}: {profile.address!r} is not an IP address") from None


def _open(
    reactor: INetwork,
    profile: Profile,
    protocol: str,
    number: int,
    udp: DatagramProtocol,
    door: Callable[[bool], ServerFactory],
) -> IListeningPort:
    if protocol != "UDP":
        return reactor.listenTCP(number, door(protocol == "TLS"), backlog=_BACKLOG, interface=profile.address)
    port = reactor.listenUDP(number, udp, interface=profile.address, maxPacketSize=LARGEST_DATAGRAM)
    handle = getattr(port, "socket", None)
    if isinstance(handle, socket.socket):
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    return port
