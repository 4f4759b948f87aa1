"""An established session."""

from __future__ import annotations

import pytest

from rustalk.sip.message import Field, Response
from tests.ua.ends import Ends, Heard, Listener


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 200), ("PRACK", 481), ("MESSAGE", 405)])
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
    listener.offers[0].refuse("bad_media")
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


def ask(ends: Ends, method: str, *fields: Field) -> list[Response]:
    """What the peer's request in the session is answered."""
    answers = ends.peer.last.ask(method, fields=fields)
    ends.run()
    return answers


def test_refer_is_the_calls(ends: Ends, listener: Listener) -> None:
    """XFR-04: the session does not know who could be called instead."""
    ends.session(listener)
    answers = ask(ends, "REFER", ("Refer-To", "<sip:carol@example.com>"))
    assert answers == []
    assert [transaction.request.get("Refer-To") for transaction in listener.refers] == ["<sip:carol@example.com>"]
    listener.refers[0].respond(202)
    ends.run()
    assert [answer.status for answer in answers] == [202]
    ends.peer.last.bye()
    assert ends.is_clean()


def test_notify_is_the_calls(ends: Ends, listener: Listener) -> None:
    """XFR-04: it is about a REFER that came from the other side."""
    ends.session(listener)
    answers = ask(ends, "NOTIFY", ("Event", "refer"), ("Subscription-State", "active"))
    listener.notifies[0].respond(200)
    ends.run()
    assert [answer.status for answer in answers] == [200]
    ends.peer.last.bye()
    assert ends.is_clean()


@pytest.mark.parametrize("called", [False, True])
def test_refer_is_refused_where_allow_lacks_it(ends: Ends, listener: Listener, called: bool) -> None:
    """XFR-01: a peer that is not offered REFER gets 405 with the methods that it was offered, whoever called."""
    allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY"
    if called:
        ends.called(listener, allow=allow).answer(ends.peer.describe())
    else:
        ends.peer.plan = lambda leg: leg.answer()
        ends.call(listener, allow=allow)
    ends.run()
    (answer,) = ask(ends, "REFER", ("Refer-To", "<sip:carol@example.com>"))
    assert (answer.status, answer.get("Allow")) == (405, allow)
    assert listener.refers == []
    ends.peer.last.bye()
    assert ends.is_clean()


def test_an_extension_that_refer_requires(ends: Ends, listener: Listener) -> None:
    """RFC 3261 section 8.2.2.3: norefersub is known, others are named in Unsupported."""
    ends.session(listener)
    to = ("Refer-To", "<sip:carol@example.com>")
    (answer,) = ask(ends, "REFER", to, ("Require", "multiple-refer"))
    assert (answer.status, answer.get("Unsupported")) == (420, "multiple-refer")
    assert ask(ends, "REFER", to, ("Require", "norefersub")) == []
    listener.refers[0].refuse("no_route")
    ends.peer.last.bye()
    assert ends.is_clean()


def test_we_ask_in_the_session_too(ends: Ends, listener: Listener) -> None:
    """NOTIFY, INFO and REFER count on in the dialog, and who asked hears the answers."""
    session, heard = ends.session(listener), Heard()
    ends.peer.answers |= {"NOTIFY": 200, "REFER": 202, "INFO": 415}
    for method in ("NOTIFY", "REFER", "INFO"):
        session.ask(method, [("Subject", method)], b"", heard)
    ends.run()
    assert heard.statuses == [200, 202, 415]
    assert [request.cseq.number for request in ends.peer.last.requests] == [1, 2, 3]
    ends.peer.last.bye()
    assert ends.is_clean()


def test_an_unknown_way_to_the_peer_is_told(ends: Ends, listener: Listener) -> None:
    """Whoever asked in a session whose peer moved to a name that leads nowhere hears that nothing was sent."""
    session, heard = ends.session(listener), Heard()
    session.dialog.target = "sip:nowhere.example.com"
    session.ask("NOTIFY", [], b"", heard)
    ends.run()
    assert heard.failures == ["transport"]
    ends.peer.last.bye()
    assert ends.is_clean()
