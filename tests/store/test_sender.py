"""From the journal into the database: in order, once, and later when the database is away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.task import Clock

from rustalk.store.database import DatabaseDownError, Session
from rustalk.store.journal import Entry, Journal
from rustalk.store.sender import Sender


class Memory:
    """A database that keeps records in a list; it is down for a ``problem``, and never takes the one ``refused``."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.problem = ""
        self.refused = ""
        self.hangs = False
        self.transactions = 0
        self._watchers: list[Callable[[str], None]] = []

    def run(self, work: Callable[[Any], Any]) -> Deferred[Any]:
        self.transactions += 1
        if self.hangs:
            return Deferred()
        return maybeDeferred(self._run, work)

    def watch(self, callback: Callable[[str], None]) -> None:
        self._watchers.append(callback)

    def recover(self) -> None:
        self.problem = ""
        for watcher in self._watchers:
            watcher("")

    def _run(self, work: Callable[[Any], Any]) -> Any:
        if self.problem:
            raise DatabaseDownError(self.problem)
        return work(None)

    def insert(self, session: Session, entries: Sequence[Entry]) -> None:
        if self.refused in [entry.id for entry in entries]:
            raise ValueError("this one not")
        self.taken += [entry.id for entry in entries]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(tmp_path: Path, clock: Clock) -> Journal:
    return Journal(tmp_path, clock, lambda work: succeed(work()))


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def sender(journal: Journal, memory: Memory, clock: Clock) -> Iterator[Sender]:
    sender = Sender(journal, memory, memory.insert, clock)
    sender.start()
    yield sender
    sender.stop()
    assert not clock.getDelayedCalls()


def fill(journal: Journal, count: int) -> list[str]:
    names = [f"call-{number}" for number in range(count)]
    for name in names:
        journal.append(name, {})
    return names


def test_the_records_of_a_moment_go_in_one_transaction(
    sender: Sender, journal: Journal, memory: Memory, clock: Clock
) -> None:
    names = fill(journal, 100)
    clock.advance(0.2)
    assert (memory.taken, memory.transactions, journal.waiting) == (names, 1, 0)


def test_while_the_database_is_away_records_wait_and_it_is_tried_more_and_more_rarely(
    sender: Sender, journal: Journal, memory: Memory, clock: Clock
) -> None:
    """F-09: nothing is lost, nobody waits, and a dead server is not hammered."""
    memory.problem = "the server is gone"
    names = fill(journal, 3)
    clock.pump([1.0] * 120)
    assert (journal.waiting, memory.transactions) == (3, 8)
    memory.problem = ""
    clock.pump([1.0] * 30)
    assert (memory.taken, journal.waiting) == (names, 0)


def test_a_database_that_is_back_gets_the_records_at_once(
    sender: Sender, journal: Journal, memory: Memory, clock: Clock
) -> None:
    memory.problem = "locked"
    names = fill(journal, 3)
    clock.advance(60)
    memory.recover()
    clock.advance(0.2)
    assert memory.taken == names


def test_a_record_that_the_database_refuses_does_not_hold_up_the_others(
    sender: Sender, journal: Journal, memory: Memory, clock: Clock
) -> None:
    memory.refused = "call-3"
    names = fill(journal, 6)
    clock.advance(0.2)
    assert memory.taken == names[:3] + names[4:]
    assert "1 damaged lines" in journal.problem
    assert b'"id":"call-3"' in (journal.directory / "damaged").read_bytes()


def test_a_file_of_the_journal_that_is_gone_does_not_hold_up_the_others(
    sender: Sender, journal: Journal, memory: Memory, clock: Clock
) -> None:
    fill(journal, 1)
    for path in journal.directory.glob("records-*"):
        path.unlink()
    clock.advance(0.2)
    assert journal.next() is None


def test_what_the_last_run_left_is_sent_at_the_start(journal: Journal, memory: Memory, clock: Clock) -> None:
    names = fill(journal, 2)
    sender = Sender(journal, memory, memory.insert, clock)
    sender.start()
    clock.advance(0.2)
    assert memory.taken == names
    sender.stop()


def test_stopping_sends_what_there_is(journal: Journal, memory: Memory, clock: Clock) -> None:
    sender = Sender(journal, memory, memory.insert, clock)
    sender.start()
    names = fill(journal, 2)
    sender.stop()
    assert (memory.taken, clock.getDelayedCalls()) == (names, [])


def test_stopping_does_not_wait_for_a_database_that_hangs(journal: Journal, memory: Memory, clock: Clock) -> None:
    memory.hangs = True
    sender = Sender(journal, memory, memory.insert, clock)
    sender.start()
    fill(journal, 2)
    stopped: list[object] = []
    sender.stop().addBoth(stopped.append)
    clock.advance(5)
    assert stopped == [None]
    assert clock.getDelayedCalls() == []
