"""Tokens are made, listed and revoked by admins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_twisted

from tests.fakes.desk import Desk


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Desk]:
    """The API over a socket, asked by an admin."""
    desk = Desk(tmp_path, auth="token")
    desk.token = pytest_twisted.blockon(desk.store.tokens.first()) or ""
    yield desk
    pytest_twisted.blockon(desk.stop())


@pytest_twisted.ensureDeferred
async def test_the_first_token_is_made_once(guarded: Desk) -> None:
    assert guarded.token
    assert await guarded.store.tokens.first() is None


@pytest_twisted.ensureDeferred
async def test_a_token_is_shown_once_and_opens_what_its_role_may(guarded: Desk) -> None:
    body = {"name": "graph", "role": "viewer", "scopes": ["status:read"], "expires_at": "2999-01-01T00:00:00Z"}
    made = await guarded.ask("POST", "/tokens", body)
    assert (made.status, made.json["created_by"], made.json["expires_at"]) == (201, "first", "2999-01-01T00:00:00.000Z")
    assert (await guarded.ask("GET", "/stats", token=made.json["token"])).status == 200
    assert (await guarded.ask("GET", "/calls", token=made.json["token"])).status == 403
    listed = await guarded.ask("GET", "/tokens")
    assert ([each["name"] for each in listed.json["tokens"]], listed.json["total"]) == (["graph", "first"], 2)
    assert made.json["token"].encode() not in listed.body


@pytest_twisted.ensureDeferred
async def test_a_revoked_token_opens_nothing_from_that_moment(guarded: Desk) -> None:
    made = (await guarded.ask("POST", "/tokens", {"name": "x", "role": "admin"})).json
    assert (await guarded.ask("GET", "/calls", token=made["token"])).status == 200
    assert (await guarded.ask("DELETE", f"/tokens/{made['id']}")).json["revoked_at"]
    assert (await guarded.ask("GET", "/calls", token=made["token"])).status == 401
    assert (await guarded.ask("DELETE", f"/tokens/{made['id']}")).status == 404


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"name": "x"}, "$.role"),
        ({"name": "", "role": "admin"}, "$.name"),
        ({"name": "a\u0007", "role": "admin"}, "$.name"),
        ({"name": "x", "role": "root"}, "$.role"),
        ({"name": "x", "role": "admin", "scopes": ["nonsense"]}, "$.scopes"),
        ({"name": "x", "role": "admin", "scopes": "calls"}, "$.scopes"),
        ({"name": "x", "role": "admin", "expires_at": "yesterday"}, "$.expires_at"),
        ({"name": "x", "role": "admin", "expires_at": "2001-01-01"}, "$.expires_at"),
        ({"name": "x", "role": "admin", "id": "mine"}, "$.id"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_is_wrong_with_a_token_is_told(guarded: Desk, body: dict[str, object], path: str) -> None:
    """A27: nothing but what may be set is set."""
    reply = await guarded.ask("POST", "/tokens", body)
    assert (reply.status, [error["path"] for error in reply.json["errors"]]) == (422, [path])


@pytest_twisted.ensureDeferred
async def test_a_token_with_scopes_makes_none_that_may_do_more(guarded: Desk) -> None:
    """A27: no way up."""
    narrow = (await guarded.ask("POST", "/tokens", {"name": "x", "role": "admin", "scopes": ["tokens"]})).json["token"]
    for scopes in ([], ["calls"], ["tokens", "calls"]):
        reply = await guarded.ask("POST", "/tokens", {"name": "y", "role": "admin", "scopes": scopes}, token=narrow)
        assert reply.status == 403
    fine = await guarded.ask("POST", "/tokens", {"name": "y", "role": "admin", "scopes": ["tokens:read"]}, token=narrow)
    assert fine.status == 201
