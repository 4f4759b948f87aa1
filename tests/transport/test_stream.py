"""A TCP connection in memory, in virtual time: framing, keep-alive, and every bound on what a peer may hold."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.python.failure import Failure

from rustalk.sip.parse import Limits
from rustalk.transport.reception import Reception
from rustalk.transport.stream import Bounds, Phase, Stream
from tests.transport.ends import Ear, options

BOUNDS = Bounds(first_message=60, partial=10, idle=300, blocked=20, closing=5, unsent=1000, stale_idle=200, stale=900)


class MemoryLink(StringTransportWithDisconnection):
    """A connection to nowhere that remembers what was done to it."""

    aborted = False

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.no_delay = enabled

    def setTcpKeepAlive(self, enabled: bool) -> None:
        self.keep_alive = enabled

    def getHandle(self) -> None:
        return None

    def abortConnection(self) -> None:
        self.aborted = True
        self.protocol.connectionLost(Failure(ConnectionLost()))


class Owner:
    """Remembers how the connection's life went."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def opened(self, stream: Stream) -> None:
        self.told.append("opened")

    def closed(self, stream: Stream, reason: str) -> None:
        self.told.append(reason)


class Connection:
    """One stream with everything around it."""

    def __init__(self, *, inbound: bool = True, answers: bool = False) -> None:
        self.clock, self.ear, self.owner, self.link = Clock(), Ear(answers=answers), Owner(), MemoryLink()
        self.welcome = 1000
        self.barred = False
        reception = Reception(self.ear, self.admits, Limits(), bars=lambda address: self.barred)
        self.stream = Stream("p", self.owner, reception, BOUNDS, self.clock, secure=False, inbound=inbound)
        self.link.protocol = self.stream
        self.stream.makeConnection(self.link)

    def admits(self, address: str, profile: str) -> bool:
        self.welcome -= 1
        return self.welcome >= 0

    def receive(self, data: bytes) -> None:
        self.stream.dataReceived(data)

    def overdue_after(self, seconds: float) -> str:
        self.clock.advance(seconds)
        return self.stream.overdue(self.clock.seconds())


@pytest.fixture
def connection() -> Connection:
    return Connection()


def test_messages_cut_at_every_byte_arrive_the_same():
    """A12: three messages with keep-alives between them, cut in two at each offset: divergences 0."""
    wire = b"\r\n\r\n" + options("a", b"body one") + b"\r\n" + options("b") + b"\r\n\r\n" + options("c", b"\r\n\r\n")
    for cut in range(len(wire) + 1):
        connection = Connection()
        connection.receive(wire[:cut])
        connection.receive(wire[cut:])
        assert connection.ear.call_ids == ["a", "b", "c"]
        assert connection.link.value() == b"\r\n\r\n"


def test_messages_one_byte_at_a_time_and_all_at_once(connection):
    """A12: drop by drop or coalesced, the same messages come out in order."""
    wire = b"".join(options(str(n), b"x" * n) for n in range(20))
    for byte in wire:
        connection.receive(bytes([byte]))
    connection.receive(wire)
    assert connection.ear.call_ids == [str(n) for n in range(20)] * 2
    assert connection.ear.broken == []


def test_who_sends_more_than_is_welcome_loses_the_connection(connection):
    """A6: each message is asked for, before it goes up; the rest of what came with it is not heard."""
    connection.welcome = 2
    connection.receive(b"".join(options(name) for name in "abcd"))
    assert connection.ear.call_ids == ["a", "b"]
    assert connection.owner.told[1:] == ["shut out"]


def test_whom_we_have_called_may_say_what_it_likes():
    """Negative control: a trunk on our own connection is not counted there."""
    connection = Connection(inbound=False)
    connection.welcome = 0
    connection.receive(options("a"))
    assert connection.ear.call_ids == ["a"]


def test_the_connection_of_who_is_banned_is_closed(connection):
    """A6: also one that says nothing."""
    assert connection.overdue_after(1) == ""
    connection.barred = True
    assert connection.overdue_after(0) == "shut out"


def test_a_ping_is_answered_by_a_pong(connection):
    """RFC 5626 section 3.5.1: CRLF CRLF is answered by CRLF, and a lone CRLF by nothing."""
    connection.receive(b"\r\n\r\n")
    assert connection.link.value() == b"\r\n"
    connection.receive(b"\r\n")
    assert connection.link.value() == b"\r\n"
    assert connection.overdue_after(BOUNDS.partial) == ""


def test_a_flood_of_line_ends_is_no_message_and_bounded_in_answers(connection):
    """A12: 64 KiB of nothing but CRLF costs at most a few pongs and holds no memory."""
    connection.receive(b"\r\n" * 32768)
    assert len(connection.link.value()) <= 32
    assert connection.ear.messages == connection.ear.broken == []


def test_what_cannot_be_framed_closes_the_connection(connection):
    """Without Content-Length nobody knows where the next message begins: the error goes up, then we close."""
    connection.receive(options("a").replace(b"Content-Length: 0\r\n", b"") + options("b"))
    assert [error.status for error, _ in connection.ear.broken] == [400]
    assert connection.ear.messages == []
    assert connection.owner.told[1].startswith("the stream cannot be followed")


def test_a_broken_message_that_can_be_framed_is_skipped(connection):
    """The next message after a malformed one is heard."""
    connection.receive(options("a").replace(b"CSeq: 1 OPTIONS", b"CSeq: 1 INVITE") + options("b"))
    assert len(connection.ear.broken) == 1
    assert connection.ear.call_ids == ["b"]


def test_an_answer_to_a_broken_message_leaves_before_the_close(connection):
    """The receiver may answer 400 from within ``malformed``."""
    connection.ear.malformed = lambda error, flow: flow.send(b"SIP/2.0 400 Bad Request\r\n\r\n")
    connection.receive(b"garbage\r\n\r\n")
    assert connection.link.value().startswith(b"SIP/2.0 400")
    assert connection.stream.phase is not Phase.OPEN


def test_an_error_above_does_not_cost_the_connection(connection, log):
    """A bug in the layer above is logged with its traceback; the peer's connection goes on."""

    def fail(message, flow):
        raise RuntimeError("a bug")

    connection.ear.message_received = fail
    connection.receive(options("a"))
    assert connection.stream.phase is Phase.OPEN
    assert any("Error above the transport" in line for line in log)


def test_a_partial_message_times_out(connection):
    """A13: one byte a second does not keep a connection alive."""
    connection.receive(options("whole"))
    for byte in options("slow")[:10]:
        assert connection.overdue_after(1) == ""
        connection.receive(bytes([byte]))
    assert connection.overdue_after(1) == "a message stayed unfinished for 10 s"


def test_progress_restarts_the_time_for_a_partial_message(connection):
    """A busy stream that always ends within a message is not cut."""
    for n in range(30):
        connection.receive(options(str(n))[20 if n else 0 :] + options(str(n + 1))[:20])
        assert connection.overdue_after(1) == ""
    assert len(connection.ear.messages) == 30


def test_a_connection_that_never_says_anything_is_closed(connection):
    """A13: an accepted connection must bring a message within a minute; a ping is none."""
    connection.receive(b"\r\n\r\n")
    assert connection.overdue_after(59) == ""
    assert connection.overdue_after(1) == "no message came for 60 s"


def test_an_idle_connection_is_closed_unless_somebody_holds_it():
    """Idle ones close; a transaction in progress may retain its connection."""
    connection = Connection(inbound=False)
    connection.stream.flow.retain()
    assert connection.overdue_after(300) == ""
    connection.stream.flow.release()
    assert connection.overdue_after(0) == "unused for 300 s"


def test_traffic_in_either_direction_keeps_a_connection():
    """What we send counts as use, as well as what we hear."""
    connection = Connection(inbound=False)
    for act in (lambda: connection.stream.flow.send(b"x"), lambda: connection.receive(b"\r\n\r\n")):
        assert connection.overdue_after(299) == ""
        act()
    assert connection.overdue_after(299) == ""


@pytest.mark.parametrize(("used_every", "expected"), [(1000, "unused for 200 s"), (60, "not closed for 900 s")])
def test_a_connection_with_a_replaced_certificate_ends(used_every, expected):
    """OPS-05: it closes when unused, and in the end even when Teams keeps pinging on it."""
    connection = Connection()
    connection.receive(options("first"))
    connection.stream.stale_since = connection.clock.seconds()
    for second in range(1, 1000):
        reason = connection.overdue_after(1)
        if reason:
            break
        if second % used_every == 0:
            connection.receive(options(str(second)))
    assert reason.endswith(expected)


def test_a_peer_that_does_not_read_is_cut_at_the_bound(connection):
    """A13: what a peer does not read piles up to the bound and no further."""
    connection.stream.pauseProducing()
    connection.stream.flow.send(b"x" * 900)
    assert not connection.link.aborted
    connection.stream.flow.send(b"x" * 200)
    assert connection.link.aborted
    assert connection.owner.told[1] == "the peer did not read; 1100 bytes had piled up"


def test_a_peer_that_does_not_read_is_cut_in_time(connection):
    """A full buffer may last 20 s; one that drains again is forgiven."""
    connection.receive(options("a"))
    connection.stream.pauseProducing()
    connection.clock.advance(19)
    connection.stream.resumeProducing()
    assert connection.overdue_after(1) == ""
    connection.stream.pauseProducing()
    assert connection.overdue_after(20) == "the peer did not read for 20 s"


def test_sending_on_a_closed_connection_is_reported_not_raised(connection):
    """IFlow.send never raises; the receiver hears of the loss after the sender has returned."""
    connection.stream.connectionLost(Failure(ConnectionDone()))
    connection.stream.flow.send(b"x")
    assert connection.ear.lost == []
    connection.clock.advance(0)
    assert connection.ear.lost == [(connection.stream.flow, "the connection is closed")]


def test_small_messages_leave_at_once_and_dead_peers_are_noticed(connection):
    """Section 3.8: no delay, and TCP keep-alive."""
    assert connection.link.no_delay
    assert connection.link.keep_alive


def test_nothing_is_heard_after_the_close(connection):
    """Bytes that were under way when we closed are dropped."""
    connection.stream.phase = Phase.CLOSING
    connection.receive(options("late"))
    assert connection.ear.messages == []
    assert connection.overdue_after(5) == "the peer did not close for 5 s"
