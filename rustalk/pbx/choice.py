"""In which order the destinations of a set are tried: as listed, by weight, or always alike for the same person."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

__all__ = ["Weighed", "by_hash", "by_order", "by_weight"]

_OCTETS = 6


class Weighed(Protocol):
    """One of a set: a lower ``order`` is tried first, ``weight`` is its share among those of the same order."""

    @property
    def type(self) -> str: ...

    @property
    def value(self) -> str: ...

    @property
    def order(self) -> int: ...

    @property
    def weight(self) -> int: ...


Item = TypeVar("Item", bound=Weighed)


def by_order(items: Iterable[Item]) -> list[Item]:
    """The lowest order first; equal ones as they are listed."""
    return sorted(items, key=lambda item: item.order)


def by_weight(items: Iterable[Item], below: Callable[[int], int]) -> list[Item]:
    """By order, and by chance among equals: who has twice the weight comes first twice as often.

    Those without weight come after the others. ``below(n)`` gives a random number from 0 up to n - 1.
    """
    return [each for same in _alike(items) for each in _drawn(same, below)]


def by_hash(items: Iterable[Item], key: str) -> list[Item]:
    """By order, and among equals as the ``key`` says, which is a caller or a called number.

    A key has the same order on every node and after every restart, and keeps it for the others when one is taken away.
    """
    return [each for same in _alike(items) for each in sorted(same, key=lambda item: -_score(item, key))]


def _alike(items: Iterable[Item]) -> list[list[Item]]:
    """The items of one order together, the lowest first."""
    found: dict[int, list[Item]] = {}
    for item in by_order(items):
        found.setdefault(item.order, []).append(item)
    return list(found.values())


def _drawn(items: Sequence[Item], below: Callable[[int], int]) -> list[Item]:
    """RFC 2782: one after the other, by what is left of the weights."""
    left = [item for item in items if item.weight > 0]
    drawn: list[Item] = []
    while left:
        pick = below(sum(item.weight for item in left))
        for item in left:
            pick -= item.weight
            if pick < 0:
                break
        drawn.append(item)
        left.remove(item)
    return [*drawn, *(item for item in items if item.weight <= 0)]


def _score(item: Weighed, key: str) -> float:
    """Rendezvous hashing: each item draws its own number from the key, and the highest one wins."""
    text = f"{item.type}\0{item.value}\0{key}".encode("utf-8", "replace")
    drawn = int.from_bytes(hashlib.blake2b(text, digest_size=_OCTETS).digest())
    share = (drawn + 0.5) / (1 << 8 * _OCTETS)
    return -item.weight / math.log(share) if item.weight > 0 else 0.0
