"""The journal on a real disk: what is in it survives, and what happens to it is said."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher

from rustalk.store import journal as module
from rustalk.store.journal import Entry, Journal, JournalBusyError, parse


class Threads:
    """A thread pool that works when it is told to; each piece of work may be made to fail."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[[], None], Deferred[None]]] = []

    def __call__(self, work: Callable[[], None]) -> Deferred[None]:
        result: Deferred[None] = Deferred()
        self.waiting.append((work, result))
        return result

    def run(self, error: Exception | None = None) -> None:
        waiting, self.waiting = self.waiting, []
        for work, result in waiting:
            if error is None:
                maybeDeferred(work).chainDeferred(result)
            else:
                result.errback(error)


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What has been logged."""
    lines: list[str] = []

    def keep(event: LogEvent) -> None:
        lines.append(formatEvent(event))

    globalLogPublisher.addObserver(cast(ILogObserver, keep))
    yield lines
    globalLogPublisher.removeObserver(cast(ILogObserver, keep))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def threads() -> Threads:
    return Threads()


@pytest.fixture
def journal(tmp_path: Path, clock: Clock, threads: Threads) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal", clock, threads)
    yield journal
    journal.close()
    assert not clock.getDelayedCalls()


def reopened(journal: Journal) -> Journal:
    """The journal of the next run, after this one was killed: its lock is gone, and nothing was tidied up."""
    os.close(journal._lock)
    journal._lock = os.open(os.devnull, os.O_RDONLY)
    return Journal(journal.directory, Clock(), Threads())


def deliver(journal: Journal) -> list[Entry]:
    """Take everything out, as the sender does."""
    taken = []
    while (piece := journal.next()) is not None:
        lines = piece.read()
        entries, damaged = parse(lines)
        taken += entries
        journal.delivered(piece, len(lines), lines.count(b"\n"), damaged)
    return taken


def ids(journal: Journal) -> list[str]:
    return [entry.id for entry in deliver(journal)]


def fill(journal: Journal, count: int, first: int = 0, size: int = 0) -> list[str]:
    names = [f"call-{number}" for number in range(first, first + count)]
    for name in names:
        journal.append(name, {"name": name, "filler": "x" * size})
    return names


def test_what_was_appended_is_delivered_in_order_and_once(journal: Journal) -> None:
    names = fill(journal, 1000)
    assert ids(journal) == names
    assert (journal.next(), journal.waiting) == (None, 0)


def test_a_record_is_on_disk_when_append_returns(journal: Journal) -> None:
    """F-11: nobody has synced, closed or delivered anything, and the process is gone."""
    journal.append("call-1", {"from": "Zoë \udcff \x00", "seconds": 1.5})
    again = reopened(journal)
    assert again.waiting == 1
    assert deliver(again) == [Entry("call-1", {"from": "Zoë \udcff \x00", "seconds": 1.5})]
    again.close()


def test_what_was_delivered_does_not_come_again(journal: Journal) -> None:
    fill(journal, 10)
    deliver(journal)
    fill(journal, 2, first=10)
    again = reopened(journal)
    assert ids(again) == ["call-10", "call-11"]
    again.close()


def test_a_crash_before_the_delivery_was_noted_sends_the_same_ids_again(journal: Journal) -> None:
    names = fill(journal, 3)
    piece = journal.next()
    assert piece is not None
    piece.read()
    again = reopened(journal)
    assert ids(again) == names
    again.close()


def test_a_torn_last_line_is_passed_over_and_said(journal: Journal, said: list[str]) -> None:
    names = fill(journal, 3)
    path = next(journal.directory.glob("records-*"))
    os.truncate(path, path.stat().st_size - 5)
    again = reopened(journal)
    assert any("was cut off while it was written" in line for line in said)
    assert ids(again) == names[:2]
    again.append("call-4", {})
    assert ids(again) == ["call-4"]
    again.close()


def test_a_damaged_line_is_kept_aside_and_the_others_are_delivered(journal: Journal) -> None:
    fill(journal, 3)
    path = next(journal.directory.glob("records-*"))
    path.write_bytes(path.read_bytes().replace(b'"name":"call-1"', b'"name":"call-8"'))
    told: list[str] = []
    journal.on_problem = lambda: told.append(journal.problem)
    assert ids(journal) == ["call-0", "call-2"]
    assert told == [journal.problem]
    assert "1 damaged lines of the journal" in journal.problem
    assert b'"name":"call-8"' in (journal.directory / "damaged").read_bytes()


def test_a_long_outage_of_the_database_takes_several_files_which_go_one_by_one(journal: Journal) -> None:
    names = fill(journal, 100, size=100_000)
    assert len(list(journal.directory.glob("records-*"))) == 3
    assert ids(journal) == names
    assert [path.stat().st_size for path in journal.directory.glob("records-*")] == [0]


def test_a_record_longer_than_a_piece_is_read_whole(journal: Journal) -> None:
    names = fill(journal, 2, size=600_000)
    assert ids(journal) == names


def test_only_the_owner_may_read_the_numbers_of_the_callers(journal: Journal) -> None:
    fill(journal, 1)
    path = next(journal.directory.glob("records-*"))
    assert (path.stat().st_mode & 0o777, journal.directory.stat().st_mode & 0o777) == (0o600, 0o700)


def test_two_processes_cannot_share_a_journal(journal: Journal) -> None:
    with pytest.raises(JournalBusyError, match=r"give each its own server\.state_directory"):
        Journal(journal.directory, Clock(), Threads())


@pytest.fixture
def small_files() -> Iterator[Callable[[int], None]]:
    """Let files grow to this many octets only, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda octets: resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_holds_up_nobody_and_loses_nothing(
    journal: Journal, clock: Clock, small_files: Callable[[int], None]
) -> None:
    """F-10: the records wait in memory, the problem is said, and no line is torn."""
    small_files(1000)
    names = fill(journal, 20, size=100)
    assert "are held in memory" in journal.problem
    assert parse(b"".join(path.read_bytes() for path in journal.directory.glob("records-*")))[1] == []
    small_files(1 << 30)
    clock.advance(1)
    assert (journal.problem, journal.held) == ("", 0)
    assert ids(journal) == names


def test_a_problem_is_told_once_when_it_comes_and_when_it_goes(
    journal: Journal, clock: Clock, small_files: Callable[[int], None]
) -> None:
    """F-10: not with each record, nor with each new attempt."""
    told: list[str] = []
    journal.on_problem = lambda: told.append(journal.problem)
    small_files(0)
    fill(journal, 3)
    clock.pump([1.0] * 5)
    fill(journal, 3, first=3)
    assert len(told) == 1
    assert "make room" in told[0]
    small_files(1 << 30)
    clock.advance(1)
    assert told[1:] == [""]


def test_what_is_held_in_memory_can_be_delivered_without_the_disk(
    journal: Journal, small_files: Callable[[int], None]
) -> None:
    small_files(0)
    names = fill(journal, 250)
    assert ids(journal) == names
    assert (journal.waiting, journal.held) == (0, 0)


def test_the_disk_is_tried_again_though_nothing_waits_for_it(
    journal: Journal, clock: Clock, small_files: Callable[[int], None]
) -> None:
    """The problem lasts as long as it does, and no longer."""
    small_files(0)
    names = fill(journal, 2)
    assert ids(journal) == names
    clock.advance(1)
    assert journal.problem
    small_files(1 << 30)
    clock.advance(1)
    assert journal.problem == ""
    names = fill(journal, 2)
    assert ids(journal) == names


def test_what_the_disk_takes_while_it_is_delivered_from_memory_comes_twice_and_is_not_lost(
    journal: Journal, clock: Clock, small_files: Callable[[int], None]
) -> None:
    small_files(0)
    names = fill(journal, 3)
    piece = journal.next()
    small_files(1 << 30)
    clock.advance(1)
    assert piece is not None
    journal.delivered(piece, len(piece.read()), 3)
    assert journal.waiting == 3
    assert ids(journal) == names


def test_memory_is_bounded_and_what_it_cannot_hold_is_counted(
    journal: Journal, small_files: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_HELD", 5)
    small_files(0)
    fill(journal, 8)
    assert (journal.held, journal.lost) == (5, 3)
    assert "3 call records were lost" in journal.problem
    small_files(1 << 30)


def test_the_records_of_a_moment_are_synced_together(journal: Journal, clock: Clock, threads: Threads) -> None:
    fill(journal, 50)
    clock.advance(0.05)
    assert len(threads.waiting) == 1
    threads.run()
    clock.advance(1)
    assert threads.waiting == []


def test_a_failed_sync_has_the_records_written_again(journal: Journal, clock: Clock, threads: Threads) -> None:
    """F-10: after an error the kernel may have dropped what it could not store; the ids make twice as good as once."""
    names = fill(journal, 3)
    clock.advance(0.05)
    threads.run(OSError(5, "Input/output error"))
    assert "Input/output error" in journal.problem
    clock.advance(1)
    assert journal.problem == ""
    assert ids(journal) == names + names
    assert journal.waiting == 0


def test_a_disk_that_hangs_is_not_waited_for(journal: Journal, clock: Clock, threads: Threads) -> None:
    told: list[bool] = []
    journal.on_problem = lambda: told.append("is slow" in journal.problem)
    fill(journal, 1)
    clock.advance(0.05)
    clock.advance(6)
    fill(journal, 1, first=1)
    assert journal.held == 1
    assert "is slow" in journal.problem
    threads.run()
    assert (journal.held, journal.problem) == (0, "")
    assert told == [True, False]


def test_a_file_that_is_gone_is_given_up_and_said(journal: Journal, said: list[str]) -> None:
    fill(journal, 1)
    piece = journal.next()
    assert piece is not None
    piece.path.unlink()
    with pytest.raises(FileNotFoundError):
        piece.read()
    journal.skip(piece)
    assert journal.next() is None
    assert any("cannot be read" in line for line in said)
