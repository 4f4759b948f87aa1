"""INVITEs and re-INVITEs that bring no description: we offer, and the ACK answers (HDR-11)."""

from __future__ import annotations

import re

import pytest

from tests.scenarios.site import Site, Talk

BOTH = pytest.mark.parametrize(("caller", "callee"), [("carrier", "teams"), ("other", "carrier"), ("teams", "carrier")])
NOTHING = b""


@pytest.fixture
def late(site: Site) -> Talk:
    """A carrier's call to Teams without a description, answered and acknowledged with one."""
    site.carrier.acks = False
    talk = site.talking(body=NOTHING)
    talk.caller.ack(body=site.carrier.describe(port=4400))
    site.run()
    return talk


@BOTH
def test_the_called_side_always_gets_an_offer(site: Site, caller: str, callee: str) -> None:
    """HDR-11: ours, with our address, and in SRTP with one key of ours for Teams."""
    talk = site.ringing(caller, callee, body=NOTHING)
    offer = talk.callee.invite.body
    assert b"m=audio" in offer
    assert b"c=IN IP4 203.0.113.10" in offer
    assert (b"RTP/SAVP " in offer, b"a=crypto:" in offer) == (callee == "teams", callee == "teams")
    talk.caller.cancel()
    site.run()


def test_the_200_offers_and_the_ack_answers(late: Talk) -> None:
    """HDR-11: audio goes to where the ACK says, and Teams is not asked again."""
    site = late.site
    answer = late.caller.responses[-1].body
    assert b"m=audio" in answer
    assert b"RTP/SAVP" not in answer
    assert site.relay.streams[0].expected[0][0] == ("198.51.100.7", 4400)
    assert late.callee.received("INVITE") == []
    late.end()


def test_an_ack_that_answers_nothing_ends_the_call(site: Site) -> None:
    """RFC 3261 section 13.2.1: both sides hear BYE with the reason."""
    site.carrier.acks = False
    talk = site.talking(body=NOTHING)
    talk.caller.ack()
    site.run()
    assert talk.is_over
    assert "bad_media" in (talk.caller.received("BYE")[0].get("Reason") or "")
    assert site.record.reason == "bad_media"


def test_an_answer_that_cannot_be_read_ends_nothing_else(site: Site) -> None:
    """A broken description in the ACK raises nothing, and the caller can still hang up."""
    site.carrier.acks = False
    talk = site.talking(body=NOTHING)
    talk.caller.ack(body=b"nonsense")
    site.run()
    talk.end()


def test_a_carrier_that_is_on_hold_from_the_start(site: Site) -> None:
    """HLD-01: the answer in the ACK says sendonly; Teams hears inactive in a re-INVITE, at the same address."""
    site.carrier.acks = False
    talk = site.talking(body=NOTHING)
    before = talk.callee.invite.body
    talk.caller.ack(body=site.carrier.describe(lines=["a=sendonly"]))
    site.run()
    (offer,) = talk.callee.received("INVITE")
    assert b"a=inactive" in offer.body
    assert b"a=sendonly" not in offer.body
    assert place(offer.body) == place(before)
    talk.end()


def place(body: bytes) -> tuple[bytes, bytes]:
    """Where a description leads: address and port."""
    found = re.search(rb"c=IN IP4 (\S+)", body), re.search(rb"m=audio (\d+)", body)
    assert found[0] is not None
    assert found[1] is not None
    return found[0][1], found[1][1]


def test_a_reinvite_without_an_offer_that_is_answered_otherwise(site: Site) -> None:
    """HDR-11: the 200 repeats our description, and an ACK that takes another port moves the audio, not Teams."""
    talk = site.talking()
    site.carrier.acks = False
    answers = talk.caller.ask("INVITE")
    site.run()
    assert place(answers[-1].body) == place(talk.caller.remote)
    talk.caller.ack(talk.caller.asked.cseq.number, site.carrier.describe(port=4600, version=2))
    site.run()
    assert site.relay.streams[0].expected[0][0] == ("198.51.100.7", 4600)
    assert talk.callee.received("INVITE") == []
    talk.end()


def test_a_hold_in_the_ack_of_a_reinvite_reaches_teams(site: Site) -> None:
    """HLD-01, HDR-11: Teams is never sent a re-INVITE without a description."""
    talk = site.talking()
    site.carrier.acks = False
    talk.caller.ask("INVITE")
    site.run()
    talk.caller.ack(talk.caller.asked.cseq.number, site.carrier.describe(version=2, lines=["a=sendonly"]))
    site.run()
    (offer,) = talk.callee.received("INVITE")
    assert b"a=inactive" in offer.body
    assert all(invite.body for invite in site.teams.requests("INVITE"))
    talk.end()


def test_early_media_for_a_caller_that_has_not_offered(site: Site) -> None:
    """HDR-11, MED-16: the 183 tells where we listen, the 200 says the same, and the ACK answers."""
    site.carrier.acks = False
    talk = site.ringing(body=NOTHING)
    talk.callee.ring(183, body=site.teams.describe())
    site.run()
    early = talk.caller.responses[-1]
    assert early.status == 183
    talk.callee.answer()
    site.run()
    assert talk.caller.responses[-1].body == early.body
    talk.caller.ack(body=site.carrier.describe())
    site.run()
    assert site.relay.streams[0].expected[0][0] == ("198.51.100.7", 4000)
    talk.end()
