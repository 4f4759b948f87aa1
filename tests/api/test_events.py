"""Events as they happen, over one connection in memory and virtual time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.task import Clock

from rustalk.api.app import build_app
from rustalk.api.authorize import Authorizer
from rustalk.api.door import Door
from rustalk.api.events import HEARTBEAT, MOST_FEEDS
from rustalk.api.resources import routes
from rustalk.api.site import build_site
from rustalk.api.sources import Sources
from rustalk.api.stream import PATIENCE
from rustalk.store.tokens import Token
from tests.fakes.http import Connection, exchange


class Tokens:
    """One token, which may be taken away."""

    def __init__(self) -> None:
        self.is_valid = True

    async def find(self, text: str) -> Token | None:
        return Token("t1", "graph", "viewer", (), 0.0, "alice") if self.is_valid else None


@pytest.fixture(autouse=True)
def _hang_up() -> Iterator[None]:
    """Nobody follows any more when a test is over."""
    yield
    while Feed.open:
        Feed.open.pop().connection.transport.loseConnection()


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def site(sources: Sources, clock: Clock, tokens: Tokens) -> IProtocolFactory:
    """A server of the events."""
    own = [route for route in routes(sources) if route.area == "events"]
    return build_site(Door(build_app(own, Authorizer(tokens, clock.seconds), None, clock)), clock)


class Feed:
    """One who follows the events."""

    open: ClassVar[list[Feed]] = []

    def __init__(self, site: IProtocolFactory, query: str = "", last: str = "") -> None:
        self.connection = Connection(site)
        head = f"GET /api/v1/events{query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n"
        resume = f"Last-Event-ID: {last}\r\n" if last else ""
        self.first = self.connection.send(f"{head}{resume}\r\n".encode())
        self.connection.transport.clear()
        self.open.append(self)

    def told(self) -> list[dict[str, Any]]:
        """The events that have come since the last look."""
        text = self.connection.transport.value().decode()
        self.connection.transport.clear()
        return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]


def test_events_are_told_as_they_happen(site: IProtocolFactory, sources: Sources) -> None:
    feed = Feed(site)
    assert b"Content-Type: text/event-stream" in feed.first
    assert b"retry: 3000" in feed.first
    sources.events.publish("call", {"id": "c1", "status": "ringing\n\n<b>"})
    text = feed.connection.transport.value()
    assert b"event: call\ndata: {" in text
    assert feed.told() == [{"time": "2026-11-22T08:15:42.123Z", "id": "c1", "status": "ringing\n\n<b>"}]


def test_only_the_kinds_that_are_asked_for(site: IProtocolFactory, sources: Sources) -> None:
    feed = Feed(site, "?kinds=trunk,alarm")
    for kind in ("call", "trunk", "registration", "alarm"):
        sources.events.publish(kind, {"kind": kind})
    assert [event["kind"] for event in feed.told()] == ["trunk", "alarm"]
    assert exchange(site, "GET", "/api/v1/events?kinds=x", {"Authorization": "Bearer x"}).status == 400


def test_one_who_comes_back_gets_what_it_missed(site: IProtocolFactory, sources: Sources) -> None:
    for number in range(5):
        sources.events.publish("call", {"n": number})
    last = sources.events.since(1, 5)[2].id
    feed = Feed(site, last=last)
    assert b'"n": 3' in feed.first
    assert b'"n": 2' not in feed.first
    assert b"missed" not in feed.first


def test_one_who_comes_back_too_late_is_told(site: IProtocolFactory, sources: Sources) -> None:
    """After a restart of the switch, or when the ring has turned."""
    sources.events.publish("call", {"n": 0})
    for last in ("0-7", "nonsense", "%00", "1" * 500):
        assert b"event: missed" in Feed(site, last=last).first


def test_a_silent_line_is_kept_alive(site: IProtocolFactory, clock: Clock) -> None:
    feed = Feed(site)
    clock.advance(HEARTBEAT)
    assert b": still here" in feed.connection.transport.value()
    clock.pump([HEARTBEAT] * 5)
    assert feed.connection.open


def test_the_feed_ends_with_its_token(site: IProtocolFactory, clock: Clock, tokens: Tokens, sources: Sources) -> None:
    """A27: also when events keep it busy."""
    feed = Feed(site)
    tokens.is_valid = False
    clock.advance(HEARTBEAT - 1)
    sources.events.publish("call", {"n": 0})
    clock.advance(HEARTBEAT)
    feed.told()
    sources.events.publish("call", {"n": 1})
    assert feed.told() == []
    assert b"0\r\n\r\n" in feed.connection.transport.value() or not feed.connection.transport.value()


def test_a_slow_reader_is_given_up_and_costs_no_memory(site: IProtocolFactory, sources: Sources, clock: Clock) -> None:
    feed = Feed(site)
    feed.connection.transport.producer.pauseProducing()
    for number in range(3000):
        sources.events.publish("call", {"n": number})
    assert len(feed.told()) <= 100
    clock.advance(PATIENCE + 1)
    assert not feed.connection.open


def test_a_slow_reader_that_goes_on_is_told(site: IProtocolFactory, sources: Sources) -> None:
    feed = Feed(site)
    feed.connection.transport.producer.pauseProducing()
    for number in range(3000):
        sources.events.publish("call", {"n": number})
    feed.told()
    feed.connection.transport.producer.resumeProducing()
    assert "too slow" in feed.told()[-1]["message"]


def test_the_number_of_feeds_is_bounded_and_room_comes_back(site: IProtocolFactory, sources: Sources) -> None:
    feeds = [Feed(site) for _ in range(MOST_FEEDS)]
    assert b"503" in Feed(site).first
    feeds[0].connection.transport.loseConnection()
    assert b"200" in Feed(site).first


def test_asking_for_the_head_alone_follows_nothing(site: IProtocolFactory) -> None:
    for _ in range(MOST_FEEDS + 1):
        assert exchange(site, "HEAD", "/api/v1/events", {"Authorization": "Bearer x"}).status == 200
