"""Media that change before the answer; the whole of it is in tests/scenarios/test_early_updates.py."""

from __future__ import annotations

from typing import Any

import pytest

from rustalk.call.renewal import Renewal
from rustalk.media.session import MediaSession, MediaSide
from rustalk.ua.reasons import REASONS
from tests.fakes.agents import describe
from tests.fakes.relay import MemoryRelay

CALLER, CALLEE = describe("198.51.100.7"), describe("198.51.100.9")
HOLD = describe("198.51.100.7", version=2, lines=["a=sendonly"])
HELD = describe("198.51.100.9", version=2, lines=["a=recvonly"])
MOVED = describe("198.51.100.7", 4700, version=2)


class Dialog:
    """An early dialog that takes offers while ``is_free``."""

    def __init__(self, local: bytes, remote: bytes) -> None:
        self.local, self.remote = local, remote
        self.takes_offers = self.is_free = True
        self.offered: list[bytes] = []
        self.done: Any = None

    def offer(self, body: bytes, done: Any) -> bool:
        if self.is_free:
            self.offered.append(body)
            self.done = done
        return self.is_free


class Asked:
    """An offer, and what became of it."""

    withdrawn = False

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.outcome: int | bytes | None = None

    def accept(self, body: bytes) -> None:
        self.outcome = body

    def refuse(self, code: str, status: int = 0) -> None:
        self.outcome = status or REASONS[code].status


class Early:
    """A call that rings; both sides have described their media for good."""

    def __init__(self, *, direct: bool = False) -> None:
        self.relay = MemoryRelay()
        side = MediaSide(4, direct=direct, srtp="any" if direct else "off")
        self.media = MediaSession(self.relay, (side, side), random=lambda: 1)
        self.media.lease(CALLER, 0)
        told = self.media.translate(CALLER, 0)
        self.caller = Dialog(self.media.translate(CALLEE, 1), CALLER)
        self.callee = Dialog(told, CALLEE)
        self.renewal = Renewal(self.media)
        self.renewal.begin(self.caller)
        self.renewal.follow(CALLEE, self.callee)
        self.then: list[str] = []

    def offer(self, body: bytes, side: int = 0) -> Asked:
        """A side wants other media."""
        asked = Asked(body)
        self.renewal.offered(asked, side, (self.caller, self.callee)[side])
        return asked

    @property
    def places(self) -> list[Any]:
        """Where the audio of both sides goes."""
        return [place[0] for place in self.relay.streams[0].expected]


@pytest.fixture
def early() -> Early:
    """A call that rings."""
    return Early()


BEFORE = [("198.51.100.7", 4000), ("198.51.100.9", 4000)]


def test_what_changes_nothing_for_the_other_is_answered_here(early: Early) -> None:
    """HLD-04: another port of the caller, with the answer that it has already."""
    asked = early.offer(MOVED)
    assert (asked.outcome, early.callee.offered) == (early.caller.local, [])
    assert early.places == [("198.51.100.7", 4700), BEFORE[1]]


def test_an_offer_waits_for_the_branch_that_is_heard(early: Early) -> None:
    """RFC 3311: its answer crosses, and is what it said last from then on."""
    asked = early.offer(HOLD)
    assert (asked.outcome, b"a=sendonly" in early.callee.offered[0]) == (None, True)
    early.callee.done(200, HELD)
    assert isinstance(asked.outcome, bytes)
    assert b"a=recvonly" in asked.outcome


@pytest.mark.parametrize(("status", "said"), [(488, 488), (491, 491), (500, 488), (0, 488), (200, 488)])
def test_a_refusal_restores_what_was_agreed(early: Early, status: int, said: int) -> None:
    """RFC 6337 section 3; a 200 without an answer is one too."""
    asked = early.offer(HOLD)
    early.callee.done(status, b"")
    assert (asked.outcome, early.places) == (said, BEFORE)
    assert early.offer(MOVED).outcome != 491


@pytest.mark.parametrize("answer", [b"nonsense", describe("198.51.100.9", profile="RTP/SAVP")])
def test_an_answer_to_something_else(early: Early, answer: bytes) -> None:
    """RFC 3264 section 6, RFC 4568: it is checked before it crosses."""
    asked = early.offer(HOLD)
    early.callee.done(200, answer)
    assert (asked.outcome, early.places) == (488, BEFORE)


def test_an_answer_of_ours_is_one_to_what_the_called_side_offers(early: Early) -> None:
    """RFC 3264 section 6: a second line is more than the caller, who cannot be asked, has agreed to."""
    early.caller.takes_offers = False
    more = CALLEE + b"m=audio 5000 RTP/AVP 0\r\n"
    assert early.offer(more, 1).outcome == 488
    assert early.offer(describe("198.51.100.9", version=2, lines=["a=inactive"]), 1).outcome == 488
    assert early.places == BEFORE


def test_a_caller_that_has_been_told_nothing_is_not_asked(early: Early) -> None:
    """It hears of it in the answer."""
    early.caller.local = b""
    asked = early.offer(describe("198.51.100.9", 5200, version=2, lines=["a=x-new:1"]), 1)
    assert isinstance(asked.outcome, bytes)
    assert (early.caller.offered, early.places[1]) == ([], ("198.51.100.9", 5200))


def test_media_that_flow_past_us_are_the_callers_matter() -> None:
    """It sends them itself, so who cannot be asked cannot be answered for."""
    early = Early(direct=True)
    asked = early.offer(describe("198.51.100.9", 5200, version=2), 1)
    assert (asked.outcome, early.caller.offered) == (None, [describe("198.51.100.9", 5200, version=2)])
    early.caller.done(200, CALLER)
    assert asked.outcome == CALLER
    early.caller.takes_offers = False
    assert early.offer(describe("198.51.100.9", 5300, version=3), 1).outcome == 488


def test_a_side_that_is_just_asking_itself(early: Early) -> None:
    """491."""
    early.callee.is_free = False
    assert early.offer(HOLD).outcome == 491
    early.renewal.follow(b"", None)
    assert early.offer(HOLD).outcome == 491


def test_one_offer_at_a_time_and_the_answer_behind_it(early: Early) -> None:
    """RFC 3264 section 4."""
    early.offer(HOLD)
    early.renewal.settle(lambda: early.then.append("answered"))
    assert (early.offer(MOVED).outcome, early.offer(CALLEE, 1).outcome, early.then) == (491, 491, [])
    early.callee.done(200, HELD)
    early.renewal.settle(lambda: early.then.append("again"))
    assert early.then == ["answered", "again"]


def test_nothing_is_waited_for_after_the_end(early: Early) -> None:
    """487, and neither an answer nor a port that opens later changes anything."""
    asked = early.offer(HOLD)
    early.renewal.settle(lambda: early.then.append("answered"))
    early.renewal.stop()
    early.callee.done(200, HELD)
    assert (asked.outcome, early.then, early.offer(MOVED).outcome) == (487, [], 491)


def test_ports_that_open_after_the_end(early: Early) -> None:
    """A second line needs some; the call is over before they are there."""
    early.relay.slow = []
    asked = early.offer(CALLER + b"m=audio 5000 RTP/AVP 0\r\n")
    early.media.close()
    early.renewal.stop()
    early.relay.slow[0]()
    assert asked.outcome == 487


def test_an_offer_that_cannot_be_read(early: Early) -> None:
    """488, and what was agreed goes on."""
    assert (early.offer(b"nonsense").outcome, early.places) == (488, BEFORE)
