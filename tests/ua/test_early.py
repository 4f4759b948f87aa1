"""A ringing branch of our INVITE."""

from __future__ import annotations

import pytest

from rustalk.sip.dialog import Dialog
from rustalk.ua.outgoing import Outgoing
from tests.fakes.agents import Leg
from tests.ua.ends import Ends, Listener


def ring(leg: Leg, number: int | str, *, tag: str = "", status: int = 183) -> None:
    """Ring reliably, in an early dialog that the peer can ask in."""
    leg.ring(status, tag=tag, body=b"v=0", fields=[("Require", "100rel"), ("RSeq", str(number))])
    tag = leg.exchange.tag
    if tag not in leg.dialogs:
        leg.dialogs[tag] = Dialog.as_server(leg.invite, tag)


def ringing(ends: Ends, listener: Listener) -> tuple[Outgoing, Leg]:
    """A call of ours that rings with RSeq 7."""
    ends.peer.answers["PRACK"] = 200
    outgoing = ends.call(listener)
    ends.run()
    ring(ends.peer.last, 7)
    ends.run()
    return outgoing, ends.peer.last


def racks(leg: Leg) -> list[str | None]:
    """What our PRACKs were about."""
    return [request.get("RAck") for request in leg.received("PRACK")]


def test_each_ring_is_acknowledged_and_told(ends: Ends, listener: Listener) -> None:
    """RFC 3262 section 4: RAck names RSeq, CSeq and method; the PRACK goes to the Contact in the early dialog."""
    outgoing, leg = ringing(ends, listener)
    ring(leg, 8, status=180)
    ends.run()
    assert racks(leg) == ["7 1 INVITE", "8 1 INVITE"]
    assert [prack.cseq.number for prack in leg.received("PRACK")] == [2, 3]
    assert {prack.to.tag for prack in leg.received("PRACK")} == {leg.exchange.tag}
    assert listener.said == ["183", "180"]
    outgoing.cancel()
    assert ends.is_clean()


@pytest.mark.parametrize("number", [7, 6, 9, 0])
def test_a_copy_and_what_came_before_its_turn_are_passed_over(ends: Ends, listener: Listener, number: int) -> None:
    """RFC 3262 section 4: no PRACK, and nobody is told twice."""
    outgoing, leg = ringing(ends, listener)
    ring(leg, number)
    ends.run()
    assert racks(leg) == ["7 1 INVITE"]
    assert listener.said == ["183"]
    outgoing.cancel()
    assert ends.is_clean()


@pytest.mark.parametrize("number", ["x", "-1", "99999999999", ""])
def test_a_ring_without_a_number(ends: Ends, listener: Listener, number: str) -> None:
    """It is ignored, and the call goes on."""
    outgoing, leg = ringing(ends, listener)
    ring(leg, number)
    ring(leg, 8)
    ends.run()
    assert racks(leg) == ["7 1 INVITE", "8 1 INVITE"]
    outgoing.cancel()
    assert ends.is_clean()


def test_each_branch_counts_for_itself(ends: Ends, listener: Listener) -> None:
    """RNG-01: a fork rings under two tags."""
    outgoing, leg = ringing(ends, listener)
    ring(leg, 7, tag="other")
    ends.run()
    assert racks(leg) == ["7 1 INVITE", "7 1 INVITE"]
    assert {prack.to.tag for prack in leg.received("PRACK")} == set(leg.dialogs)
    outgoing.cancel()
    assert ends.is_clean()


@pytest.mark.parametrize("status", [404, 481, 0])
def test_a_prack_that_is_refused_or_lost_changes_nothing(ends: Ends, listener: Listener, status: int) -> None:
    """The ring was heard; the INVITE tells what becomes of the call."""
    outgoing, leg = ringing(ends, listener)
    ends.peer.answers["PRACK"] = status
    ring(leg, 8)
    ends.run(40)
    assert listener.said == ["183", "183"]
    leg.waiting.clear()
    outgoing.cancel()
    assert ends.is_clean()


def test_an_update_describes_early_media_anew(ends: Ends, listener: Listener) -> None:
    """RFC 3311 section 5.2: the answer is the call's."""
    outgoing, leg = ringing(ends, listener)
    listener.reply = b"v=0\r\nanswer"
    answers = leg.ask("UPDATE", ends.peer.describe(port=5000))
    ends.run()
    assert listener.updates == [ends.peer.describe(port=5000)]
    assert [(answer.status, answer.body) for answer in answers] == [(200, b"v=0\r\nanswer")]
    assert answers[0].contact
    assert answers[0].content_type == "application/sdp"
    outgoing.cancel()
    assert ends.is_clean()


def test_an_update_that_cannot_be_taken(ends: Ends, listener: Listener) -> None:
    """RFC 3311 section 5.2: 488, and it rings on."""
    outgoing, leg = ringing(ends, listener)
    answers = leg.ask("UPDATE", ends.peer.describe(port=5000))
    ends.run()
    assert [answer.status for answer in answers] == [488]
    assert listener.said == ["183"]
    outgoing.cancel()
    assert ends.is_clean()


def test_an_update_without_a_body(ends: Ends, listener: Listener) -> None:
    """RFC 3311 section 5.1: it moves the target only; the next PRACK goes there."""
    outgoing, leg = ringing(ends, listener)
    ends.peer.contact_uri = "sip:moved@198.51.100.7:5060"
    answers = leg.ask("UPDATE")
    ends.run()
    assert [(answer.status, answer.body) for answer in answers] == [(200, b"")]
    assert listener.updates == []
    ring(leg, 8)
    ends.run()
    assert leg.received("PRACK")[-1].uri == ends.peer.contact_uri
    outgoing.cancel()
    assert ends.is_clean()


def test_an_update_with_another_kind_of_body(ends: Ends, listener: Listener) -> None:
    """RFC 3261 section 8.2.3: 415, not a 200 that agrees to what nobody read."""
    outgoing, leg = ringing(ends, listener)
    answers = leg.ask("UPDATE", b"x", content=("Content-Type", "text/plain"))
    ends.run()
    assert [answer.status for answer in answers] == [415]
    outgoing.cancel()
    assert ends.is_clean()


@pytest.mark.parametrize("method", ["INFO", "REFER", "PRACK", "BYE", "NOTIFY"])
def test_nothing_else_has_a_place_before_the_answer(ends: Ends, listener: Listener, method: str) -> None:
    """The call rings on."""
    outgoing, leg = ringing(ends, listener)
    answers = leg.ask(method)
    ends.run()
    assert [answer.status for answer in answers] == [481]
    assert listener.said == ["183"]
    outgoing.cancel()
    assert ends.is_clean()


def test_an_old_request_of_the_peer(ends: Ends, listener: Listener) -> None:
    """RFC 3261 section 12.2.2: 500 in an early dialog too."""
    outgoing, leg = ringing(ends, listener)
    leg.ask("UPDATE")
    ends.run()
    leg.dialog.local_seq = 0
    answers = leg.ask("UPDATE")
    ends.run()
    assert [answer.status for answer in answers] == [500]
    outgoing.cancel()
    assert ends.is_clean()


def test_a_branch_that_rings_no_more(ends: Ends, listener: Listener) -> None:
    """Its dialog is gone with the final response (RFC 3261 section 12.3)."""
    _, leg = ringing(ends, listener)
    assert len(ends.dialogs) == 1
    leg.refuse(486)
    ends.run()
    assert len(ends.dialogs) == 0
    assert listener.said == ["183", "refused 486"]
    assert ends.is_clean()
