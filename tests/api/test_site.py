"""The bounds of the HTTP server."""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.task import Clock
from twisted.web.resource import Resource

from rustalk.api.site import MAX_BODY, MAX_CONNECTIONS, MAX_TABLE, TIMEOUT, build_site
from tests.fakes.http import Connection, parse

POST = b"POST /api/v1/certificates/reload HTTP/1.1\r\nHost: localhost\r\n"


def test_a_body_of_the_largest_size_is_taken(site: IProtocolFactory) -> None:
    """A16: limits at N."""
    head = b"Content-Length: %d\r\n\r\n" % MAX_BODY
    assert parse(Connection(site).send(POST + head + b"x" * MAX_BODY)).status == 200


def test_a_body_that_says_it_is_larger_is_refused_before_it_is_sent(site: IProtocolFactory) -> None:
    """A16: limits at N + 1."""
    connection = Connection(site)
    reply = parse(connection.send(POST + b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1)))
    assert (reply.status, reply.json["code"], connection.open) == (413, "body-too-large", False)


def test_a_body_of_endless_chunks_is_cut_at_the_limit(site: IProtocolFactory) -> None:
    connection = Connection(site)
    connection.send(POST + b"Transfer-Encoding: chunked\r\n\r\n")
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    assert connection.send(chunk * 4) == b""
    assert parse(connection.send(chunk)).status == 413
    assert not connection.open


def test_a_refused_request_reaches_no_route(site: IProtocolFactory) -> None:
    connection = Connection(site)
    answer = connection.send(POST + b"Content-Length: 70000\r\n\r\n" + b"x" * 70000)
    assert answer.count(b"HTTP/1.1") == 1


def test_a_connection_that_says_nothing_is_closed(site: IProtocolFactory, clock: Clock) -> None:
    """A13: idle connections are reaped."""
    connection = Connection(site)
    clock.advance(TIMEOUT + 1)
    assert not connection.open


def test_connections_beyond_the_limit_are_closed_at_once(site: IProtocolFactory) -> None:
    """A13: the number of connections is bounded, and room comes back."""
    connections = [Connection(site) for _ in range(MAX_CONNECTIONS)]
    assert all(connection.open for connection in connections)
    assert not Connection(site).open
    connections[0].transport.loseConnection()
    assert Connection(site).open


def test_two_requests_on_one_connection_are_both_answered(site: IProtocolFactory) -> None:
    connection = Connection(site)
    for _ in range(2):
        assert parse(connection.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")).status == 200


def test_garbage_is_answered_without_html(site: IProtocolFactory) -> None:
    for data in (
        b"\x16\x03\x01\x00\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    ):
        assert b"<" not in Connection(site).send(data)


def test_a_path_for_tables_takes_larger_bodies(site: IProtocolFactory) -> None:
    """A16: and they have a limit, too."""
    head = b"POST /api/v1/extensions/import?dry_run=true HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    connection = Connection(site)
    assert connection.send(head % (MAX_BODY + 1)) == b""
    assert parse(Connection(site).send(head % (MAX_TABLE + 1))).status == 413


def test_the_connection_of_one_who_is_banned_is_closed_at_once(clock: Clock) -> None:
    site = build_site(Resource(), clock, banned=lambda address: address == "192.0.2.66")
    assert site.buildProtocol(IPv4Address("TCP", "192.0.2.66", 4711)) is None
    assert site.buildProtocol(IPv4Address("TCP", "192.0.2.67", 4711)) is not None
