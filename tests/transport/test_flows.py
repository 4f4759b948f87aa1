"""Connections by route, in memory and in virtual time: reuse, sharing, giving up, sweeping."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionDone, ConnectionRefusedError, NoRouteError, TCPTimedOutError
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from rustalk.sip.parse import Limits
from rustalk.transport.errors import TransportError
from rustalk.transport.flows import Flows, Route
from rustalk.transport.reception import Reception
from rustalk.transport.stream import Bounds
from tests.transport.ends import Ear, anyone, options
from tests.transport.test_stream import MemoryLink

ROUTE = Route("p", "TCP", "192.0.2.1", 5060, "", "")
BOUNDS = Bounds(idle=300, connections=3, connections_per_address=2)


class Net:
    """Flows over a reactor that connects to nowhere; at the end no timer may be left."""

    def __init__(self) -> None:
        self.reactor, self.ear = MemoryReactorClock(), Ear()
        self.flows = Flows(self.reactor, self.reactor, Reception(self.ear, anyone, Limits()), BOUNDS)
        self.flows.start()

    def connect(self, route: Route = ROUTE, timeout: float = 4):
        return self.flows.connect(route, None, None, timeout)

    def succeed(self, number: int = -1) -> MemoryLink:
        """The network brings up a TCP connection that was asked for."""
        factory = self.reactor.tcpClients[number][2]
        link = MemoryLink()
        link.protocol = factory.buildProtocol(None)
        link.protocol.makeConnection(link)
        return link

    def fail(self, error: Exception) -> None:
        """The network cannot connect."""
        self.reactor.tcpClients[-1][2].clientConnectionFailed(self.reactor.connectors[-1], Failure(error))

    def finish(self) -> None:
        stopped = self.flows.stop()
        self.reactor.advance(BOUNDS.closing + 1)
        assert stopped.called
        assert self.reactor.getDelayedCalls() == []


@pytest.fixture
def net():
    net = Net()
    yield net
    net.finish()


def outcome(deferred):
    """What a Deferred has come to; an error as its exception."""
    results = []
    deferred.addBoth(results.append)
    return results[0].value if results and isinstance(results[0], Failure) else (results or [None])[0]


def test_one_connection_serves_all_who_ask(net):
    """A pending connect is shared, and an open connection reused: one TCP connection in all."""
    first, second = net.connect(), net.connect()
    net.succeed()
    third = net.connect()
    assert outcome(first) is outcome(second) is outcome(third)
    assert len(net.reactor.tcpClients) == 1


@pytest.mark.parametrize(
    "change", [{"profile": "q"}, {"address": "192.0.2.2"}, {"port": 5070}, {"name": "b.example"}, {"tls": "other"}]
)
def test_another_route_is_another_connection(net, change):
    """Whatever differs in the route, the connection is another one (A24: also the proved name)."""
    net.connect()
    net.succeed()
    net.connect(ROUTE._replace(**change)).addErrback(lambda _: None)
    assert len(net.reactor.tcpClients) == 2


@pytest.mark.parametrize(
    ("error", "cause"),
    [(ConnectionRefusedError(), "refused"), (TCPTimedOutError(), "timeout"), (NoRouteError(), "refused")],
)
def test_why_a_connection_failed(net, error, cause):
    """FO-02: each way to fail has its cause, and the next attempt starts afresh."""
    wait = net.connect()
    net.fail(error)
    assert outcome(wait).cause == cause
    net.connect().addErrback(lambda _: None)
    assert len(net.reactor.tcpClients) == 2


def test_each_wait_has_its_own_time_limit(net):
    """FO-05: who asked for 2 s is told after 2 s, who asked for 4 s may still get the connection."""
    short, long = net.connect(timeout=2), net.connect(timeout=4)
    net.reactor.advance(2)
    assert outcome(short).cause == "timeout"
    net.succeed()
    assert outcome(long).is_open


def test_the_last_one_to_give_up_ends_the_attempt(net):
    """A connection that nobody waits for any more is not used by the next one who asks."""
    wait = net.connect()
    wait.cancel()
    assert isinstance(outcome(wait), CancelledError)
    link = net.succeed()
    assert link.aborted
    assert list(net.flows) == []
    net.connect().addErrback(lambda _: None)
    assert len(net.reactor.tcpClients) == 2


def test_an_idle_connection_is_closed_and_its_loss_reported(net):
    """The sweep closes what is overdue, and the receiver is told why."""
    flow = outcome_of_success(net)
    net.reactor.pump([1] * 301)
    assert net.ear.lost == [(flow, "unused for 300 s")]
    assert len(net.flows) == 0


def test_many_connections_are_asked_a_share_at_a_time(net):
    """F-05: a thousand connections are not looked at in one go, yet each within a second."""
    asked = []
    for n in range(1000):
        net.connect(ROUTE._replace(port=n + 1))
        net.succeed().protocol.overdue = lambda now, n=n: asked.append(n) or ""
    net.reactor.advance(0.2)
    assert 0 < len(asked) < 250
    net.reactor.pump([0.2] * 4)
    assert sorted(asked) == list(range(1000))


def outcome_of_success(net: Net):
    wait = net.connect()
    net.succeed()
    return outcome(wait)


def test_a_lost_connection_is_not_reused(net):
    """After the peer has closed, the next request connects anew."""
    outcome_of_success(net)
    stream = next(iter(net.flows._streams))
    stream.connectionLost(Failure(ConnectionDone()))
    net.connect().addErrback(lambda _: None)
    assert len(net.reactor.tcpClients) == 2


def test_the_door_counts_who_is_inside(net):
    """A13: caps per address and per listener; a place is free again when its connection is gone."""
    door = net.flows.door("p", None)
    inside = [door.buildProtocol(place(address)) for address in ("192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2")]
    assert [one is not None for one in inside] == [True, True, False, True]
    assert door.buildProtocol(place("192.0.2.3")) is None
    assert net.flows.refused == {"too many connections from one address": 1, "too many connections": 1}
    for stream in filter(None, inside):
        stream.makeConnection(MemoryLink())
        stream.connectionLost(Failure(ConnectionDone()))
    assert door.buildProtocol(place("192.0.2.3")) is not None
    next(iter(net.flows._streams)).connectionLost(Failure(ConnectionDone()))


def test_strangers_cannot_take_the_connections_of_trunks(net):
    """A13: they share a few, however many addresses they come from; a trunk still gets in, and places come back."""
    net.flows.bounds = Bounds(strangers=3, strangers_per_address=2)
    net.flows.reception.knows = lambda address, profile: address == "192.0.2.1"
    door = net.flows.door("p", None)
    inside = [door.buildProtocol(place(f"198.51.100.{n // 2}")) for n in range(6)]
    assert [stream is not None for stream in inside] == [True, True, True, False, False, False]
    inside += [door.buildProtocol(place("192.0.2.1")) for _ in range(10)]
    assert None not in inside[6:]
    leave(inside.pop(0))
    inside.append(door.buildProtocol(place("198.51.100.77")))
    assert inside[-1] is not None
    for stream in filter(None, inside):
        leave(stream)


def leave(stream):
    """The peer opens and closes the connection."""
    stream.makeConnection(MemoryLink())
    stream.connectionLost(Failure(ConnectionDone()))


def place(address: str):
    from twisted.internet.address import IPv4Address

    return IPv4Address("TCP", address, 40000)


def test_refusals_are_logged_ever_more_seldom(net, log):
    """A scanner cannot fill the log: the first, second, fourth, eighth ... refusal is a line."""
    net.flows.reception.admits = lambda address, profile: False
    door = net.flows.door("p", None)
    for _ in range(1000):
        assert door.buildProtocol(place("192.0.2.1")) is None
    assert len([line for line in log if "is refused" in line]) == 10


def test_ten_thousand_aborted_connections_leave_nothing(net):
    """A14: connect, one INVITE, reset, ten thousand times: connections and counters left over are 0."""
    door = net.flows.door("p", None)
    for n in range(10_000):
        link = MemoryLink()
        link.protocol = door.buildProtocol(place("192.0.2.1"))
        link.protocol.makeConnection(link)
        link.protocol.dataReceived(options(str(n)))
        link.abortConnection()
    assert len(net.flows) == 0
    assert not door._inside
    assert not door._from
    assert len(net.ear.messages) == len(net.ear.lost) == 10_000


def test_nothing_new_starts_while_shutting_down():
    """After ``stop`` a request for a connection fails at once, and those who wait are told."""
    net = Net()
    wait = net.connect()
    net.finish()
    assert outcome(wait).cause == outcome(net.connect()).cause == "lost"


def test_a_route_reads_well():
    """The log shows transport, address, port, and the name where it says more."""
    assert str(ROUTE) == "TCP 192.0.2.1:5060"
    assert str(ROUTE._replace(transport="TLS", name="sip.example")) == "TLS 192.0.2.1:5060 (sip.example)"


def test_errors_show_cause_and_reason():
    """One line for the log."""
    assert str(TransportError("refused", "nothing listens there")) == "refused: nothing listens there"
