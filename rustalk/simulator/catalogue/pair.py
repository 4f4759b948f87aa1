"""A call through the SBC seen from both of its ends at once."""

from __future__ import annotations

from dataclasses import dataclass

from ..call import Call
from ..placed import PlacedCall
from ..taken import TakenCall

__all__ = ["Pair"]


@dataclass(frozen=True, slots=True)
class Pair:
    """``placed`` is the end that called, ``taken`` the one that was called."""

    placed: PlacedCall
    taken: TakenCall

    @property
    def teams(self) -> Call:
        """The end at Teams."""
        return self.placed if self.placed.style.upper else self.taken

    @property
    def carrier(self) -> Call:
        """The other end."""
        return self.taken if self.placed.style.upper else self.placed
