"""Old records go, few at a time, on both databases; the others stay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from rustalk.store.database import Database, DatabaseDownError
from rustalk.store.journal import Entry
from rustalk.store.migrate import upgrade
from rustalk.store.record import record_of
from rustalk.store.records import Filter, Records, discard, insert
from rustalk.store.retention import Retention
from tests.fakes.switch import START, make_call

DAY, HOUR = 86400.0, 3600.0


class Shelf:
    """A database in which so many old records are left; it is down for a ``problem``."""

    def __init__(self, old: int = 0) -> None:
        self.old = old
        self.problem = ""
        self.asked: list[tuple[float, int]] = []

    def run(self, work: Callable[[Any], Any]) -> Deferred[Any]:
        return fail(DatabaseDownError(self.problem)) if self.problem else succeed(work(self))

    def discard(self, session: object, before: float, most: int) -> int:
        self.asked.append((before, most))
        count = min(self.old, most)
        self.old -= count
        return count


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    shelf = Shelf()
    monkeypatch.setattr("rustalk.store.retention.discard", shelf.discard)
    return shelf


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.advance(1000 * DAY)
    return clock


def test_what_is_old_goes_in_batches_and_then_each_hour(shelf: Shelf, clock: Clock) -> None:
    """With a pause behind each, so that others have their turn."""
    shelf.old = 1200
    retention = Retention(shelf, clock, 30)
    retention.start()
    clock.advance(60)
    assert (shelf.old, len(shelf.asked)) == (700, 1)
    assert shelf.asked[0][0] == 970 * DAY + 60
    clock.pump([0.2] * 10)
    assert (shelf.old, len(shelf.asked)) == (0, 3)
    clock.advance(HOUR)
    assert len(shelf.asked) == 4
    retention.stop()
    assert clock.getDelayedCalls() == []


def test_for_ever_is_the_default_and_can_be_changed_at_any_time(shelf: Shelf, clock: Clock) -> None:
    retention = Retention(shelf, clock, 0)
    retention.start()
    assert clock.getDelayedCalls() == []
    retention.use(7)
    clock.advance(60)
    assert shelf.asked[0][0] == 993 * DAY + 60
    retention.use(0)
    assert clock.getDelayedCalls() == []


def test_a_database_that_is_down_is_asked_again_an_hour_later(shelf: Shelf, clock: Clock) -> None:
    shelf.problem, shelf.old = "down", 3
    retention = Retention(shelf, clock, 30)
    retention.start()
    clock.advance(60)
    shelf.problem = ""
    clock.advance(HOUR)
    assert shelf.old == 0
    retention.stop()


@pytest_twisted.ensureDeferred
async def test_records_go_with_their_legs_the_oldest_first(database: Database) -> None:
    """And the total counts what is left."""
    await database.run(upgrade)
    calls = [make_call(id=f"c{day}", started=START + timedelta(days=day)) for day in range(10)]
    await database.run(lambda session: insert(session, [Entry(call.id, record_of(call)) for call in calls]))
    before = (START + timedelta(days=6)).timestamp()
    counts = [await database.run(lambda session: discard(session, before, 4)) for _ in range(3)]
    assert counts == [4, 2, 0]
    page = await Records(database).page(Filter())
    assert [record.id for record in page.records] == ["c9", "c8", "c7", "c6"]
    assert page.total == 4
    assert await database.read(lambda session: session.execute("SELECT COUNT(*) FROM call_legs")) == [(8,)]
