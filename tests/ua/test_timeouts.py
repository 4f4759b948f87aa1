"""Many timers, few durations."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from rustalk.ua.timeouts import Timeouts
from tests.fakes.network import run


@pytest.fixture
def clock() -> Clock:
    """Virtual time."""
    return Clock()


def test_a_timer_fires_once_in_time(clock: Clock) -> None:
    """Not before, and not again."""
    fired: list[str] = []
    Timeouts(clock).start(0.5, fired.append, "x")
    run(clock, 0.499)
    assert fired == []
    run(clock, 10)
    assert fired == ["x"]


def test_a_cancelled_timer_never_fires(clock: Clock) -> None:
    """Cancelling twice is harmless; what it would have called is let go at once."""
    fired: list[str] = []
    timeout = Timeouts(clock).start(0.5, fired.append, "x")
    timeout.cancel()
    timeout.cancel()
    run(clock, 1)
    assert not fired
    assert not timeout.active


def test_timers_of_one_duration_share_one_call_of_the_reactor(clock: Clock) -> None:
    """That is what the queues are for."""
    timeouts = Timeouts(clock)
    for _ in range(100):
        timeouts.start(32.0, list)
        run(clock, 0.01)
    assert len(clock.getDelayedCalls()) == 1
    assert len(timeouts) == 100


def test_each_timer_fires_at_its_own_time(clock: Clock) -> None:
    """Though they share a queue."""
    timeouts, fired = Timeouts(clock), []
    for number in range(3):
        timeouts.start(5.0, lambda n=number: fired.append((n, round(clock.seconds(), 3))))
        run(clock, 1)
    run(clock, 10)
    assert fired == [(0, 5.0), (1, 6.0), (2, 7.0)]


def test_an_error_stops_no_other_timer(clock: Clock) -> None:
    """It is logged."""
    timeouts, fired = Timeouts(clock), []
    timeouts.start(1.0, lambda: 1 / 0)
    timeouts.start(1.0, fired.append, "x")
    run(clock, 2)
    assert fired == ["x"]


def test_a_timer_may_start_another_of_its_duration(clock: Clock) -> None:
    """While its queue is being worked off."""
    timeouts, fired = Timeouts(clock), []

    def again() -> None:
        fired.append(clock.seconds())
        if len(fired) < 3:
            timeouts.start(1.0, again)

    timeouts.start(1.0, again)
    run(clock, 10)
    assert fired == [1.0, 2.0, 3.0]
    assert clock.getDelayedCalls() == []
