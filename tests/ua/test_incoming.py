"""An INVITE we got."""

from __future__ import annotations

import pytest

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
