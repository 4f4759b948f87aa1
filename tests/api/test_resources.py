"""Every route by every role: what is let in, and what is not (A27)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from rustalk.api.resources import routes
from rustalk.api.route import Route
from rustalk.api.sources import Sources
from rustalk.store.records import Records
from rustalk.store.tokens import ROLES
from tests.fakes.desk import Desk

PUBLIC = {("GET", "/health"), ("GET", "/ready"), ("GET", "/api/v1/health"), ("GET", "/api/v1/openapi.json")}
OPERATORS = ("extensions", "dids", "ring-groups", "voicemail", "calls", "registrations", "bans", "frequency-limits")
ADMINS = ("audit", "tokens")
AUDITED = (
    "extensions",
    "dids",
    "ring-groups",
    "voicemail",
    "trunks",
    "routes",
    "sip-profiles",
    "acls",
    "codecs",
    "rates",
    "bill-templates",
    "policies",
    "calendars",
    "config",
    "call-logs",
    "audit",
    "tokens",
    "bans",
    "frequency-limits",
    "logins",
)
READING_POSTS = ("/routes/test", "/rates/quote", "/call-logs/export")


def expected(route: Route) -> set[str]:
    """Who may use a route, as the documentation has it; written down apart from the routes themselves."""
    first = route.path.removeprefix("/api/v1/").split("/")[0]
    reads = route.method == "GET" or route.path.endswith(READING_POSTS)
    if (route.method, route.path) in PUBLIC:
        return {*ROLES, "none", "expired"}
    if reads:
        auditor = {"auditor"} if first in AUDITED or route.path == "/api/v1/teams/config" else set()
        return auditor | ({"admin"} if first in ADMINS else {"viewer", "operator", "admin"})
    if (route.method, first) == ("POST", "bans"):
        return {"admin"}
    if first in OPERATORS or route.path == "/api/v1/certificates/reload":
        return {"operator", "admin"}
    return {"admin"}


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Desk]:
    """The API over a socket, with tokens."""
    desk = Desk(tmp_path, auth="token")
    yield desk
    pytest_twisted.blockon(desk.stop())


def all_routes(desk: Desk) -> list[Route]:
    """Every route there is."""
    sources = Sources(
        switch=desk.switch,
        store=desk.store,
        records=Records(desk.store.database),
        events=desk.events,
        clock=reactor,
    )
    return routes(sources)


@pytest_twisted.ensureDeferred
async def test_no_route_lets_in_one_who_may_not(guarded: Desk) -> None:
    """A27: every route by every role, by nobody and by an expired token: 0 wrong cells."""
    tokens = {"none": ""}
    for role in ROLES:
        tokens[role] = (await guarded.store.tokens.create(name=role, role=role, who="test"))[1]
    ended = await guarded.store.tokens.create(name="old", role="admin", who="test", expires_at=1.0)
    tokens["expired"] = ended[1]
    wrong, cells = [], 0
    for route in all_routes(guarded):
        method = "HEAD" if route.path == "/api/v1/events" else route.method
        path = re.sub(r"<int:\w+>", "999", re.sub(r"<(path:)?\w+>", "nothing-of-this-name", route.path))
        for who, token in tokens.items():
            reply = await guarded.ask(method, f"/..{path}", None, token=token)
            allowed = who in expected(route)
            refusal = 403 if who in ROLES else 401 if who == "none" else (401, 429)
            refused = reply.status == refusal or (isinstance(refusal, tuple) and reply.status in refusal)
            is_right = reply.status not in (401, 403, 429, 500) if allowed else refused
            cells += 1
            if not is_right:
                wrong.append((route.method, route.path, who, reply.status))
    assert (wrong, cells > 700) == ([], True)


def test_every_route_has_a_summary_and_an_area(guarded: Desk) -> None:
    for route in all_routes(guarded):
        assert route.summary.endswith("."), route.path
        assert route.area
        assert route.changes is (route.method not in ("GET",) and not route.path.endswith(READING_POSTS)), (
            f"{route.method} {route.path}"
        )


HOSTILE = ("", "'", '"; DROP TABLE audit; --', "zz", "-1", "1e99", "0", "\x00", "\u0663", "a" * 5000, "../..", "%s")


def ask_all(port: int, paths: list[str]) -> list[tuple[str, int]]:
    """What is answered that is neither a list nor a refusal; over one connection."""
    connection, wrong = HTTPConnection("127.0.0.1", port, timeout=20), []
    for path in paths:
        connection.request("GET", path)
        reply = connection.getresponse()
        reply.read()
        if reply.status not in (200, 400, 404):
            wrong.append((path, reply.status))
    connection.close()
    return wrong


@pytest_twisted.ensureDeferred
async def test_no_parameter_breaks_a_list(desk: Desk) -> None:
    """A28: every parameter of every list with what does not belong there; 0 answers are 5xx."""
    paths = [
        f"{re.sub(r'<.*?>', '1', route.path)}?{quote(parameter.name)}={quote(value)}"
        for route in all_routes(desk)
        for parameter in route.query
        for value in HOSTILE
        if route.method == "GET" and route.path != "/api/v1/events"
    ]
    assert await deferToThread(ask_all, desk.service.port, paths) == []
    assert len(paths) > 1500
