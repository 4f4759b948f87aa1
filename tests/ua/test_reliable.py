"""Provisional responses that the caller acknowledges."""

from __future__ import annotations

import pytest

from rustalk.sip.dialog import Dialog
from rustalk.sip.message import Response
from rustalk.ua.incoming import Incoming
from rustalk.ua.reliable import is_reliable, wants_reliable
from tests.fakes.messages import make_request, make_response
from tests.ua.ends import Ends, Listener

REQUIRED = [("Require", "100rel")]


def ringing(ends: Ends, listener: Listener, status: int = 180) -> Incoming:
    """A caller who requires 100rel, and hears it ring."""
    incoming = ends.called(listener, fields=REQUIRED)
    incoming.provisional(status, b"v=0")
    ends.run()
    leg = ends.peer.last
    ring = leg.responses[-1]
    leg.dialogs[ring.to.tag] = Dialog.as_client(ring, leg.invite.get("From") or "", leg.invite.from_.tag)
    return incoming


def number(ends: Ends) -> int:
    """The RSeq of what rang last."""
    found = ends.peer.last.responses[-1].number("RSeq")
    assert found is not None
    return found


def prack(ends: Ends, rack: str = "") -> list[Response]:
    """Acknowledge what rang last, or what ``rack`` says."""
    answers = ends.peer.last.ask("PRACK", fields=[("RAck", rack or f"{number(ends)} 1 INVITE")])
    ends.run()
    return answers


@pytest.mark.parametrize(
    ("lines", "wants"),
    [((), False), (("Supported: 100rel",), False), (("Require: 100rel",), True), (("Require: timer, 100rel",), True)],
)
def test_only_who_insists_is_rung_reliably(lines: tuple[str, ...], wants: bool) -> None:
    """RFC 3262 section 3: with Supported alone the choice is ours."""
    assert wants_reliable(make_request("INVITE", *lines)) is wants


@pytest.mark.parametrize(
    ("lines", "waits"),
    [((), False), (("RSeq: 1",), False), (("Require: 100rel",), False), (("Require: timer,100rel", "RSeq: 1"), True)],
)
def test_what_waits_for_a_prack(lines: tuple[str, ...], waits: bool) -> None:
    """RFC 3262 section 4: both header fields are needed."""
    assert is_reliable(make_response(make_request(), 180, *lines)) is waits


def test_it_rings_ever_more_slowly_until_the_prack(ends: Ends, listener: Listener) -> None:
    """RFC 3262 section 3: at 0, T1, 3*T1 ..., each time the same RSeq."""
    incoming = ringing(ends, listener)
    ends.run(4)
    assert ends.peer.last.statuses == [180] * 4
    assert len({response.get("RSeq") for response in ends.peer.last.responses[1:]}) == 1
    assert [answer.status for answer in prack(ends)] == [200]
    ends.run(40)
    assert ends.peer.last.statuses == [180] * 4
    incoming.reject(486)
    assert ends.is_clean()


def test_each_ring_waits_for_the_prack_of_the_one_before(ends: Ends, listener: Listener) -> None:
    """RFC 3262 section 3: one at a time, with the next RSeq."""
    incoming = ringing(ends, listener)
    first = number(ends)
    incoming.provisional(183, b"v=0\r\nsecond")
    incoming.provisional(180)
    ends.run()
    assert ends.peer.last.statuses == [180]
    prack(ends)
    assert ends.peer.last.statuses == [180, 183]
    assert (number(ends), ends.peer.last.responses[-1].body) == (first + 1, b"v=0\r\nsecond")
    prack(ends)
    assert (ends.peer.last.statuses, number(ends)) == ([180, 183, 180], first + 2)
    incoming.reject(486)
    assert ends.is_clean()


def test_a_caller_who_is_rung_without_end_costs_little(ends: Ends, listener: Listener) -> None:
    """What waits is bounded; the newest is kept, and numbers go on without a gap."""
    incoming = ringing(ends, listener)
    first = number(ends)
    for count in range(1000):
        incoming.provisional(183, b"%d" % count)
    bodies = []
    while ends.peer.last.responses[-1].body != b"999":
        assert [answer.status for answer in prack(ends)] == [200]
        bodies.append(ends.peer.last.responses[-1].body)
    assert bodies == [b"%d" % count for count in range(984, 1000)]
    assert number(ends) == first + 16
    incoming.reject(486)
    assert ends.is_clean()


def test_a_prack_for_something_else(ends: Ends, listener: Listener) -> None:
    """RFC 3262 section 3: 481 for another RSeq, another INVITE, or a second time; it still rings."""
    incoming = ringing(ends, listener)
    rung = number(ends)
    assert [answer.status for answer in prack(ends, f"{rung + 1} 1 INVITE")] == [481]
    assert [answer.status for answer in prack(ends, f"{rung} 2 INVITE")] == [481]
    ends.run(1)
    assert len(ends.peer.last.statuses) > 1
    assert [answer.status for answer in prack(ends)] == [200]
    assert [answer.status for answer in prack(ends)] == [481]
    incoming.reject(486)
    assert ends.is_clean()


@pytest.mark.parametrize(
    "rack", ["x", "1", "1 1", "1 x INVITE", "-1 1 INVITE", "1 1 BYE", "99999999999 1 INVITE", "\u0661 1 INVITE"]
)
def test_a_broken_prack(ends: Ends, listener: Listener, rack: str) -> None:
    """It gets 400, and acknowledges nothing."""
    incoming = ringing(ends, listener)
    assert [answer.status for answer in prack(ends, rack)] == [400]
    assert [answer.status for answer in prack(ends)] == [200]
    incoming.reject(486)
    assert ends.is_clean()


def test_a_prack_without_rack(ends: Ends, listener: Listener) -> None:
    """RFC 3262 section 7.2 asks for the header."""
    incoming = ringing(ends, listener)
    answers = ends.peer.last.ask("PRACK")
    ends.run()
    assert [answer.status for answer in answers] == [400]
    incoming.reject(486)
    assert ends.is_clean()


def test_white_space_in_rack(ends: Ends, listener: Listener) -> None:
    """RFC 3262 section 7.2: LWS, which may be more than one space."""
    incoming = ringing(ends, listener)
    assert [answer.status for answer in prack(ends, f"{number(ends)}  1 \t INVITE")] == [200]
    incoming.reject(486)
    assert ends.is_clean()


def test_nobody_acknowledges(ends: Ends, listener: Listener) -> None:
    """RFC 3262 section 3: after 64*T1 the call is refused with a 5xx, and the cause is told."""
    ringing(ends, listener)
    ends.run(33)
    assert set(ends.peer.last.statuses[:-1]) == {180}
    assert ends.peer.last.statuses[-1] == 504
    assert "no_prack" in (ends.peer.last.responses[-1].get("Reason") or "")
    assert listener.said == ["lost"]
    assert ends.is_clean()


def test_the_answer_waits_until_what_rang_is_acknowledged(ends: Ends, listener: Listener) -> None:
    """RFC 3262 section 3: the 2xx comes after the PRACK and its answer; what still waited to ring is passed over."""
    incoming = ringing(ends, listener)
    incoming.provisional(183)
    incoming.settle(lambda: listener.said.append("settled"))
    ends.run(1)
    assert listener.said == []
    assert [answer.status for answer in prack(ends)] == [200]
    assert listener.said == ["settled"]
    assert set(ends.peer.last.statuses) == {180}
    incoming.reject(486)
    assert ends.is_clean()


def test_nothing_waits_where_nothing_rings(ends: Ends, listener: Listener) -> None:
    """With 100rel before it rings, and without 100rel at any time."""
    for fields in (REQUIRED, []):
        incoming = ends.called(listener, fields=fields)
        incoming.settle(lambda: listener.said.append("settled"))
        incoming.reject(486)
    assert listener.said == ["settled", "settled"]
    assert ends.is_clean()


@pytest.mark.parametrize("acknowledged", [False, True])
def test_a_caller_who_gives_up_meanwhile(ends: Ends, listener: Listener, acknowledged: bool) -> None:
    """Whatever waited to be answered is not, even in the moment between the PRACK and the 2xx."""
    incoming = ringing(ends, listener)
    incoming.settle(lambda: listener.said.append("settled"))
    if acknowledged:
        ends.peer.last.ask("PRACK", fields=[("RAck", f"{number(ends)} 1 INVITE")])
    ends.peer.last.cancel()
    ends.run(40)
    assert listener.said == ["CANCEL"]
    assert ends.peer.last.statuses[-1] == 487
    assert ends.is_clean()
