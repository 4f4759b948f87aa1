"""Which gateway next: by health, priority and weight, and after which failure another one is tried."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from .gateway import Gateway
from .health import State

__all__ = ["Failover", "in_order", "shared"]

# The callee's own decisions, and what another host would answer the same (FO-03).
_FINAL = frozenset((403, 404, 480, 484, 486, 487, 488, 600, 603, 604, 606, 607, 608))


class Failover:
    """After which outcome of an INVITE the next gateway is tried (FO-02, FO-03, FO-04)."""

    __slots__ = ("_codes",)

    def __init__(self, codes: Iterable[int]) -> None:
        self._codes = frozenset(codes) - _FINAL

    def moves_on(self, status: int, progressed: bool) -> bool:
        """``status`` 0 means that no final response came; after an 18x nobody else is called."""
        return not progressed and (status == 0 or status in self._codes)


def in_order(gateways: Sequence[Gateway]) -> list[Gateway]:
    """In their own order, those that are down last (FO-01)."""
    return sorted(gateways, key=lambda gateway: gateway.health.state is State.DOWN)


def shared(gateways: Sequence[Gateway], below: Callable[[int], int]) -> list[Gateway]:
    """By priority, and by weight among equals (RFC 2782), all alike where none has any; those that are down last.

    ``below(n)`` gives a random number from 0 up to n - 1.
    """
    if len(gateways) == 1:
        return list(gateways)
    chosen: list[Gateway] = []
    for priority in sorted({gateway.priority for gateway in gateways}):
        left = [gateway for gateway in gateways if gateway.priority == priority]
        while left:
            plain = not any(gateway.weight for gateway in left)
            pick = below(len(left) if plain else sum(gateway.weight for gateway in left))
            for gateway in left:
                pick -= 1 if plain else gateway.weight
                if pick < 0:
                    break
            chosen.append(gateway)
            left.remove(gateway)
    return in_order(chosen)
