"""Where an extension sends the calls that it does not take."""

from __future__ import annotations

from typing import Any

import pytest

from rustalk.config.model import CallForwarding, Extension
from rustalk.pbx.forwarding import Forward, Outcome, forwarded, outcome_of, redirected
from rustalk.ua.reasons import REASONS
from tests.pbx.plans import phone


def alice(voicemail: bool = False, do_not_disturb: bool = False, **forwarding: Any) -> Extension:
    """An extension with these forwards."""
    keys: dict[str, Any] = {"voicemail_enabled": voicemail, "do_not_disturb": do_not_disturb}
    return phone("1001", call_forwarding=CallForwarding(**forwarding), **keys)


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (486, "far_end", "busy"),
        (603, "far_end", "busy"),
        (480, "far_end", "no_answer"),
        (408, "ring_timeout", "no_answer"),
        (503, "no_target", "unreachable"),
        (503, "target_silent", "unreachable"),
        (404, "far_end", "unreachable"),
        (488, "bad_media", "refused"),
        (403, "far_end", "refused"),
    ],
)
def test_what_became_of_a_call(status: int, code: str, outcome: str) -> None:
    """By the code of our own reasons, else by the status of the phone."""
    assert code in REASONS
    assert outcome_of(status, code) == outcome


@pytest.mark.parametrize(
    ("outcome", "forward"),
    [
        ("busy", Forward("2", 486)),
        ("no_answer", Forward("3", 408)),
        ("unreachable", Forward("4", 503)),
        ("refused", None),
    ],
)
def test_each_outcome_has_its_place(outcome: Outcome, forward: Forward | None) -> None:
    """With the cause that RFC 7544 gives it."""
    assert forwarded(alice(busy="2", no_answer="3", unreachable="4"), outcome) == forward


def test_a_phone_that_is_not_there_does_not_answer_either() -> None:
    """Unless it has a place of its own for that."""
    assert forwarded(alice(no_answer="3"), "unreachable") == Forward("3", 503)
    assert forwarded(alice(busy="2"), "unreachable") is None


def test_what_nothing_else_takes_goes_to_the_box() -> None:
    """Where the extension has one and boxes take calls."""
    assert forwarded(alice(voicemail=True), "busy", voicemail=True) == Forward("", 486)
    assert forwarded(alice(voicemail=True, busy="2"), "busy", voicemail=True) == Forward("2", 486)
    assert forwarded(alice(voicemail=True), "busy") is None
    assert forwarded(alice(), "busy", voicemail=True) is None
    assert forwarded(alice(voicemail=True), "refused", voicemail=True) is None


def test_a_forward_of_every_call_comes_before_the_phone_rings() -> None:
    """Also before do not disturb."""
    assert redirected(alice(always="5", do_not_disturb=True)) == Forward("5", 302)
    assert redirected(alice(busy="2")) is None


def test_who_wants_no_calls_is_busy() -> None:
    """The forward for that, the box, or a refusal that says why."""
    assert redirected(alice(do_not_disturb=True, busy="2")) == Forward("2", 480)
    assert redirected(alice(do_not_disturb=True, voicemail=True), voicemail=True) == Forward("", 480)
    assert redirected(alice(do_not_disturb=True)) == "do_not_disturb"
    assert REASONS["do_not_disturb"].status == 480
