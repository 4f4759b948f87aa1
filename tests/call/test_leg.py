"""One side of a call, speaking only events."""

from __future__ import annotations

from typing import Any, cast

import pytest
from twisted.internet.task import Clock

from rustalk.call.course import Course
from rustalk.call.events import Described, Ended, Event, Refused
from rustalk.call.leg import CalleeLeg, CallerLeg, Leg
from rustalk.ua.timeouts import Timeouts
from tests.fakes.agents import describe
from tests.fakes.messages import make_request, make_response
from tests.ua.ends import Ends

INVITE = make_request("INVITE")


@pytest.fixture
def heard() -> list[Event]:
    """What the legs said."""
    return []


def make_leg(kind: type[CallerLeg] | type[CalleeLeg], heard: list[Event]) -> Leg:
    """A leg of this kind."""
    return kind(
        "carrier", Ends().flow, "id", lambda leg, event: heard.append(event), Course(Timeouts(cast(Any, Clock())).now)
    )


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        ("bye", "normal"),
        ("gone", "peer_gone"),
        ("lost", "peer_lost"),
        ("no_ack", "no_ack"),
        ("session_expired", "session_expired"),
    ],
)
def test_how_a_session_ends(heard: list[Event], cause: str, code: str) -> None:
    """Each cause has a code of the registry; all but BYE are ends that we make."""
    make_leg(CallerLeg, heard).session_ended(cause, None)
    assert heard == [Ended(code, by_switch=cause != "bye")]


def test_the_reason_of_a_bye_crosses(heard: list[Event]) -> None:
    """RFC 3326."""
    make_leg(CalleeLeg, heard).session_ended("bye", make_request("BYE", "Reason: SIP;cause=600"))
    assert heard == [Ended("normal", "SIP;cause=600")]


def test_a_caller_that_gives_up_or_is_lost(heard: list[Event]) -> None:
    """CANCEL brings its Reason; a lost connection has none."""
    leg = make_leg(CallerLeg, heard)
    assert isinstance(leg, CallerLeg)
    leg.call_cancelled(make_request("CANCEL", "Reason: SIP;cause=200"))
    leg.call_cancelled(None)
    assert heard == [Ended("caller_cancelled", "SIP;cause=200"), Ended("caller_lost")]


def test_a_callee_that_refuses_or_is_silent(heard: list[Event]) -> None:
    """A refusal has status and phrase, silence only a cause."""
    leg = make_leg(CalleeLeg, heard)
    assert isinstance(leg, CalleeLeg)
    leg.refused(make_response(INVITE, 603, "Reason: Q.850;cause=21"))
    leg.unanswered("silent")
    assert heard == [Refused(603, "", "Decline", "Q.850;cause=21"), Refused(0, "silent")]


def test_a_description_in_an_ack(heard: list[Event]) -> None:
    """It crosses as it is."""
    make_leg(CallerLeg, heard).answer_received(describe("198.51.100.7"))
    assert heard == [Described(describe("198.51.100.7"))]
