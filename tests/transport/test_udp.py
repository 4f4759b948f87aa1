"""SIP over UDP with a socket in memory: admission, flows, and what the kernel refuses."""

from __future__ import annotations

import errno

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.error import MessageLengthError
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from rustalk.interfaces import IFlow
from rustalk.rtp.stun import BINDING_REQUEST, build_plain
from rustalk.sip.parse import Limits
from rustalk.transport.reception import Reception
from rustalk.transport.stun import answer
from rustalk.transport.udp import UdpSocket, unmapped
from tests.transport.ends import Ear, options

PEER = ("192.0.2.1", 5060)


class MemoryPort:
    """A UDP socket to nowhere; ``error`` is what the kernel says to a write."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, tuple[str, int]]] = []
        self.error: Exception | None = None

    def getHost(self) -> IPv4Address:
        return IPv4Address("UDP", "192.0.2.9", 5060)

    def write(self, data: bytes, address: tuple[str, int]) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append((data, address))


class Wire:
    """A socket with everything around it; ``banned`` addresses are not admitted."""

    def __init__(self, max_flows: int = 100) -> None:
        self.clock, self.ear, self.port = Clock(), Ear(), MemoryPort()
        self.banned: set[str] = set()
        self.asked = 0
        self.strangers: set[str] = set()
        reception = Reception(self.ear, self.admits, Limits(), knows=lambda address, _: address not in self.strangers)
        self.socket = UdpSocket("p", reception, self.clock, max_flows)
        self.socket.transport = self.port
        self.socket.startProtocol()

    def admits(self, address: str, profile: str) -> bool:
        self.asked += 1
        return address not in self.banned

    def receive(self, data: bytes, address: tuple[str, int] = PEER) -> None:
        self.socket.datagramReceived(data, address)


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_a_datagram_becomes_a_message_on_a_flow(wire):
    """The flow knows both ends and answers on the socket it came from."""
    wire.receive(options("a"))
    ((message, flow),) = wire.ear.messages
    assert verifyObject(IFlow, flow)
    assert (message.call_id, flow.peer, flow.local) == ("a", PEER, ("192.0.2.9", 5060))
    assert (flow.transport, flow.reliable, flow.profile, flow.identity) == ("UDP", False, "p", None)
    flow.send(b"answer")
    assert wire.port.sent == [(b"answer", PEER)]


def test_one_peer_has_one_flow(wire):
    """Two datagrams of a peer, and a flow that we asked for, are the same object."""
    wire.receive(options("a"))
    wire.receive(options("b"))
    assert {id(flow) for _, flow in wire.ear.messages} == {id(wire.socket.flow(*PEER))}


def test_the_screen_is_asked_for_each_datagram(wire):
    """A6: it counts them, and a ban takes effect at once."""
    for _ in range(5):
        wire.receive(options("a"))
    wire.banned.add(PEER[0])
    wire.receive(options("b"))
    assert wire.asked == 6
    assert wire.ear.call_ids == ["a"] * 5


def test_who_is_not_admitted_is_not_parsed_and_leaves_no_flow(wire):
    """A flood from a banned address costs no memory."""
    wire.banned.add(PEER[0])
    for port in range(1000, 1100):
        wire.receive(b"garbage", (PEER[0], port))
    assert wire.socket.refused == 100
    assert wire.ear.broken == []
    assert not wire.socket._flows


def test_flows_are_bounded():
    """Spoofed sources cannot grow our memory; the least recently used flow is forgotten."""
    wire = Wire(max_flows=10)
    for n in range(30):
        wire.receive(options(str(n)), (f"192.0.2.{n}", 5060))
    assert len(wire.socket._flows) == 10


def test_a_forgotten_flow_still_sends():
    """Whoever holds a flow may use it after the socket has forgotten it."""
    wire = Wire(max_flows=1)
    first = wire.socket.flow("192.0.2.1", 5060)
    wire.socket.flow("192.0.2.2", 5060)
    first.send(b"x")
    assert wire.port.sent == [(b"x", PEER)]


def test_keep_alives_and_broken_datagrams(wire):
    """A keep-alive is nothing; a broken message goes up as an error and never raises."""
    for data in (b"\r\n\r\n", b"\0\0\0\0", b""):
        wire.receive(data)
    assert wire.ear.broken == []
    wire.receive(b"INVITE\r\n\r\n")
    assert len(wire.ear.broken) == 1


STUN = build_plain(BINDING_REQUEST, bytes(12))


@pytest.mark.parametrize(("address", "seen"), [("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.8", "192.0.2.8")])
def test_a_phone_is_told_how_it_is_seen(wire, address, seen):
    """RFC 5626 section 8: a binding request gets its answer, and leaves nothing behind."""
    wire.receive(STUN, (address, 40_000))
    assert wire.port.sent == [(answer(STUN, seen, 40_000), (address, 40_000))]
    assert (wire.ear.broken, len(wire.socket._flows)) == ([], 0)


def test_strangers_get_no_stun(wire):
    """A38: who is banned is not heard, and who is not known is not answered, lest we answer to a forged address."""
    wire.banned.add("192.0.2.1")
    wire.strangers.add("192.0.2.2")
    for host in ("192.0.2.1", "192.0.2.2"):
        wire.receive(STUN, (host, 40_000))
    assert (wire.port.sent, wire.ear.broken, wire.socket.refused) == ([], [], 1)


def test_an_answer_that_cannot_be_sent_is_no_harm(wire):
    """The phone asks again."""
    wire.port.error = OSError(errno.ENETUNREACH, "Network is unreachable")
    wire.receive(STUN)
    wire.receive(options("a"))
    assert wire.ear.call_ids == ["a"]


@pytest.mark.parametrize(
    ("error", "reported"),
    [
        (
            OSError(errno.ENETUNREACH, "Network is unreachable"),
            "the datagram could not be sent: Network is unreachable",
        ),
        (MessageLengthError("too long"), "a message of 1 bytes is too long for UDP"),
        (OSError(errno.EAGAIN, "Try again"), None),
    ],
)
def test_what_the_kernel_refuses_is_reported_later(wire, error, reported):
    """``send`` never raises; a full buffer is loss like any other, the rest reaches the receiver."""
    wire.port.error = error
    wire.socket.flow(*PEER).send(b"x")
    assert wire.ear.lost == []
    wire.clock.advance(0)
    assert [reason for _, reason in wire.ear.lost] == ([reported] if reported else [])


def test_a_mapped_address_is_the_ipv4_address_it_is(wire):
    """On a dual-stack socket the screen and the layers above see IPv4, the socket its own form."""
    wire.banned.add("192.0.2.7")
    wire.receive(options("a"), ("::ffff:192.0.2.7", 5060))
    assert wire.ear.messages == []
    wire.receive(options("b"), ("::ffff:192.0.2.8", 5060))
    flow = wire.ear.messages[0][1]
    assert flow.peer == ("192.0.2.8", 5060)
    flow.send(b"x")
    assert wire.port.sent == [(b"x", ("::ffff:192.0.2.8", 5060))]


def test_unmapped_leaves_other_addresses_alone():
    """Only ::ffff:a.b.c.d is an IPv4 address in disguise."""
    assert [unmapped(one) for one in ("::1", "192.0.2.1", "::ffff:1.2.3.4")] == ["::1", "192.0.2.1", "1.2.3.4"]
