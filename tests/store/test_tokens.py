"""Tokens are shown once, kept as a hash, and end when they should."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import Clock

from rustalk.store.database import Database, DatabaseDownError
from rustalk.store.migrate import upgrade
from rustalk.store.tokens import Tokens

NOW = 1_000_000.0


@pytest.fixture
def clock() -> Clock:
    """The time by which tokens end."""
    clock = Clock()
    clock.advance(NOW)
    return clock


@pytest.fixture
def made(database: Database, clock: Clock) -> Callable[[], Awaitable[Tokens]]:
    """The tokens of a database with a schema."""

    async def make() -> Tokens:
        await database.run(upgrade)
        return Tokens(database, clock.seconds)

    return make


@pytest_twisted.ensureDeferred
async def test_a_token_is_found_by_its_text_only(made, database: Database) -> None:
    """The text is nowhere in the database; one character more is another text."""
    tokens = await made()
    token, text = await tokens.create(name="ci", role="operator", who="alice", scopes=("calls:read",))
    assert await tokens.find(text) == token
    assert (token.name, token.role, token.scopes, token.created_by) == ("ci", "operator", ("calls:read",), "alice")
    assert await tokens.find(text + "x") is None
    assert await tokens.find("\udcff") is None
    rows = await database.read(lambda session: session.execute("SELECT * FROM tokens"))
    assert text not in repr(rows)


@pytest_twisted.ensureDeferred
async def test_a_token_ends_at_its_time(made, clock: Clock) -> None:
    """The moment of its end is the first at which it is refused."""
    tokens = await made()
    _, text = await tokens.create(name="short", role="viewer", who="alice", expires_at=NOW + 60)
    clock.advance(59)
    assert await tokens.find(text) is not None
    clock.advance(1)
    assert await tokens.find(text) is None


@pytest_twisted.ensureDeferred
async def test_a_revoked_token_is_refused_and_still_listed(made) -> None:
    """Revoking it again, or one that never was, finds none."""
    tokens = await made()
    token, text = await tokens.create(name="lost", role="admin", who="alice")
    revoked = await tokens.revoke(token.id)
    assert revoked.revoked_at == NOW
    assert await tokens.find(text) is None
    assert await tokens.listed() == [revoked]
    assert await tokens.revoke(token.id) is None


@pytest_twisted.ensureDeferred
async def test_the_first_token_is_made_once(made) -> None:
    """It is an admin's; one that was revoked is not replaced, or revoking would be no lock."""
    tokens = await made()
    text = await tokens.first()
    first = await tokens.find(text)
    assert first.role == "admin"
    await tokens.revoke(first.id)
    assert await tokens.first() is None


@pytest_twisted.ensureDeferred
async def test_known_tokens_work_while_the_database_is_down(made, database: Database) -> None:
    """F-09: who was in stays in; a stranger's token is neither admitted nor called wrong."""
    tokens = await made()
    _, known = await tokens.create(name="known", role="admin", who="alice")
    _, other = await tokens.create(name="other", role="admin", who="alice")
    await tokens.find(known)
    await database.close()
    assert (await tokens.find(known)).name == "known"
    with pytest.raises(DatabaseDownError):
        await tokens.find(other)


@pytest_twisted.ensureDeferred
async def test_a_token_that_was_seen_does_not_wait_for_a_database_in_trouble(made, database: Database) -> None:
    """F-09: others are looked for, a few seconds at most, since a server that hangs closes no connection."""
    tokens = await made()
    _, seen = await tokens.create(name="seen", role="viewer", who="alice")
    await tokens.find(seen)
    thaw = threading.Event()
    stalled = [database.read(lambda session: thaw.wait(10)) for _ in range(sum(database.backend.threads))]
    database.trouble(DatabaseDownError("the database has not answered for 5 seconds"))
    other = Deferred.fromCoroutine(tokens.find("other"))
    assert (await tokens.find(seen)).name == "seen"
    assert not other.called
    thaw.set()
    assert await other is None
    await gatherResults(stalled)
