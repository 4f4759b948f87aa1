"""SRTP on one side, on both, or refused; and whose key counts when several phones ring."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.agents import describe
from tests.scenarios.site import CARRIER, CONFIGURATION, OTHER, Site, Talk

Build = Callable[..., Site]
SUITE = "AES_CM_128_HMAC_SHA1_80"


def trunks(**manners: Any) -> list[dict[str, Any]]:
    """Both providers, with these manners."""
    return [trunk | manners for trunk in CONFIGURATION["trunks"]]


def key(letter: str) -> str:
    """A key that is told from others by its letter."""
    return b64encode(letter.encode() * 30).decode()


def secured(letter: str, host: str = "52.114.0.1", port: int = 4000, *lines: str, suite: str = SUITE) -> bytes:
    """A description in SRTP with this key."""
    text = describe(host, port, profile="RTP/SAVP", lines=lines)
    return re.sub(rb"a=crypto:.*\r\n", f"a=crypto:1 {suite} inline:{key(letter)}\r\n".encode(), text)


def keys(body: bytes) -> list[str]:
    """The keys in a description."""
    return [found.decode() for found in re.findall(rb"inline:([^|\r]+)", body)]


def received(site: Site, side: int) -> bytes:
    """The key with which the relay reads what this side sends."""
    treatments = site.relay.streams[-1].treatments
    assert treatments is not None
    assert treatments[side].receive is not None
    return treatments[side].receive.secret


# Forks.


@pytest.mark.parametrize("policy", ["first", "pass", "ring"])
def test_the_key_of_the_phone_that_answers_counts_where_srtp_ends_here(build: Build, policy: str) -> None:
    """MED-06: 183 of A with key A, 200 of B with key B: read with B's, to where B listens."""
    site = build(teams={"early_media": policy})
    talk = site.ringing()
    talk.callee.ring(183, tag="A", body=secured("A", port=4100))
    site.run()
    assert received(site, 1) == b"A" * 30
    talk.callee.answer(tag="B", body=secured("B", port=4200))
    site.run()
    assert received(site, 1) == b"B" * 30
    assert site.relay.streams[-1].expected[1][0] == ("52.114.0.1", 4200)
    talk.end()


@pytest.mark.parametrize("policy", ["first", "pass", "ring"])
def test_the_key_of_the_phone_that_answers_reaches_the_caller_where_keys_pass(build: Build, policy: str) -> None:
    """MED-06, MED-04: the 200 has key B byte for byte, under a To tag that has not stood for key A."""
    site = build(trunks=trunks(srtp="required"), teams={"early_media": policy})
    talk = site.ringing(body=secured("C", CARRIER))
    assert keys(talk.callee.invite.body) == [key("C")]
    talk.callee.ring(183, tag="A", body=secured("A"))
    talk.callee.ring(183, tag="A2", body=secured("Z"))
    site.run()
    talk.callee.answer(tag="B", body=secured("B"))
    site.run()
    final = talk.caller.responses[-1]
    assert keys(final.body) == [key("B")]
    others = {one.to.tag for one in talk.caller.responses if one.body and keys(one.body) != [key("B")]}
    assert final.to.tag not in others
    talk.end()


def test_an_answer_that_repeats_the_early_key_changes_nothing(site: Site) -> None:
    """RNG-06: the same tag, key and port in 183 and 200, on both sides of us."""
    talk = site.ringing("teams", "carrier")
    talk.callee.ring(183, tag="A", body=site.carrier.describe())
    site.run()
    talk.callee.answer(tag="A", body=site.carrier.describe())
    site.run()
    early, final = talk.caller.responses[-2:]
    assert (early.status, final.status) == (183, 200)
    assert early.body == final.body
    assert early.to.tag == final.to.tag
    talk.end()


# What a trunk takes.


def refuse_srtp(talk: Talk, status: int = 488) -> Talk:
    """The called side does not take SRTP; what comes next."""
    assert b"RTP/SAVP" in talk.callee.invite.body
    talk.callee.refuse(status)
    talk.site.run()
    return Talk(talk.site, talk.caller, talk.callee.agent.last)


@pytest.mark.parametrize("status", [488, 415, 606])
def test_preferred_srtp_falls_back(build: Build, status: int) -> None:
    """srtp: preferred: the same host is asked once more in plain RTP, with a Call-ID of its own."""
    site = build(trunks=trunks(srtp="preferred"))
    talk = site.ringing("teams", "carrier")
    again = refuse_srtp(talk, status)
    assert again.callee is not talk.callee
    assert again.callee.call_id != talk.callee.call_id
    assert b"RTP/AVP " in again.callee.invite.body
    assert b"a=crypto" not in again.callee.invite.body
    again.callee.answer()
    site.run()
    assert keys(again.caller.responses[-1].body)
    again.end()


def test_preferred_srtp_falls_back_once(build: Build) -> None:
    """A second 488 is the carrier's last word."""
    site = build(trunks=trunks(srtp="preferred"))
    again = refuse_srtp(site.ringing("teams", "carrier"))
    again.callee.refuse(488)
    site.run()
    assert again.caller.statuses == [488]
    assert len(site.carrier.calls) == 2


def test_required_srtp_does_not_fall_back(build: Build) -> None:
    """srtp: required: 488 crosses."""
    site = build(trunks=trunks(srtp="required"))
    talk = site.ringing("teams", "carrier")
    assert refuse_srtp(talk).callee is talk.callee
    assert talk.caller.statuses == [488]


def test_teams_is_never_offered_plain_rtp(site: Site) -> None:
    """MED-01: after a 488 of Teams the caller hears it, and there is no second INVITE."""
    talk = site.ringing()
    talk.callee.refuse(488)
    site.run()
    assert talk.caller.statuses == [488]
    assert [b"RTP/SAVP" in invite.body for invite in site.teams.requests("INVITE")] == [True]


def test_plain_rtp_of_teams_is_refused(site: Site) -> None:
    """MED-01: 488 with srtp_required, and no carrier rings."""
    leg = site.teams.call(body=describe("52.114.0.1"))
    site.run()
    assert leg.statuses == [488]
    assert "srtp_required" in (leg.responses[-1].get("Reason") or "")
    assert site.invites(CARRIER) == []


def test_teams_answers_in_plain_rtp(site: Site) -> None:
    """MED-01: never said of the real Teams, and never taken: BYE for it, a refusal for the caller."""
    talk = site.ringing()
    talk.callee.answer(body=describe("52.114.0.1"))
    site.run()
    assert talk.caller.statuses[-1] == 488
    assert talk.callee.received("BYE")


def test_a_carrier_without_encryption_never_sees_a_key(site: Site) -> None:
    """srtp: off: RTP/AVP and nothing of SRTP; Teams gets a key of ours, another one in each call."""
    ours = []
    for _ in range(2):
        talk = site.talking("teams", "carrier")
        assert b"RTP/AVP " in talk.callee.invite.body
        assert b"crypto" not in talk.callee.invite.body
        ours += keys(talk.caller.remote)
        talk.end()
    assert len(set(ours)) == 2


def test_a_suite_that_teams_does_not_know(build: Build) -> None:
    """MED-02: SRTP ends here; Teams is offered AES_CM_128_HMAC_SHA1_80, the carrier keeps AES-256-GCM."""
    site = build(trunks=trunks(srtp="required"))
    suite, secret = "AEAD_AES_256_GCM", b64encode(b"G" * 44).decode()
    offer = secured("C", CARRIER, suite=suite).replace(key("C").encode(), secret.encode())
    talk = site.talking(body=offer)
    assert f"a=crypto:1 {SUITE} inline:".encode() in talk.callee.invite.body
    assert suite.encode() not in talk.callee.invite.body
    assert suite.encode() in talk.caller.remote
    assert received(site, 0) == b"G" * 44
    talk.end()


def test_keys_pass_between_providers_that_both_encrypt(build: Build) -> None:
    """MED-04: a=crypto byte for byte, tag and lifetime, and nothing is done to packets."""
    site = build(trunks=trunks(srtp="required"))
    line = f"a=crypto:1 {SUITE} inline:{key('O')}|2^31|1:1"
    body = re.sub(rb"a=crypto:.*\r", line.encode() + b"\r", secured("O", OTHER))
    talk = site.ringing("other", "carrier", body=body)
    talk.callee.answer(body=secured("C", CARRIER))
    site.run()
    assert line.encode() in talk.callee.invite.body
    assert keys(talk.caller.responses[-1].body) == [key("C")]
    assert site.relay.streams[-1].treatments is None
    talk.end()
