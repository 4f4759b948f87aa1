"""The health of one gateway."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from rustalk.trunk.health import Health, State


class Watched:
    """A gateway's health and its changes."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.changes: list[tuple[str, str]] = []
        self.health = Health(self.clock.seconds, lambda before, after, why: self.changes.append((before, after)))

    def play(self, script: str) -> list[str]:
        """The state after each step: + answered, - failed."""
        states = []
        for step in script:
            self.clock.advance(60)
            if step == "+":
                self.health.answered("200", 0.02)
            else:
                self.health.failed("silence")
            states.append(str(self.health.state))
        return states


@pytest.mark.parametrize(
    ("script", "states"),
    [
        ("++---+", ["up", "up", "suspect", "suspect", "down", "up"]),
        ("---", ["suspect", "suspect", "down"]),
        ("--+--+", ["suspect", "suspect", "up", "suspect", "suspect", "up"]),
        ("----", ["suspect", "suspect", "down", "down"]),
    ],
)
def test_the_table(script: str, states: list[str]) -> None:
    """OPT-13."""
    assert Watched().play(script) == states


def test_it_says_why_and_since_when() -> None:
    """The moment of the change, not of the last check."""
    watched = Watched()
    watched.play("+++")
    health = watched.health
    assert (health.state, health.why, health.since, health.checked) == (State.UP, "200", 60, 180)
    assert health.round_trip == 0.02


def test_only_changes_are_told() -> None:
    """One line of the log for each."""
    watched = Watched()
    watched.play("++---++")
    assert watched.changes == [("unknown", "up"), ("up", "suspect"), ("suspect", "down"), ("down", "up")]
