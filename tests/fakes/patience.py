"""Waiting in a test for something that a reactor brings about."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet import reactor
from twisted.internet.task import deferLater


async def until(true: Callable[[], bool], seconds: float = 3.0) -> None:
    """Let the reactor turn until something is so; AssertionError when it does not come true in time."""
    for _ in range(int(seconds / 0.02)):
        if true():
            return
        await deferLater(reactor, 0.02)
    raise AssertionError(f"it did not come true within {seconds:g} s")
