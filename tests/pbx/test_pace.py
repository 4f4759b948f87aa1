"""A line that moves at its pace, whoever asks (F-16)."""

from __future__ import annotations

from twisted.internet.task import Clock

from rustalk.pbx.pace import Pace
from tests.scenarios.site import watched_log


class Speaker:
    """Notes when it had its turn; it may have nothing to say."""

    def __init__(self, clock: Clock, said: list[float], *, speaks: bool = True) -> None:
        self.clock, self.said, self.speaks = clock, said, speaks

    def turn(self) -> bool:
        """Our turn."""
        if self.speaks:
            self.said.append(self.clock.seconds())
        return self.speaks


class Broken:
    """Has a fault."""

    def turn(self) -> bool:
        """Our turn."""
        raise ValueError("broken")


def test_nobody_speaks_before_what_they_speak_of_is_done() -> None:
    """The first turn is not the caller's."""
    clock, said = Clock(), list[float]()
    pace = Pace(clock, 100)
    pace.ask(Speaker(clock, said))
    assert not said
    clock.advance(0)
    assert said == [0.0]
    assert not clock.getDelayedCalls()


def test_so_many_a_second() -> None:
    """1000 at 100 a second take 10 seconds, and no second has more than its tenth above that."""
    clock, said = Clock(), list[float]()
    pace = Pace(clock, 100)
    for _ in range(1000):
        pace.ask(Speaker(clock, said))
    while clock.getDelayedCalls():
        clock.advance(0.01)
    assert len(said) == 1000
    assert 9.5 < said[-1] < 10.5
    assert max(sum(start <= at < start + 1 for at in said) for start in said[::10]) <= 112


def test_who_has_nothing_to_say_takes_no_turn() -> None:
    """So that a flood of changes that are none holds nobody up."""
    clock, said = Clock(), list[float]()
    pace = Pace(clock, 10)
    for _ in range(2000):
        pace.ask(Speaker(clock, said, speaks=False))
    pace.ask(Speaker(clock, said))
    clock.pump([0.02] * 6)
    assert len(said) == 1
    assert len(pace) == 0


def test_an_error_of_one_stops_no_other() -> None:
    """It is logged, and counts as a turn."""
    clock, said = Clock(), list[float]()
    pace = Pace(clock, 100)
    pace.ask(Broken())
    pace.ask(Speaker(clock, said))
    with watched_log() as failures:
        clock.advance(0)
    assert len(said) == len(failures) == 1
