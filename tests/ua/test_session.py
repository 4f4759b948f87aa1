"""An established session."""

from __future__ import annotations

import pytest

from tests.ua.ends import Ends, Listener


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 200), ("NOTIFY", 481), ("REFER", 405), ("MESSAGE", 405)])
def test_what_a_session_answers_by_itself(ends: Ends, listener: Listener, method: str, status: int) -> None:
    """Nobody else is asked."""
    ends.session(listener)
    answers = ends.peer.last.ask(method)
    ends.run()
    assert [answer.status for answer in answers] == [status]
    ends.peer.last.bye()
    assert ends.is_clean()


def test_an_old_sequence_number(ends: Ends, listener: Listener) -> None:
    """RFC 3261 section 12.2.2: 500 for a CSeq that has been overtaken."""
    ends.session(listener)
    leg = ends.peer.last
    leg.dialog.local_seq = -1
    answers = leg.ask("OPTIONS")
    ends.run()
    assert [answer.status for answer in answers] == [500]
    leg.dialog.local_seq = 10
    leg.bye()
    assert ends.is_clean()


def test_an_offer_waits_for_the_call(ends: Ends, listener: Listener) -> None:
    """A second one meanwhile gets 500 with Retry-After (RFC 3261 section 14.2)."""
    ends.session(listener)
    leg = ends.peer.last
    first = leg.ask("INVITE", ends.peer.describe(version=2, port=5000))
    ends.run()
    second = leg.ask("UPDATE", ends.peer.describe(version=3, port=5002))
    ends.run()
    assert [answer.status for answer in second] == [500]
    assert second[0].get("Retry-After")
    listener.offers[0].accept(b"v=0\r\nanswer")
    ends.run()
    assert first[-1].status == 200
    assert first[-1].body == b"v=0\r\nanswer"
    leg.bye()
    assert ends.is_clean()


def test_an_offer_is_answered_once(ends: Ends, listener: Listener) -> None:
    """Whoever comes second changes nothing: cancelled, then accepted; ended, then refused."""
    session = ends.session(listener)
    answers = ends.peer.last.ask("INVITE", ends.peer.describe(version=2, port=5000))
    ends.run()
    session.bye()
    listener.offers[0].refuse(488)
    listener.offers[0].accept(b"v=0")
    ends.run()
    assert answers[-1].status == 487
    assert ends.is_clean()


def test_offers_of_ours_one_at_a_time(ends: Ends, listener: Listener) -> None:
    """RFC 3261 section 14.1; the description of before comes back when the peer refuses."""
    session = ends.session(listener)
    before, said = session.local, []
    ends.peer.answers["INVITE"] = 488
    assert session.offer(b"v=0\r\nnew", lambda status, body: said.append(status))
    assert not session.offer(b"v=0\r\nnewer", lambda status, body: said.append(status))
    ends.run()
    assert said == [488]
    assert session.local == before
    ends.peer.last.bye()
    assert ends.is_clean()


def test_a_description_in_an_ack(ends: Ends, listener: Listener) -> None:
    """RFC 3261 section 14.1: a re-INVITE without offer is offered ours, the answer comes with the ACK."""
    session = ends.session(listener)
    leg = ends.peer.last
    leg.local = ends.peer.describe(version=2, port=5000)
    leg.ask("INVITE")
    ends.run()
    assert listener.said == ["described"]
    assert session.remote == leg.local
    leg.bye()
    assert ends.is_clean()


def test_bye_is_said_once(ends: Ends, listener: Listener) -> None:
    """And the peer's own BYE after it is answered 481."""
    session = ends.session(listener)
    session.bye()
    session.bye()
    ends.run()
    assert len(ends.peer.last.received("BYE")) == 1
    assert listener.said == []
    assert ends.is_clean()


def test_info_is_the_calls(ends: Ends, listener: Listener) -> None:
    """It must be answered by who knows the other side."""
    ends.session(listener)
    answers = ends.peer.last.ask("INFO")
    ends.run()
    listener.infos[0].respond(200)
    ends.run()
    assert [answer.status for answer in answers] == [200]
    ends.peer.last.bye()
    assert ends.is_clean()
