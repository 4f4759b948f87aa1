"""Digits by INFO, one at a time."""

from __future__ import annotations

from typing import Any, cast

import pytest
from twisted.internet.task import Clock

from rustalk.call.course import Course
from rustalk.call.dialler import Dialler
from rustalk.call.digits import Digit
from rustalk.call.leg import Leg
from rustalk.sip.message import Response
from rustalk.ua.timeouts import Timeouts


class Wire:
    """Where a leg leads."""

    peer = ("198.51.100.7", 5060)
    transport = "UDP"


class Talk:
    """A session that remembers what it was asked to send."""

    local = remote = b""
    ended = False

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.listener: Any = None

    def ask(self, method: str, fields: Any, body: bytes, listener: Any) -> None:
        self.sent.append(body.split(b"\r\n")[0])
        self.listener = listener

    def answer(self, status: int) -> None:
        """The peer answers the last one."""
        self.listener.response_received(Response(status), None)


@pytest.fixture
def talk() -> Talk:
    """A talk."""
    return Talk()


@pytest.fixture
def dialler(talk: Talk) -> Dialler:
    """A dialler to it."""
    leg = Leg("carrier", Wire(), "call", lambda leg, event: None, Course(Timeouts(cast(Any, Clock())).now), 1)
    leg.session = cast(Any, talk)
    return Dialler(leg)


def test_the_next_digit_waits_for_the_answer(talk: Talk, dialler: Dialler) -> None:
    """Whatever the answer is; a provisional one is none."""
    for digit in "123":
        dialler.dial(Digit(digit))
    assert talk.sent == [b"Signal=1"]
    talk.answer(100)
    talk.answer(200)
    talk.answer(415)
    assert talk.sent == [b"Signal=1", b"Signal=2", b"Signal=3"]


def test_a_flood_is_cut(talk: Talk, dialler: Dialler) -> None:
    """A peer that dials faster than the other one answers fills no memory and sends no storm."""
    for _ in range(1000):
        dialler.dial(Digit("5"))
    for _ in range(100):
        talk.answer(200)
    assert len(talk.sent) == 17


def test_silence_is_passed_over(talk: Talk, dialler: Dialler) -> None:
    """The next digit goes out when the transaction has given up."""
    dialler.dial(Digit("1"))
    dialler.dial(Digit("2"))
    talk.listener.request_failed("timeout")
    assert talk.sent == [b"Signal=1", b"Signal=2"]


def test_nobody_is_dialled_after_the_end(talk: Talk, dialler: Dialler) -> None:
    """The session is over."""
    talk.ended = True
    dialler.dial(Digit("1"))
    assert talk.sent == []
