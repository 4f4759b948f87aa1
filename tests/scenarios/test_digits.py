"""Keys that people press, between sides that dial in different ways."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.agents import Leg
from tests.scenarios.site import CONFIGURATION, Site, Talk

Build = Callable[..., Site]
RELAY = ("Content-Type", "application/dtmf-relay")


def trunks(kind: str) -> list[dict[str, Any]]:
    """Both providers; the first one dials in this way."""
    return [CONFIGURATION["trunks"][0] | {"dtmf": kind}, CONFIGURATION["trunks"][1]]


def without_events(leg: Leg) -> bytes:
    """A description that knows no telephone-event."""
    text = leg.agent.describe().replace(b" 0 8 101", b" 0 8")
    return re.sub(rb"a=rtpmap:101 .*\r\n", b"", text)


def info(talk: Talk, body: bytes, kind: tuple[str, str] = RELAY) -> list[int]:
    """The called side sends INFO; the statuses of its answers."""
    answers = talk.callee.ask("INFO", body, content=kind)
    talk.site.run()
    return [answer.status for answer in answers]


@pytest.fixture
def to_info(build: Build) -> Talk:
    """Teams talks to a carrier that dials by INFO."""
    site = build(trunks=trunks("info"))
    talk = site.ringing("teams", "carrier")
    talk.callee.answer(body=without_events(talk.callee))
    site.run()
    return talk


def test_an_event_of_teams_becomes_info(to_info: Talk) -> None:
    """MED-08: what the relay hears as telephone-event reaches the carrier as Signal and Duration."""
    to_info.site.relay.streams[0].on_digit(0, "5", 160)
    to_info.site.run()
    (sent,) = to_info.callee.received("INFO")
    assert sent.get("Content-Type") == "application/dtmf-relay"
    assert sent.body == b"Signal=5\r\nDuration=160\r\n"
    to_info.end()


@pytest.mark.parametrize(
    ("kind", "body", "digit", "held"),
    [
        ("application/dtmf-relay", b"Signal=#\r\nDuration=250\r\n", "#", 250),
        ("application/dtmf-relay", b"signal = a\nduration=1\n", "A", 40),
        ("application/dtmf", b" 7\r\n", "7", 100),
    ],
)
def test_info_becomes_an_event_for_teams(to_info: Talk, kind: str, body: bytes, digit: str, held: int) -> None:
    """MED-08, HDR-09: INFO is answered here, dialled into the audio, and never sent to Teams."""
    assert info(to_info, body, ("Content-Type", kind)) == [200]
    assert to_info.site.relay.streams[0].dialled == [(0, digit, held)]
    assert to_info.caller.requests == []
    to_info.end()


def test_each_side_is_told_what_suits_it(to_info: Talk) -> None:
    """MED-08: telephone-event stands in what Teams is told, not in what the carrier is."""
    assert b"telephone-event" in to_info.caller.remote
    assert b"telephone-event" not in to_info.callee.invite.body
    to_info.end()


def test_info_that_is_no_digit(to_info: Talk) -> None:
    """HDR-09: 405, since Teams takes no INFO; nothing is dialled."""
    assert info(to_info, b"Signal=$\r\n") == [405]
    assert info(to_info, b"<media_control/>", ("Content-Type", "application/media_control+xml")) == [405]
    assert to_info.site.relay.streams[0].dialled == []
    to_info.end()


def test_tones_of_a_carrier_become_events(build: Build) -> None:
    """MED-08: a carrier that only knows tones; its digits are looked for in its audio, and played to it."""
    site = build(trunks=trunks("inband"))
    talk = site.ringing("teams", "carrier")
    talk.callee.answer(body=without_events(talk.callee))
    site.run()
    stream = site.relay.streams[0]
    assert stream.treatments is not None
    assert [side.digits for side in stream.treatments] == ["events", "tones"]
    stream.on_digit(1, "9", 80)
    stream.on_digit(0, "1", 80)
    assert stream.dialled == [(0, "9", 80), (1, "1", 80)]
    assert talk.callee.received("INFO") == []
    talk.end()


def test_a_digit_after_the_end(to_info: Talk) -> None:
    """What the relay heard last may come late; nothing is sent and nothing raised."""
    stream = to_info.site.relay.streams[0]
    to_info.end()
    stream.on_digit(0, "5", 100)
    to_info.site.run()
    assert to_info.callee.received("INFO") == []


def test_events_cross_untouched_where_both_know_them(site: Site) -> None:
    """MED-08: with the numbers of each side."""
    talk = site.ringing("teams", "carrier")
    text = site.carrier.describe().replace(b"101", b"96")
    talk.callee.answer(body=text)
    site.run()
    assert b"a=rtpmap:101 telephone-event/8000" in talk.caller.remote
    treatments = site.relay.streams[0].treatments
    assert treatments is not None
    assert [side.digits for side in treatments] == ["keep", "keep"]
    assert dict(treatments[0].payloads) == {101: 96}
    talk.end()
