"""Threads of a lane: as many as there is work for, with a queue that has an end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import gatherResults

from rustalk.store import lane
from rustalk.store.lane import Lane
from rustalk.store.session import DatabaseDownError
from rustalk.store.sqlite import Sqlite
from tests.store.numbers import insert, make, numbers


@pytest.fixture
def writing(tmp_path: Path) -> Iterator[Lane]:
    """A lane with one thread."""
    lane = Lane(Sqlite(tmp_path / "db"), 1, reactor, read_only=False)
    yield lane
    pytest_twisted.blockon(lane.close())


@pytest_twisted.ensureDeferred
async def test_one_thread_keeps_the_order(writing: Lane) -> None:
    """Each piece sees what the one before has done."""
    steps = [writing.submit(make), writing.submit(insert(2)), writing.submit(numbers), writing.submit(insert(1))]
    done = await gatherResults(steps)
    assert done[2] == [2]
    assert await writing.submit(numbers) == [1, 2]


@pytest_twisted.ensureDeferred
async def test_too_much_work_is_refused(writing: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that never catches up must not take all memory; when it does, work is taken again."""
    monkeypatch.setattr(lane, "_WAITING", 2)
    release = threading.Event()
    first, second = writing.submit(lambda session: release.wait(30)), writing.submit(make)
    with pytest.raises(DatabaseDownError, match="too slow: 2 transactions"):
        await writing.submit(make)
    assert writing.oldest is not None
    release.set()
    await gatherResults([first, second])
    assert writing.oldest is None
    assert await writing.submit(numbers) == []


@pytest_twisted.ensureDeferred
async def test_work_whose_caller_has_gone_is_done_all_the_same(writing: Lane) -> None:
    """A cancelled Deferred hears nothing more; the thread goes on."""
    cancelled = writing.submit(make)
    cancelled.addErrback(lambda reason: None)
    cancelled.cancel()
    assert await writing.submit(numbers) == []


@pytest_twisted.ensureDeferred
async def test_a_lane_without_a_connection_closes_soon(tmp_path: Path) -> None:
    """What waits fails at once after the first that cannot connect, instead of each trying for itself."""
    (tmp_path / "file").write_text("")
    tries: list[bool] = []
    release = threading.Event()

    class Counted(Sqlite):
        def connect(self, *, read_only: bool):
            tries.append(read_only)
            release.wait(30)
            return super().connect(read_only=read_only)

    lane = Lane(Counted(tmp_path / "file" / "db"), 1, reactor, read_only=False)
    work = [lane.submit(make) for _ in range(5)]
    for each in work:
        each.addErrback(lambda reason: reason.trap(DatabaseDownError))
    closed = lane.close()
    release.set()
    await closed
    assert await gatherResults(work) == [DatabaseDownError] * 5
    assert tries == [False]
