"""What happens to phones and calls reaches the lamps of others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from rustalk.pbx.dialog_info import CallState
from rustalk.ua.subject import Subject, Told
from tests.pbx.desk import Desk

RINGS = CallState("c1", "early", "recipient", "1003", "Carol")


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Three registered phones; afterwards nothing may be left."""
    desk = Desk()
    yield desk
    assert not desk.leftovers()


def test_a_lamp_follows_a_call(desk: Desk) -> None:
    """It rings, is answered, is over; the version counts (RFC 4235 section 4.1)."""
    lamp = desk.watch("dialog")
    seen = [lamp.texts("state")]
    for call in (RINGS, replace(RINGS, state="confirmed")):
        desk.watching.call_changed("1002", call)
        desk.run(2)
        seen.append(lamp.texts("state"))
    desk.watching.call_ended("1002", "c1")
    desk.run(2)
    seen.append(lamp.texts("state"))
    assert seen == [[], ["early"], ["confirmed"], ["terminated"]]
    assert lamp.document.get("version") == "3"


def test_two_calls_are_two_dialogs(desk: Desk) -> None:
    """Each ends by itself, and all at once where all are named."""
    desk.watching.call_changed("1002", RINGS)
    desk.watching.call_changed("1002", replace(RINGS, id="c2"))
    desk.watching.call_changed("1002", replace(RINGS, id="c1", state="confirmed"))
    assert [(call.id, call.state) for call in desk.watching.calls.state("1002")] == [
        ("c2", "early"),
        ("c1", "confirmed"),
    ]
    desk.watching.call_ended("1002", "c1")
    assert [call.id for call in desk.watching.calls.state("1002")] == ["c2"]
    desk.watching.changed("1002", [])
    assert desk.watching.calls.state("1002") == ()


def test_legs_of_calls_are_shown_to_who_may_know(desk: Desk) -> None:
    """The other end, unless it hides; a leg of a trunk is nobody's lamp."""
    open_, hidden = Subject("1003", "1002", "Carol"), Subject("1003", "1002", "Carol", told=Told(privacy=("id",)))
    watching = desk.watching
    watching.leg_changed("extension:1003", "c1", "trying", open_, is_caller=True)
    watching.leg_changed("extension:1002", "c1", "early", open_, is_caller=False)
    watching.leg_changed("extension:1002", "c2", "early", hidden, is_caller=False)
    watching.leg_changed("carrier", "c3", "confirmed", open_, is_caller=False)
    assert watching.calls.state("1003") == (CallState("c1", "trying", "initiator", "1002"),)
    assert watching.calls.state("1002") == (RINGS, CallState("c2", "early", "recipient"))
    for peer in ("extension:1003", "extension:1002", "carrier"):
        for call in ("c1", "c2", "c3"):
            watching.leg_ended(peer, call)
    assert watching.calls._calls == {}


def test_who_talks_is_on_the_phone(desk: Desk) -> None:
    """For those who watch presence."""
    lamp = desk.watch("presence")
    desk.run(6)
    desk.watching.call_changed("1002", replace(RINGS, state="confirmed"))
    desk.run(6)
    assert lamp.texts("note") == ["On the phone"]
    desk.watching.call_ended("1002", "c1")
    desk.run(6)
    assert lamp.texts("note") == []


def test_presence_follows_the_registration(desk: Desk) -> None:
    """Gone and back, and also when it only expires."""
    lamp = desk.watch("presence", expires=3600)
    desk.locator.start()
    assert lamp.texts("basic") == ["open"]
    desk.register("1002", 0)
    desk.run(6)
    assert lamp.texts("basic") == ["closed"]
    desk.register("1002", 60)
    desk.run(6)
    assert lamp.texts("basic") == ["open"]
    desk.run(70)
    assert lamp.texts("basic") == ["closed"]
    desk.locator.stop()


def test_messages_that_wait_are_told(desk: Desk) -> None:
    """To the phones of the extension."""
    lamp = desk.watch("message-summary", "1001")
    assert b"Voice-Message: 0/0 (0/0)" in lamp.notifies[-1].body
    desk.messages["1001"] = (2, 1, 0, 0)
    desk.watching.messages_changed("1001")
    desk.run(2)
    assert b"Messages-Waiting: yes" in lamp.notifies[-1].body
    assert desk.watch("message-summary", "1002").status == 403


def test_a_phone_need_not_say_whose_messages(desk: Desk) -> None:
    """Some name only the domain."""
    lamp = desk.watch("message-summary", "", uri="sip:192.0.2.10")
    assert lamp.status == 200
    assert b"sip:1001@pbx.example.com" in lamp.notifies[-1].body
