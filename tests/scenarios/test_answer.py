"""The answer and its ACK, when the network loses one of them."""

from __future__ import annotations

from collections.abc import Callable

from rustalk.sip.message import Request
from tests.scenarios.site import CARRIER, PROXIES, REGION, SBC, Site, watched_lines


def test_a_lost_ack_is_sent_again_for_each_repeated_200(site: Site) -> None:
    """F-01: the callee repeats its 200 and gets the same ACK again."""
    talk = site.ringing("teams", "carrier")
    talk.callee.answer()
    site.network.loss = 1.0
    site.run(0.02)
    site.network.loss = 0.0
    assert talk.callee.acks == []
    site.run(3)
    assert [ack.cseq.number for ack in talk.callee.acks] == [1]
    assert not talk.is_over
    talk.end()


def test_a_200_whose_ack_is_lost_is_repeated(site: Site) -> None:
    """F-01: towards the caller the switch repeats its 200 at T1, doubling up to T2, until the ACK is here."""
    site.carrier.acks = False
    talk = site.ringing("carrier", "teams")
    talk.callee.answer()
    site.run(8)
    assert talk.caller.statuses == [200] * 5
    talk.caller.ack()
    site.run(10)
    assert len(talk.caller.statuses) == 5
    talk.end()


def test_a_call_that_nobody_acknowledges_ends_on_both_sides(site: Site) -> None:
    """F-01: after 64*T1 without ACK both legs get BYE; the reason is no_ack, and the log says that we ended it."""
    site.carrier.acks = False
    talk = site.ringing("carrier", "teams")
    talk.callee.answer()
    with watched_lines() as lines:
        site.run(40)
    assert talk.is_over
    assert any("because of the caller on carrier: no_ack" in line for line in lines)
    assert any(line.endswith("(switch ended it)") for line in lines)
    assert (site.record.reason, site.record.hung_up_by) == ("no_ack", "switch")
    (bye,) = talk.caller.received("BYE")
    assert "no_ack" in (bye.get("Reason") or "")


def test_a_hang_up_waits_for_the_ack(site: Site) -> None:
    """RFC 3261 section 15: no BYE before the ACK of our 2xx; the callee hangs up at once, the caller hears later."""
    site.carrier.acks = False
    talk = site.ringing("carrier", "teams")
    talk.callee.answer()
    site.run()
    talk.callee.bye()
    site.run()
    assert talk.caller.received("BYE") == []
    talk.caller.ack()
    site.run()
    assert talk.is_over


def test_a_repeated_invite_is_one_call(site: Site) -> None:
    """F-01: a copy of the INVITE gets the last response again and starts no second call."""
    talk = site.ringing("carrier", "teams")
    wire = next(data for place, data in site.network.wire if place == (SBC, 5060))
    site.carrier.flow().send(wire)
    site.run()
    assert len(site.teams.calls) == 1
    assert [response.status for response in talk.caller.responses] == [100, 100]
    talk.caller.cancel()
    site.run()


def test_a_copy_of_an_answered_invite_is_absorbed(site: Site) -> None:
    """F-01: RFC 6026, the Accepted state."""
    talk = site.talking("carrier", "teams")
    wire = next(data for place, data in site.network.wire if place == (SBC, 5060))
    site.carrier.flow().send(wire)
    site.run()
    assert talk.caller.statuses == [200]
    talk.end()


def test_teams_gets_its_ack_at_once_and_on_the_right_route(site: Site) -> None:
    """RNG-08: Teams logs 408 for a call whose 200 is not acknowledged."""
    talk = site.ringing("carrier", "teams")
    talk.callee.answer()
    site.run(0.1)
    (ack,) = talk.callee.acks
    assert ack.get("Route") == f"<sip:{REGION[0]}:5061;transport=tls;lr>"
    talk.end()


def test_an_ack_that_reuses_the_branch_of_its_invite_is_an_ack(site: Site) -> None:
    """Old stacks give the ACK of a 2xx the branch of the INVITE; the call must not die of it."""
    site.carrier.acks = False
    talk = site.ringing("carrier", "teams")
    talk.callee.answer()
    site.run(0.2)
    ack = talk.caller.dialog.request("ACK", number=1)
    ack.fields.insert(0, ("Via", talk.caller.invite.get("Via") or ""))
    site.carrier.flow().send(ack.to_bytes())
    site.run(40)
    assert not talk.is_over
    assert talk.caller.statuses == [200]
    talk.end()


def test_a_200_without_contact_ends_the_call(site: Site) -> None:
    """An answer that SIP does not allow must not leave the caller ringing."""
    talk = site.ringing("carrier", "teams")
    talk.callee.answer(without=["Contact"])
    site.run()
    assert talk.caller.statuses == [502]
    assert site.record.reason == "bad_answer"
    site.run(40)


def test_a_200_with_unusable_media_ends_the_call_on_both_sides(site: Site) -> None:
    """The callee gets ACK and BYE, the caller 488, and no other host is called."""
    talk = site.ringing("carrier", "teams")
    talk.callee.answer(body=b"v=0\r\nnonsense")
    site.run()
    assert talk.caller.statuses == [488]
    assert talk.callee.over
    assert site.record.reason == "bad_media"
    assert len(site.teams.calls) == 1
    assert site.trunks["teams"].gateways[0].health.state == "up"


def test_a_connection_lost_while_ringing_gives_the_call_up(site: Site) -> None:
    """The callee's leg is cancelled when the caller's connection is gone."""
    talk = site.ringing("teams", "carrier")
    talk.callee.ring()
    site.run()
    site.network.break_all(REGION[1])
    site.network.break_all(next(iter(PROXIES.values())))
    site.run()
    assert talk.callee.over
    assert "caller_lost" in (talk.callee.cancelled or Request("", "")).get("Reason")
    assert site.record.reason == "caller_lost"


def test_a_connection_lost_in_a_call_is_replaced_when_needed(site: Site) -> None:
    """BYE finds its way over a new connection."""
    talk = site.talking("carrier", "teams")
    for host in (*PROXIES.values(), REGION[1]):
        site.network.break_all(host)
    site.run()
    assert not talk.is_over
    talk.caller.bye()
    site.run()
    assert talk.callee.over


def test_an_invite_without_contact_is_refused(site: Site) -> None:
    """RFC 3261 section 8.1.1.8: without a Contact there can be no dialog."""
    leg = site.carrier.call(replace={"Contact": None})
    site.run()
    assert leg.statuses == [400]
    assert site.teams.calls == []


def test_a_peer_that_vanished_is_noticed_when_it_is_asked(build: Callable[..., Site]) -> None:
    """F-03: no answer to our refresh ends the call on the other side too, which is told why."""
    site = build(sip={"session_expires": 200})
    talk = site.talking(fields=[("Supported", "timer"), ("Session-Expires", "200;refresher=uas")])
    site.network.silent.add(CARRIER)
    site.run(140)
    assert talk.callee.over
    assert site.record.reason == "peer_lost"
    (bye,) = talk.callee.received("BYE")
    assert "peer_lost" in (bye.get("Reason") or "")


def test_a_hang_up_does_not_wait_for_ever_for_the_ack(site: Site) -> None:
    """F-01: BYE after 64*T1 when the ACK of our 2xx never came."""
    site.carrier.acks = False
    talk = site.ringing("carrier", "teams")
    talk.callee.answer()
    site.run()
    talk.callee.bye()
    site.run(40)
    assert len(talk.caller.received("BYE")) == 1
    assert site.record.reason == "normal"


def test_a_request_while_the_hang_up_waits(site: Site) -> None:
    """The call is over, the dialog not yet: 481 for INFO, and new media are refused."""
    site.carrier.acks = False
    talk = site.ringing("carrier", "teams")
    talk.callee.answer()
    site.run(0.2)
    talk.callee.bye()
    site.run(0.1)
    info = talk.caller.ask("INFO")
    offer = talk.caller.ask("UPDATE", site.carrier.describe(version=2, lines=["a=inactive"]))
    site.run(0.1)
    assert [answer.status for answer in info] == [481]
    assert [answer.status for answer in offer] == [500]
    talk.caller.ack()
    site.run()
    assert talk.is_over
