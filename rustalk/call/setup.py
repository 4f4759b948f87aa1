"""Calling somebody: the targets in turn until one answers, or says something that another one would not change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rustalk.transport.errors import TransportError
from rustalk.ua.reasons import REASONS

from .events import Refused
from .target import Target

__all__ = ["Caller", "hunt"]

_OTHERS_MAY = frozenset(("ring_timeout", "trunk_full", "trunk_too_fast", "extension_busy"))
"""Refusals of our own that say nothing of the next target."""


class Caller(Protocol):
    """What the hunt needs of a call."""

    @property
    def progressed(self) -> bool:
        """Whether the caller has heard a ring (FO-04)."""

    async def attempt(self, target: Target) -> Refused | None:
        """Call this target: None when it answered; fails with TransportError when it cannot be reached."""

    def refused(self, refusal: Refused) -> None:
        """Nobody answered; this is the last word."""


async def hunt(call: Caller, targets: Sequence[Target]) -> None:
    """Try the targets in their order (FO-01); cancelling the hunt cancels the target that rings.

    A refusal whose cause has a code of the registry is our own, and another target would not change most of them.
    """
    refusal = Refused(0, "no_target")
    for target in targets:
        try:
            outcome = await call.attempt(target)
        except TransportError as error:
            target.failed(f"{error.cause}: {error.reason}")
            refusal = Refused(0, "target_unreachable", reason=error.reason)
            continue
        if outcome is None:
            return
        refusal = outcome
        if refusal.cause in _OTHERS_MAY:
            continue
        if refusal.cause in REASONS or not target.moves_on(refusal.status, call.progressed):
            break
    call.refused(refusal)
