"""Events of one leg that become requests of the other; the whole of it is in tests/scenarios/test_media_changes.py."""

from __future__ import annotations

from typing import Any, cast

import pytest

from rustalk.call import bridge
from rustalk.media.session import MediaSession, MediaSide
from rustalk.ua.offer import Offer
from rustalk.ua.reasons import REASONS
from rustalk.ua.session import Session
from tests.fakes.agents import describe
from tests.fakes.relay import MemoryRelay

CALLER, CALLEE = describe("198.51.100.7"), describe("52.114.0.1")
HOLD = describe("198.51.100.7", version=2, lines=["a=inactive"])


class Side:
    """As much of a session as the bridge uses: it takes offers while ``is_free``."""

    def __init__(self, local: bytes, remote: bytes) -> None:
        self.local, self.remote = local, remote
        self.is_free = True
        self.offered: list[bytes] = []
        self.done: Any = None

    def offer(self, body: bytes, done: Any) -> bool:
        if self.is_free:
            self.offered.append(body)
            self.done = done
        return self.is_free


class Asked:
    """An offer of the caller, and what became of it."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.withdrawn = False
        self.outcome: int | bytes | None = None

    def accept(self, body: bytes) -> None:
        self.outcome = body

    def refuse(self, code: str, status: int = 0) -> None:
        self.outcome = status or REASONS[code].status


class Call:
    """Two sides that talk."""

    def __init__(self) -> None:
        self.relay = MemoryRelay()
        self.media = MediaSession(self.relay, (MediaSide(4), MediaSide(4)), random=lambda: 1)
        self.media.lease(CALLER, 0)
        to_callee = self.media.translate(CALLER, 0)
        to_caller = self.media.translate(CALLEE, 1)
        self.media.answered()
        self.caller, self.callee = Side(to_caller, CALLER), Side(to_callee, CALLEE)

    def ask(self, body: bytes) -> Asked:
        """The caller offers this."""
        asked = Asked(body)
        sides = cast(Session, self.caller), cast(Session, self.callee)
        bridge.offered(self.media, cast(Offer, asked), 0, *sides)
        return asked


@pytest.fixture
def call() -> Call:
    """Two sides that talk."""
    return Call()


def test_an_offer_that_changes_nothing_for_the_other_is_answered_here(call: Call) -> None:
    """HLD-04: another port of the caller."""
    asked = call.ask(describe("198.51.100.7", port=6000, version=2))
    assert asked.outcome == call.caller.local
    assert call.callee.offered == []


def test_an_offer_waits_for_the_other(call: Call) -> None:
    """Its answer is turned for the asker."""
    asked = call.ask(HOLD)
    assert asked.outcome is None
    call.callee.done(200, describe("52.114.0.1", version=2, lines=["a=inactive"]))
    assert isinstance(asked.outcome, bytes)
    assert b"a=inactive" in asked.outcome


@pytest.mark.parametrize(("status", "said"), [(488, 488), (491, 491), (606, 606), (500, 488), (504, 488), (200, 488)])
def test_a_refusal_comes_back(call: Call, status: int, said: int) -> None:
    """Those that the asker understands; a 200 without a description is none."""
    asked = call.ask(HOLD)
    call.callee.done(status, b"")
    assert asked.outcome == said


def test_an_offer_that_comes_at_the_wrong_time(call: Call) -> None:
    """HLD-06: 491 when the other side has one under way."""
    call.callee.is_free = False
    assert call.ask(HOLD).outcome == 491


def test_an_offer_that_cannot_be_read(call: Call) -> None:
    """488."""
    assert call.ask(b"nonsense").outcome == 488


def test_an_offer_that_was_taken_back(call: Call) -> None:
    """The other side, which has accepted, is offered what was before."""
    asked = call.ask(HOLD)
    asked.withdrawn = True
    call.callee.local = call.callee.offered[0]
    call.callee.done(200, describe("52.114.0.1", version=2, lines=["a=inactive"]))
    assert len(call.callee.offered) == 2
    assert b"a=inactive" not in call.callee.offered[1]


def test_an_offer_that_was_taken_back_while_a_port_was_opened(call: Call) -> None:
    """The other side never hears of it."""
    call.relay.slow = []
    asked = call.ask(CALLER + b"m=audio 4002 RTP/AVP 0\r\n")
    asked.withdrawn = True
    call.relay.slow[0]()
    assert (asked.outcome, call.callee.offered) == (None, [])


def test_an_offer_whose_port_opens_after_the_end_of_the_call(call: Call) -> None:
    """481."""
    call.relay.slow = []
    asked = call.ask(CALLER + b"m=audio 4002 RTP/AVP 0\r\n")
    call.media.close()
    call.relay.slow[0]()
    assert asked.outcome == 481


def test_a_description_that_says_nothing_new_is_kept(call: Call) -> None:
    """An ACK that repeats what is known."""
    bridge.described(call.media, CALLER, 0, cast(Session, call.callee))
    assert call.callee.offered == []
