"""Messages to transactions and back."""

from __future__ import annotations

import pytest

from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Request, Response
from rustalk.ua.endpoint import ServerTransaction
from tests.ua.ends import PEER, Ends, Heard


def test_a_request_finds_its_answer(ends: Ends) -> None:
    """And nothing is left of it."""
    heard = Heard()
    ends.endpoint.send(ends.request(), ends.flow, heard)
    ends.run()
    assert heard.statuses == [200]
    assert ends.is_clean()


def test_a_request_without_answer_is_repeated_and_given_up(ends: Ends) -> None:
    """RFC 3261 section 17.1.2: timers E and F."""
    ends.peer.deaf = True
    heard = Heard()
    ends.endpoint.send(ends.request(), ends.flow, heard)
    ends.run(33)
    assert heard.failures == ["timeout"]
    assert len(ends.peer.requests("OPTIONS")) == 11
    assert ends.is_clean()


def test_a_via_tells_the_way_back(ends: Ends) -> None:
    """RFC 3581: rport over UDP; the branch begins with the magic cookie."""
    ends.endpoint.send(ends.request(), ends.flow, Heard())
    ends.run()
    via = ends.peer.requests("OPTIONS")[0].via
    assert via.branch.startswith("z9hG4bK")
    assert ("rport", None) in via.params


def test_the_source_of_a_request_is_noted_in_its_via(ends: Ends) -> None:
    """RFC 3261 section 18.2.1, RFC 3581 section 4: received and rport come back in the response."""
    ends.act = lambda transaction: transaction.respond(200)
    answers = ends.peer.ask("OPTIONS")
    ends.run()
    assert dict(answers[0].via.params)["rport"] == "5060"
    assert dict(answers[0].via.params)["received"] == PEER


@pytest.mark.parametrize(
    ("via", "rest"),
    [
        ("10.0.0.9:5060;branch=z9hG4bKa;rport", ""),
        ("10.0.0.9:5060;rport;branch=z9hG4bKa;alias", ""),
        ("10.0.0.9;branch=z9hG4bKa;RPORT;received=198.51.100.9", ""),
        ("10.0.0.9 ; rport ; branch=z9hG4bKa", ""),
        ('10.0.0.9;x=";rport";rport;branch=z9hG4bKa', ""),
        ("10.0.0.9;branch=z9hG4bKa;rport, SIP/2.0/TCP 10.0.0.8;branch=z9hG4bKb;rport", "10.0.0.8"),
        ("10.0.0.9;branch=z9hG4bKa, SIP/2.0/TCP 10.0.0.8;branch=z9hG4bKb;rport", "10.0.0.8"),
    ],
)
def test_the_source_is_noted_however_via_is_written(ends: Ends, via: str, rest: str) -> None:
    """Once, in the topmost one, where the port is told to who asks for it; what is below stays."""
    request = ends.request()
    request.fields.insert(0, ("Via", f"SIP/2.0/UDP {via}"))
    asks = "rport" in dict(request.via.params) or "RPORT" in dict(request.via.params)
    ends.endpoint.message_received(request, ends.flow.toward(5070))
    top, *others = request.vias
    found = [(name.lower(), value) for name, value in top.params if name.lower() in ("received", "rport")]
    assert sorted(found) == [("received", PEER)] + [("rport", "5070")] * asks
    assert [other.host for other in others] == ([rest] if rest else [])


@pytest.mark.parametrize(
    ("via", "port"),
    [(f"{PEER}:5099", 5099), (PEER, 5060), (f"{PEER}:5099;rport", 5070)],
)
def test_the_answer_goes_to_the_port_that_via_names(ends: Ends, via: str, port: int) -> None:
    """RFC 3261 section 18.2.2: unless rport asks for the source port (RFC 3581)."""
    ends.act = lambda transaction: transaction.respond(200)
    request = ends.request()
    request.fields.insert(0, ("Via", f"SIP/2.0/UDP {via};branch=z9hG4bKway"))
    ends.endpoint.message_received(request, ends.flow.toward(5070))
    (transaction,) = ends.asked
    assert transaction.flow.peer == (PEER, port)


def test_a_copy_of_a_request_is_answered_and_not_handed_up_again(ends: Ends) -> None:
    """RFC 3261 section 17.2.2."""
    ends.act = lambda transaction: transaction.respond(200)
    ends.network.copies = 1.0
    answers = ends.peer.ask("OPTIONS")
    ends.run()
    assert len(ends.asked) == 1
    assert answers


def test_what_sip_does_not_allow_gets_the_status_of_its_error(ends: Ends) -> None:
    """Raised by whoever looked closer."""

    def refuse(transaction: ServerTransaction) -> None:
        raise RemoteProtocolError("no", 416)

    ends.act = refuse
    answers = ends.peer.ask("OPTIONS")
    ends.run()
    assert [answer.status for answer in answers] == [416]


def test_a_fault_of_our_own_is_500(ends: Ends) -> None:
    """And the log has the details."""
    ends.act = lambda transaction: [].pop()
    answers = ends.peer.ask("OPTIONS")
    ends.run()
    assert [answer.status for answer in answers] == [500]


@pytest.mark.parametrize(("verdict", "statuses"), [("reject", [403]), ("drop", [])])
def test_strangers_leave_no_state(ends: Ends, verdict: str, statuses: list[int]) -> None:
    """A38: an answer costs one message, silence none."""
    ends.verdict = verdict
    answers = ends.peer.ask("OPTIONS")
    ends.run()
    assert [answer.status for answer in answers] == statuses
    assert ends.endpoint.transactions == 0
    assert ends.asked == []


def test_each_copy_of_a_strangers_request_gets_the_same_tag(ends: Ends) -> None:
    """RFC 3261 section 8.2.7, without remembering anything."""
    ends.verdict = "reject"
    ends.network.copies = 1.0
    ends.peer.ask("OPTIONS")
    ends.run()
    tags = {m.to.tag for m in ends.peer.messages if isinstance(m, Response)}
    assert len(tags) == 1
    assert tags != {""}


def test_an_answer_to_nothing_is_counted(ends: Ends) -> None:
    """A response that fits no transaction."""
    request = ends.peer.request("OPTIONS")
    request.fields.insert(0, ("Via", "SIP/2.0/UDP x;branch=z9hG4bKnobody"))
    ends.peer.flow().send(request.response(200, to_tag="x").to_bytes())
    ends.run()
    assert ends.counters.messages_stray == 1


def test_a_broken_request_is_answered_where_its_sender_can_be_told(ends: Ends) -> None:
    """400, once, and without state; an ACK never."""
    for method in ("OPTIONS", "ACK"):
        request = ends.peer.request(method)
        request.fields = [("Via", f"SIP/2.0/UDP {PEER};branch=z9hG4bKa"), *request.fields, ("Contact", "<<<")]
        request.fields = [(n, "nonsense" if n == "Max-Forwards" else v) for n, v in request.fields]
        ends.peer.flow().send(request.to_bytes())
        ends.run()
    assert [m.status for m in ends.peer.messages if isinstance(m, Response)] == [400]
    assert ends.endpoint.transactions == 0


def test_cancel_waits_for_the_first_response(ends: Ends) -> None:
    """RFC 3261 section 9.1."""
    ends.peer.deaf = True
    transaction = ends.endpoint.send(ends.request("INVITE"), ends.flow, Heard())
    transaction.cancel()
    ends.run()
    assert ends.peer.requests("CANCEL") == []
    ends.peer.deaf = False
    ends.run(1)
    (cancel,) = ends.peer.requests("CANCEL")
    assert cancel.via.branch == ends.peer.requests("INVITE")[0].via.branch
    assert ends.is_clean()


def test_a_cancelled_invite_that_is_never_answered_is_forgotten(ends: Ends) -> None:
    """RFC 3261 section 9.1: after 64*T1; without this it would stay for ever."""
    heard = Heard()
    transaction = ends.endpoint.send(ends.request("INVITE"), ends.flow, heard)
    ends.run()
    ends.peer.deaf = True
    transaction.cancel()
    ends.run(33)
    assert heard.failures == ["transport"]
    assert ends.is_clean()


def test_a_cancel_reaches_who_works_on_the_invite(ends: Ends) -> None:
    """RFC 3261 section 9.2; one that fits nothing gets 481."""
    seen: list[str] = []

    class Worker:
        def cancelled(self, cancel: Request) -> None:
            seen.append(cancel.method)
            ends.asked[0].respond(487)

        def transaction_failed(self, cause: str) -> None:
            seen.append(cause)

    ends.act = lambda transaction: setattr(transaction, "listener", Worker())
    leg = ends.peer.call()
    ends.run()
    leg.cancel()
    ends.run()
    assert seen == ["CANCEL"]
    assert leg.statuses == [487]
    assert ends.is_clean()


def test_a_lost_connection_ends_what_runs_on_it(ends: Ends) -> None:
    """Our requests fail at once; requests of the peer are reported to who works on them."""
    ends.network.open(ends.peer, "TCP", (PEER, 5060))
    found = []
    ends.transport.flow("inside", "TCP", PEER, 5060).addCallback(found.append)
    ends.run()
    heard = Heard()
    ends.peer.answers["OPTIONS"] = 0
    ends.endpoint.send(ends.request(), found[0], heard)
    ends.run()
    found[0].close()
    ends.run()
    assert heard.failures == ["transport"]
    assert ends.lost == [found[0]]


def test_one_request_by_two_ways_is_merged(ends: Ends) -> None:
    """RFC 3261 section 8.2.2.2, and forgotten with the first."""
    leg = ends.peer.call()
    ends.run()
    again = Request("INVITE", leg.invite.uri, [f for f in leg.invite.fields if f[0] != "Via"], leg.local)
    answers: list[Response] = []
    ends.peer.send(again, ends.peer.flow(), answers.append)
    ends.run()
    assert [answer.status for answer in answers if answer.status > 100] == [482]
    ends.asked[0].respond(404)
    assert ends.is_clean()
