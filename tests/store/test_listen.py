"""Hearing of other nodes' changes, through what happens to the server."""

from __future__ import annotations

from pathlib import Path

import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredQueue

from rustalk.store.database import Database
from rustalk.store.listen import Listener
from tests.fakes.postgres import Postgres


@pytest_twisted.ensureDeferred
async def test_listeners_hear_their_channels(postgres: Postgres) -> None:
    """First that something may have been missed, then what is told."""
    database = Database.open(postgres.database(), reactor)
    here, there = DeferredQueue(), DeferredQueue()
    listener = Listener(database, reactor, {"here": here.put, "there": there.put})
    listener.start()
    assert [await here.get(), await there.get()] == ["", ""]
    await database.run(lambda session: session.notify("there", "x"))
    await database.run(lambda session: session.notify("here", "y"))
    assert [await here.get(), await there.get()] == ["y", "x"]
    listener.stop()
    assert not listener.listening
    await database.close()


@pytest_twisted.ensureDeferred
async def test_a_lost_connection_is_made_again(postgres: Postgres) -> None:
    """F-09: listeners are told that they may have missed something, every time."""
    database = Database.open(postgres.database(), reactor)
    heard = DeferredQueue()
    listener = Listener(database, reactor, {"here": heard.put})
    listener.start()
    assert await heard.get() == ""
    for _ in range(2):
        postgres.stop()
        postgres.start()
        assert await heard.get() == ""
        assert listener.listening
    listener.stop()
    await database.close()


@pytest_twisted.ensureDeferred
async def test_stopping_leaves_nothing_behind(postgres: Postgres) -> None:
    """Neither a reader nor a timer, whether it was listening, connecting or waiting to try again."""
    database = Database.open(postgres.database(), reactor)
    connecting = Listener(database, reactor, {"here": lambda payload: None})
    connecting.start()
    connecting.stop()
    postgres.stop()
    waiting = Listener(database, reactor, {"here": lambda payload: None})
    waiting.start()
    settled: Deferred[None] = Deferred()
    database.watch(lambda problem: None if settled.called else settled.callback(None))
    await settled
    waiting.stop()
    postgres.start()
    await database.close()
    assert not connecting.listening
    assert not [reader for reader in reactor.getReaders() if isinstance(reader, Listener)]


@pytest_twisted.ensureDeferred
async def test_a_file_has_nobody_to_hear(tmp_path: Path) -> None:
    """On SQLite the listener does nothing at all."""
    database = Database.open(f"sqlite://{tmp_path}/db", reactor)
    listener = Listener(database, reactor, {"here": lambda payload: None})
    listener.start()
    await database.read(lambda session: None)
    assert not listener.listening
    listener.stop()
    await database.close()
