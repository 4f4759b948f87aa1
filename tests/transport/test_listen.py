"""Profiles: which sockets they open, and what is wrong with those that cannot."""

from __future__ import annotations

import pytest
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol, ServerFactory
from twisted.internet.testing import MemoryReactor

from rustalk.transport.errors import ListenError
from rustalk.transport.listen import Profile, open_profile


class Port:
    """A listening socket to nowhere."""

    def __init__(self, number: int) -> None:
        self.port, self.host, self.is_open = number, "127.0.0.1", True

    def getHost(self) -> Port:
        return self

    def stopListening(self) -> None:
        self.is_open = False


class Network(MemoryReactor):
    """Opens ports; the numbers in ``taken`` are used by others for UDP, and free ports are 40000, 40001 ..."""

    def __init__(self, *taken: int) -> None:
        super().__init__()
        self.taken, self.opened, self.free = taken, [], 40000

    def listenTCP(self, port, factory, backlog=50, interface=""):
        return self._opened(port)

    def listenUDP(self, port, protocol, interface="", maxPacketSize=8192):
        if port in self.taken:
            raise CannotListenError(interface, port, "Address already in use")
        opened = self._opened(port)
        protocol.makeConnection(opened)
        return opened

    def _opened(self, number: int) -> Port:
        if not number:
            number, self.free = self.free, self.free + 1
        self.opened.append(Port(number))
        return self.opened[-1]


def opened(network: Network, profile: Profile):
    return open_profile(network, profile, DatagramProtocol(), lambda secure: ServerFactory())


def test_one_port_for_all_protocols():
    """A free port is the same one for UDP and TCP."""
    assert opened(Network(), Profile("p", "127.0.0.1", 0)).port == 40000
    assert opened(Network(), Profile("p", "127.0.0.1", 5070)).port == 5070


def test_a_free_port_that_is_taken_for_udp_is_tried_again():
    """The kernel's choice for TCP may be in use for UDP; the next one is taken, and nothing is left open."""
    network = Network(40000, 40001)
    assert opened(network, Profile("p", "127.0.0.1", 0)).port == 40002
    assert [port.port for port in network.opened if port.is_open] == [40002, 40002]


def test_a_port_in_use_is_said_and_nothing_stays_open():
    """The error names profile, address, port and cause."""
    network = Network(5060)
    with pytest.raises(
        ListenError, match=r"profile p: cannot listen on 127\.0\.0\.1 port 5060: Address already in use"
    ):
        opened(network, Profile("p", "127.0.0.1", 5060))
    assert not any(port.is_open for port in network.opened)


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        (Profile("p", "127.0.0.1", 1, ("SCTP",)), "none of UDP, TCP, TLS"),
        (Profile("p", "127.0.0.1", 1, ("TCP", "TLS")), "cannot share port 1"),
        (Profile("p", "127.0.0.1", 1, ("TLS",)), "needs a certificate and a key"),
        (Profile("p", "localhost", 1), "is not an IP address"),
    ],
)
def test_profiles_that_make_no_sense(profile, words):
    """Each mistake names the profile and what to change."""
    with pytest.raises(ListenError, match=words):
        opened(Network(), profile)


def test_where_outgoing_connections_come_from():
    """From the profile's own address, unless it is all of them; and only to its kind of address."""
    assert Profile("p", "127.0.0.3", 5060).source == ("127.0.0.3", 0)
    assert Profile("p", "0.0.0.0", 5060).source is None
    assert (Profile("p", "0.0.0.0", 1).family, Profile("p", "::", 1).family) == (4, 6)
