"""A call that is over goes by reference counting: the garbage collector, which stalls the reactor, finds nothing."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.scenarios.site import SBC, Site, Talk
from tests.scenarios.test_early_updates import ALLOW, held, reliable, ring, settle, take
from tests.scenarios.test_prack import REQUIRED
from tests.scenarios.test_transfer import dialog_of, refer

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


def ring_reliably(site: Site, talk: Talk) -> None:
    """The caller acknowledges no ring and gives up (RFC 3262)."""
    caller = site.carrier.call(fields=[("Require", "100rel")])
    site.run()
    site.teams.last.ring()
    site.run()
    caller.cancel()
    hang_up(site, talk)


def join_with_another(site: Site, talk: Talk) -> None:
    """The caller joins two calls of its own (RFC 5589 section 7); then one of the sides that stay hangs up."""
    talk.callee.answer()
    site.run()
    second = site.talking()
    replaces = dialog_of(second.caller).escaped()
    refer(talk, talk.caller, f"sip:+15551230002@{SBC}?Replaces={replaces}")
    site.run(1)
    talk.callee.bye()
    site.run()
    assert second.is_over


def pick_up(site: Site, talk: Talk) -> None:
    """Another phone of the called side answers (RFC 3891)."""
    talk.callee.ring(tag="branch")
    site.run()
    value = f"{talk.callee.call_id};to-tag={talk.callee.invite.from_.tag};from-tag=branch"
    site.teams.call(fields=[("Replaces", value)])
    site.run(1)
    talk.caller.bye()


def hold_early(site: Site, talk: Talk) -> None:
    """Callers that hold before the answer (RFC 3311): one is answered, the other gives up while it waits."""
    site.carrier.answers["UPDATE"] = 0
    for given_up in (False, True):
        early = site.ringing("other", "carrier", fields=[*REQUIRED, ALLOW])
        ring(early, "a", site.carrier.describe(), *reliable(17, ALLOW))
        settle(early)
        held(early)
        if given_up:
            early.caller.cancel()
            early.callee.waiting.clear()
        else:
            take(early)
            early.callee.answer(tag="a")
            site.run()
            early.caller.bye()
        site.run()
    hang_up(site, talk)


@pytest.mark.parametrize("end", [hang_up, refuse, give_up, ring_reliably, join_with_another, pick_up, hold_early])
def test_a_call_leaves_no_garbage(site: Site, end: Callable[[Site, Talk], object]) -> None:
    """However it ends, nothing of the call waits for the garbage collector (F-04, F-05)."""
    with nothing_to_collect():
        talk = site.ringing()
        end(site, talk)
        site.run(FOR_GOOD)
        assert talk.is_over
