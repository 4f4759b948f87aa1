"""What holds for every route."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.python.failure import Failure

from rustalk.api.app import build_app
from rustalk.api.authorize import Authorizer
from rustalk.api.door import Door
from rustalk.api.route import NOBODY, Answer, Ask, Parameter, Route
from rustalk.api.site import build_site
from rustalk.store.audit import Entry
from rustalk.store.session import DatabaseDownError
from rustalk.store.tokens import Token
from tests.fakes.http import Connection, Reply, exchange, parse

from .conftest import Request


class Book:
    """An audit log that is a list."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def append(self, entry: Entry) -> None:
        self.entries.append(entry)


def site_of(*own: Route, audit: Book | None = None) -> IProtocolFactory:
    """A server of these routes, without authentication."""
    clock = Clock()
    return build_site(Door(build_app(own, Authorizer(None, clock.seconds), audit, clock)), clock)


async def fine(ask: Ask) -> Answer:
    """Tell what was asked."""
    return Answer(dict(ask.query), note={"revisions": [7]})


def post(site: IProtocolFactory, path: str, body: bytes = b"{}", kind: str = "application/json") -> Reply:
    """A POST with a body."""
    return exchange(site, "POST", path, {"Content-Type": kind} if kind else {}, body)


@pytest.mark.parametrize("path", ["/", "/nope", "/api/v1", "/api/v1/calls/", "/api/v1/calls/c1/x", "/%3Cscript%3E"])
def test_an_unknown_path_is_a_problem_object(path: str, request_: Request) -> None:
    reply = request_("GET", path)
    assert (reply.status, reply.json["code"], reply.json["instance"]) == (404, "path-not-found", path)
    assert reply.headers["content-type"] == "application/problem+json"


def test_a_wrong_method_is_405_with_the_right_ones(request_: Request) -> None:
    reply = request_("PUT", "/api/v1/calls/c1")
    assert (reply.status, reply.headers["allow"]) == (405, "DELETE, GET, HEAD")
    assert reply.json["code"] == "method-not-allowed"


def test_head_is_get_without_the_body(request_: Request) -> None:
    head, get = request_("HEAD", "/health"), request_("GET", "/health")
    assert (head.status, head.body, head.headers) == (200, b"", get.headers)
    assert int(head.headers["content-length"]) == len(get.body)


def test_a_fault_of_ours_tells_the_peer_nothing_and_the_log_all() -> None:
    events: list[Failure] = []

    async def break_down(ask: Ask) -> Answer:
        raise KeyError("CANARY of the inside")

    def keep(event: Mapping[str, object]) -> None:
        if event.get("log_level") is LogLevel.critical:
            events.append(event["log_failure"])

    globalLogPublisher.addObserver(keep)
    try:
        reply = exchange(site_of(Route("GET", "/broken", break_down, "Breaks.")), "GET", "/broken")
    finally:
        globalLogPublisher.removeObserver(keep)
    assert (reply.status, reply.json["code"]) == (500, "internal-error")
    assert b"CANARY" not in reply.body
    assert [failure.type for failure in events] == [KeyError]


def test_parameters_come_from_the_query_and_not_from_a_form() -> None:
    site = site_of(Route("POST", "/x", fine, "Repeats.", query=(Parameter("a", "A."), Parameter("b", "B."))))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert exchange(site, "POST", "/x?a=1&a=%32&b=", form, b"c=3").json == {"a": "2", "b": ""}


def test_parameters_that_a_route_does_not_know_are_refused() -> None:
    """A28: what is not on the list has no effect, and the peer is told."""
    site = site_of(Route("GET", "/x", fine, "Repeats.", query=(Parameter("a", "A."),)))
    reply = exchange(site, "GET", "/x?sort=1")
    assert (reply.status, reply.json["code"]) == (400, "invalid-parameter")
    assert exchange(site, "GET", "/x?a=%00").status == 400


def test_too_many_parameters_are_refused(request_: Request) -> None:
    reply = request_("GET", "/api/v1/calls?" + "a=1&" * 500)
    assert (reply.status, reply.json["code"]) == (400, "bad-request")


def test_a_body_of_another_type_is_refused() -> None:
    """A form of a page in a browser is no JSON, whatever it says."""
    site = site_of(Route("POST", "/x", fine, "Takes JSON.", takes={"type": "object"}))
    assert post(site, "/x").status == post(site, "/x", kind="").status == 200
    assert post(site, "/x", kind="application/json; charset=utf-8").status == 200
    assert post(site, "/x", kind="application/x-www-form-urlencoded").status == 415


def test_what_changes_something_is_in_the_audit_log_with_what_came_of_it() -> None:
    book = Book()

    async def fail(ask: Ask) -> Answer:
        raise DatabaseDownError("gone")

    site = site_of(
        Route("POST", "/x/<id>", fine, "Changes.", changes=True),
        Route("POST", "/y", fail, "Fails.", changes=True),
        Route("GET", "/z", fine, "Reads."),
        audit=book,
    )
    assert [post(site, path).status for path in ("/x/1", "/y")] == [200, 503]
    exchange(site, "GET", "/z")
    told = [(each.who, each.action, each.target, each.outcome, each.detail) for each in book.entries]
    assert told == [
        ("local", "POST /x/{id}", "/x/1", "done", {"revisions": [7]}),
        ("local", "POST /y", "/y", "database-down", {}),
    ]


class Frozen:
    """Tokens in a database that does not answer."""

    async def find(self, text: str) -> Token | None:
        return await Deferred()


def test_what_everybody_may_ask_waits_for_no_database() -> None:
    """F-09: /health and /ready are answered within a second, as to one without a token."""
    clock, asked = Clock(), []

    async def look(ask: Ask) -> Answer:
        asked.append(ask.who)
        return Answer({})

    app = build_app([Route("GET", "/health", look, "X.", least=None)], Authorizer(Frozen(), clock.seconds), None, clock)
    connection = Connection(build_site(Door(app), clock))
    assert connection.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer good\r\n\r\n") == b""
    clock.advance(1)
    assert parse(connection.transport.value()).status == 200
    assert asked == [NOBODY]
