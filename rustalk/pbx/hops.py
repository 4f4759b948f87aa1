"""The places that a call was sent to on its way, so that groups, forwards and numbers that lead to each other end.

Every step that a switch decides by itself goes through here: a number that leads to a group, a group that flows over, a
phone that forwards. A place that the call has been at ends it, and so does a way that is too long.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MOST_HOPS", "Hops"]

MOST_HOPS = 20
"""The places that one call may be sent to; a plan that needs more is one that nobody understands."""


@dataclass(frozen=True, slots=True)
class Hops:
    """The way of a call so far, the first place first. A place is its kind and its name, as ("Extension", "1001")."""

    places: tuple[tuple[str, str], ...] = ()

    def to(self, kind: str, name: str) -> Hops | str:
        """The way with one more place, or the code of the reason why the call ends: it goes round, or on and on."""
        place = (kind, name)
        if place in self.places:
            return "forward_loop"
        if len(self.places) >= MOST_HOPS:
            return "too_many_forwards"
        return Hops((*self.places, place))

    def __str__(self) -> str:
        """The way in words, for the log: ``RingGroup sales, Extension 1001``."""
        return ", ".join(f"{kind} {name}" for kind, name in self.places)
