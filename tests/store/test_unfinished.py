"""Calls that are up when the process is killed, on a real disk: what is left of them, and what the disk may do."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from rustalk.store import unfinished as module
from rustalk.store.journal import Journal, parse
from rustalk.store.unfinished import BEAT, Unfinished

NOW = 1_800_000_000.0


class Run:
    """One run of a process with its journal, on one clock for all runs."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self.following: Run | None = None
        self.syncing: list[Deferred[None]] = []
        self.hangs = False
        self.clock = clock
        self.journal = Journal(directory, clock, lambda work: succeed(work()))
        self.unfinished = Unfinished(self.journal, clock, self._sync, moment=0)
        self.unfinished.recover(cut_short)

    def begin(self, id: str, record: Mapping[str, Any]) -> None:
        """A call is answered, and goes on for the moment after which it is noted."""
        self.unfinished.begin(id, lambda: record)
        self.clock.advance(0)

    def _sync(self, work: Callable[[], None]) -> Deferred[None]:
        if not self.hangs:
            return succeed(work())
        self.syncing.append(Deferred())
        return self.syncing[-1]

    def killed(self) -> Run:
        """The next run: nothing was closed, and the lock is gone with the process."""
        self.hangs = True
        for timer in self.clock.getDelayedCalls():
            timer.cancel()
        self.unfinished._timer = None
        os.close(self.journal._lock)
        self.journal._lock = os.open(os.devnull, os.O_RDONLY)
        self.following = Run(self.journal.directory, self.clock)
        return self.following

    def records(self) -> dict[str, Mapping[str, Any]]:
        """What the journal has on disk, the first of each id."""
        found: dict[str, Mapping[str, Any]] = {}
        for path in sorted(self.journal.directory.glob("records-*")):
            for entry in parse(path.read_bytes())[0]:
                found.setdefault(entry.id, entry.record)
        return found

    def close(self) -> None:
        """An orderly end, first of the run that came after this one was killed."""
        if self.following is not None:
            self.following.close()
        self.unfinished.close()
        self.journal.close()


def cut_short(record: Mapping[str, Any], alive: float) -> Mapping[str, Any]:
    return {**record, "alive": alive}


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.advance(NOW)
    return clock


@pytest.fixture
def run(tmp_path: Path, clock: Clock) -> Iterator[Run]:
    run = Run(tmp_path / "journal", clock)
    yield run
    run.close()


@pytest.fixture
def small_files() -> Iterator[Callable[[int], None]]:
    """Let files grow to this many octets only, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda octets: resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_call_that_was_up_leaves_a_record_until_the_last_beat(run: Run, clock: Clock) -> None:
    """F-11: the end is the last moment that is known of it, at most a beat before the kill."""
    run.begin("c1", {"from": "Zoë"})
    clock.pump([BEAT] * 60)
    clock.advance(BEAT / 2)
    assert run.killed().records() == {"c1": {"from": "Zoë", "alive": NOW + 60}}


def test_a_call_that_is_over_leaves_its_own_record_only(run: Run) -> None:
    run.begin("c1", {})
    run.begin("c2", {"n": 2})
    run.unfinished.append("c2", {"over": True})
    run.unfinished.append("refused", {"over": True})
    again = run.killed()
    assert again.records() == {"c2": {"over": True}, "refused": {"over": True}}


def test_nothing_goes_on_after_the_end(run: Run, clock: Clock) -> None:
    """Also where a call is answered in the last moment: it is noted, and no beat follows."""
    run.unfinished.begin("c1", lambda: {"n": 1})
    run.unfinished.close()
    assert clock.getDelayedCalls() == []
    assert b'"c1"' in (run.journal.directory / "unfinished").read_bytes()


def test_a_call_that_is_over_at_once_costs_nothing(run: Run) -> None:
    """Nobody asks what its record would have been."""
    asked: list[str] = []
    for name in ("short", "long"):
        run.unfinished.begin(name, lambda name=name: asked.append(name) or {"name": name})
    run.unfinished.append("short", {"over": True})
    run.clock.advance(0)
    assert asked == ["long"]
    assert set(run.killed().records()) == {"short", "long"}


def test_a_record_is_told_once_however_often_the_process_is_killed(run: Run, clock: Clock) -> None:
    """And a later run says nothing else about the end."""
    run.begin("c1", {"n": 1})
    again = run.killed()
    clock.advance(100)
    last = again.killed()
    lines = b"".join(path.read_bytes() for path in last.journal.directory.glob("records-*"))
    assert [entry.record for entry in parse(lines)[0]] == [{"n": 1, "alive": NOW}]


def test_a_kill_between_the_record_and_the_stroke_leaves_the_record_first(run: Run) -> None:
    """Whoever takes records keeps the first of an id."""
    run.begin("c1", {"n": 1})
    run.journal.append("c1", {"over": True})
    assert run.killed().records() == {"c1": {"over": True}}


def test_a_clock_that_was_set_back_makes_no_call_longer(run: Run, clock: Clock) -> None:
    run.begin("c1", {"n": 1})
    clock.rightNow = NOW - 3600
    assert run.killed().records()["c1"]["alive"] == NOW - 3600


def test_a_torn_file_gives_what_is_whole(run: Run, clock: Clock) -> None:
    """The first line says when we lived; without it nothing is certain but the answer."""
    for name in ("c1", "c2"):
        run.begin(name, {"name": name})
    path = run.journal.directory / "unfinished"
    text = path.read_bytes()
    path.write_bytes(text[:-5].replace(b"alive", b"alone"))
    assert run.killed().records() == {"c1": {"name": "c1", "alive": 0.0}}


def test_the_file_grows_with_the_calls_that_are_up_only(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SPARE", 5000)
    run.begin("long", {"n": 0})
    for number in range(1000):
        run.begin(f"c{number}", {"filler": "x" * 100})
        run.unfinished.append(f"c{number}", {"over": True})
    assert (run.journal.directory / "unfinished").stat().st_size < 6000
    assert run.killed().records()["long"] == {"n": 0, "alive": NOW}


def test_what_a_full_disk_does_not_take_is_written_when_there_is_room(
    run: Run, clock: Clock, small_files: Callable[[int], None]
) -> None:
    """F-10: it is said, once, and nobody waits."""
    said: list[str] = []
    run.unfinished.on_problem = lambda: said.append(run.unfinished.problem)
    small_files(0)
    run.begin("c1", {"n": 1})
    run.begin("c2", {"n": 2})
    clock.pump([BEAT] * 3)
    small_files(1 << 30)
    clock.advance(BEAT)
    assert len(said) == 2
    assert "make room" in said[0]
    assert said[1] == ""
    assert run.killed().records().keys() == {"c1", "c2"}


def test_the_disk_is_tried_again_though_nobody_talks_any_more(
    run: Run, clock: Clock, small_files: Callable[[int], None]
) -> None:
    small_files(0)
    run.begin("c1", {"n": 1})
    run.unfinished.append("c1", {"over": True})
    clock.advance(BEAT)
    assert run.unfinished.problem
    small_files(1 << 30)
    clock.pump([BEAT] * 3)
    assert run.unfinished.problem == ""
    assert clock.getDelayedCalls() == []


def test_a_call_whose_record_is_held_in_memory_is_not_struck_out(
    run: Run, clock: Clock, small_files: Callable[[int], None]
) -> None:
    """If the process is killed before there is room, at least it is known that there was the call."""
    run.begin("c1", {"n": 1})
    small_files(0)
    run.unfinished.append("c1", {"over": True})
    small_files(1 << 30)
    assert run.killed().records() == {"c1": {"n": 1, "alive": NOW}}


def test_what_the_last_run_left_stays_until_the_journal_has_it(
    run: Run, clock: Clock, small_files: Callable[[int], None]
) -> None:
    """With the moment up to which it is certain, also after a second kill."""
    run.begin("c1", {"n": 1})
    small_files(0)
    again = run.killed()
    clock.pump([BEAT] * 10)
    small_files(1 << 30)
    assert again.killed().records() == {"c1": {"n": 1, "alive": NOW}}


def test_a_disk_that_hangs_is_not_waited_for(run: Run, clock: Clock) -> None:
    """What comes meanwhile is written when it answers."""
    path = run.journal.directory / "unfinished"
    run.hangs = True
    run.begin("c1", {})
    clock.pump([BEAT] * 8)
    before = path.read_bytes()
    run.begin("c2", {"n": 2})
    clock.advance(BEAT)
    assert path.read_bytes() == before
    run.syncing[0].callback(None)
    clock.advance(BEAT)
    assert b'"id":"c2"' in path.read_bytes()


def test_nothing_is_done_while_nobody_talks(run: Run, clock: Clock) -> None:
    run.begin("c1", {})
    run.unfinished.append("c1", {})
    clock.pump([BEAT] * 10)
    assert clock.getDelayedCalls() == []


def test_only_the_owner_may_read_it(run: Run) -> None:
    assert (run.journal.directory / "unfinished").stat().st_mode & 0o777 == 0o600
