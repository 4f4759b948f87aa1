"""Calls that go elsewhere: REFER, Replaces, 3xx, seen from both sides (section 1.7 of the contract)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rustalk.sip.message import Request
from rustalk.sip.replaces import Replaces
from tests.fakes.agents import Leg
from tests.scenarios.site import CARRIER, FQDN, OTHER, PLAIN, PROXIES, SBC, Site, Talk, watched_lines

Build = Callable[..., Site]
OBJECT = "sip:sip.pstnhub.microsoft.com:5061;transport=tls;x-m=8:orgid:7c1d;x-t=9f00"
BY = "<sip:sip.pstnhub.microsoft.com:5061;x-m=8:orgid:11;x-t=9f00;x-ti=5;x-tt=aHR0cHM%3D>"


def refer(talk: Talk, leg: Leg, target: str, *fields: tuple[str, str]) -> list[int]:
    """Send REFER; the statuses of its answers."""
    answers = leg.ask("REFER", fields=[("Refer-To", f"<{target}>"), *fields])
    talk.site.run()
    return [answer.status for answer in answers]


def told(leg: Leg) -> list[str]:
    """What the NOTIFYs said, with the state of the subscription."""
    return [
        f"{request.body.decode().split()[1]} {(request.get('Subscription-State') or '').partition(';')[0]}"
        for request in leg.received("NOTIFY")
    ]


def newest(site: Site, name: str, old: Leg) -> Leg:
    """The call that came to this agent after ``old``."""
    leg = site.side(name).last
    assert leg is not old
    return leg


def dialog_of(leg: Leg) -> Replaces:
    """How another call asks to take the place of this leg, in the switch's words."""
    dialog = leg.dialog
    return Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag)


def test_teams_hands_a_call_on_to_an_object_of_its_own(site: Site) -> None:
    """XFR-02, XFR-03, XFR-04: the URI byte for byte, Referred-By as it came, the caller's number, sendrecv."""
    talk = site.talking("carrier", "teams")
    hold = site.teams.describe(version=2, lines=["a=inactive"])
    talk.callee.ask("INVITE", hold)
    site.run()
    assert refer(talk, talk.callee, OBJECT, ("Referred-By", BY)) == [202]
    leg = newest(site, "teams", talk.callee)
    assert leg.invite.uri == OBJECT
    assert leg.invite.get("Referred-By") == BY
    assert leg.invite.get("Replaces") is None
    assert "+15551230001@" + FQDN in (leg.invite.get("From") or "")
    assert FQDN in (leg.invite.get("Contact") or "")
    assert b"a=inactive" not in leg.invite.body
    assert told(talk.callee) == ["100 active"]
    leg.ring()
    site.run()
    leg.answer()
    site.run()
    assert told(talk.callee) == ["100 active", "180 active", "200 terminated"]
    assert talk.callee.over
    assert not talk.caller.over
    assert not leg.over
    talk.caller.bye()
    site.run()
    assert leg.over


def test_the_side_that_stays_hears_the_new_one(site: Site) -> None:
    """XFR-09, HLD-04: new key and codec from the new side, the same address and port from us."""
    talk = site.talking("carrier", "teams")
    before = talk.caller.remote
    refer(talk, talk.callee, OBJECT)
    leg = newest(site, "teams", talk.callee)
    leg.answer(body=site.teams.describe(port=7700, version=9, lines=["a=x-new:1", "a=sendrecv"]))
    site.run()
    stream = site.relay.streams[-1]
    assert stream.expected[1][0] == ("52.114.0.1", 7700)
    after = talk.caller.remote
    line = [text for text in before.split(b"\r\n") if text.startswith((b"m=", b"c="))]
    assert line == [text for text in after.split(b"\r\n") if text.startswith((b"m=", b"c="))]
    talk.caller.bye()
    site.run()


@pytest.mark.parametrize("status", [404, 486, 603])
def test_a_transfer_that_fails_leaves_the_call_as_it_was(site: Site, status: int) -> None:
    """XFR-04: the final status in the last NOTIFY, both legs still up, media untouched."""
    talk = site.talking("carrier", "teams")
    stream = site.relay.streams[-1]
    before = list(stream.expected)
    refer(talk, talk.callee, OBJECT)
    newest(site, "teams", talk.callee).refuse(status)
    site.run()
    assert told(talk.callee) == ["100 active", f"{status} terminated"]
    assert not talk.callee.over
    assert stream.expected == before
    talk.end()


def test_who_asked_hangs_up_at_once(site: Site) -> None:
    """RFC 5589 section 6: the call waits for the new side."""
    talk = site.talking("carrier", "teams")
    refer(talk, talk.callee, OBJECT)
    talk.callee.bye()
    site.run()
    assert not talk.caller.over
    leg = newest(site, "teams", talk.callee)
    leg.answer()
    site.run()
    assert not talk.caller.over
    talk.caller.bye()
    site.run()
    assert leg.over


def test_who_asked_hangs_up_and_nobody_answers(site: Site) -> None:
    """The side that stays is not left alone in a call: transfer_failed."""
    talk = site.talking("carrier", "teams")
    refer(talk, talk.callee, OBJECT)
    talk.callee.bye()
    site.run()
    newest(site, "teams", talk.callee).refuse(486)
    site.run()
    assert talk.caller.over
    assert site.record.reason == "transfer_failed"


def test_the_side_that_stays_hangs_up_meanwhile(site: Site) -> None:
    """The new side is cancelled, and who asked hears BYE."""
    talk = site.talking("carrier", "teams")
    refer(talk, talk.callee, OBJECT)
    leg = newest(site, "teams", talk.callee)
    leg.ring()
    site.run()
    talk.caller.bye()
    site.run()
    assert leg.cancelled is not None
    assert talk.callee.over


def test_a_carrier_hands_a_call_on_to_a_number(build: Build) -> None:
    """XFR-05: its Refer-To is a number for our routes, from the number of the side that stays."""
    site = build(routing=to_other("^[+]1999"))
    talk = site.talking("teams", "carrier")
    assert refer(talk, talk.callee, "sip:+19995550100@198.51.100.7") == [202]
    leg = site.other.last
    assert leg.invite.target.number == "+19995550100"
    leg.answer()
    site.run()
    assert told(talk.callee)[-1] == "200 terminated"
    assert talk.callee.over
    talk.caller.bye()
    site.run()
    assert leg.over


def test_teams_numbers_go_to_teams_unless_told_otherwise(build: Build) -> None:
    """XFR-05: a number at the host of Teams is called there; with refer_local by our own routes."""
    site = build()
    talk = site.talking("carrier", "teams")
    refer(talk, talk.callee, "sip:+19995550100@sip.pstnhub.microsoft.com:5061;user=phone")
    leg = newest(site, "teams", talk.callee)
    assert leg.invite.uri == "sip:+19995550100@sip.pstnhub.microsoft.com:5061;user=phone"
    leg.refuse(486)
    site.run()
    talk.end()
    local = build(teams={"refer_local": True}, routing=to_other("^[+]1999"))
    talk = local.talking("carrier", "teams")
    refer(talk, talk.callee, "sip:+19995550100@sip.pstnhub.microsoft.com:5061;user=phone")
    assert local.other.last.invite.target.number == "+19995550100"
    local.other.last.refuse(486)
    local.run()
    talk.end()


def to_other(pattern: str) -> dict[str, Any]:
    """Routes: some numbers to the other provider, the rest between carrier and Teams."""
    return {
        "routes": [
            {"id": "special", "pattern": pattern, "priority": 1, "destination": {"type": "Trunk", "value": "other"}},
            {"id": "in", "pattern": "", "source": "carrier", "destination": {"type": "Trunk", "value": "teams"}},
            {"id": "out", "pattern": "", "source": "teams", "destination": {"type": "Trunk", "value": "carrier"}},
        ]
    }


@pytest.mark.parametrize("scheme", ["sips", "SIPS"])
def test_a_secure_target_is_not_called_without_tls(build: Build, scheme: str) -> None:
    """RFC 5630 section 4: the trunk that the number leads to speaks UDP, so 480 and a reason that says so."""
    site = build(teams={"refer_local": True}, routing=to_other("^[+]1999"))
    talk = site.talking("carrier", "teams")
    with watched_lines() as lines:
        refer(talk, talk.callee, f"{scheme}:+19995550100@sip.pstnhub.microsoft.com:5061")
    assert told(talk.callee)[-1] == "480 terminated"
    assert any("tls_required" in line for line in lines)
    assert site.other.calls == []
    talk.end()


def test_a_secure_target_is_called_over_tls(site: Site) -> None:
    """OPT-09: Teams, which has nothing but TLS, is called all the same, and written no sips:."""
    talk = site.talking("teams", "carrier")
    refer(talk, talk.callee, "sips:+15559990003@192.0.2.10")
    leg = newest(site, "teams", talk.caller)
    assert leg.invite.uri.startswith("sip:+15559990003@")
    leg.refuse(486)
    site.run()
    own = site.talking("carrier", "teams")
    refer(own, own.callee, f"sips:{OBJECT.removeprefix('sip:')}")
    leg = newest(site, "teams", own.callee)
    assert leg.invite.uri == OBJECT
    leg.refuse(486)
    site.run()
    talk.end()
    own.end()


def test_a_refer_to_nobody(site: Site) -> None:
    """A target without a number that is not Teams' own: 404 in the last NOTIFY, nobody is called."""
    talk = site.talking("teams", "carrier")
    calls = len(site.teams.calls)
    assert refer(talk, talk.callee, "sip:198.51.100.7") == [202]
    assert told(talk.callee)[-1] == "484 terminated"
    assert len(site.teams.calls) == calls
    talk.end()


def test_a_refer_that_is_none(site: Site) -> None:
    """No Refer-To, or one that is no address: 400, and the call goes on."""
    talk = site.talking("carrier", "teams")
    answers = talk.callee.ask("REFER")
    site.run()
    assert [answer.status for answer in answers] == [400]
    assert refer(talk, talk.callee, "::") == [400]
    assert refer(talk, talk.callee, "mailto:2@example.com") == [416]
    talk.end()


def test_no_notify_for_who_wants_none(site: Site) -> None:
    """RFC 4488: Refer-Sub: false gets 200 and no NOTIFY."""
    talk = site.talking("carrier", "teams")
    assert refer(talk, talk.callee, OBJECT, ("Refer-Sub", "false")) == [200]
    newest(site, "teams", talk.callee).answer()
    site.run()
    assert told(talk.callee) == []
    assert talk.callee.over
    talk.caller.bye()
    site.run()


def test_one_transfer_at_a_time(site: Site) -> None:
    """The second REFER gets 491 while the first rings."""
    talk = site.talking("carrier", "teams")
    refer(talk, talk.callee, OBJECT)
    first = newest(site, "teams", talk.callee)
    assert refer(talk, talk.callee, OBJECT) == [491]
    first.refuse(486)
    site.run()
    talk.end()


def test_refer_is_not_taken_where_teams_is_to_transfer_by_itself(build: Build) -> None:
    """XFR-01: without allow_refer no Allow of ours towards Teams names REFER, NOTIFY stays, and a REFER gets 405."""
    site = build(teams={"allow_refer": False})
    talk = site.talking("carrier", "teams")
    allow = talk.callee.invite.tokens("Allow")
    assert ("refer" in {each.lower() for each in allow}, "notify" in {each.lower() for each in allow}) == (False, True)
    assert refer(talk, talk.callee, OBJECT) == [405]
    talk.end()


def test_a_new_call_takes_the_place_of_a_side(site: Site) -> None:
    """XFR-07: INVITE with Replaces from Teams: the other side hears the new one, the replaced leg gets BYE."""
    talk = site.talking("carrier", "teams")
    leg = site.teams.call(fields=[("Replaces", header(talk.callee))], body=site.teams.describe(port=7900))
    site.run()
    assert leg.statuses[-1] == 200
    assert talk.callee.over
    assert not talk.caller.over
    assert site.relay.streams[-1].expected[1][0] == ("52.114.0.1", 7900)
    talk.caller.bye()
    site.run()
    assert leg.over


def header(leg: Leg, *extra: str) -> str:
    """The Replaces value that names a leg."""
    replaces = dialog_of(leg)
    return ";".join((replaces.call_id, f"to-tag={replaces.to_tag}", f"from-tag={replaces.from_tag}", *extra))


@pytest.mark.parametrize(
    ("value", "status"), [("nobody@x;to-tag=a;from-tag=b", 481), ("nobody@x", 400), ("x;to-tag=1", 400)]
)
def test_an_unknown_dialog_is_not_replaced(site: Site, value: str, status: int) -> None:
    """XFR-07: 481; 400 for what names no dialog."""
    leg = site.teams.call(fields=[("Replaces", value)])
    site.run()
    assert leg.statuses == [status]


def test_an_answered_call_is_not_replaced_where_only_a_ringing_one_may_be(site: Site) -> None:
    """RFC 3891 section 3: early-only gets 486."""
    talk = site.talking("carrier", "teams")
    leg = site.teams.call(fields=[("Replaces", header(talk.callee, "early-only"))])
    site.run()
    assert leg.statuses == [486]
    talk.end()


def test_a_ringing_call_is_picked_up(site: Site) -> None:
    """RFC 3891 section 3: early-only or not; who was called is cancelled without a missed call (RNG-07)."""
    talk = site.ringing("carrier", "teams")
    talk.callee.ring(tag="branch")
    site.run()
    tag = talk.callee.invite.from_.tag
    value = f"{talk.callee.call_id};to-tag={tag};from-tag=branch;early-only"
    leg = site.teams.call(fields=[("Replaces", value)], body=site.teams.describe(port=7900))
    site.run(1)
    assert leg.statuses[-1] == 200
    assert "Call completed elsewhere" in (talk.callee.cancelled.get("Reason") or "")
    assert talk.caller.statuses[-1] == 200
    assert b"a=inactive" not in talk.caller.remote
    assert b"a=inactive" not in leg.remote
    talk.caller.bye()
    site.run()
    assert leg.over


@pytest.mark.parametrize("caller_offers", [True, False])
@pytest.mark.parametrize("taker_offers", [True, False])
def test_offers_may_be_late_in_a_call_that_is_picked_up(site: Site, caller_offers: bool, taker_offers: bool) -> None:
    """HDR-11, RFC 3891: whoever of the two brings no offer gets ours; both hear each other in the end."""
    site.carrier.acks = caller_offers
    talk = site.ringing("carrier", "teams", body=site.carrier.describe() if caller_offers else b"")
    talk.callee.ring(tag="branch")
    site.run()
    value = f"{talk.callee.call_id};to-tag={talk.callee.invite.from_.tag};from-tag=branch"
    body = site.teams.describe(port=7900) if taker_offers else b""
    site.teams.acks = taker_offers
    leg = site.teams.call(fields=[("Replaces", value)], body=body)
    site.run(1)
    if not taker_offers:
        leg.ack(body=site.teams.describe(port=7900))
        site.run()
    if not caller_offers:
        talk.caller.ack(body=site.carrier.describe())
        site.run()
    assert (leg.statuses[-1], talk.caller.statuses[-1]) == (200, 200)
    assert [place[0] for place in site.relay.streams[0].expected] == [("198.51.100.7", 4000), ("52.114.0.1", 7900)]
    assert b"a=inactive" not in talk.caller.remote + leg.remote
    site.run(60)
    talk.caller.bye()
    site.run()
    assert leg.over


@pytest.mark.parametrize("body", [b"", b"nonsense"])
def test_who_picked_up_answers_our_offer_with_nothing_that_can_be_read(site: Site, body: bytes) -> None:
    """RFC 3261 section 13.2.1: it hears BYE, and the caller is refused at once."""
    talk = site.ringing("carrier", "teams")
    talk.callee.ring(tag="branch")
    site.run()
    value = f"{talk.callee.call_id};to-tag={talk.callee.invite.from_.tag};from-tag=branch"
    site.teams.acks = False
    leg = site.teams.call(fields=[("Replaces", value)], body=b"")
    site.run()
    leg.ack(body=body)
    site.run(1)
    assert leg.over
    assert "bad_media" in (talk.caller.responses[-1].get("Reason") or "")
    assert talk.caller.statuses[-1] in (480, 488)


def test_who_picked_up_hangs_up_before_the_media_are_settled(site: Site) -> None:
    """The caller is refused, and nothing stays."""
    talk = site.ringing("carrier", "teams")
    talk.callee.ring(tag="branch")
    site.run()
    site.teams.answers["INVITE"] = 0
    value = f"{talk.callee.call_id};to-tag={talk.callee.invite.from_.tag};from-tag=branch"
    leg = site.teams.call(fields=[("Replaces", value)])
    site.run()
    leg.bye()
    site.run(1)
    assert talk.caller.statuses[-1] == 480


def test_a_number_of_teams_gets_its_plus(site: Site) -> None:
    """XFR-06: number translation at Teams does not touch the targets of REFER."""
    talk = site.talking("carrier", "teams")
    refer(talk, talk.callee, "sip:19995550100@sip.pstnhub.microsoft.com:5061;user=phone")
    leg = newest(site, "teams", talk.callee)
    assert leg.invite.uri == "sip:+19995550100@sip.pstnhub.microsoft.com:5061;user=phone"
    leg.refuse(486)
    site.run()
    talk.end()


def test_nobody_replaces_the_leg_of_another_trunk(site: Site) -> None:
    """RFC 3891 section 3: for a stranger to the dialog there is none."""
    talk = site.talking("carrier", "teams")
    leg = site.other.call(fields=[("Replaces", header(talk.callee))])
    site.run()
    assert leg.statuses == [481]
    talk.end()


def test_replaces_in_an_invite_without_an_offer(site: Site) -> None:
    """The 200 offers, and the ACK answers."""
    talk = site.talking("teams", "carrier")
    leg = site.carrier.call(fields=[("Replaces", header(talk.callee))], body=b"")
    site.run()
    assert leg.statuses[-1] == 200
    assert talk.callee.over
    talk.caller.bye()
    site.run()
    assert leg.over


def two_calls(site: Site) -> tuple[Talk, Talk]:
    """The carrier talks to two people at Teams."""
    return site.talking("carrier", "teams"), site.talking("carrier", "teams")


def test_an_attended_transfer_joins_two_calls(site: Site) -> None:
    """RFC 5589 section 7: REFER with Replaces names our other call; who stays talks, Replaces goes nowhere (HDR-10)."""
    first, second = two_calls(site)
    target = f"sip:+15551230002@{site.carrier.switch[0]}?Replaces={dialog_of(second.caller).escaped()}"
    assert refer(first, first.caller, target) == [202]
    site.run(1)
    assert told(first.caller)[-1] == "200 terminated"
    assert (first.caller.over, second.caller.over) == (True, True)
    assert (first.callee.over, second.callee.over) == (False, False)
    streams = site.relay.streams
    assert streams[0].expected[0][0] == (SBC, streams[1].local(0)[1])
    assert streams[1].expected[0][0] == (SBC, streams[0].local(0)[1])
    assert all("Replaces" not in str(invite.fields) for invite in site.teams.messages if isinstance(invite, Request))
    first.callee.bye()
    site.run(1)
    assert second.callee.over


def test_hold_crosses_from_one_joined_call_to_the_other(site: Site) -> None:
    """A re-INVITE of one who stays reaches the other one."""
    first, second = two_calls(site)
    target = f"sip:+15551230002@{site.carrier.switch[0]}?Replaces={dialog_of(second.caller).escaped()}"
    refer(first, first.caller, target)
    site.run(1)
    before = len(second.callee.received("INVITE"))
    first.callee.ask("INVITE", site.teams.describe(version=5, lines=["a=inactive"]))
    site.run(1)
    assert len(second.callee.received("INVITE")) == before + 1
    assert b"a=inactive" in second.callee.received("INVITE")[-1].body
    second.callee.bye()
    site.run(1)
    assert first.callee.over


def test_an_attended_transfer_to_a_call_that_is_not_ours(site: Site) -> None:
    """481 in the last NOTIFY, the call stays."""
    talk = site.talking("carrier", "teams")
    target = "sip:+15551230002@192.0.2.10?Replaces=foreign%3Bto-tag%3D1%3Bfrom-tag%3D2"
    refer(talk, talk.caller, target)
    assert told(talk.caller)[-1] == "481 terminated"
    talk.end()


def test_a_refer_that_is_passed_on(build: Build) -> None:
    """refer: pass: the other provider carries it out itself, its NOTIFYs come back; never to Teams (HDR-09)."""
    site = build(trunks=passing("refer"), routing=to_other(""))
    talk = site.talking("carrier", "other")
    site.other.answers["REFER"] = 202
    assert refer(talk, talk.caller, "sip:+1999@198.51.100.9") == [202]
    assert talk.callee.received("REFER")[0].get("Refer-To") == "<sip:+1999@198.51.100.9>"
    answers = talk.callee.ask(
        "NOTIFY",
        b"SIP/2.0 200 OK\r\n",
        [("Event", "refer"), ("Subscription-State", "terminated;reason=noresource")],
        content=("Content-Type", "message/sipfrag"),
    )
    site.run()
    assert [answer.status for answer in answers] == [200]
    assert told(talk.caller) == ["200 terminated"]
    talk.end()


def passing(key: str) -> list[dict[str, Any]]:
    """Both providers, with this key set to pass."""
    return [
        {"id": "carrier", "host": "198.51.100.7", "port": 5060, **PLAIN, key: "pass"},
        {"id": "other", "host": "198.51.100.9", "port": 5060, **PLAIN, key: "pass"},
    ]


def test_a_notify_that_nobody_asked_for(site: Site) -> None:
    """481."""
    talk = site.talking()
    answers = talk.callee.ask("NOTIFY", fields=[("Event", "refer"), ("Subscription-State", "active")])
    site.run()
    assert [answer.status for answer in answers] == [481]
    talk.end()


def moved(leg: Leg, *contacts: str) -> None:
    """302 with these numbers."""
    leg.refuse(302, [("Contact", ", ".join(f"<sip:{each}@198.51.100.99>" for each in contacts))])


def test_a_redirection_is_followed_by_our_routes(build: Build) -> None:
    """XFR-08: the number counts, not the host; the new side learns who diverted; Teams never sees the 302."""
    site = build(routing=to_other("^[+]1999"))
    talk = site.ringing("teams", "carrier")
    moved(talk.callee, "+19995550100")
    site.run()
    leg = site.other.last
    assert leg.invite.target.number == "+19995550100"
    leg.answer()
    site.run()
    assert talk.caller.statuses[-1] == 200
    assert 302 not in talk.caller.statuses
    talk.caller.bye()
    site.run()
    assert leg.over


def test_redirections_do_not_go_round(site: Site) -> None:
    """A number that points to itself, and ever new ones: both end, with 480."""
    talk = site.ringing("teams", "carrier")
    moved(talk.callee, "+15551230002")
    site.run()
    assert talk.caller.statuses[-1] == 480
    talk = site.ringing("teams", "carrier")
    for number in range(9):
        leg = site.carrier.last
        if leg.exchange.is_answered:
            break
        moved(leg, f"+1555000{number:04}")
        site.run()
    assert talk.caller.statuses[-1] == 480
    assert number == 6


def test_a_redirection_is_passed_on_where_the_trunk_says_so(build: Build) -> None:
    """redirects: pass: another provider gets the 302 and its Contact, Teams gets 480."""
    site = build(trunks=passing("redirects"), routing=to_other(""))
    talk = site.ringing("carrier", "other")
    moved(talk.callee, "+19995550100")
    site.run()
    assert talk.caller.statuses[-1] == 302
    assert "+19995550100" in " ".join(talk.caller.responses[-1].all("Contact"))
    talk = site.ringing("teams", "other")
    moved(talk.callee, "+19995550100")
    site.run()
    assert talk.caller.statuses[-1] == 480


def test_every_proxy_of_teams_may_be_named(site: Site) -> None:
    """XFR-02: sip2 and sip3 are Teams' own names as well."""
    for host in PROXIES:
        talk = site.talking("carrier", "teams")
        uri = f"sip:{host}:5061;transport=tls;x-m=8:orgid:7c1d"
        assert refer(talk, talk.callee, uri) == [202]
        leg = newest(site, "teams", talk.callee)
        assert leg.invite.uri == uri
        leg.refuse(480)
        site.run()
        talk.end()


PCMA_ONLY = (
    b"v=0\r\no=- 1 1 IN IP4 198.51.100.9\r\ns=-\r\nc=IN IP4 198.51.100.9\r\nt=0 0\r\nm=audio 7000 RTP/AVP 8\r\n"
    b"a=sendrecv\r\n"
)


def half_placed(site: Site) -> tuple[Talk, Leg]:
    """A transfer whose new side has answered, while the side that stays has not taken its media yet."""
    talk = site.talking("teams", "carrier")
    site.teams.answers["INVITE"] = 0
    refer(talk, talk.callee, "sip:+19995550100@198.51.100.7")
    leg = site.other.last
    leg.answer(body=PCMA_ONLY)
    site.run()
    assert talk.caller.waiting
    return talk, leg


def test_the_new_side_leaves_while_its_media_are_being_told(build: Build) -> None:
    """XFR-04: the call is as it was, and nothing of it is heard by who was to come."""
    site = build(routing=to_other("^[+]1999"))
    talk, leg = half_placed(site)
    leg.bye()
    site.run()
    site.teams.answers["INVITE"] = 200
    talk.caller.agree(talk.caller.waiting.pop())
    site.run(2)
    assert told(talk.callee)[-1] == "480 terminated"
    assert site.relay.streams[-1].expected[1][0] == (talk.callee.agent.hosts[0], 4000)
    assert talk.caller.received("INVITE")[-1].body.count(b"m=audio") == 1
    talk.end()


def test_who_is_leaving_changes_the_media_no_more(build: Build) -> None:
    """XFR-04, HLD-06: its re-INVITE gets 491 once somebody else has answered; the new side is heard."""
    site = build(routing=to_other("^[+]1999"))
    talk, leg = half_placed(site)
    answers = talk.callee.ask("INVITE", site.carrier.describe(port=4444, version=7, lines=["a=inactive"]))
    site.run()
    assert [answer.status for answer in answers] == [491]
    site.teams.answers["INVITE"] = 200
    talk.caller.agree(talk.caller.waiting.pop())
    site.run()
    assert site.relay.streams[-1].expected[1][0] == ("198.51.100.9", 7000)
    talk.caller.bye()
    site.run()
    assert leg.over


def test_a_join_that_breaks_off_halfway(site: Site) -> None:
    """XFR-04: the first call talks on as before, and its media lead nowhere else."""
    first, second = site.ringing(), site.ringing()
    for number, talk in enumerate((first, second)):
        talk.callee.answer(body=site.teams.describe(port=4400 + 100 * number, lines=[f"a=x-{number}:1"]))
        site.run()
    before = list(site.relay.streams[0].expected)
    site.teams.answers["INVITE"] = 0
    target = f"sip:+15551230002@{site.carrier.switch[0]}?Replaces={dialog_of(second.caller).escaped()}"
    refer(first, first.caller, target)
    first.callee.agree(first.callee.waiting.pop())
    site.run()
    assert second.callee.waiting
    site.teams.answers["INVITE"] = 200
    second.callee.bye()
    site.run(2)
    assert told(first.caller)[-1] == "481 terminated"
    assert list(site.relay.streams[0].expected) == before
    first.end()


def test_a_redirection_of_a_transfer_is_followed(build: Build) -> None:
    """XFR-08: the new side moved; who asked never hears of a 3xx."""
    site = build(routing=to_other("^[+]1999"))
    talk = site.talking("teams", "carrier")
    refer(talk, talk.callee, "sip:+19995550100@198.51.100.7")
    moved(site.other.last, "+19995550200")
    site.run()
    assert site.other.last.invite.target.number == "+19995550200"
    moved(site.other.last, "+19995550200")
    site.run()
    assert told(talk.callee) == ["100 active", "480 terminated"]
    talk.end()


def test_transfers_count_as_calls(build: Build) -> None:
    """FO-09: no REFER gets past the limit of new calls a second."""
    site = build(limits={"calls_per_second": 1})
    talk = site.talking("carrier", "teams")
    for _ in range(5):
        refer(talk, talk.callee, OBJECT)
        leg = site.teams.last
        if leg is not talk.callee and not leg.exchange.is_answered:
            leg.refuse(486)
            site.run(0.1)
    assert "503 terminated" in told(talk.callee)
    talk.end()


def test_two_replaces_in_one_invite(site: Site) -> None:
    """RFC 3891 section 3: 400."""
    talk = site.talking("carrier", "teams")
    value = header(talk.callee)
    leg = site.teams.call(fields=[("Replaces", value), ("Replaces", value)])
    site.run()
    assert leg.statuses == [400]
    talk.end()


def inline(body: bytes) -> list[bytes]:
    """The keys of a description."""
    return [line for line in body.split(b"\r\n") if line.startswith(b"a=crypto:")]


def encrypting(build: Build) -> Site:
    """The carrier speaks SRTP as Teams does, and its keys pass; the other provider does not."""
    carrier = {"id": "carrier", "host": CARRIER, "port": 5060, **PLAIN, "srtp": "required"}
    site = build(trunks=[carrier, {"id": "other", "host": OTHER, "port": 5060, **PLAIN}], routing=to_other("^[+]1999"))
    site.carrier.media_profile = "RTP/SAVP"
    return site


def test_a_call_that_passes_srtp_is_handed_on_to_a_trunk_without(build: Build) -> None:
    """XFR-04, MED-04: from then on SRTP ends here, on the same ports, with a key of ours towards who stays."""
    site = encrypting(build)
    talk = site.talking("teams", "carrier")
    stream = site.relay.streams[-1]
    assert not stream.treated
    before = talk.caller.remote
    assert refer(talk, talk.callee, "sip:+19995550100@198.51.100.7") == [202]
    leg = site.other.last
    assert b"RTP/AVP" in leg.invite.body
    assert not stream.treated
    leg.answer()
    site.run()
    assert told(talk.callee)[-1] == "200 terminated"
    assert site.relay.streams == [stream]
    teams, other = stream.treatments
    assert (teams.receive is None, teams.send is None, other.receive, other.send) == (False, False, None, None)
    assert inline(talk.caller.remote) != inline(before)
    assert teams.send.inline().encode() in talk.caller.remote
    talk.caller.bye()
    site.run()
    assert leg.over


def test_it_stays_as_it_was_where_the_trunk_without_refuses(build: Build) -> None:
    """XFR-04: SRTP goes on passing."""
    site = encrypting(build)
    talk = site.talking("teams", "carrier")
    refer(talk, talk.callee, "sip:+19995550100@198.51.100.7")
    site.other.last.refuse(486)
    site.run()
    assert not site.relay.streams[-1].treated
    talk.end()


def test_an_engine_that_cannot_end_srtp_refuses_such_a_transfer(build: Build) -> None:
    """What rtpengine carries unopened stays so: 488 in the last NOTIFY, and the call goes on."""
    site = encrypting(build)
    site.relay.treatable = False
    talk = site.talking("teams", "carrier")
    refer(talk, talk.callee, "sip:+19995550100@198.51.100.7")
    assert told(talk.callee)[-1] == "488 terminated"
    talk.end()
