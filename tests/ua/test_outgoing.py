"""An INVITE we sent."""

from __future__ import annotations

import pytest

from rustalk.sip.dialog import Dialog
from rustalk.sip.digest import Credentials
from tests.fakes.agents import Leg
from tests.ua.ends import Ends, Listener


def test_progress_and_answer(ends: Ends, listener: Listener) -> None:
    """Every 1xx above 100 is told, the answer is acknowledged."""
    ends.call(listener)
    ends.run()
    leg = ends.peer.last
    leg.ring(180)
    leg.ring(183, body=b"v=0")
    ends.run()
    leg.answer()
    ends.run()
    assert listener.said == ["180", "183", "answered"]
    assert len(leg.acks) == 1
    leg.bye()
    ends.run()
    assert ends.is_clean()


def test_a_refusal(ends: Ends, listener: Listener) -> None:
    """Its ACK is the transaction's."""
    ends.call(listener)
    ends.run()
    ends.peer.last.refuse(486)
    ends.run()
    assert listener.said == ["refused 486"]
    assert ends.is_clean()


def test_silence_is_noticed_before_the_transaction_does(ends: Ends, listener: Listener) -> None:
    """FO-05: ``patience``, not 64*T1; who answers after that is hung up."""
    ends.peer.deaf = True
    ends.call(listener, patience=2.0)
    ends.run(2.1)
    assert listener.said == ["silent"]
    ends.peer.deaf = False
    ends.peer.plan = lambda leg: leg.answer()
    ends.run(5)
    assert ends.peer.last.received("BYE")
    assert ends.is_clean()


def test_100_is_enough_to_go_on_waiting(ends: Ends, listener: Listener) -> None:
    """FO-05: no 18x is needed."""
    outgoing = ends.call(listener, patience=2.0)
    ends.run(60)
    assert listener.said == []
    outgoing.cancel()
    ends.run()
    assert ends.peer.last.cancelled is not None
    assert ends.is_clean()


def test_a_cancelled_call_reports_nothing(ends: Ends, listener: Listener) -> None:
    """And its Reason crosses; an answer that was faster gets ACK and BYE with the same."""
    outgoing = ends.call(listener)
    ends.run()
    ends.peer.last.answer()
    outgoing.cancel([("Reason", "SIP;cause=200")])
    ends.run()
    assert listener.said == []
    (bye,) = ends.peer.last.received("BYE")
    assert bye.get("Reason") == "SIP;cause=200"
    assert ends.is_clean()


def test_an_answer_that_is_none(ends: Ends, listener: Listener) -> None:
    """A 2xx without Contact makes no dialog; its copies change nothing."""
    ends.call(listener)
    ends.run()
    ends.peer.last.answer(without=["Contact"])
    ends.run(40)
    assert listener.said == ["bad_answer"]


def test_a_peer_that_is_gone(ends: Ends, listener: Listener) -> None:
    """Timer B, when patience is longer."""
    ends.peer.deaf = True
    ends.call(listener, patience=60.0)
    ends.run(33)
    assert listener.said == ["timeout"]
    assert ends.is_clean()


def ring_reliably(leg: Leg, tag: str = "", number: int = 7) -> None:
    """Ring so that a PRACK comes; the peer's dialog has heard its CSeq."""
    leg.agent.answers["PRACK"] = 200
    leg.ring(183, tag=tag, fields=[("Require", "100rel"), ("RSeq", str(number))])


def counted(leg: Leg) -> list[tuple[str, int, str]]:
    """Method, number and To tag of what the peer was asked in the call."""
    return [(request.method, request.cseq.number, request.to.tag) for request in [*leg.requests, *leg.acks]]


def test_what_we_support_is_said_once(ends: Ends, listener: Listener) -> None:
    """RFC 3261 section 20.37: 100rel, replaces and norefersub, beside the session timer's."""
    outgoing = ends.call(listener)
    ends.run()
    assert ends.peer.last.invite.all("Supported") == ["timer, replaces, 100rel, norefersub"]
    outgoing.cancel()
    assert ends.is_clean()


def test_the_session_counts_on_after_prack(ends: Ends, listener: Listener) -> None:
    """RFC 3262 section 4: PRACKs count in the dialog; ACK has the number of the INVITE, BYE the next after PRACK."""
    ends.call(listener)
    ends.run()
    leg = ends.peer.last
    ring_reliably(leg)
    ring_reliably(leg, number=8)
    ends.run()
    leg.answer()
    ends.run()
    assert listener.session is not None
    listener.session.bye()
    ends.run()
    tag = leg.exchange.tag
    assert counted(leg) == [("PRACK", 2, tag), ("PRACK", 3, tag), ("BYE", 4, tag), ("ACK", 1, tag)]
    assert ends.is_clean()


def test_the_session_remembers_what_the_peer_counted(ends: Ends, listener: Listener) -> None:
    """RFC 3261 section 12.2.2: an UPDATE before the answer makes its number an old one after it."""
    ends.call(listener)
    ends.run()
    leg = ends.peer.last
    ring_reliably(leg)
    ends.run()
    leg.dialogs[leg.exchange.tag] = Dialog.as_server(leg.invite, leg.exchange.tag)
    leg.ask("UPDATE")
    leg.answer()  # which begins to count anew
    ends.run()
    answers = leg.ask("OPTIONS")
    ends.run()
    assert [answer.status for answer in answers] == [500]
    leg.bye()
    ends.run()
    assert listener.said == ["183", "answered", "bye"]
    assert ends.is_clean()


def test_an_answer_that_crosses_our_cancel_is_ended_with_the_right_number(ends: Ends, listener: Listener) -> None:
    """RFC 3261 section 12.2.1.1: BYE counts on after the PRACK, else the peer refuses it and keeps the call."""
    outgoing = ends.call(listener)
    ends.run()
    leg = ends.peer.last
    ring_reliably(leg)
    ends.run()
    leg.answer()
    outgoing.cancel()
    ends.run()
    assert [request.cseq.number for request in leg.received("PRACK") + leg.received("BYE")] == [2, 3]
    assert ends.is_clean()


def test_a_second_branch_is_ended_with_the_right_number(ends: Ends, listener: Listener) -> None:
    """RNG-02: two branches rang reliably and answered; the later one gets ACK and BYE that follow its own PRACK."""
    ends.call(listener)
    ends.run()
    leg = ends.peer.last
    ring_reliably(leg, "one")
    ring_reliably(leg, "two")
    ends.run()
    leg.answer(tag="one")
    leg.answer(tag="two")
    ends.run()
    assert listener.said == ["183", "183", "answered"]
    assert ("BYE", 3, "two") in counted(leg)
    assert listener.session is not None
    listener.session.bye()
    assert ends.is_clean()


def test_a_call_that_forks_without_end_costs_little(ends: Ends, listener: Listener) -> None:
    """Sixteen ringing branches are followed, others are not told."""
    outgoing = ends.call(listener)
    ends.run()
    for branch in range(100):
        ring_reliably(ends.peer.last, f"branch{branch}")
    ends.run()
    assert len(ends.dialogs) == len(listener.said) == 16
    outgoing.cancel()
    ends.run()
    assert len(ends.dialogs) == 0
    assert ends.is_clean()


def test_a_challenge_ends_what_rang(ends: Ends, listener: Listener) -> None:
    """RFC 3261 section 12.3: the next INVITE begins without early dialogs, whatever tag and RSeq it rings with."""
    ends.call(listener, credentials=Credentials("alice", "secret"))
    ends.run()
    leg = ends.peer.last
    ring_reliably(leg, "same", 7)
    ends.run()
    leg.refuse(401, [("WWW-Authenticate", 'Digest realm="peer", nonce="n", algorithm=MD5')])
    ends.run()
    assert len(ends.dialogs) == 0
    again = ends.peer.last
    ring_reliably(again, "same", 3)
    ends.run()
    assert listener.said == ["183", "183"]
    again.refuse(486)
    assert ends.is_clean()


@pytest.mark.parametrize("without", ["Contact", "RSeq"])
def test_a_reliable_ring_that_makes_no_dialog(ends: Ends, listener: Listener, without: str) -> None:
    """One without Contact is passed over; one without RSeq is an ordinary one. The call goes on."""
    outgoing = ends.call(listener)
    ends.run()
    fields = [field for field in [("Require", "100rel"), ("RSeq", "7")] if field[0] != without]
    ends.peer.last.exchange.respond(180, fields=fields, without=[without])
    ends.run()
    assert ends.peer.last.received("PRACK") == []
    assert listener.said == (["180"] if without == "RSeq" else [])
    outgoing.cancel()
    assert ends.is_clean()
