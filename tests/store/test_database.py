"""Work in transactions, on both databases, and what happens when the database is not there."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.task import Clock

from rustalk.config.load import load
from rustalk.store.database import Database, DatabaseDownError, Session, backend_of, once, url_of
from tests.store.numbers import insert, make, numbers


@pytest_twisted.ensureDeferred
async def test_work_is_committed_when_it_returns(database: Database) -> None:
    """The result of the work comes back, and the next reader sees what was written."""
    assert await database.run(make) is None
    await database.run(insert(3, 1))
    assert await database.read(numbers) == [1, 3]


@pytest_twisted.ensureDeferred
async def test_work_that_raises_leaves_nothing(database: Database) -> None:
    """The caller gets the exception and the transaction is rolled back; the database is not to blame."""

    def work(session: Session) -> None:
        insert(1)(session)
        raise KeyError("mine")

    await database.run(make)
    with pytest.raises(KeyError):
        await database.run(work)
    assert await database.read(numbers) == []
    assert database.problem == ""


@pytest_twisted.ensureDeferred
async def test_a_fault_in_the_sql_is_not_a_database_that_is_down(database: Database) -> None:
    """The error of the driver reaches the caller and later work goes on."""
    with pytest.raises(Exception, match="nowhere") as raised:
        await database.run(lambda session: session.execute("SELECT 1 FROM nowhere"))
    assert not isinstance(raised.value, DatabaseDownError)
    assert await database.run(lambda session: session.execute("SELECT 1")) == [(1,)]


@pytest_twisted.ensureDeferred
async def test_values_are_bound_whatever_they_hold(database: Database) -> None:
    """Quotes, percent signs and question marks of a value are its own affair; those in quotes are text (A28)."""
    nasty = "'; DROP TABLE t; -- %s ? %"
    assert await database.read(lambda s: s.execute("SELECT 'a?%', CAST(? AS TEXT)", (nasty,))) == [("a?%", nasty)]


@pytest_twisted.ensureDeferred
async def test_a_query_streams_in_batches(database: Database) -> None:
    """No batch is larger than asked for, and none is lost."""
    await database.run(make)
    await database.run(insert(*range(7)))
    batches = await database.read(lambda s: [len(rows) for rows in s.stream("SELECT n FROM t WHERE n > ?", (0,), 4)])
    assert batches == [4, 2]


@pytest_twisted.ensureDeferred
async def test_the_reactor_does_not_wait_and_work_keeps_its_order(database: Database) -> None:
    """Work runs in other threads; its callbacks in the reactor's."""
    await database.run(make)
    threads = await gatherResults([database.run(lambda session: threading.current_thread()) for _ in range(20)])
    assert threading.current_thread() not in threads


@pytest_twisted.ensureDeferred
async def test_readers_cannot_write(database: Database) -> None:
    """`read` is for reading, so that it can go to threads of its own."""
    with pytest.raises(Exception, match=r"read.?only"):
        await database.read(make)


@pytest_twisted.ensureDeferred
async def test_a_closed_database_takes_no_work(url: str) -> None:
    """What waited is done first; closing twice is no harm."""
    database = Database.open(url, reactor)
    last = database.run(lambda session: session.execute("SELECT 1"))
    await gatherResults([database.close(), database.close()])
    assert await last == [(1,)]
    with pytest.raises(DatabaseDownError, match="closed"):
        await database.run(lambda session: None)


def test_a_command_runs_its_work_without_a_reactor(url: str) -> None:
    """`once` connects, commits and closes."""
    once(backend_of(url), make)
    once(backend_of(url), insert(5))
    assert once(backend_of(url), numbers) == [5]


def test_settings_name_the_database_or_a_file_in_the_state_directory() -> None:
    """No set-up is needed: the default is SQLite below `server.state_directory`."""
    assert url_of(load('{"server": {"state_directory": "/var/lib/x"}}')) == "sqlite:///var/lib/x/rustalk.sqlite3"
    assert url_of(load('{"database": {"url": "postgresql://h/d"}}')) == "postgresql://h/d"


@pytest.mark.parametrize(
    "address", ["", "mysql://u:CANARY@h/d", "sqlite://relative", "sqlite:////dir/", "postgresql://["]
)
def test_an_address_that_names_no_database_is_refused(address: str) -> None:
    """The error says what is expected and shows nothing of the address, which may hold a password."""
    with pytest.raises(ValueError, match="address") as raised:
        backend_of(address)
    assert "CANARY" not in str(raised.value)


@pytest_twisted.ensureDeferred
async def test_a_slow_database_is_told(tmp_path: Path) -> None:
    """F-09: a write that does not return is a problem after five seconds, and none once it has returned."""
    clock, release = Clock(), threading.Event()
    clock.callFromThread = reactor.callFromThread
    database = Database.open(f"sqlite://{tmp_path}/db", clock)
    stuck = database.run(lambda session: release.wait(30))
    clock.advance(6)
    assert "not answered for 6 seconds" in database.problem
    release.set()
    await stuck
    assert database.problem == ""
    await database.close()


@pytest_twisted.ensureDeferred
async def test_a_reader_need_not_wait_for_ever(database: Database) -> None:
    """F-09: a server that hangs closes no connection; what it answers later is for nobody, and work goes on."""
    thaw = threading.Event()
    with pytest.raises(DatabaseDownError, match=r"has not answered for 0\.01 seconds"):
        await database.read(lambda session: thaw.wait(10), patience=0.01)
    thaw.set()
    assert await database.read(lambda session: 1, patience=10) == 1
