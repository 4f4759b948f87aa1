"""What becomes of a REFER."""

from __future__ import annotations

import pytest

from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Field, Response
from rustalk.ua.referral import SIPFRAG, Referral
from tests.ua.ends import Ends, Listener

TO = ("Refer-To", "<sip:carol@example.com>")


def refer(ends: Ends, listener: Listener, *fields: Field) -> tuple[Referral, list[Response]]:
    """The peer sends REFER in a session; what it is answered."""
    ends.peer.answers["NOTIFY"] = 200
    session = ends.session(listener)
    answers = ends.peer.last.ask("REFER", fields=fields or [TO])
    ends.run()
    return Referral(session, listener.refers[-1]), answers


def told(ends: Ends) -> list[tuple[str, str]]:
    """What the peer was told: the first line of each sipfrag and how long more will come."""
    return [
        (notify.body.decode().rstrip("\r\n"), (notify.get("Subscription-State") or "").partition(";")[0])
        for notify in ends.peer.last.received("NOTIFY")
    ]


def hang_up(ends: Ends) -> bool:
    """The peer ends the call; whether nothing is left."""
    ends.peer.last.bye()
    return ends.is_clean()


def test_a_transfer_that_succeeds(ends: Ends, listener: Listener) -> None:
    """XFR-04: 202, NOTIFY with 100 at once, what the new call does, and the end (RFC 3515 section 2.4.4)."""
    referral, answers = refer(ends, listener)
    referral.accept()
    referral.tell(180)
    referral.finish(200)
    ends.run()
    assert [(answer.status, answer.contact is not None) for answer in answers] == [(202, True)]
    assert told(ends) == [
        ("SIP/2.0 100 Trying", "active"),
        ("SIP/2.0 180 Ringing", "active"),
        ("SIP/2.0 200 OK", "terminated"),
    ]
    assert referral.over
    assert hang_up(ends)


def test_each_notify_says_what_it_is_about(ends: Ends, listener: Listener) -> None:
    """RFC 3515 section 2.4.6: Event names the REFER by its CSeq, since several may be under way."""
    referral, _ = refer(ends, listener)
    referral.accept()
    ends.run()
    (notify,) = ends.peer.last.received("NOTIFY")
    assert notify.get("Event") == f"refer;id={ends.peer.last.asked.cseq.number}"
    assert notify.get("Content-Type") == SIPFRAG
    assert notify.contact
    assert hang_up(ends)


def test_nothing_is_told_after_the_end(ends: Ends, listener: Listener) -> None:
    """RFC 6665 section 4.2.2: terminated is the last word."""
    referral, _ = refer(ends, listener)
    referral.accept()
    referral.finish(486, "Gone fishing")
    referral.tell(180)
    referral.finish(200)
    ends.run()
    assert told(ends)[1:] == [("SIP/2.0 486 Gone fishing", "terminated")]
    assert hang_up(ends)


@pytest.mark.parametrize("value", ["false", " False", "FALSE;x=y"])
def test_who_wants_no_subscription_hears_of_none(ends: Ends, listener: Listener, value: str) -> None:
    """RFC 4488 section 4: 200 with Refer-Sub: false, no NOTIFY."""
    referral, answers = refer(ends, listener, TO, ("Refer-Sub", value), ("Require", "norefersub"))
    referral.accept()
    referral.tell(180)
    referral.finish(200)
    ends.run()
    assert [(answer.status, answer.get("Refer-Sub")) for answer in answers] == [(200, "false")]
    assert told(ends) == []
    assert hang_up(ends)


@pytest.mark.parametrize("value", ["true", ""])
def test_who_does_not_say_so_hears_all(ends: Ends, listener: Listener, value: str) -> None:
    """RFC 4488 section 4: the default is true."""
    referral, answers = refer(ends, listener, TO, ("Refer-Sub", value))
    referral.accept()
    ends.run()
    assert [answer.status for answer in answers] == [202]
    assert len(told(ends)) == 1
    assert hang_up(ends)


@pytest.mark.parametrize(("code", "status", "seen"), [("no_route", 0, 404), ("no_route", 603, 603)])
def test_a_transfer_that_is_not_tried(ends: Ends, listener: Listener, code: str, status: int, seen: int) -> None:
    """The refusal is the answer, with its reason; no NOTIFY follows."""
    referral, answers = refer(ends, listener)
    referral.refuse(code, status)
    referral.tell(180)
    referral.finish(200)
    ends.run()
    assert [answer.status for answer in answers] == [seen]
    assert code in (answers[0].get("Reason") or "")
    assert told(ends) == []
    assert hang_up(ends)


@pytest.mark.parametrize("status", [481, 500, 405])
def test_who_refuses_a_notify_hears_no_more(ends: Ends, listener: Listener, status: int) -> None:
    """RFC 6665 section 4.2.2: the subscription is over, the call is not."""
    referral, _ = refer(ends, listener)
    ends.peer.answers["NOTIFY"] = status
    referral.accept()
    ends.run()
    assert referral.over
    referral.tell(180)
    referral.finish(200)
    ends.run()
    assert len(told(ends)) == 1
    assert listener.said == []
    assert hang_up(ends)


def test_a_notify_that_nobody_answers(ends: Ends, listener: Listener) -> None:
    """RFC 6665 section 4.2.2: the same after the transaction has timed out."""
    referral, _ = refer(ends, listener)
    ends.peer.answers["NOTIFY"] = 0
    referral.accept()
    ends.run(33)
    assert referral.over
    ends.peer.last.waiting.clear()
    assert hang_up(ends)


@pytest.mark.parametrize("ours", [False, True])
def test_a_session_that_has_ended_meanwhile(ends: Ends, listener: Listener, ours: bool) -> None:
    """Who hung up after REFER is not sent NOTIFY in a dialog that is gone."""
    session = ends.session(listener)
    answers = ends.peer.last.ask("REFER", fields=[TO])
    ends.run()
    referral = Referral(session, listener.refers[-1])
    if ours:
        session.bye()
    else:
        ends.peer.last.bye()
    ends.run()
    referral.accept()
    referral.finish(200)
    ends.run()
    assert [answer.status for answer in answers] == [202]
    assert told(ends) == []
    assert ends.is_clean()


@pytest.mark.parametrize(
    "fields",
    [
        [("Subject", "no Refer-To")],
        [("Refer-To", "")],
        [("Refer-To", "<>")],
        [("Refer-To", "carol")],
        [("Refer-To", "<sip:carol@example.com")],
        [TO, ("Refer-To", "<sip:dave@example.com>")],
        [("Refer-To", "<sip:carol@example.com>, <sip:dave@example.com>")],
    ],
)
def test_a_refer_that_names_nobody_or_two(ends: Ends, listener: Listener, fields: list[Field]) -> None:
    """RFC 3515 section 2.4.2: exactly one Refer-To, else 400."""
    with pytest.raises(RemoteProtocolError) as caught:
        refer(ends, listener, *fields)
    assert caught.value.status == 400
    listener.refers[-1].refuse("bad_request")
    assert hang_up(ends)


def test_who_is_called_and_on_whose_word(ends: Ends, listener: Listener) -> None:
    """XFR-02 and XFR-03: what the transfer needs of the REFER, byte for byte."""
    by = '"\u00fc" <sip:alice@example.com>;cid="x"'
    to = "<sip:carol@example.com;x-m=1?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>"
    referral, _ = refer(ends, listener, ("Refer-To", to), ("Referred-By", by))
    assert (f"<{referral.target}>", referral.referred_by) == (to, by)
    referral.refuse("no_route")
    assert hang_up(ends)


def test_a_phrase_that_is_no_utf_8(ends: Ends, listener: Listener) -> None:
    """What the new call was told crosses as the bytes it came with."""
    referral, _ = refer(ends, listener)
    referral.accept()
    referral.finish(480, "Besch\udcfcft")
    ends.run()
    assert ends.peer.last.received("NOTIFY")[-1].body == b"SIP/2.0 480 Besch\xfcft\r\n"
    assert hang_up(ends)
