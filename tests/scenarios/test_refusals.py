"""Requests that are not carried out, and who is not listened to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rustalk.sip.message import Response
from rustalk.sip.uri import Uri
from tests.fakes.agents import Agent
from tests.fakes.network import Certificate
from tests.scenarios.site import OTHER, PROXIES, SBC, Site


def answered(site: Site, agent: Agent, method: str, **parts: object) -> list[int]:
    """What a request outside any call is answered."""
    responses = agent.ask(method, **parts)
    site.run(1)
    return finals(responses)


def finals(responses: list[Response]) -> list[int]:
    """The final statuses."""
    return [response.status for response in responses if response.status >= 200]


def reason(site: Site, agent: Agent, **parts: object) -> str:
    """The Reason of a refused call."""
    leg = agent.call(**parts)
    site.run()
    return leg.responses[-1].get("Reason") or ""


def test_too_many_hops(site: Site) -> None:
    """483 for Max-Forwards 0, with its reason."""
    assert "too_many_hops" in reason(site, site.carrier, replace={"Max-Forwards": "0"})
    assert site.carrier.last.statuses == [483]


def test_one_hop_less_is_left(site: Site) -> None:
    """RFC 3261 section 16.6: the count goes on across the switch (A39)."""
    site.carrier.call(replace={"Max-Forwards": "17"})
    site.run()
    assert site.teams.last.invite.get("Max-Forwards") == "16"
    site.carrier.last.cancel()
    site.run()


def test_a_call_that_comes_back(site: Site) -> None:
    """A39: a peer that sends our own INVITE back gets 482."""
    talk = site.ringing("carrier", "teams")
    assert "loop_detected" in reason(site, site.teams, call_id=talk.callee.call_id)
    assert site.teams.last.statuses == [482]
    talk.caller.cancel()
    site.run()


def test_a_call_that_comes_two_ways(site: Site) -> None:
    """RFC 3261 section 8.2.2.2: a merged request gets 482."""
    first = site.carrier.call()
    site.run()
    copied = [field for field in first.invite.fields if field[0] != "Via"]
    second: list[Response] = []
    invite = site.carrier.request("INVITE", body=first.local)
    invite.fields = copied
    site.carrier.send(invite, site.carrier.flow(), second.append)
    site.run()
    assert finals(second) == [482]
    assert "merged" in (second[-1].get("Reason") or "")
    first.cancel()
    site.run()


@pytest.mark.parametrize("method", ["BYE", "INVITE", "UPDATE", "INFO", "OPTIONS"])
def test_an_unknown_dialog(site: Site, method: str) -> None:
    """481 for a request with a To tag that is not ours."""
    assert answered(site, site.carrier, method, to_tag="nobody") == [481]


def test_a_dialog_belongs_to_its_trunk(site: Site) -> None:
    """A7, A8: another trunk's peer that knows all tags can neither end nor change the call."""
    talk = site.talking("carrier", "teams")
    target = Uri.parse(talk.caller.dialog.target)
    for method in ("BYE", "INVITE", "UPDATE", "INFO"):
        responses: list[Response] = []
        request = talk.caller.dialog.request(method, [("Contact", f"<sip:{OTHER}>")], talk.caller.local)
        site.other.send(request, site.other.flow(), responses.append)
        site.run()
        assert finals(responses) == [481]
    assert target.host == SBC
    assert not talk.is_over
    talk.end()


def test_an_ack_belongs_to_its_trunk(site: Site) -> None:
    """A7: another trunk's peer cannot acknowledge, and so cannot describe other media."""
    site.carrier.acks = False
    talk = site.ringing("carrier", "teams")
    talk.callee.answer()
    site.run()
    ack = talk.caller.dialog.request("ACK", number=1)
    ack.fields.insert(0, ("Via", f"SIP/2.0/UDP {OTHER}:5060;branch=z9hG4bKx"))
    site.other.flow().send(ack.to_bytes())
    site.run(40)
    assert site.record.reason == "no_ack"


def test_an_unknown_address_gets_403(site: Site) -> None:
    """NET-06: neither a trunk nor Teams; the answer makes no state."""
    leg = site.stranger.call()
    site.run()
    assert leg.statuses == [403]
    assert "unknown_source" in (leg.responses[-1].get("Reason") or "")
    assert site.counters.refused["unknown_source"]


def test_an_unknown_address_may_meet_silence(build: Callable[..., Site]) -> None:
    """A38: sip.unknown_sources "drop" answers nothing."""
    site = build(sip={"unknown_sources": "drop"})
    leg = site.stranger.call()
    site.run()
    assert leg.responses == []


def test_answers_to_strangers_are_few(build: Callable[..., Site]) -> None:
    """A38: limits.unknown_per_second bounds what an attacker can make us send, and it is not more than was sent."""
    site = build(limits={"unknown_per_second": 2})
    for _ in range(20):
        site.stranger.ask("OPTIONS")
    site.run(0.1)
    assert 1 <= len(site.stranger.messages) <= 2
    sent = max(len(data) for place, data in site.network.wire if place == (SBC, 5060))
    got = max(len(data) for place, data in site.network.wire if place[0] == site.stranger.hosts[0])
    assert got <= 1.5 * sent


@pytest.mark.parametrize("names", [(), ("evil.example.com",)])
def test_teams_is_not_known_by_its_address(site: Site, names: tuple[str, ...]) -> None:
    """A25: an address of Microsoft's range without its certificate is a stranger."""
    site.teams.certificate = Certificate(frozenset(names)) if names else None
    leg = site.teams.call()
    site.run()
    assert leg.statuses == [403]
    assert site.carrier.calls == []


def test_teams_may_call_from_any_address_of_its_range(site: Site) -> None:
    """NET-06: identified by range and certificate, not by what the three names resolve to."""
    leg = site.teams.call(host="52.123.4.5")
    site.run()
    assert leg.responses[0].status == 100
    leg.cancel()
    site.run()


def test_the_certificate_of_teams_elsewhere_is_not_enough(site: Site) -> None:
    """A25: right name, wrong network."""
    leg = site.teams.call(host="203.0.113.5")
    site.run()
    assert leg.statuses == [403]


@pytest.mark.parametrize("method", ["SUBSCRIBE", "MESSAGE", "PUBLISH", "FOO"])
def test_methods_that_we_do_not_know(site: Site, method: str) -> None:
    """405 with Allow (A7)."""
    responses = site.carrier.ask(method)
    site.run()
    assert finals(responses) == [405]
    assert "INVITE" in (responses[-1].get("Allow") or "")


def test_an_extension_that_we_do_not_know(site: Site) -> None:
    """420 with Unsupported."""
    fields = [("Require", "teleport, 100rel, timer")]
    responses = site.carrier.ask("INVITE", fields=fields, body=site.carrier.describe())
    site.run()
    assert finals(responses) == [420]
    assert responses[-1].get("Unsupported") == "teleport"


def test_content_that_we_do_not_know(site: Site) -> None:
    """415 with Accept, and 415 with Accept-Encoding."""
    other = {"Content-Type": "application/isup"}
    packed = [("Content-Encoding", "gzip")]
    assert answered(site, site.carrier, "INVITE", replace=other, body=b"x") == [415]
    assert answered(site, site.carrier, "INVITE", fields=packed, body=site.carrier.describe()) == [415]


def test_an_answer_that_the_caller_could_not_read(site: Site) -> None:
    """406 for a caller that takes no session description."""
    fields = [("Accept", "text/plain")]
    assert answered(site, site.carrier, "INVITE", fields=fields, body=site.carrier.describe()) == [406]


def test_an_address_of_another_scheme(site: Site) -> None:
    """416."""
    body = site.carrier.describe()
    assert answered(site, site.carrier, "INVITE", uri="mailto:bob@example.com", body=body) == [416]


def test_a_call_without_a_number(site: Site) -> None:
    """484: the Request-URI names nobody."""
    leg = site.carrier.call(uri=f"sip:{SBC}")
    site.run()
    assert leg.statuses == [484]


@pytest.mark.parametrize("method", ["REFER", "PRACK", "NOTIFY", "BYE"])
def test_methods_that_belong_into_a_call(site: Site, method: str) -> None:
    """481: outside one there is nothing that they could be about."""
    responses = site.carrier.ask(method)
    site.run()
    assert finals(responses) == [481]


def test_a_call_that_no_route_takes(build: Callable[..., Site]) -> None:
    """404, never a busy tone."""
    site = build(routing={"routes": []})
    assert "no_route" in reason(site, site.carrier)
    assert site.carrier.last.statuses == [404]


def test_a_request_that_is_broken_inside(site: Site) -> None:
    """A header that nobody understands until it is asked for is answered 400, and nothing is raised."""
    leg = site.carrier.call(replace={"Session-Expires": "soon"})
    site.run()
    assert leg.statuses == [400]


def test_the_first_byte_of_a_stranger_changes_nothing(site: Site) -> None:
    """A15: bytes that are no message are counted and not answered."""
    site.stranger.flow().send(b"\x00\x01 hello")
    site.run()
    assert site.stranger.messages == []
    assert site.counters.messages_malformed == 1


def test_a_broken_invite_of_a_trunk_gets_400(site: Site) -> None:
    """A request whose sender can be told, is told."""
    request = site.carrier.request("INVITE")
    request.fields = [(n, "x INVITE" if n == "CSeq" else v) for n, v in request.fields]
    request.fields.insert(0, ("Via", f"SIP/2.0/UDP {site.carrier.hosts[0]};branch=z9hG4bKy"))
    site.carrier.flow().send(request.to_bytes())
    site.run()
    (answer,) = site.carrier.unreadable
    assert answer.startswith(b"SIP/2.0 400 ")


def test_a_retransmitted_refusal_is_acknowledged_once_heard(site: Site) -> None:
    """F-02: a 404 whose ACK never comes is repeated and then forgotten."""
    site.network.silent.add(site.carrier.hosts[0])
    site.carrier.call(replace={"Max-Forwards": "0"})
    site.run(40)
    assert site.endpoint.transactions == 0


def test_an_open_transaction_of_a_peer_that_vanished(site: Site) -> None:
    """A14, F-02: INVITE, then the connection is reset: nothing stays."""
    for _ in range(20):
        site.teams.call()
        site.run(0.05)
        site.network.break_all(next(iter(PROXIES.values())))
        site.run(0.5)
    site.run(70)
    assert site.endpoint.transactions == 0
    assert len(site.calls) == 0
    assert len(site.carrier.calls) == 20


def test_a_stranger_who_acknowledges_our_refusal_is_not_refused_again(site: Site) -> None:
    """A38: one refusal is counted and logged once."""
    site.stranger.call()
    site.run()
    assert site.counters.refused == {"unknown_source": 1}


def test_who_gave_up_is_told_so(site: Site) -> None:
    """The 487 has its reason like any other refusal."""
    talk = site.ringing()
    talk.caller.cancel()
    site.run()
    assert 'text="caller_cancelled' in (talk.caller.responses[-1].get("Reason") or "")


def test_a_ping_while_we_drain_is_told_when_to_come_back(site: Site) -> None:
    """FO-09: 503 with Retry-After for OPTIONS as well."""
    site.calls.drain()
    answers = site.teams.ask("OPTIONS")
    site.run()
    assert (answers[-1].status, answers[-1].get("Retry-After")) == (503, "5")
