"""An INVITE we got."""

from __future__ import annotations

import pytest

from rustalk.sip.dialog import Dialog
from rustalk.sip.message import Response
from tests.fakes.agents import Leg
from tests.ua.ends import Ends, Listener


def test_ringing_and_answering_under_one_tag(ends: Ends, listener: Listener) -> None:
    """RFC 3261 section 12.1: the early dialog becomes the session."""
    incoming = ends.called(listener)
    incoming.provisional(180)
    incoming.provisional(183, b"v=0")
    incoming.answer(ends.peer.describe())
    ends.run()
    leg = ends.peer.last
    assert leg.statuses == [180, 183, 200]
    assert len({response.to.tag for response in leg.responses if response.status > 100}) == 1
    leg.bye()
    ends.run()
    assert listener.said == ["bye"]
    assert ends.is_clean()


def test_an_answer_may_fork(ends: Ends, listener: Listener) -> None:
    """RNG-02: other media than the early ones come under another tag."""
    incoming = ends.called(listener)
    incoming.provisional(183, b"v=0")
    incoming.answer(ends.peer.describe(), fork=True)
    ends.run()
    early, final = ends.peer.last.responses[-2:]
    assert early.to.tag != final.to.tag
    assert len(ends.dialogs) == 1
    ends.peer.last.bye()
    assert ends.is_clean()


def test_a_refusal_is_said_once(ends: Ends, listener: Listener) -> None:
    """A second one, or ringing after it, is not sent."""
    incoming = ends.called(listener)
    incoming.reject(486)
    incoming.reject(503)
    incoming.provisional(180)
    ends.run()
    assert ends.peer.last.statuses == [486]
    assert ends.is_clean()


def test_cancel_gets_487(ends: Ends, listener: Listener) -> None:
    """RFC 3261 section 9.2, and the listener hears of it."""
    ends.called(listener).provisional(180)
    ends.run()
    ends.peer.last.cancel()
    ends.run()
    assert ends.peer.last.statuses == [180, 487]
    assert listener.said == ["CANCEL"]
    assert ends.is_clean()


def test_record_route_comes_back(ends: Ends, listener: Listener) -> None:
    """RFC 3261 section 12.1.1: in each response that makes the dialog."""
    ends.peer.record_route = "<sip:198.51.100.7:5060;lr>"
    incoming = ends.called(listener)
    incoming.provisional(180)
    incoming.answer(ends.peer.describe())
    ends.run()
    routes = [response.get("Record-Route") for response in ends.peer.last.responses if response.status > 100]
    assert routes == [ends.peer.record_route] * 2
    ends.peer.last.bye()
    assert ends.is_clean()


@pytest.mark.parametrize(("contact", "status"), [(None, 400), ("<mailto:bob@example.com>", 416)])
def test_an_invite_that_can_make_no_dialog_is_refused(
    ends: Ends, listener: Listener, contact: str | None, status: int
) -> None:
    """Without a Contact, or with one of another scheme; nobody is rung."""
    with pytest.raises(IndexError):
        ends.called(listener, replace={"Contact": contact})
    assert ends.peer.last.statuses == [status]
    assert ends.is_clean()


RELIABLY = [("Require", "100rel")]


def join(leg: Leg) -> None:
    """The caller may ask in the early dialog from now on."""
    ring = leg.responses[-1]
    leg.dialogs[ring.to.tag] = Dialog.as_client(ring, leg.invite.get("From") or "", leg.invite.from_.tag)


def prack(ends: Ends) -> list[Response]:
    """Acknowledge what rang last."""
    leg = ends.peer.last
    answers = leg.ask("PRACK", fields=[("RAck", f"{leg.responses[-1].number('RSeq')} 1 INVITE")])
    ends.run()
    return answers


def test_a_reliable_call_from_ring_to_hang_up(ends: Ends, listener: Listener) -> None:
    """RFC 3262: the dialog's numbers go on from INVITE and PRACK to BYE, both ways."""
    incoming = ends.called(listener, fields=RELIABLY)
    incoming.provisional(183, b"v=0\r\nearly")
    ends.run()
    leg = ends.peer.last
    assert (leg.responses[-1].get("Require"), leg.responses[-1].body) == ("100rel", b"v=0\r\nearly")
    join(leg)
    incoming.settle(lambda: setattr(listener, "session", incoming.answer(b"v=0\r\nearly")))
    assert [answer.status for answer in prack(ends)] == [200]
    assert leg.statuses == [183, 200]
    assert leg.responses[-1].get("Require") is None
    leg.bye()
    ends.run()
    assert (leg.asked.cseq.number, listener.said) == (3, ["bye"])
    assert ends.is_clean()


def test_an_answer_ends_what_still_rings(ends: Ends, listener: Listener) -> None:
    """RFC 3262 section 3: no 18x is sent after the 2xx, and its missing PRACK does not end the call."""
    incoming = ends.called(listener, fields=RELIABLY)
    incoming.provisional(180)
    incoming.answer(ends.peer.describe())
    ends.run(40)
    assert ends.peer.last.statuses == [180, 200]
    assert listener.said == []
    ends.peer.last.bye()
    assert ends.is_clean()


def test_a_prack_that_comes_after_the_answer(ends: Ends, listener: Listener) -> None:
    """Nothing waits for it any more: 481."""
    incoming = ends.called(listener, fields=RELIABLY)
    incoming.provisional(180)
    ends.run()
    answers = ends.peer.last.responses[-1]
    incoming.answer(ends.peer.describe())
    ends.run()
    late = ends.peer.last.ask("PRACK", fields=[("RAck", f"{answers.number('RSeq')} 1 INVITE")])
    ends.run()
    assert [answer.status for answer in late] == [481]
    ends.peer.last.bye()
    assert ends.is_clean()


def test_a_prack_nobody_asked_for(ends: Ends, listener: Listener) -> None:
    """RFC 3262 section 3: 481 where nothing rang reliably."""
    incoming = ends.called(listener)
    incoming.provisional(180)
    ends.run()
    join(ends.peer.last)
    answers = ends.peer.last.ask("PRACK", fields=[("RAck", "1 1 INVITE")])
    ends.run()
    assert [answer.status for answer in answers] == [481]
    incoming.reject(486)
    assert ends.is_clean()


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [("UPDATE", b"", 200), ("UPDATE", b"v=0", 500), ("INVITE", b"v=0", 500), ("INFO", b"", 405), ("REFER", b"", 405)],
)
def test_what_the_caller_may_ask_while_it_rings(
    ends: Ends, listener: Listener, method: str, body: bytes, status: int
) -> None:
    """RFC 3311 section 5.2: an offer comes back later (Retry-After), a refresh of the target is taken."""
    incoming = ends.called(listener)
    incoming.provisional(180)
    ends.run()
    join(ends.peer.last)
    answers = ends.peer.last.ask(method, body)
    ends.run()
    assert [answer.status for answer in answers] == [status]
    assert (answers[0].get("Retry-After") is not None) is (status == 500)
    incoming.reject(486)
    assert ends.is_clean()


def test_nobody_acknowledges_what_rang_before_the_answer(ends: Ends, listener: Listener) -> None:
    """RFC 3262 section 3: the answer that waited never goes out, 504 does."""
    incoming = ends.called(listener, fields=RELIABLY)
    incoming.provisional(180)
    incoming.settle(lambda: listener.said.append("settled"))
    ends.run(40)
    assert ends.peer.last.statuses[-1] == 504
    assert listener.said == ["lost"]
    assert ends.is_clean()
