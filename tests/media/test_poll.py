"""One epoll for all media sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from rustalk.media.poll import BATCH, BUSY, ROUNDS, Poll


class Reactor:
    """Remembers its readers."""

    def __init__(self) -> None:
        self.readers: set[object] = set()
        self.addReader = self.readers.add
        self.removeReader = self.readers.discard


@pytest.fixture
def reactor() -> Reactor:
    return Reactor()


@pytest.fixture
def poll(reactor: Reactor) -> Iterator[Poll]:
    poll = Poll(reactor, Clock())
    yield poll
    poll.close()


@pytest.fixture
def pairs() -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """As many pairs of sockets as make a round worth repeating."""
    made = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(BUSY)]
    yield made
    for pair in made:
        for end in pair:
            end.close()


def test_it_is_what_the_reactor_reads(poll: Poll) -> None:
    assert verifyObject(IReadDescriptor, poll)
    assert poll.logPrefix() == "media"
    poll.connectionLost(Failure(ConnectionError()))


def test_the_reactor_knows_it_while_there_are_sockets(poll: Poll, reactor: Reactor, pairs: list) -> None:
    poll.add(pairs[0][0].fileno(), lambda now: None)
    assert reactor.readers == {poll}
    poll.remove(pairs[0][0].fileno())
    poll.remove(pairs[0][0].fileno())
    assert reactor.readers == set()


def test_a_readable_socket_is_read_with_the_time_of_arrival(reactor: Reactor, pairs: list) -> None:
    clock = Clock()
    poll = Poll(reactor, clock)
    times: list[float] = []
    near, far = pairs[0]
    poll.add(near.fileno(), lambda now: (near.recv(9), times.append(now)))
    clock.advance(7)
    poll.doRead()
    far.send(b"x")
    poll.doRead()
    assert times == [7.0]
    poll.close()


def test_a_socket_can_change_its_reader(poll: Poll, pairs: list) -> None:
    near, far = pairs[0]
    poll.add(near.fileno(), lambda now: pytest.fail("the old reader"))
    poll.change(near.fileno(), lambda now: near.recv(9))
    far.send(b"x")
    poll.doRead()


def test_a_turn_ends_however_much_there_is_to_read(poll: Poll, pairs: list) -> None:
    """Signalling never starves."""
    reads: list[float] = []
    for near, far in pairs:
        poll.add(near.fileno(), reads.append)
        far.send(b"never taken out")
    poll.doRead()
    assert len(reads) == BUSY * ROUNDS <= BATCH * ROUNDS


def test_a_reader_may_remove_others_in_the_same_round(poll: Poll, pairs: list) -> None:
    reads = []

    def remove_all(now: float) -> None:
        reads.append(now)
        for near, _ in pairs:
            poll.remove(near.fileno())

    for near, far in pairs:
        poll.add(near.fileno(), remove_all)
        far.send(b"x")
    poll.doRead()
    assert len(reads) == 1


def test_a_failing_reader_is_dropped_and_the_others_go_on(poll: Poll, pairs: list) -> None:
    events: list[dict[str, object]] = []
    globalLogPublisher.addObserver(events.append)
    (bad, to_bad), (good, to_good) = pairs[:2]
    poll.add(bad.fileno(), lambda now: 1 / 0)
    poll.add(good.fileno(), lambda now: good.recv(9))
    for _ in range(3):
        to_bad.send(b"x")
        to_good.send(b"x")
        poll.doRead()
    globalLogPublisher.removeObserver(events.append)
    assert [event["descriptor"] for event in events] == [bad.fileno()]


def test_a_closed_poll_has_no_descriptor(reactor: Reactor) -> None:
    poll = Poll(reactor, Clock())
    assert poll.fileno() > 0
    poll.close()
    assert poll.fileno() == -1
