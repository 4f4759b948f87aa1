"""The health of one gateway, as a table (OPT-13).

    state     answered   failed
    unknown   up         suspect
    up        up         suspect
    suspect   up         suspect, or down with the third failure in a row
    down      up         down

A gateway that is down is still probed and still called, but after all others: Microsoft demotes and does not remove
(OPT-04), and so do we.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

__all__ = ["Health", "State"]

_PATIENCE = 3


class State(StrEnum):
    """What is believed of a gateway."""

    UNKNOWN = "unknown"
    UP = "up"
    SUSPECT = "suspect"
    DOWN = "down"


_ON_FAILURE = {
    State.UNKNOWN: State.SUSPECT,
    State.UP: State.SUSPECT,
    State.SUSPECT: State.SUSPECT,
    State.DOWN: State.DOWN,
}


class Health:
    """What is believed of one gateway, why, and since when. ``changed`` hears of each new state.

    Times are those of the clock handed in, in seconds.
    """

    __slots__ = ("_changed", "_failures", "_now", "checked", "round_trip", "since", "state", "why")

    def __init__(self, now: Callable[[], float], changed: Callable[[State, State, str], None]) -> None:
        self._now = now
        self._changed = changed
        self._failures = 0
        self.state = State.UNKNOWN
        self.why = "not asked yet"
        self.since = now()
        self.checked: float | None = None
        self.round_trip: float | None = None

    def answered(self, why: str, round_trip: float | None = None) -> None:
        """It answered; ``round_trip`` in seconds where it was measured."""
        self.checked = self._now()
        if round_trip is not None:
            self.round_trip = round_trip
        self._failures = 0
        self._enter(State.UP, why)

    def failed(self, why: str) -> None:
        """It did not answer, or cannot take calls."""
        self.checked = self._now()
        self._failures += 1
        state = State.DOWN if self._failures >= _PATIENCE else _ON_FAILURE[self.state]
        self._enter(state, why)

    def _enter(self, state: State, why: str) -> None:
        self.why = why
        if state is not self.state:
            before, self.state, self.since = self.state, state, self._now()
            self._changed(before, state, why)
