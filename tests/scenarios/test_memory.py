"""A call that is over goes by reference counting: the garbage collector, which stalls the reactor, finds nothing."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.scenarios.site import Site, Talk

FOR_GOOD = 120.0
OURS = ("rustalk.call", "rustalk.media", "rustalk.ua")
"""What the switch alone uses; the peers of these tests use rustalk.sip too."""


@contextmanager
def nothing_to_collect() -> Iterator[None]:
    """Nothing of the switch is unreachable and yet alive after what happens here."""
    gc.collect()
    gc.disable()
    try:
        yield
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        kinds = {type(each).__qualname__ for each in gc.garbage if type(each).__module__.startswith(OURS)}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert kinds == set()


def hang_up(site: Site, talk: Talk) -> None:
    """Answered, and ended by the caller."""
    talk.callee.answer()
    site.run()
    talk.caller.bye()


def refuse(site: Site, talk: Talk) -> None:
    """Refused by the callee."""
    talk.callee.refuse(486)


def give_up(site: Site, talk: Talk) -> None:
    """Cancelled by the caller while it rings."""
    talk.callee.ring()
    site.run()
    talk.caller.cancel()


@pytest.mark.parametrize("end", [hang_up, refuse, give_up])
def test_a_call_leaves_no_garbage(site: Site, end: Callable[[Site, Talk], object]) -> None:
    """However it ends, nothing of the call waits for the garbage collector (F-04, F-05)."""
    with nothing_to_collect():
        talk = site.ringing()
        end(site, talk)
        site.run(FOR_GOOD)
        assert talk.is_over
