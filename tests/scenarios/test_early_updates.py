"""Media that change before the answer and concern the other side, which is asked in its own early dialog (RFC 3311)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from rustalk.sip.dialog import Dialog
from rustalk.sip.message import Field, Response
from tests.fakes.agents import Leg
from tests.scenarios.site import CARRIER, OTHER, PLAIN, Site, Talk
from tests.scenarios.test_prack import REQUIRED, prack

ALLOW = ("Allow", "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE")


def reliable(number: int = 17, *fields: Field) -> list[Field]:
    """What makes an 18x one that waits for its PRACK."""
    return [("Require", "100rel"), ("RSeq", str(number)), *fields]


def ring(talk: Talk, tag: str, body: bytes, *fields: Field) -> None:
    """Let a branch of the called side ring, in an early dialog that it can ask in."""
    talk.callee.ring(183, tag=tag, body=body, fields=fields)
    talk.callee.dialogs[tag] = Dialog.as_server(talk.callee.invite, tag)
    talk.site.run(0.1)


def settle(talk: Talk) -> None:
    """Let the caller acknowledge what rings."""
    prack(talk.caller)
    talk.site.run(0.1)


@pytest.fixture
def early(site: Site) -> Talk:
    """A call between two carriers that both insist on reliable rings and know UPDATE; nobody has answered."""
    site.carrier.answers["UPDATE"] = site.other.answers["UPDATE"] = 0
    talk = site.ringing("other", "carrier", fields=[*REQUIRED, ALLOW])
    ring(talk, "a", site.carrier.describe(), *reliable(17, ALLOW))
    settle(talk)
    return talk


def hold(leg: Leg, version: int = 2) -> bytes:
    """The side's own description, on hold."""
    return leg.agent.describe(version=version, lines=["a=sendonly"])


def direction(body: bytes) -> bytes:
    """What a description says of the direction."""
    found = re.search(rb"a=(sendrecv|sendonly|recvonly|inactive)\r", body)
    return found[1] if found else b"sendrecv"


def statuses(answers: list[Response]) -> list[int]:
    """What a request was answered."""
    return [answer.status for answer in answers]


def agree(leg: Leg, body: bytes) -> None:
    """Let a side take the UPDATE that it has got."""
    leg.waiting.pop().respond(200, tag=leg.exchange.tag, body=body)
    leg.agent.network.clock.advance(0)


def held(talk: Talk) -> list[Response]:
    """Let the caller hold before the answer; the called side has been asked."""
    answers = talk.caller.ask("UPDATE", hold(talk.caller))
    talk.site.run(0.1)
    return answers


def take(talk: Talk) -> None:
    """Let the called side agree to that hold."""
    agree(talk.callee, talk.callee.agent.describe(version=2, lines=["a=recvonly"]))
    talk.site.run(0.1)


def test_the_caller_holds_before_the_answer(early: Talk) -> None:
    """RFC 3311 section 5.1: the called side is asked in its early dialog, and its answer crosses back."""
    answers = held(early)
    (update,) = early.callee.received("UPDATE")
    assert (update.to.tag, direction(update.body), answers) == ("a", b"sendonly", [])
    take(early)
    assert statuses(answers) == [200]
    assert direction(answers[0].body) == b"recvonly"
    assert b"c=IN IP4 203.0.113.10" in answers[0].body
    early.callee.answer(tag="a", body=b"")
    early.site.run()
    assert direction(early.caller.responses[-1].body) == b"recvonly"
    assert early.callee.received("INVITE") == []
    early.end()


def test_an_answer_without_a_description(early: Talk) -> None:
    """RFC 3261 section 13.2.1: the reliable 183 has answered already, so the 200 need not; the caller gets the same."""
    early.callee.answer(tag="a", body=b"")
    early.site.run()
    ring, answer = early.caller.responses[-2:]
    assert (answer.body, answer.to.tag) == (ring.body, ring.to.tag)
    early.end()


def test_audio_goes_on_while_the_called_side_is_asked(early: Talk) -> None:
    """MED-16: what it said last holds until it answers."""
    before = early.site.relay.streams[0].expected[1]
    held(early)
    assert early.site.relay.streams[0].expected[1] == before
    take(early)
    early.caller.cancel()
    early.site.run()


@pytest.mark.parametrize(("said", "heard"), [(488, 488), (491, 491), (503, 488), (408, 488)])
def test_the_called_side_does_not_want(early: Talk, said: int, heard: int) -> None:
    """RFC 6337 section 3: the refusal crosses, and what was agreed before is in force."""
    before = list(early.site.relay.streams[0].expected)
    answers = held(early)
    early.callee.waiting.pop().respond(said)
    early.site.run(0.1)
    assert statuses(answers) == [heard]
    assert early.site.relay.streams[0].expected == before
    early.callee.answer(tag="a")
    early.site.run()
    assert direction(early.caller.responses[-1].body) == b"sendrecv"
    assert early.callee.received("INVITE") == []
    early.end()


@pytest.mark.parametrize("body", [b"", b"nonsense", b"v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nt=0 0\r\n"])
def test_an_answer_that_is_none(early: Talk, body: bytes) -> None:
    """RFC 3264 section 6: a 200 with nothing, or with too few media lines, is no consent: 488 to the caller."""
    answers = held(early)
    agree(early.callee, body)
    early.site.run(0.1)
    assert statuses(answers) == [488]
    early.callee.answer(tag="a")
    early.site.run()
    early.end()


def test_a_called_side_that_does_not_know_update(site: Site) -> None:
    """RFC 6337: 488 where its 18x does not list UPDATE, and nothing is asked."""
    talk = site.ringing("other", "carrier", fields=[*REQUIRED, ALLOW])
    ring(talk, "a", site.carrier.describe(), *reliable())
    settle(talk)
    answers = held(talk)
    assert (statuses(answers), talk.callee.received("UPDATE")) == ([488], [])
    talk.caller.cancel()
    site.run()


def test_an_unreliable_branch_cannot_be_asked(site: Site) -> None:
    """RFC 3311 section 5.1: nothing is settled there before the 200, so 488."""
    talk = site.ringing("other", "carrier", fields=[*REQUIRED, ALLOW])
    ring(talk, "a", site.carrier.describe(), ALLOW)
    settle(talk)
    answers = held(talk)
    assert (statuses(answers), talk.callee.received("UPDATE")) == ([488], [])
    talk.caller.cancel()
    site.run()


def test_of_several_branches_the_one_that_is_heard_is_asked(early: Talk) -> None:
    """RNG-01, RNG-02: the fork whose description came last."""
    ring(early, "b", early.site.carrier.describe(port=4300), *reliable(40, ALLOW))
    settle(early)
    answers = held(early)
    (update,) = early.callee.received("UPDATE")
    assert update.to.tag == "b"
    take(early)
    assert statuses(answers) == [200]
    early.caller.cancel()
    early.site.run()


def test_another_branch_answers_than_the_one_that_was_asked(early: Talk) -> None:
    """RNG-02: it has not heard of the hold, and is told in a re-INVITE once it has answered."""
    ring(early, "b", early.site.carrier.describe(port=4300), *reliable(40, ALLOW))
    settle(early)
    held(early)
    take(early)
    early.callee.answer(tag="a", body=early.site.carrier.describe())
    early.site.run()
    (offer,) = early.callee.received("INVITE")
    assert (offer.to.tag, direction(offer.body)) == ("a", b"sendonly")
    early.end()


def test_another_branch_answers_while_one_is_asked(early: Talk) -> None:
    """RNG-02: that offer is void: 491, so that the caller asks again in the call."""
    ring(early, "b", early.site.carrier.describe(port=4300), *reliable(40, ALLOW))
    settle(early)
    answers = held(early)
    early.callee.answer(tag="a", body=early.site.carrier.describe())
    early.site.run()
    assert statuses(answers) == [491]
    assert early.caller.statuses[-1] == 200
    early.callee.waiting.clear()
    early.end()


def test_the_answer_waits_for_what_is_being_asked(early: Talk) -> None:
    """RFC 3264 section 4: the 200 of the branch crosses behind the answer to the UPDATE, and says the same."""
    answers = held(early)
    early.callee.answer(tag="a", body=early.site.carrier.describe())
    early.site.run(0.1)
    assert early.caller.statuses[-1] == 183
    take(early)
    early.site.run()
    assert (statuses(answers), early.caller.statuses[-1]) == ([200], 200)
    assert direction(early.caller.responses[-1].body) == b"recvonly"
    assert early.callee.received("INVITE") == []
    early.end()


def test_one_offer_at_a_time(early: Talk) -> None:
    """RFC 3311 section 5.2: 500 to a second one of the same side, 491 to one of the other side."""
    first = held(early)
    second = early.caller.ask("UPDATE", hold(early.caller, 3))
    other = early.callee.ask("UPDATE", early.site.carrier.describe(port=5200, version=2))
    early.site.run(0.1)
    assert (statuses(second), statuses(other)) == ([500], [491])
    take(early)
    assert statuses(first) == [200]
    early.caller.cancel()
    early.site.run()


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_a_call_that_ends_while_somebody_is_asked(early: Talk, who: str) -> None:
    """487 to the UPDATE, and nothing stays."""
    answers = held(early)
    if who == "caller":
        early.caller.cancel()
    else:
        early.callee.refuse(486, tag="a")
    early.site.run()
    assert statuses(answers)[0] in (487, 491)
    early.callee.waiting.clear()
    assert early.caller.statuses[-1] in (486, 487)


def test_a_called_side_that_never_answers_the_update(early: Talk) -> None:
    """RFC 3261 section 17.1.2: given up after 64*T1, when the next offer may come; it rings on."""
    held(early)
    early.site.run(40)
    early.callee.waiting.clear()
    answers = early.caller.ask("UPDATE", hold(early.caller, 3))
    early.site.run(0.1)
    take(early)
    assert statuses(answers) == [200]
    early.caller.cancel()
    early.site.run()


def test_an_offer_in_a_prack_crosses_too(early: Talk) -> None:
    """RFC 3262 section 5: the 200 to the PRACK has the called side's answer."""
    early.callee.ring(180, tag="a", fields=reliable(18, ALLOW))
    early.site.run(0.1)
    answers = prack(early.caller, hold(early.caller))
    early.site.run(0.1)
    assert answers == []
    take(early)
    assert (statuses(answers), direction(answers[0].body)) == ([200], b"recvonly")
    early.caller.cancel()
    early.site.run()


# The other way.


def callee_holds(talk: Talk) -> list[Response]:
    """Let the called side hold before it answers."""
    answers = talk.callee.ask("UPDATE", hold(talk.callee))
    talk.site.run(0.1)
    return answers


def test_the_called_side_holds_before_it_answers(early: Talk) -> None:
    """RFC 3311: a caller that can is asked in its early dialog; its answer crosses back, and the 200 says no other."""
    answers = callee_holds(early)
    (update,) = early.caller.received("UPDATE")
    assert (direction(update.body), answers) == (b"sendonly", [])
    early.caller.waiting.pop().respond(200, body=early.site.other.describe(version=2, lines=["a=recvonly"]))
    early.site.run(0.1)
    assert (statuses(answers), direction(answers[0].body)) == ([200], b"recvonly")
    early.callee.answer(tag="a", body=hold(early.callee))
    early.site.run()
    assert early.caller.statuses.count(200) == 1
    assert direction(early.caller.responses[-1].body) == b"sendonly"
    assert len({response.to.tag for response in early.caller.responses if response.status > 100}) == 1
    assert early.caller.received("INVITE") == early.callee.received("INVITE") == []
    early.end()


def test_the_caller_does_not_want(early: Talk) -> None:
    """RFC 6337: 488, what was agreed stays, and the call can be answered."""
    before = list(early.site.relay.streams[0].expected)
    answers = callee_holds(early)
    early.caller.waiting.pop().respond(488)
    early.site.run(0.1)
    assert statuses(answers) == [488]
    assert early.site.relay.streams[0].expected == before
    early.callee.answer(tag="a")
    early.site.run()
    early.end()


def test_what_changes_nothing_for_the_caller_is_answered_here(early: Talk) -> None:
    """HLD-04: another port of the called side is our own matter."""
    answers = early.callee.ask("UPDATE", early.site.carrier.describe(port=5200, version=2))
    early.site.run(0.1)
    assert (statuses(answers), early.caller.received("UPDATE")) == ([200], [])
    assert early.site.relay.streams[0].expected[1][0] == ("198.51.100.7", 5200)
    assert early.site.relay.streams[0].expected[0][0] == ("198.51.100.9", 4000)
    early.caller.cancel()
    early.site.run()


def test_a_caller_that_cannot_be_asked_is_not_answered_for(site: Site) -> None:
    """RFC 3264 section 6.1: nobody but Teams could agree to a hold, and it knows no UPDATE (HDR-09): 488."""
    talk = site.ringing("teams", "carrier")
    ring(talk, "a", site.carrier.describe(), *reliable(17, ALLOW))
    answers = callee_holds(talk)
    assert (statuses(answers), talk.caller.requests) == ([488], [])
    talk.callee.answer(tag="a")
    site.run()
    talk.end()


def test_new_codecs_for_a_caller_that_cannot_be_asked(site: Site) -> None:
    """RFC 3311: it hears of them in the 200, under a tag of its own (RNG-02)."""
    talk = site.ringing("teams", "carrier")
    ring(talk, "a", site.carrier.describe(), *reliable(17, ALLOW))
    changed = site.carrier.describe(version=2).replace(b"RTP/AVP 0 8 101", b"RTP/AVP 8 101")
    answers = talk.callee.ask("UPDATE", changed)
    site.run(0.1)
    assert statuses(answers) == [200]
    talk.callee.answer(tag="a", body=changed)
    site.run()
    assert b"RTP/SAVP 8 101" in talk.caller.responses[-1].body
    talk.end()


def test_an_update_of_the_called_side_before_it_has_answered_the_offer(site: Site) -> None:
    """RFC 3311 section 5.2: our offer in the INVITE is open: 491."""
    talk = site.ringing("other", "carrier")
    ring(talk, "a", b"", *reliable(17, ALLOW))
    answers = callee_holds(talk)
    assert statuses(answers) == [491]
    talk.caller.cancel()
    site.run()


def test_a_late_offer_that_changes_before_the_answer(site: Site) -> None:
    """HDR-11, RFC 3262 section 5: our 183 offered, the PRACK answered, and now the caller holds."""
    site.carrier.answers["UPDATE"] = 0
    site.other.acks = False
    talk = site.ringing("other", "carrier", fields=[*REQUIRED, ALLOW], body=b"")
    ring(talk, "a", site.carrier.describe(), *reliable(17, ALLOW))
    prack(talk.caller, site.other.describe())
    site.run(0.1)
    answers = held(talk)
    assert direction(talk.callee.received("UPDATE")[0].body) == b"sendonly"
    take(talk)
    assert (statuses(answers), direction(answers[0].body)) == ([200], b"recvonly")
    talk.callee.answer(tag="a", body=b"")
    site.run()
    talk.caller.ack()
    site.run()
    assert site.relay.streams[0].expected[0][0] == ("198.51.100.9", 4000)
    assert talk.callee.received("INVITE") == []
    talk.end()


def test_a_hold_before_the_answer_where_srtp_ends_here(build: Callable[..., Site]) -> None:
    """MED-05: the caller speaks SRTP and the called side does not; our keys stay as they were."""
    trunks = [{"id": "carrier", "host": CARRIER, "port": 5060, **PLAIN}]
    trunks.append({"id": "other", "host": OTHER, "port": 5060, **PLAIN, "srtp": "required"})
    site = build(trunks=trunks)
    site.other.media_profile = "RTP/SAVP"
    site.carrier.answers["UPDATE"] = site.other.answers["UPDATE"] = 0
    talk = site.ringing("other", "carrier", fields=[*REQUIRED, ALLOW])
    ring(talk, "a", site.carrier.describe(), *reliable(17, ALLOW))
    keys = keys_of(talk.caller.responses[-1].body)
    settle(talk)
    answers = held(talk)
    assert b"RTP/AVP " in talk.callee.received("UPDATE")[0].body
    take(talk)
    assert (keys_of(answers[0].body), direction(answers[0].body), len(keys)) == (keys, b"recvonly", 1)
    other = callee_holds(talk)
    assert keys_of(talk.caller.received("UPDATE")[0].body) == keys
    talk.caller.waiting.pop().respond(200, body=site.other.describe(version=3, lines=["a=inactive"]))
    site.run(0.1)
    assert (statuses(other), direction(other[0].body), b"SAVP" in other[0].body) == ([200], b"inactive", False)
    talk.callee.answer(tag="a", body=b"")
    site.run()
    assert keys_of(talk.caller.responses[-1].body) == keys
    talk.end()


def keys_of(body: bytes) -> list[bytes]:
    """The keys in a description."""
    return re.findall(rb"inline:([^|\r]+)", body)


def test_early_media_that_wait_for_audio_are_the_newest(build: Callable[..., Site]) -> None:
    """RNG-03: the 183 that crosses when audio comes says what the called side said last, in its UPDATE."""
    trunks = [{"id": "carrier", "host": CARRIER, "port": 5060, **PLAIN, "early_media": "first"}]
    site = build(trunks=[*trunks, {"id": "other", "host": OTHER, "port": 5060, **PLAIN}])
    talk = site.ringing("teams", "carrier")
    ring(talk, "a", site.carrier.describe(), *reliable(17, ALLOW))
    changed = site.carrier.describe(version=2).replace(b"RTP/AVP 0 8 101", b"RTP/AVP 8 101")
    answers = talk.callee.ask("UPDATE", changed)
    site.run(0.05)
    site.relay.streams[0].packets[1] = 5
    site.run()
    assert (statuses(answers), talk.caller.statuses) == ([200], [180, 183])
    assert b"RTP/SAVP 8 101" in talk.caller.responses[-1].body
    talk.caller.cancel()
    site.run()
