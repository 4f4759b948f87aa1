"""A side that wants its 18x acknowledged (RFC 3262), and one that knows nothing of it."""

from __future__ import annotations

import pytest

from rustalk.sip.dialog import Dialog
from rustalk.sip.message import Response
from tests.fakes.agents import Leg
from tests.scenarios.site import Site, Talk

REQUIRED = [("Require", "100rel"), ("Supported", "100rel")]
RELIABLE = [("Require", "100rel"), ("RSeq", "17")]


def last(leg: Leg) -> Response:
    """The newest response to the INVITE."""
    return leg.responses[-1]


def prack(leg: Leg, body: bytes = b"", *, number: str = "") -> list[Response]:
    """Acknowledge the newest 18x; the list fills with the answers."""
    response = last(leg)
    dialog = leg.dialogs.get(response.to.tag)
    if dialog is None:
        invite = leg.invite
        dialog = leg.dialogs[response.to.tag] = Dialog.as_client(response, invite.get("From") or "", invite.from_.tag)
    return leg.ask("PRACK", body, [("RAck", f"{number or response.get('RSeq')} 1 INVITE")])


@pytest.fixture
def insistent(site: Site) -> Talk:
    """A carrier that requires 100rel calls Teams, which never heard of it."""
    return site.ringing(fields=REQUIRED)


def test_teams_is_not_asked_for_what_it_does_not_know(insistent: Talk) -> None:
    """HDR-09: no Require, no 100rel towards Teams, whatever the carrier requires."""
    invite = insistent.callee.invite
    assert invite.get("Require") is None
    assert "100rel" not in (invite.get("Supported") or "")
    insistent.caller.cancel()
    insistent.site.run()


def test_a_ring_is_repeated_until_its_prack(insistent: Talk) -> None:
    """RFC 3262 section 3: the plain 180 of Teams is a reliable one here, and Teams gets no PRACK (HDR-09)."""
    site = insistent.site
    insistent.callee.ring(180)
    site.run(2)
    rings = [response.get("RSeq") for response in insistent.caller.responses if response.status == 180]
    assert len(rings) > 1
    assert len(set(rings)) == 1
    answers = prack(insistent.caller)
    site.run(3)
    assert [answer.status for answer in answers] == [200]
    assert len([one for one in insistent.caller.responses if one.status == 180]) == len(rings)
    insistent.callee.answer()
    site.run()
    assert insistent.callee.received("PRACK") == []
    insistent.end()


def test_the_answer_waits_for_the_prack(insistent: Talk) -> None:
    """RFC 3262 section 3: Teams answers at once and has its ACK; the 200 goes out behind the PRACK."""
    site = insistent.site
    insistent.callee.ring(183, body=site.teams.describe())
    insistent.callee.answer()
    site.run(0.1)
    assert (last(insistent.caller).status, len(insistent.callee.acks)) == (183, 1)
    prack(insistent.caller)
    site.run()
    assert insistent.caller.statuses[-1] == 200
    insistent.end()


def test_a_caller_that_never_acknowledges(insistent: Talk) -> None:
    """RFC 3262 section 3: after 64*T1 the call is refused, and Teams is cancelled."""
    site = insistent.site
    insistent.callee.ring(180)
    site.run(40)
    assert insistent.caller.statuses[-1] == 504
    assert "no_prack" in (last(insistent.caller).get("Reason") or "")
    assert insistent.callee.cancelled is not None


def test_what_the_called_side_asks_before_the_caller_may_hear_its_answer(insistent: Talk) -> None:
    """RFC 3261 section 14.2: 491 and 500 with Retry-After, not 481, which would end its dialog."""
    site = insistent.site
    insistent.callee.ring(180)
    insistent.callee.answer()
    site.run(0.1)
    offer = insistent.callee.ask("INVITE", site.teams.describe(version=2, lines=["a=inactive"]))
    info = insistent.callee.ask("INFO")
    site.run(0.1)
    assert [answer.status for answer in (offer[-1], info[-1])] == [491, 500]
    prack(insistent.caller)
    site.run()
    insistent.end()


def test_a_prack_for_something_else(insistent: Talk) -> None:
    """481, and the ring goes on."""
    insistent.callee.ring(180)
    insistent.site.run(0.1)
    answers = prack(insistent.caller, number="1")
    insistent.site.run(0.1)
    assert [answer.status for answer in answers] == [481]
    insistent.caller.cancel()
    insistent.site.run()


def test_an_answer_in_the_prack(site: Site) -> None:
    """HDR-11: INVITE without a description; the reliable 183 offers, PRACK answers, and the ACK need not."""
    site.carrier.acks = False
    talk = site.ringing(fields=REQUIRED, body=b"")
    talk.callee.ring(183, body=site.teams.describe())
    site.run(0.1)
    assert b"m=audio" in last(talk.caller).body
    prack(talk.caller, site.carrier.describe(port=4800))
    site.run()
    assert site.relay.streams[0].expected[0][0] == ("198.51.100.7", 4800)
    talk.callee.answer()
    site.run()
    talk.caller.ack()
    site.run()
    assert not talk.is_over
    talk.end()


def test_a_late_offer_rings_reliably_with_an_offer_only(site: Site) -> None:
    """RFC 3262 section 5: the first reliable 18x must offer, so a 180 that cannot goes out unreliably."""
    site.carrier.acks = False
    talk = site.ringing(fields=REQUIRED, body=b"")
    talk.callee.ring(180)
    site.run(0.1)
    assert (last(talk.caller).status, last(talk.caller).get("RSeq")) == (180, None)
    talk.callee.ring(183, body=site.teams.describe())
    site.run(0.1)
    assert last(talk.caller).get("RSeq") is not None
    prack(talk.caller, site.carrier.describe(port=4800))
    site.run(0.1)
    talk.callee.ring(180)
    site.run(0.1)
    assert (last(talk.caller).status, last(talk.caller).get("RSeq") is None) == (180, False)
    prack(talk.caller)
    talk.callee.answer()
    site.run()
    talk.caller.ack()
    site.run()
    assert site.relay.streams[0].expected[0][0] == ("198.51.100.7", 4800)
    talk.end()


def test_a_late_offer_that_rings_unreliably_and_is_answered(site: Site) -> None:
    """RFC 3262 section 5: the 200 offers and the ACK answers, and no PRACK is waited for."""
    site.carrier.acks = False
    talk = site.ringing(fields=REQUIRED, body=b"")
    talk.callee.ring(180)
    talk.callee.answer()
    site.run(0.1)
    assert talk.caller.statuses == [180, 200]
    talk.caller.ack(body=site.carrier.describe(port=4800))
    site.run()
    assert site.relay.streams[0].expected[0][0] == ("198.51.100.7", 4800)
    talk.end()


def test_a_hold_in_the_prack_reaches_teams_with_the_answer(site: Site) -> None:
    """HLD-01: who answers sendonly before anybody talks; Teams hears inactive once it has answered."""
    site.carrier.acks = False
    talk = site.ringing(fields=REQUIRED, body=b"")
    talk.callee.ring(183, body=site.teams.describe())
    site.run(0.1)
    prack(talk.caller, site.carrier.describe(lines=["a=sendonly"]))
    talk.callee.answer()
    site.run(0.1)
    talk.caller.ack()
    site.run()
    (offer,) = talk.callee.received("INVITE")
    assert b"a=inactive" in offer.body
    talk.end()


@pytest.mark.parametrize("body", [b"nonsense", b"v=0\r\n"])
def test_an_answer_in_the_prack_that_cannot_be_read(site: Site, body: bytes) -> None:
    """Nothing is raised, and the call can still be ended."""
    talk = site.ringing(fields=REQUIRED, body=b"")
    talk.callee.ring(183, body=site.teams.describe())
    site.run(0.1)
    answers = prack(talk.caller, body)
    site.run()
    assert [answer.status for answer in answers] == [200]
    talk.callee.answer()
    site.run()
    talk.end()


@pytest.fixture
def settled(insistent: Talk) -> Talk:
    """The same; the carrier has acknowledged a 183 with a description."""
    insistent.callee.ring(183, body=insistent.site.teams.describe())
    insistent.site.run(0.1)
    prack(insistent.caller)
    insistent.site.run(0.1)
    return insistent


def test_the_caller_changes_its_early_media(settled: Talk) -> None:
    """RFC 3311: UPDATE with another port is answered here; Teams hears nothing (HDR-09, HLD-04)."""
    site = settled.site
    answers = settled.caller.ask("UPDATE", site.carrier.describe(port=4700, version=2))
    site.run(0.1)
    assert [answer.status for answer in answers] == [200]
    assert b"m=audio" in answers[0].body
    assert site.relay.streams[0].expected[0][0] == ("198.51.100.7", 4700)
    settled.callee.answer()
    site.run()
    assert (settled.caller.statuses[-1], settled.callee.requests) == (200, [])
    settled.end()


def test_the_caller_holds_before_the_answer(settled: Talk) -> None:
    """HDR-09: Teams cannot be asked before it has answered, so 488, and what was agreed stays; later it can be."""
    site = settled.site
    before = list(site.relay.streams[0].expected)
    hold = site.carrier.describe(version=2, lines=["a=sendonly"])
    answers = settled.caller.ask("UPDATE", hold)
    site.run(0.1)
    assert [answer.status for answer in answers] == [488]
    assert site.relay.streams[0].expected == before
    settled.callee.answer()
    site.run()
    assert settled.callee.received("INVITE") == []
    answers = settled.caller.ask("UPDATE", hold)
    site.run()
    assert answers[-1].status == 200
    assert b"a=inactive" in settled.callee.received("INVITE")[0].body
    settled.end()


def test_a_prack_that_offers(insistent: Talk) -> None:
    """RFC 3262 section 5: the 200 to the PRACK has the answer."""
    site = insistent.site
    insistent.callee.ring(183, body=site.teams.describe())
    site.run(0.1)
    answers = prack(insistent.caller, site.carrier.describe(port=4700, version=2))
    site.run(0.1)
    assert b"m=audio" in answers[0].body
    assert site.relay.streams[0].expected[0][0] == ("198.51.100.7", 4700)
    insistent.callee.answer()
    site.run()
    insistent.end()


def test_early_media_that_cannot_be_used(settled: Talk) -> None:
    """488 to the UPDATE, and those of before are in force."""
    site = settled.site
    before = list(site.relay.streams[0].expected)
    answers = settled.caller.ask("UPDATE", b"nonsense")
    site.run(0.1)
    assert [answer.status for answer in answers] == [488]
    assert site.relay.streams[0].expected == before
    settled.callee.answer()
    site.run()
    settled.end()


def test_an_update_before_anything_is_settled(insistent: Talk) -> None:
    """RFC 3311 section 5.2: the offer of the INVITE waits for its answer, so 500 with Retry-After."""
    insistent.callee.ring(180)
    insistent.site.run(0.1)
    prack(insistent.caller)
    answers = insistent.caller.ask("UPDATE", insistent.site.carrier.describe(version=2))
    insistent.site.run(0.1)
    assert [(answer.status, answer.get("Retry-After") is not None) for answer in answers] == [(500, True)]
    insistent.caller.cancel()
    insistent.site.run()


def test_an_offer_in_a_prack_before_anything_is_settled(insistent: Talk) -> None:
    """RFC 3261 section 14.2: the offer of the INVITE waits for its answer; the ring is acknowledged all the same."""
    site = insistent.site
    insistent.callee.ring(180)
    site.run(0.1)
    answers = prack(insistent.caller, site.carrier.describe(port=4700, version=2))
    site.run(3)
    assert [(answer.status, answer.get("Retry-After")) for answer in answers] == [(500, "2")]
    assert insistent.caller.statuses.count(180) == 1
    insistent.callee.answer()
    site.run()
    insistent.end()


# The other direction: the called carrier insists, the caller does not.


def ringing_reliably(site: Site, caller: str = "teams", *, body: bytes = b"") -> Talk:
    """The carrier rings and waits for a PRACK."""
    talk = site.ringing(caller, "carrier")
    talk.callee.ring(183, tag="early", body=body, fields=RELIABLE)
    site.run(0.1)
    return talk


def test_we_acknowledge_for_teams(site: Site) -> None:
    """HDR-09: the carrier has its PRACK, and what Teams hears is a plain 183 with the description."""
    talk = ringing_reliably(site, body=site.carrier.describe())
    (sent,) = talk.callee.received("PRACK")
    assert sent.get("RAck") == "17 1 INVITE"
    heard = last(talk.caller)
    assert (heard.status, heard.get("Require"), heard.get("RSeq")) == (183, None, None)
    assert b"RTP/SAVP" in heard.body
    talk.callee.answer(tag="early")
    site.run()
    talk.end()


def test_a_copy_of_a_ring_is_acknowledged_and_told_once(site: Site) -> None:
    """RFC 3262 section 4: the same RSeq again is nothing new for the caller."""
    talk = ringing_reliably(site)
    talk.callee.ring(183, tag="early", fields=RELIABLE)
    site.run(0.1)
    assert talk.caller.statuses == [183]
    talk.callee.answer(tag="early")
    site.run()
    talk.end()


def test_new_early_media_in_an_update(site: Site) -> None:
    """RFC 3311: the carrier moves its early audio; we answer, and Teams hears of nothing (HDR-09, HLD-04)."""
    talk = ringing_reliably(site, body=site.carrier.describe())
    heard = list(talk.caller.statuses)
    talk.callee.dialogs["early"] = Dialog.as_server(talk.callee.invite, "early")
    answers = talk.callee.ask("UPDATE", site.carrier.describe(port=5200, version=2))
    site.run(0.1)
    assert [answer.status for answer in answers] == [200]
    assert b"m=audio" in answers[0].body
    assert site.relay.streams[0].expected[1][0] == ("198.51.100.7", 5200)
    assert (talk.caller.statuses, talk.caller.requests) == (heard, [])
    talk.callee.answer(tag="early", body=site.carrier.describe(port=5200, version=2))
    site.run()
    talk.end()


def test_between_two_that_both_insist(site: Site) -> None:
    """Each leg has its own RSeq and PRACK."""
    talk = site.ringing("other", "carrier", fields=REQUIRED)
    talk.callee.ring(183, tag="early", fields=RELIABLE)
    site.run(0.1)
    assert len(talk.callee.received("PRACK")) == 1
    assert last(talk.caller).get("RSeq") != "17"
    prack(talk.caller)
    talk.callee.answer(tag="early")
    site.run()
    assert talk.caller.statuses[-1] == 200
    talk.end()
