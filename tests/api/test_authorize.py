"""Who may do what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.task import Clock

from rustalk.api.authorize import ATTEMPTS, WINDOW, Authorizer, may
from rustalk.api.errors import ApiError
from rustalk.api.route import Answer, Ask, Route, Who
from rustalk.store.session import DatabaseDownError
from rustalk.store.tokens import Role, Token
from tests.fakes.desk import Desk


async def nothing(ask: Ask) -> Answer:
    """A route that does nothing."""
    return Answer({})


class Vault:
    """Tokens in a dictionary."""

    def __init__(self) -> None:
        self.known: dict[str, Token] = {"good": Token("t1", "ci", "viewer", (), 0.0, "alice")}
        self.asked = 0
        self.is_down = False

    async def find(self, text: str) -> Token | None:
        self.asked += 1
        if self.is_down:
            raise DatabaseDownError("gone")
        return self.known.get(text)


class Gate:
    """An authorizer with its clock, its tokens and what it told the guard."""

    def __init__(self) -> None:
        self.clock, self.tokens, self.told = Clock(), Vault(), []
        self.authorizer = Authorizer(self.tokens, self.clock.seconds, self)

    def on_failure(self, address: str, account: str, why: str) -> None:
        self.told.append((address, account, why))

    async def code(self, *fields: str, address: str = "192.0.2.1") -> str:
        """The name of who is let in, or the code of the refusal."""
        try:
            return (await self.authorizer.identify(address, list(fields))).name
        except ApiError as error:
            return error.code


@pytest_twisted.ensureDeferred
async def test_a_token_lets_in_and_nothing_else_does() -> None:
    gate = Gate()
    assert await gate.code("Bearer good") == await gate.code("bearer  good ") == "ci"
    assert await gate.code("Bearer bad") == "token-refused"
    for fields in ((), ("good",), ("Basic good",), ("Bearer",), ("Bearer good", "Bearer good"), ("Bearer \xe9",)):
        assert await gate.code(*fields) == "token-missing"
    assert await gate.code("Bearer " + "x" * 600) == "token-missing"


@pytest_twisted.ensureDeferred
async def test_guessing_is_limited_for_each_address_and_told_to_the_guard() -> None:
    """A27: and an IPv6 address stands for its /64."""
    gate = Gate()
    for number in range(ATTEMPTS):
        assert await gate.code(f"Bearer bad{number}", address=f"2001:db8::{number}") == "token-refused"
    asked = gate.tokens.asked
    assert await gate.code("Bearer bad", address="2001:db8::ffff") == "too-many-attempts"
    assert (gate.tokens.asked, len(gate.told)) == (asked, ATTEMPTS)
    assert await gate.code("Bearer good", address="192.0.2.1") == "ci"
    gate.clock.advance(WINDOW + 1)
    assert await gate.code("Bearer good", address="2001:db8::1") == "ci"


@pytest_twisted.ensureDeferred
async def test_nobody_shuts_out_a_token_that_was_right_before() -> None:
    """A job with an old token on the administrator's machine is a nuisance and no more."""
    gate = Gate()
    assert await gate.code("Bearer good") == "ci"
    for _ in range(ATTEMPTS + 1):
        await gate.code("Bearer old")
    assert await gate.code("Bearer old") == "too-many-attempts"
    assert await gate.code("Bearer good") == "ci"


@pytest_twisted.ensureDeferred
async def test_a_token_that_cannot_be_looked_up_is_neither_right_nor_wrong() -> None:
    gate = Gate()
    gate.tokens.is_down = True
    assert await gate.code("Bearer good") == "database-down"
    assert gate.told == []


@pytest_twisted.ensureDeferred
async def test_a_long_answer_ends_with_the_token() -> None:
    gate = Gate()
    who = await gate.authorizer.identify("192.0.2.1", ["Bearer good"])
    assert await who.still()
    gate.tokens.known.clear()
    assert not await who.still()


@pytest.mark.parametrize(
    ("role", "least", "auditor", "allowed"),
    [
        ("viewer", "viewer", False, True),
        ("viewer", "operator", True, False),
        ("operator", "viewer", False, True),
        ("operator", "admin", False, False),
        ("admin", "admin", False, True),
        ("auditor", "viewer", True, True),
        ("auditor", "viewer", False, False),
        (None, "viewer", True, False),
        (None, None, False, True),
    ],
)
def test_roles_stand_in_a_row_and_the_auditor_beside(
    role: Role | None, least: Role | None, auditor: bool, allowed: bool
) -> None:
    assert may(Who("x", role), Route("GET", "/x", nothing, "X.", least=least, auditor=auditor)) is allowed


@pytest.mark.parametrize(
    ("scopes", "reads", "writes"),
    [
        ((), True, True),
        (("calls",), True, True),
        (("calls:read",), True, False),
        (("calls:write",), True, True),
        (("trunks", "audit:read"), False, False),
        (("call",), False, False),
        (("calls:read:x",), False, False),
    ],
)
def test_scopes_narrow_a_role_and_never_widen_it(scopes: tuple[str, ...], reads: bool, writes: bool) -> None:
    read = Route("GET", "/x", nothing, "X.", area="calls")
    write = Route("POST", "/x", nothing, "X.", area="calls", least="operator", changes=True)
    who = Who("x", "operator", scopes=scopes)
    assert (may(who, read), may(who, write)) == (reads, writes)
    assert not may(Who("x", "viewer", scopes=scopes), write)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Desk]:
    """The API over a socket, with tokens."""
    desk = Desk(tmp_path, auth="token")
    yield desk
    pytest_twisted.blockon(desk.stop())


async def made(desk: Desk, role: Role, **rest: Any) -> str:
    """The text of a new token."""
    _, text = await desk.store.tokens.create(name=role, role=role, who="test", **rest)
    return text


@pytest_twisted.ensureDeferred
async def test_without_a_token_nothing_but_health_is_answered(guarded: Desk) -> None:
    reply = await guarded.ask("GET", "/calls")
    assert (reply.status, reply.json["code"]) == (401, "token-missing")
    assert reply.headers["www-authenticate"] == 'Bearer realm="rustalk"'
    assert (await guarded.ask("GET", "/health")).status == (await guarded.ask("GET", "/openapi.json")).status == 200


@pytest_twisted.ensureDeferred
async def test_a_token_of_the_wrong_kind_is_told_what_is_needed(guarded: Desk) -> None:
    viewer = await made(guarded, "viewer")
    reply = await guarded.ask("DELETE", "/calls/c1", token=viewer)
    assert (reply.status, reply.json["code"]) == (403, "not-allowed")
    assert "operator" in reply.json["detail"]
    assert "insufficient_scope" in reply.headers["www-authenticate"]
    await guarded.store.audit.flush()
    entry = (await guarded.store.audit.entries(1))[0]
    assert (entry.who, entry.role, entry.outcome) == ("viewer", "viewer", "not-allowed")


@pytest_twisted.ensureDeferred
async def test_an_expired_token_opens_nothing(guarded: Desk) -> None:
    old = await made(guarded, "admin", expires_at=1.0)
    reply = await guarded.ask("GET", "/calls", token=old)
    assert (reply.status, reply.json["code"]) == (401, "token-refused")


@pytest_twisted.ensureDeferred
async def test_guessing_over_the_wire_ends_with_429(guarded: Desk) -> None:
    statuses = [(await guarded.ask("GET", "/calls", token="wrong")).status for _ in range(ATTEMPTS + 1)]
    assert statuses == [401] * ATTEMPTS + [429]
    reply = await guarded.ask("GET", "/calls", token="wrong")
    assert int(reply.headers["retry-after"]) == WINDOW
