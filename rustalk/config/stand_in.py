"""What stands in for a value that is missing or unfit, so that the rest of its section is looked at in the same run."""

from __future__ import annotations

from typing import Any

from rustalk.config.about import About
from rustalk.config.pattern import Pattern

__all__ = ["StandIn", "stand_in"]

_ANY = Pattern("^" + "()" * 9)
"""Raises no question itself: anchored, and with every group that a replacement can name."""


class StandIn(str):
    """A text that reads like a fit one but equals nothing except itself.

    So it is no name given twice, nothing that a reference can mean, and it stops no rule that takes the text apart.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        """Compare by identity."""
        return self is other

    def __ne__(self, other: object) -> bool:
        """Compare by identity; str has a comparison of its own here, which would see the text."""
        return self is not other

    def lower(self) -> StandIn:
        """Stay itself where names are compared without regard to case."""
        return self

    def __hash__(self) -> int:
        """Hash by identity."""
        return object.__hash__(self)


def stand_in(hint: Any, about: About, *, required: bool) -> object | None:
    """Return a value of the type ``hint`` for a key described by ``about``; None where only the section can go.

    A switch counts as on, so that what it needs is looked at; any other key that is not required has its default.
    """
    if hint is bool:
        return True
    if not required:
        return None
    if hint is Pattern:
        return _ANY
    return StandIn(about.example or "") if hint is str else None
