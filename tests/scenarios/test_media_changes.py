"""Requests inside a call: new media, hold, refreshes, INFO."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rustalk.sip.message import Request, Response
from tests.scenarios.site import REGION, Site, Talk

BOTH = pytest.mark.parametrize(("caller", "callee"), [("carrier", "teams"), ("teams", "carrier")])
HOLD = ["a=inactive"]


def statuses(responses: list[Response]) -> list[int]:
    """The final statuses."""
    return [response.status for response in responses if response.status >= 200]


@BOTH
def test_a_reinvite_with_new_media_crosses(site: Site, caller: str, callee: str) -> None:
    """HLD-03: hold by one side reaches the other, and the answer comes back."""
    talk = site.talking(caller, callee)
    answers = talk.caller.ask("INVITE", site.side(caller).describe(version=2, lines=HOLD))
    site.run()
    assert statuses(answers) == [200]
    (offer,) = talk.callee.received("INVITE")
    assert b"a=inactive" in offer.body
    assert len(talk.callee.acks) == 2
    talk.end()


@BOTH
def test_the_callee_may_change_the_media_too(site: Site, caller: str, callee: str) -> None:
    """HLD-03: the other direction."""
    talk = site.talking(caller, callee)
    answers = talk.callee.ask("INVITE", site.side(callee).describe(version=2, lines=HOLD))
    site.run()
    assert statuses(answers) == [200]
    (offer,) = talk.caller.received("INVITE")
    assert b"a=inactive" in offer.body
    talk.end()


def test_update_with_new_media_becomes_a_reinvite(site: Site) -> None:
    """HDR-09: Teams takes no UPDATE, so a carrier's UPDATE with media reaches it as re-INVITE."""
    talk = site.talking("carrier", "teams")
    answers = talk.caller.ask("UPDATE", site.carrier.describe(version=2, lines=HOLD))
    site.run()
    assert statuses(answers) == [200]
    assert len(talk.callee.received("INVITE")) == 1
    assert talk.callee.received("UPDATE") == []
    talk.end()


@BOTH
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_refresh_with_the_same_description_is_answered_here(
    site: Site, caller: str, callee: str, method: str
) -> None:
    """HLD-05, HDR-17: same address, port and key in the answer, and no traffic on the other leg."""
    talk = site.talking(caller, callee)
    before = talk.caller.remote
    answers = talk.caller.ask(method, talk.caller.local)
    site.run()
    assert statuses(answers) == [200]
    assert answers[-1].body == before
    assert talk.callee.requests == []
    talk.end()


def test_a_refresh_without_a_description_is_answered_here(site: Site) -> None:
    """HLD-05: an UPDATE without a body changes nothing; a re-INVITE without one gets our last description as offer."""
    talk = site.talking("carrier", "teams")
    before = talk.caller.remote
    update, invite = talk.caller.ask("UPDATE"), None
    site.run()
    invite = talk.caller.ask("INVITE")
    site.run()
    assert statuses(update) == statuses(invite) == [200]
    assert invite[-1].body == before
    assert talk.callee.requests == []
    talk.end()


def test_a_carrier_refresh_at_20_and_40_minutes_stays_here(site: Site) -> None:
    """HLD-05: Teams hung up on the second one in a deployment."""
    talk = site.talking("carrier", "teams")
    for _ in range(2):
        site.run(1200)
        assert statuses_of(talk, talk.caller.local) == [200]
    assert talk.callee.received("INVITE") == []
    talk.end()


def statuses_of(talk: Talk, body: bytes) -> list[int]:
    """What a re-INVITE of the caller is answered."""
    answers = talk.caller.ask("INVITE", body)
    talk.site.run()
    return statuses(answers)


def test_another_media_address_of_the_carrier_is_not_told_to_teams(site: Site) -> None:
    """HLD-04: Teams never sends to a new address, and need not: ours stays the same."""
    talk = site.talking("carrier", "teams")
    assert statuses_of(talk, site.carrier.describe(port=6000, version=2)) == [200]
    assert talk.callee.received("INVITE") == []
    assert site.relay.streams[0].expected[0][0] == ("198.51.100.7", 6000)
    talk.end()


def test_new_media_that_cannot_be_used_are_refused(site: Site) -> None:
    """488, and the call goes on as before."""
    talk = site.talking("carrier", "teams")
    assert statuses_of(talk, b"v=0\r\nnonsense") == [488]
    assert talk.callee.requests == []
    assert not talk.is_over
    talk.end()


def test_new_media_that_the_other_side_refuses_are_refused(site: Site) -> None:
    """488 comes back, the media of before are in force, and the same offer later is asked again."""
    site.teams.answers["INVITE"] = 488
    talk = site.talking("carrier", "teams")
    hold = site.carrier.describe(version=2, lines=HOLD)
    assert statuses_of(talk, hold) == [488]
    site.teams.answers["INVITE"] = 200
    assert statuses_of(talk, hold) == [200]
    assert len(talk.callee.received("INVITE")) == 2
    talk.end()


def test_glare_on_the_other_leg_is_told_to_the_asker(site: Site) -> None:
    """HLD-06: the other side answers 491, so does the switch."""
    site.teams.answers["INVITE"] = 491
    talk = site.talking("carrier", "teams")
    assert statuses_of(talk, site.carrier.describe(version=2, lines=HOLD)) == [491]
    talk.end()


def test_both_sides_change_the_media_at_once(site: Site) -> None:
    """HLD-06, F-01: crossed re-INVITEs both get 491, and each may try again."""
    site.carrier.answers["INVITE"] = site.teams.answers["INVITE"] = 0
    talk = site.talking("carrier", "teams")
    first = talk.caller.ask("INVITE", site.carrier.describe(version=2, lines=HOLD))
    second = talk.callee.ask("INVITE", site.teams.describe(version=2, lines=HOLD))
    site.run(0.1)
    assert statuses(second) == [491]
    talk.callee.waiting[0].respond(491)
    site.run()
    assert statuses(first) == [491]
    site.teams.answers["INVITE"] = 200
    assert statuses_of(talk, site.carrier.describe(version=3, lines=HOLD)) == [200]
    talk.end()


def test_a_cancelled_reinvite_is_undone_on_the_other_side(site: Site) -> None:
    """RFC 3261 section 9: 487 for the asker; the other side, which had accepted, gets the media of before."""
    site.teams.answers["INVITE"] = 0
    talk = site.talking("carrier", "teams")
    answers = talk.caller.ask("INVITE", site.carrier.describe(version=2, lines=HOLD))
    site.run(0.1)
    cancel(site, talk.caller.asked)
    site.run(0.1)
    assert statuses(answers) == [487]
    talk.callee.agree(talk.callee.waiting.pop())
    site.run(0.1)
    again = talk.callee.received("INVITE")[-1]
    assert b"a=inactive" not in again.body
    talk.callee.agree(talk.callee.waiting.pop())
    site.run()
    assert not talk.is_over
    talk.end()


def cancel(site: Site, invite: Request) -> None:
    """Cancel an INVITE that the carrier sent."""
    copied = [f for f in invite.fields if f[0] in ("Via", "From", "To", "Call-ID")]
    request = Request("CANCEL", invite.uri, [*copied, ("CSeq", f"{invite.cseq.number} CANCEL")])
    site.carrier.flow().send(request.to_bytes())


def test_a_bye_ends_a_reinvite_that_is_not_answered(site: Site) -> None:
    """F-01: the asker gets 487, the other side BYE and CANCEL; nothing stays."""
    site.teams.answers["INVITE"] = 0
    talk = site.talking("carrier", "teams")
    answers = talk.caller.ask("INVITE", site.carrier.describe(version=2, lines=HOLD))
    site.run(0.1)
    talk.caller.bye()
    site.run()
    assert statuses(answers) == [487]
    assert talk.is_over
    assert talk.callee.received("CANCEL")


def test_a_200_to_a_reinvite_of_a_call_that_is_over_gets_its_ack(site: Site) -> None:
    """F-01: the 200 crosses our BYE; nothing is raised, and the ACK goes out."""
    site.teams.answers["INVITE"] = 0
    talk = site.talking("carrier", "teams")
    talk.caller.ask("INVITE", site.carrier.describe(version=2, lines=HOLD))
    site.run(0.1)
    waiting = talk.callee.waiting.pop()
    talk.caller.bye()
    talk.callee.agree(waiting)
    site.run()
    assert len(talk.callee.acks) == 2
    assert talk.is_over


def test_a_reinvite_that_gets_100_and_nothing_more_is_given_up(site: Site) -> None:
    """The asker is refused after 64*T1, and both sides may offer again."""
    site.teams.answers["INVITE"] = 0
    talk = site.talking("carrier", "teams")
    answers = talk.caller.ask("INVITE", site.carrier.describe(version=2, lines=HOLD))
    site.run(80)
    assert statuses(answers) == [488]
    site.teams.answers["INVITE"] = 200
    assert statuses_of(talk, site.carrier.describe(version=3, lines=HOLD)) == [200]
    talk.end()


def test_a_200_to_a_reinvite_with_a_broken_contact_is_acknowledged(site: Site) -> None:
    """The target of before stays in force, and later offers are not refused for ever."""
    site.teams.answers["INVITE"] = 0
    talk = site.talking("carrier", "teams")
    answers = talk.caller.ask("INVITE", site.carrier.describe(version=2, lines=HOLD))
    site.run(0.1)
    site.teams.contact_uri = "mailto:nobody@example.com"
    talk.callee.agree(talk.callee.waiting.pop())
    site.run()
    assert statuses(answers) == [200]
    assert len(talk.callee.acks) == 2
    talk.end()


def test_a_connection_lost_during_a_reinvite_frees_the_call(site: Site) -> None:
    """The asker's transaction is gone; a new offer is not refused."""
    site.carrier.answers["INVITE"] = 0
    talk = site.talking("teams", "carrier")
    talk.caller.ask("INVITE", site.teams.describe(version=2, lines=HOLD))
    site.run(0.1)
    site.network.break_all(site.teams.hosts[0])
    site.run(0.1)
    talk.callee.agree(talk.callee.waiting.pop())
    site.run(0.1)
    talk.callee.agree(talk.callee.waiting.pop())
    site.run()
    site.carrier.answers["INVITE"] = 200
    assert statuses_of(talk, site.teams.describe(version=3, lines=HOLD)) == [200]
    talk.end()


@pytest.mark.parametrize(("status", "reason"), [(481, "peer_gone"), (408, "peer_lost")])
def test_a_side_that_no_longer_knows_the_call_ends_it(site: Site, status: int, reason: str) -> None:
    """RFC 3261 section 12.2.1.2: 481 and 408 to a re-INVITE end the dialog, and the other side is told."""
    site.teams.answers["INVITE"] = status
    talk = site.talking("carrier", "teams")
    talk.caller.ask("INVITE", site.carrier.describe(version=2, lines=HOLD))
    site.run()
    assert talk.caller.over
    assert site.record.reason == reason
    assert bool(talk.callee.received("BYE")) is (status == 408)


def test_info_crosses_to_a_carrier(site: Site) -> None:
    """INFO of one provider reaches the other with its body, and the answer comes back."""
    talk = site.talking("other", "carrier")
    fields = [("Content-Type", "application/dtmf-relay")]
    answers = talk.caller.ask("INFO", fields=fields)
    site.run()
    assert statuses(answers) == [200]
    (info,) = talk.callee.received("INFO")
    assert info.get("Content-Type") == "application/dtmf-relay"
    talk.end()


def test_info_that_the_other_side_ignores_is_given_up(site: Site) -> None:
    """Nobody waits for ever, and the call goes on."""
    site.carrier.answers["INFO"] = 0
    talk = site.talking("other", "carrier")
    talk.caller.ask("INFO")
    site.run(40)
    assert [request.method for request in site.other.failures] == ["INFO"]
    talk.end()


def test_info_is_not_for_teams(site: Site) -> None:
    """HDR-09: 405 for the carrier, nothing for Teams."""
    talk = site.talking("carrier", "teams")
    answers = talk.caller.ask("INFO")
    site.run()
    assert statuses(answers) == [405]
    assert "INFO" not in (answers[-1].get("Allow") or "")
    assert talk.callee.requests == []
    talk.end()


def test_the_new_contact_of_a_reinvite_is_followed(site: Site) -> None:
    """RFC 3261 section 12.2.2: a target refresh; the route set stays."""
    talk = site.talking("teams", "carrier")
    site.teams.contact_uri = "sip:api-du-b-euno.pstnhub.microsoft.com:443;x-i=new"
    assert statuses_of(talk, talk.caller.local) == [200]
    talk.callee.bye()
    site.run()
    (bye,) = talk.caller.received("BYE")
    assert bye.uri == "sip:api-du-b-euno.pstnhub.microsoft.com:443;x-i=new"
    assert bye.get("Route") == f"<sip:{REGION[0]}:5061;transport=tls;lr>"


def test_new_media_while_no_port_is_left(build: Callable[..., Site]) -> None:
    """A second audio line needs ports; without any the offer is refused and the call goes on."""
    site = build()
    talk = site.talking("carrier", "teams")
    taken = [site.relay.pool.lease() for _ in range(site.relay.pool.free)]
    second = site.carrier.describe(version=2) + b"m=audio 7000 RTP/AVP 0\r\n"
    assert statuses_of(talk, second) == [488]
    for port in taken:
        site.relay.pool.release(port)
    talk.end()


def test_an_answer_to_new_media_that_cannot_be_used(site: Site) -> None:
    """The asker is refused, and the media of before are in force."""
    site.teams.answers["INVITE"] = 0
    talk = site.talking("carrier", "teams")
    answers = talk.caller.ask("INVITE", site.carrier.describe(version=2, lines=HOLD))
    site.run(0.1)
    talk.callee.agree(talk.callee.waiting.pop(), b"v=0\r\nnonsense")
    site.run()
    assert statuses(answers) == [488]
    assert not talk.is_over
    talk.end()
