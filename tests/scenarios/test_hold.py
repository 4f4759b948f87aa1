"""Hold in all the ways that a side can say it, and what the other one may hear of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from rustalk.sip.message import Response
from tests.fakes.agents import Leg
from tests.scenarios.site import Site, Talk

WAYS = pytest.mark.parametrize("way", ["sendonly", "recvonly", "inactive", "zero"])
PAIRS = pytest.mark.parametrize(("holder", "held"), [("carrier", "teams"), ("teams", "carrier"), ("other", "carrier")])
ANSWERS = {"sendonly": b"recvonly", "recvonly": b"sendonly", "inactive": b"inactive", "zero": b"inactive"}


def describe(leg: Leg, way: str, version: int) -> bytes:
    """The side's own description, held in this way; 'sendrecv' resumes."""
    lines = [] if way == "zero" else [f"a={way}"]
    text = leg.agent.describe(version=version, lines=lines)
    return re.sub(rb"c=IN IP4 \S+", b"c=IN IP4 0.0.0.0", text) if way == "zero" else text


def say(talk: Talk, leg: Leg, way: str, version: int) -> Response:
    """Send a re-INVITE; its final answer."""
    answers = leg.ask("INVITE", describe(leg, way, version))
    talk.site.run()
    assert answers[-1].status == 200
    return answers[-1]


def answer_as(leg: Leg, way: str) -> None:
    """Let a side answer a hold as RFC 3264 section 6.1 says."""
    leg.local = leg.agent.describe(version=7, lines=[f"a={ANSWERS[way].decode()}"])


def direction(body: bytes) -> bytes:
    """What a description says of the direction."""
    found: Any = re.search(rb"a=(sendrecv|sendonly|recvonly|inactive)\r", body)
    return found[1] if found else b"sendrecv"


@WAYS
@PAIRS
def test_hold_and_resume(site: Site, holder: str, held: str, way: str) -> None:
    """HLD-01, HLD-02, HLD-03: Teams hears nothing but inactive, never 0.0.0.0; who holds gets an answer that fits."""
    talk = site.talking(holder, held)
    before = place(talk.callee.remote)
    answer_as(talk.callee, "inactive" if held == "teams" else way)
    answer = say(talk, talk.caller, way, 2)
    offer = talk.callee.received("INVITE")[-1].body
    expected = b"inactive" if held == "teams" or way == "zero" else way.encode()
    assert direction(offer) == expected
    assert place(offer) == before
    assert b"0.0.0.0" not in offer + answer.body
    assert direction(answer.body) in ({b"inactive"} if holder == "teams" else {b"inactive", ANSWERS[way]})
    talk.callee.local = b""
    answer = say(talk, talk.caller, "sendrecv", 3)
    assert direction(talk.callee.received("INVITE")[-1].body) == direction(answer.body) == b"sendrecv"
    assert place(talk.callee.remote) == before
    talk.end()


def place(body: bytes) -> tuple[bytes, bytes]:
    """Address and port of a description."""
    found: Any = re.search(rb"c=IN IP4 (\S+)", body), re.search(rb"m=audio (\d+)", body)
    return found[0][1], found[1][1]


@WAYS
def test_the_called_side_holds(site: Site, way: str) -> None:
    """HLD-01, HLD-02: a carrier that was called puts Teams on hold, and takes it back."""
    talk = site.talking("teams", "carrier")
    answer_as(talk.caller, "inactive")
    say(talk, talk.callee, way, 2)
    assert direction(talk.caller.received("INVITE")[-1].body) == b"inactive"
    talk.caller.local = b""
    say(talk, talk.callee, "sendrecv", 3)
    assert direction(talk.caller.received("INVITE")[-1].body) == b"sendrecv"
    talk.end()


def test_teams_resumes_at_another_processor(site: Site) -> None:
    """HLD-03, MED-05: hold, then back with other port and key; the relay follows, and the carrier is not moved."""
    talk = site.talking()
    say(talk, talk.callee, "inactive", 2)
    before = place(talk.caller.remote)
    answers = talk.callee.ask("INVITE", other_key(site.teams.describe(port=7700, version=3, lines=["a=sendrecv"])))
    site.run()
    stream = site.relay.streams[0]
    assert answers[-1].status == 200
    assert stream.expected[1][0] == ("52.114.0.1", 7700)
    assert stream.treatments is not None
    assert stream.treatments[1].receive is not None
    assert stream.treatments[1].receive.secret == bytes(range(30))
    assert place(talk.caller.remote) == before
    talk.end()


def other_key(body: bytes) -> bytes:
    """The description with the key of the bytes 0 to 29."""
    return re.sub(rb"inline:[^|\r]+", b"inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd", body)


@PAIRS
def test_a_phone_that_resumes_by_asking_for_an_offer(site: Site, holder: str, held: str) -> None:
    """HLD-03, HDR-11: hold, then a re-INVITE without a description, as PBXs do: it is offered sendrecv."""
    talk = site.talking(holder, held)
    answer_as(talk.callee, "inactive")
    say(talk, talk.caller, "inactive", 2)
    talk.callee.local = b""
    site.side(holder).acks = False
    answers = talk.caller.ask("INVITE")
    site.run()
    assert direction(answers[-1].body) == b"sendrecv"
    assert place(answers[-1].body) == place(talk.caller.remote)
    talk.caller.ack(talk.caller.asked.cseq.number, describe(talk.caller, "sendrecv", 3))
    site.run()
    assert [direction(offer.body) for offer in talk.callee.received("INVITE")] == [b"inactive", b"sendrecv"]
    talk.end()


def test_a_phone_that_asks_for_an_offer_and_holds_on(site: Site) -> None:
    """RFC 6337: its answer says so, and Teams hears inactive again."""
    talk = site.talking()
    answer_as(talk.callee, "inactive")
    say(talk, talk.caller, "sendonly", 2)
    talk.callee.local = b""
    site.carrier.acks = False
    talk.caller.ask("INVITE")
    site.run()
    answer_as(talk.callee, "inactive")
    talk.caller.ack(talk.caller.asked.cseq.number, describe(talk.caller, "sendonly", 2))
    site.run()
    heard = [direction(offer.body) for offer in talk.callee.received("INVITE")]
    assert heard == [b"inactive", b"sendrecv", b"inactive"]
    talk.end()


@PAIRS
def test_a_phone_without_an_address_that_resumes_by_asking_for_an_offer(site: Site, holder: str, held: str) -> None:
    """HLD-02, RFC 6337 section 5.3: on hold at 0.0.0.0 it is offered what the other side can; its ACK says where."""
    talk = site.talking(holder, held)
    before = place(talk.caller.remote)
    answer_as(talk.callee, "inactive")
    say(talk, talk.caller, "zero", 2)
    talk.callee.local = b""
    site.side(holder).acks = False
    answers = talk.caller.ask("INVITE")
    site.run()
    assert (direction(answers[-1].body), place(answers[-1].body)) == (b"sendrecv", before)
    talk.caller.ack(talk.caller.asked.cseq.number, talk.caller.agent.describe(version=3, port=4600))
    site.run()
    assert [direction(offer.body) for offer in talk.callee.received("INVITE")] == [b"inactive", b"sendrecv"]
    assert site.relay.streams[0].expected[0][0] == (talk.caller.agent.hosts[0], 4600)
    assert talk.caller.received("INVITE") == []
    talk.end()


def test_a_call_that_begins_nowhere(site: Site) -> None:
    """RFC 3725 section 4.2: a controller calls with a black hole, then asks for an offer."""
    body = re.sub(rb"c=IN IP4 \S+", b"c=IN IP4 0.0.0.0", site.carrier.describe())
    talk = site.talking("carrier", "teams", body=body)
    site.carrier.acks = False
    answers = talk.caller.ask("INVITE")
    site.run()
    assert direction(answers[-1].body) == b"sendrecv"
    talk.caller.ack(talk.caller.asked.cseq.number, site.carrier.describe(version=3))
    site.run()
    assert direction(talk.callee.remote) == b"sendrecv"
    assert site.relay.streams[0].expected[0][0] == ("198.51.100.7", 4000)
    talk.end()


@pytest.mark.parametrize("way", ["zero", ""])
def test_a_phone_without_an_address_that_holds_on(site: Site, way: str) -> None:
    """RFC 6337: its ACK says so, or nothing at all: the other side hears nothing, and the call goes on."""
    talk = site.talking()
    answer_as(talk.callee, "inactive")
    say(talk, talk.caller, "zero", 2)
    site.carrier.acks = False
    talk.caller.ask("INVITE")
    site.run()
    talk.caller.ack(talk.caller.asked.cseq.number, describe(talk.caller, way, 3) if way else b"")
    site.run()
    assert len(talk.callee.received("INVITE")) == 1
    talk.callee.local = b""
    site.carrier.acks = True
    answer = say(talk, talk.caller, "sendrecv", 4)
    assert direction(talk.callee.remote) == direction(answer.body) == b"sendrecv"
    talk.end()


def test_the_other_side_holds_when_a_phone_without_an_address_resumes(site: Site) -> None:
    """HLD-01: it was offered sendrecv, and is told in a re-INVITE that the other side still holds."""
    talk = site.talking("other", "carrier")
    answer_as(talk.callee, "inactive")
    say(talk, talk.caller, "zero", 2)
    site.other.acks = False
    talk.caller.ask("INVITE")
    site.run()
    talk.caller.local = talk.caller.agent.describe(version=4, lines=["a=inactive"])
    talk.caller.ack(talk.caller.asked.cseq.number, talk.caller.agent.describe(version=3))
    site.run()
    assert [direction(offer.body) for offer in talk.caller.received("INVITE")] == [b"inactive"]
    talk.end()


def test_both_sides_hold(site: Site) -> None:
    """HLD-01: one resumes and the other one does not: still inactive."""
    talk = site.talking()
    answer_as(talk.callee, "inactive")
    say(talk, talk.caller, "sendonly", 2)
    answer_as(talk.caller, "inactive")
    say(talk, talk.callee, "inactive", 8)
    answer_as(talk.callee, "inactive")
    answer = say(talk, talk.caller, "sendrecv", 3)
    assert direction(answer.body) == b"inactive"
    talk.end()


def test_music_on_hold_crosses_between_providers(site: Site) -> None:
    """HLD-03: sendonly is not inactive for those who know it: the music of who holds is heard."""
    talk = site.talking("other", "carrier")
    answer_as(talk.callee, "sendonly")
    answer = say(talk, talk.caller, "sendonly", 2)
    assert direction(talk.callee.received("INVITE")[-1].body) == b"sendonly"
    assert direction(answer.body) == b"recvonly"
    talk.end()


def test_a_long_hold_is_not_silence(build: Callable[..., Site]) -> None:
    """media.timeout: while a side holds, nobody has to send anything."""
    site = build(media={"timeout": 30})
    talk = site.talking()
    answer_as(talk.callee, "inactive")
    say(talk, talk.caller, "inactive", 2)
    assert not site.relay.streams[0].watched
    answer_as(talk.callee, "inactive")
    say(talk, talk.caller, "sendrecv", 3)
    talk.end()
