"""An INVITE we sent."""

from __future__ import annotations

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
