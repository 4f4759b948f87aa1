"""Offers and answers before the answer to the INVITE."""

from __future__ import annotations

import pytest

from rustalk.sip.dialog import Dialog
from rustalk.ua.exchange import Exchange
from tests.fakes.agents import Leg
from tests.ua.ends import Ends, Listener

ALLOW = ("Allow", "INVITE, ACK, BYE, PRACK, UPDATE")
OURS = b"v=0\r\nours"


class Early:
    """A call of ours that rings reliably, with a description and, unless told otherwise, with UPDATE in Allow."""

    def __init__(self, ends: Ends, listener: Listener, *, allow: bool = True, described: bool = True) -> None:
        ends.peer.answers |= {"PRACK": 200, "UPDATE": 0}
        self.ends, self.listener = ends, listener
        self.outgoing = ends.call(listener)
        ends.run()
        self.leg: Leg = ends.peer.last
        fields = [("Require", "100rel"), ("RSeq", "7"), *([ALLOW] if allow else [])]
        self.leg.ring(183, tag="a", body=ends.peer.describe() if described else b"", fields=fields)
        self.leg.dialogs["a"] = Dialog.as_server(self.leg.invite, "a")
        ends.run()
        self.outcomes: list[tuple[int, bytes]] = []

    @property
    def exchange(self) -> Exchange:
        """What is said in its early dialog."""
        assert self.listener.exchange is not None
        return self.listener.exchange

    def offer(self, body: bytes = OURS) -> bool:
        """Ask the peer for other media."""
        asked = self.exchange.offer(body, lambda status, answer: self.outcomes.append((status, answer)))
        self.ends.run()
        return asked

    def end(self) -> bool:
        """Whether nothing is left of it."""
        self.outgoing.cancel()
        return self.ends.is_clean()


@pytest.fixture
def early(ends: Ends, listener: Listener) -> Early:
    """A call of ours that rings reliably."""
    return Early(ends, listener)


def test_an_update_of_ours_is_answered(early: Early) -> None:
    """RFC 3311 section 5.1: in the early dialog, numbered after the PRACK; its answer is what the peer says now."""
    assert early.offer()
    (update,) = early.leg.received("UPDATE")
    assert (update.cseq.number, update.to.tag, update.body, update.content_type) == (3, "a", OURS, "application/sdp")
    early.leg.waiting.pop().respond(200, body=b"v=0\r\ntheirs")
    early.ends.run()
    assert early.outcomes == [(200, b"v=0\r\ntheirs")]
    assert (early.exchange.local, early.exchange.remote) == (OURS, b"v=0\r\ntheirs")
    assert early.end()


@pytest.mark.parametrize(("status", "body"), [(488, b""), (491, b""), (200, b"")])
def test_an_update_of_ours_is_refused(early: Early, status: int, body: bytes) -> None:
    """What was said before counts; a 200 without an answer is none."""
    before = early.exchange.local, early.exchange.remote
    early.offer()
    early.leg.waiting.pop().respond(status, body=body)
    early.ends.run()
    assert early.outcomes == [(status, b"")]
    assert (early.exchange.local, early.exchange.remote) == before
    assert early.end()


def test_an_update_that_nobody_answers(early: Early) -> None:
    """Status 0 after 64*T1, and the next one may go."""
    early.offer()
    early.leg.waiting.clear()
    early.ends.run(40)
    assert early.outcomes == [(0, b"")]
    assert early.offer()
    early.leg.waiting.clear()
    assert early.end()


def test_the_answer_to_an_update_may_move_the_peer(early: Early) -> None:
    """RFC 3311 section 4: a target refresh; one that leads nowhere is passed over."""
    for contact, expected in (("sip:moved@198.51.100.7:5060",) * 2, ("mailto:x", "sip:moved@198.51.100.7:5060")):
        early.offer()
        early.ends.peer.contact_uri = contact
        early.leg.waiting.pop().respond(200, body=b"v=0")
        early.ends.run()
        early.offer()
        assert early.leg.received("UPDATE")[-1].uri == expected
        early.leg.waiting.pop().respond(488)
        early.ends.run()
    assert early.end()


@pytest.mark.parametrize(("allow", "described"), [(False, True), (True, False)])
def test_who_cannot_be_asked(ends: Ends, listener: Listener, allow: bool, described: bool) -> None:
    """RFC 3311 section 5.1: not without UPDATE in Allow, nor before the offer of the INVITE is answered for good."""
    early = Early(ends, listener, allow=allow, described=described)
    assert not early.exchange.takes_offers
    assert not early.offer()
    assert early.leg.received("UPDATE") == []
    assert early.end()


def test_one_offer_at_a_time(early: Early) -> None:
    """RFC 3311 section 5.2: ours waits, so the peer's gets 491; then the peer's waits, so none of ours goes."""
    early.listener.reply = None
    early.offer()
    refused = early.leg.ask("UPDATE", early.ends.peer.describe(version=2))
    early.ends.run()
    assert [answer.status for answer in refused] == [491]
    early.leg.waiting.pop().respond(488)
    early.ends.run()
    early.leg.ask("UPDATE", early.ends.peer.describe(version=2))
    again = early.leg.ask("UPDATE", early.ends.peer.describe(version=3))
    early.ends.run()
    assert [(answer.status, answer.get("Retry-After")) for answer in again] == [(500, "2")]
    assert not early.offer()
    assert early.end()


def test_an_offer_of_the_peer_that_is_decided_later(early: Early) -> None:
    """The answer is the call's; what was said last is noted."""
    early.listener.reply = None
    answers = early.leg.ask("UPDATE", early.ends.peer.describe(version=2))
    early.ends.run()
    assert answers == []
    early.listener.offers.pop().accept(OURS)
    early.ends.run()
    assert [(answer.status, answer.body) for answer in answers] == [(200, OURS)]
    assert (early.exchange.local, early.exchange.remote) == (OURS, early.ends.peer.describe(version=2))
    assert early.end()


def test_a_branch_that_ends_with_offers_open(early: Early) -> None:
    """487 to the peer's; ours is as good as refused."""
    early.offer()
    early.leg.refuse(486, tag="a")
    early.ends.run()
    assert early.outcomes == [(491, b"")]
    early.leg.waiting.pop().respond(200, body=b"v=0")
    early.ends.run()
    assert early.outcomes == [(491, b"")]
    assert early.ends.is_clean()


def test_a_peer_whose_offer_is_open_when_its_branch_ends(early: Early) -> None:
    """487, and a decision that comes later is too late."""
    early.listener.reply = None
    answers = early.leg.ask("UPDATE", early.ends.peer.describe(version=2))
    early.ends.run()
    early.outgoing.cancel()
    early.ends.run()
    early.listener.offers.pop().accept(OURS)
    assert [answer.status for answer in answers] == [487]
    assert early.ends.is_clean()


def test_the_session_goes_on_where_the_updates_left_off(early: Early) -> None:
    """RFC 3261 section 13.2.1: a 200 without a description repeats nothing; numbers count on."""
    early.offer()
    early.leg.waiting.pop().respond(200, body=b"v=0\r\ntheirs")
    early.ends.run()
    early.leg.answer(tag="a", body=b"")
    early.ends.run()
    session = early.listener.session
    assert session is not None
    assert (session.local, session.remote) == (OURS, b"v=0\r\ntheirs")
    session.bye()
    early.ends.run()
    assert early.leg.received("BYE")[0].cseq.number == 4
    assert early.ends.is_clean()
