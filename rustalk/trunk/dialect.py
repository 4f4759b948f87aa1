"""How a trunk speaks about people and numbers, both ways.

Everything about a caller passes here in two steps that know nothing of each other: a `Reader` turns the header fields
of one network into a neutral `Subject`, a `Writer` makes those of the other.
"""

from __future__ import annotations

from collections.abc import Mapping

from rustalk.config.model import Manners

from .headers import asked_for
from .plan import NumberPlan
from .read import Reader
from .write import Writer

__all__ = ["Dialect", "dialects"]


class Dialect:
    """The number plan of a trunk, what reads its INVITEs, and what writes those to it."""

    __slots__ = ("plan", "reader", "writer")

    def __init__(self, manners: Manners, *, is_teams: bool = False, asked: frozenset[str] = frozenset()) -> None:
        self.plan = NumberPlan(manners)
        self.reader = Reader(manners, self.plan, is_teams=is_teams, asked=asked)
        self.writer = Writer(manners, self.plan, is_teams=is_teams)


def dialects(manners: Mapping[str, Manners], teams: str) -> dict[str, Dialect]:
    """The dialect of each trunk by its id; ``teams`` is the id of Teams. Each knows what the others ask for."""
    asked = frozenset[str]().union(*(asked_for(each.headers) for each in manners.values()))
    return {id: Dialect(each, is_teams=id == teams, asked=asked) for id, each in manners.items()}
