"""Answers that are made while they are sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from rustalk.api.app import build_app
from rustalk.api.authorize import Authorizer
from rustalk.api.door import Door
from rustalk.api.route import Ask, Route, Stream
from rustalk.api.site import build_site
from rustalk.api.stream import PATIENCE
from tests.fakes.http import Connection, exchange

GET = b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Source:
    """A stream of pieces, and what became of it."""

    def __init__(self, *pieces: bytes | Exception | Deferred[None]) -> None:
        self.pieces = pieces
        self.made = 0
        self.ended = False

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        try:
            for piece in self.pieces:
                if isinstance(piece, Exception):
                    raise piece
                if isinstance(piece, Deferred):
                    await piece
                    continue
                self.made += 1
                yield piece
        finally:
            self.ended = True

    async def answer(self, ask: Ask) -> Stream:
        return Stream(self.chunks(), "text/plain", "x.txt")

    def site(self, clock: Clock) -> IProtocolFactory:
        """A server of this stream."""
        route = Route("GET", "/x", self.answer, "Streams.")
        return build_site(Door(build_app([route], Authorizer(None, clock.seconds), None, clock)), clock)


def test_the_pieces_are_sent_one_after_another(clock: Clock) -> None:
    source = Source(b"one", b"", b"two")
    answer = Connection(source.site(clock)).send(GET)
    assert b'Content-Disposition: attachment; filename="x.txt"' in answer
    assert answer.endswith(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


def test_one_that_fails_on_the_way_has_no_end(clock: Clock) -> None:
    """Nobody takes the part for the whole; the cause is in the log."""
    events: list[object] = []
    globalLogPublisher.addObserver(events.append)
    try:
        connection = Connection(Source(b"one", KeyError("CANARY")).site(clock))
        answer = connection.send(GET)
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert b"one" in answer
    assert b"CANARY" not in answer
    assert not answer.endswith(b"0\r\n\r\n")
    assert not connection.open
    assert [event for event in events if "broke off" in str(event.get("log_format"))]


def test_nothing_is_made_that_the_client_does_not_take(clock: Clock) -> None:
    source = Source(Deferred(), *[b"x"] * 10)
    connection = Connection(source.site(clock))
    connection.send(GET)
    connection.transport.producer.pauseProducing()
    source.pieces[0].callback(None)
    assert source.made <= 1
    connection.transport.producer.resumeProducing()
    assert (source.made, source.ended) == (10, True)


def test_a_client_that_takes_nothing_for_long_is_given_up(clock: Clock) -> None:
    source = Source(Deferred(), b"x")
    connection = Connection(source.site(clock))
    connection.send(GET)
    connection.transport.producer.pauseProducing()
    clock.advance(PATIENCE - 1)
    assert connection.open
    clock.advance(2)
    assert not connection.open


def test_a_client_that_goes_away_ends_the_making(clock: Clock) -> None:
    source = Source(b"one", Deferred(), b"two")
    connection = Connection(source.site(clock))
    connection.send(GET)
    connection.transport.loseConnection()
    assert (source.made, source.ended) == (1, True)


def test_the_head_alone_makes_nothing(clock: Clock) -> None:
    source = Source(b"one")
    reply = exchange(source.site(clock), "HEAD", "/x")
    assert (reply.status, reply.body, source.made) == (200, b"", 0)
