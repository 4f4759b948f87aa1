"""Things run out at their second, and nothing is left of those that were dropped."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from rustalk.pbx.deadlines import Deadlines
from tests.scenarios.site import watched_log


@pytest.fixture
def clock() -> Clock:
    """At no whole second."""
    clock = Clock()
    clock.advance(7.3)
    return clock


def test_each_runs_out_once_and_in_order(clock: Clock) -> None:
    """At most a second late."""
    gone: list[tuple[str, float]] = []
    deadlines: Deadlines[str] = Deadlines(clock, lambda item: gone.append((item, clock.seconds())))
    deadlines.set("later", 5)
    deadlines.set("soon", 2)
    assert deadlines.left("later") == 5
    for _ in range(80):
        clock.advance(0.1)
    assert [item for item, _ in gone] == ["soon", "later"]
    assert all(asked <= when - 7.3 <= asked + 1.71 for (_, when), asked in zip(gone, (2, 5), strict=True))
    assert not clock.getDelayedCalls()
    assert deadlines.left("soon") == 0


def test_what_is_set_anew_or_dropped_leaves_nothing(clock: Clock) -> None:
    """However often."""
    gone: list[str] = []
    deadlines: Deadlines[str] = Deadlines(clock, gone.append)
    for seconds in range(1000):
        deadlines.set("again", 3600 - seconds)
    deadlines.drop("again")
    deadlines.drop("never")
    assert (len(deadlines), deadlines._due, deadlines._seconds) == (0, {}, {})
    clock.pump([1.0, 1.0])
    assert not clock.getDelayedCalls()
    assert not gone


def test_a_clock_that_jumps_misses_none(clock: Clock) -> None:
    """A process that was stopped for an hour."""
    gone: list[int] = []
    deadlines: Deadlines[int] = Deadlines(clock, gone.append)
    for seconds in (1, 50, 500):
        deadlines.set(seconds, seconds)
    clock.advance(3600)
    assert gone == [1, 50, 500]


def test_an_error_of_one_stops_no_other(clock: Clock) -> None:
    """It is logged."""
    gone: list[str] = []

    def expired(item: str) -> None:
        gone.append(item)
        if item == "a":
            raise ValueError(item)

    deadlines: Deadlines[str] = Deadlines(clock, expired)
    deadlines.set("a", 1)
    deadlines.set("b", 1)
    with watched_log() as failures:
        clock.pump([1.0, 1.0])
    assert gone == ["a", "b"]
    assert len(failures) == 1
