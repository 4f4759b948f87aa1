"""Entries are numbered in the order in which they came and wait while the database is down."""

from __future__ import annotations

import pytest_twisted
from twisted.internet import reactor
from twisted.logger import capturedLogs, formatEvent

from rustalk.store.audit import Audit, Entry
from rustalk.store.database import Database
from rustalk.store.migrate import upgrade
from tests.fakes.postgres import Postgres
from tests.store.waiting import wait_until_well


@pytest_twisted.ensureDeferred
async def test_entries_come_back_newest_first(database: Database) -> None:
    """With who, when, from where, what and what came of it; pages go on before the last number seen."""
    await database.run(upgrade)
    audit = Audit(database, lambda: 5.0)
    audit.append(Entry(who="alice", role="admin", address="::1", action="create", target="trunks/a", detail={"x": 1}))
    audit.append(Entry(who="bob", role="viewer", action="delete", target="trunks/a", outcome="refused"))
    await audit.flush()
    newest, oldest = await audit.entries(10)
    assert (newest.id, newest.who, newest.outcome, newest.time) == (2, "bob", "refused", 5.0)
    assert (oldest.id, oldest.role, oldest.address, oldest.detail) == (1, "admin", "::1", {"x": 1})
    assert await audit.entries(10, before=2) == [oldest]
    assert await audit.entries(1) == [newest]


@pytest_twisted.ensureDeferred
async def test_entries_can_be_asked_for_by_who_and_what(database: Database) -> None:
    """Filters are compared as they are, never read as SQL (A28)."""
    await database.run(upgrade)
    audit = Audit(database)
    for who, action in (("alice", "create"), ("bob", "create"), ("bob", "delete")):
        audit.append(Entry(who=who, action=action, target="trunks/a"))
    await audit.flush()
    assert [each.action for each in await audit.entries(9, who="bob")] == ["delete", "create"]
    assert [each.who for each in await audit.entries(9, action="create", target="trunks/a")] == ["bob", "alice"]
    assert await audit.entries(9, who="' OR 1 = 1 --") == []


@pytest_twisted.ensureDeferred
async def test_texts_that_a_database_would_refuse_are_written_all_the_same(database: Database) -> None:
    """One entry that cannot be stored must not take others with it."""
    await database.run(upgrade)
    audit = Audit(database)
    audit.append(Entry(who="a\0b\udcff", action="login", target="x" * 10_000, detail={"name": "\0\udcff"}))
    await audit.flush()
    [entry] = await audit.entries(1)
    assert entry.who == "ab?"
    assert len(entry.target) == 500
    assert entry.detail == {"name": "\0\udcff"}


@pytest_twisted.ensureDeferred
async def test_entries_wait_for_a_database_that_is_down(postgres: Postgres) -> None:
    """F-09: they are written when it is back, once and in their order."""
    database = Database.open(postgres.database(), reactor)
    await database.run(upgrade)
    audit = Audit(database)
    postgres.stop()
    for number in range(1200):
        audit.append(Entry(who=str(number), action="login"))
    await audit.flush()
    postgres.start()
    await wait_until_well(database)
    await audit.flush()
    assert [int(each.who) for each in await audit.entries(2000)] == list(range(1199, -1, -1))
    await database.close()


@pytest_twisted.ensureDeferred
async def test_an_entry_after_the_end_is_tried_once(database: Database) -> None:
    """The database is closed for good; the entry is in the log of the process."""
    await database.run(upgrade)
    audit = Audit(database)
    await database.close()
    audit.append(Entry(who="alice", action="create", target="trunks/a"))
    await audit.flush()
    assert len(audit._waiting) == 1


@pytest_twisted.ensureDeferred
async def test_the_log_names_the_path_of_a_request_once(database: Database) -> None:
    """The one with the item in it; what is no request keeps its words."""
    await database.run(upgrade)
    audit = Audit(database)
    with capturedLogs() as events:
        audit.append(Entry(who="alice", action="DELETE /api/v1/trunks/{id}", target="/api/v1/trunks/a"))
        audit.append(Entry(who="alice", action="login"))
    await audit.flush()
    assert [formatEvent(each).split(": ", 2)[2] for each in events] == ["DELETE /api/v1/trunks/a: done", "login: done"]
