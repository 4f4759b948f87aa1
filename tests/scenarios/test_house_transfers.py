"""Calls of phones that go elsewhere: REFER, Replaces, 3xx; and hold."""

from __future__ import annotations

from typing import Any

import pytest

from rustalk.sip.replaces import Replaces
from tests.fakes.agents import Leg
from tests.scenarios.office import DOMAIN, Build, Office, extension
from tests.scenarios.site import CARRIER, PLAIN

OUTSIDE = "+442079460000"
ABROAD = "+4930123456"


def outward(**keys: Any) -> dict[str, Any]:
    """A house in Britain, with a trunk for the world, and one number that Teams calls and is called by."""
    routes = [
        {"id": "teams", "pattern": "^[+]1555", "destination": {"type": "Trunk", "value": "teams"}},
        {"id": "world", "pattern": "^[+]", "destination": {"type": "Trunk", "value": "carrier"}},
    ]
    trunks = [{"id": "carrier", "host": CARRIER, "port": 5060, "country": "GB", **PLAIN}]
    return {"trunks": trunks, "routing": {"routes": routes}, **keys}


def talking(office: Office, caller: str = "1001", called: str = "1002") -> tuple[Leg, Leg]:
    """A call of two phones that was answered: both legs."""
    leg = office.phones[caller].call(called)
    office.run()
    other = office.phones[called].last
    other.answer()
    office.run()
    assert leg.statuses[-1] == 200
    return leg, other


def refer(office: Office, leg: Leg, target: str) -> list[str]:
    """Send REFER; what its NOTIFYs have said so far."""
    answers = leg.ask("REFER", fields=[("Refer-To", f"<sip:{target}>")])
    office.run()
    assert [answer.status for answer in answers] == [202]
    return told(leg)


def told(leg: Leg) -> list[str]:
    """The statuses that NOTIFYs told of a transfer."""
    return [request.body.decode().split()[1] for request in leg.received("NOTIFY")]


def dialog_of(leg: Leg) -> Replaces:
    """How another call asks to take the place of this leg, in the switch's words."""
    dialog = leg.dialog
    return Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag)


def ringing_of(leg: Leg) -> tuple[str, str]:
    """The Replaces field of an INVITE that picks up a call which rings here."""
    leg.ring()
    tag = leg.exchange.tag
    return "Replaces", f"{leg.call_id};to-tag={leg.invite.from_.tag};from-tag={tag};early-only"


# REFER.


@pytest.mark.parametrize("hands_on", ["caller", "callee"])
def test_a_phone_hands_a_call_on_to_another_phone(house: Build, hands_on: str) -> None:
    """XFR-04: blind; the new phone sees who stays, and whoever asked is out of it."""
    office = house()
    leg, other = talking(office)
    asks, stays = (leg, other) if hands_on == "caller" else (other, leg)
    assert refer(office, asks, f"1003@{DOMAIN}") == ["100"]
    third = office.phones["1003"].last
    assert third.invite.from_.uri.number == ("1002" if hands_on == "caller" else "1001")
    third.ring()
    office.run()
    third.answer()
    office.run()
    assert told(asks) == ["100", "180", "200"]
    assert asks.over
    assert not stays.over
    stays.bye()
    office.run()
    assert third.over


def test_a_call_that_is_handed_on_twice(house: Build) -> None:
    """Each new side sees who is at the other end now."""
    office = house(
        extensions=[*(extension(number) for number in ("1001", "1002", "1003")), extension("1004")],
    )
    office.phones["1004"] = office.phone("1004", "203.0.113.14")
    assert office.registered(office.phones["1004"])
    leg, bob = talking(office)
    refer(office, leg, f"1003@{DOMAIN}")
    carol = office.phones["1003"].last
    carol.answer()
    office.run()
    refer(office, bob, f"1004@{DOMAIN}")
    dave = office.phones["1004"].last
    assert dave.invite.from_.uri.number == "1003"
    dave.answer()
    office.run()
    carol.bye()
    office.run()
    assert dave.over


def test_a_phone_joins_its_two_calls(house: Build) -> None:
    """XFR-04: attended; Refer-To names the other call in Replaces."""
    office = house()
    leg, bob = talking(office)
    asked, carol = talking(office, "1002", "1003")
    assert refer(office, bob, f"1003@{DOMAIN}?Replaces={dialog_of(asked).escaped()}")[-1] == "200"
    assert bob.over
    assert asked.over
    leg.bye()
    office.run()
    assert carol.over


def test_nobody_joins_a_call_of_somebody_else(house: Build) -> None:
    """Who knows the tags of a call of others is told that there is none."""
    office = house()
    _, carol = talking(office, "1002", "1003")
    leg = office.other.call("+15551230002")
    office.run()
    office.carrier.last.answer()
    office.run()
    assert refer(office, leg, f"1003@{DOMAIN}?Replaces={dialog_of(carol).escaped()}")[-1] == "481"
    leg.bye()
    carol.bye()
    office.run()


def test_a_phone_hands_a_call_on_to_the_world(house: Build) -> None:
    """By the routes, with the number that the side that stays shows outside."""
    office = house(more={"1001": {"caller_id_number": "+442079460001", "caller_id_name": "Example Ltd"}}, **outward())
    leg, bob = talking(office)
    refer(office, bob, f"{OUTSIDE}@{DOMAIN}")
    out = office.carrier.last
    assert (out.invite.from_.uri.number, out.invite.from_.display) == ("+442079460001", "Example Ltd")
    out.answer()
    office.run()
    assert bob.over
    leg.bye()
    office.run()
    assert out.over


def test_who_hands_on_needs_the_permission(house: Build) -> None:
    """Not who stays: a call is no way round what the phone itself may not call (A8)."""
    office = house(more={"1001": {"permissions": {"international": True}}}, **outward())
    leg, bob = talking(office)
    assert refer(office, bob, f"{ABROAD}@{DOMAIN}") == ["100", "403"]
    assert office.carrier.calls == []
    refer(office, leg, f"{ABROAD}@{DOMAIN}")
    office.carrier.last.answer()
    office.run()
    assert leg.over
    bob.bye()
    office.run()


def test_a_transfer_to_a_phone_that_forwards(house: Build) -> None:
    """The forward of who is called is followed."""
    office = house(more={"1003": {"call_forwarding": {"always": OUTSIDE}}}, **outward())
    leg, bob = talking(office)
    refer(office, bob, f"1003@{DOMAIN}")
    office.carrier.last.answer()
    office.run()
    assert told(bob)[-1] == "200"
    leg.bye()
    office.run()


def test_a_transfer_to_nobody_there(house: Build) -> None:
    """The call goes on as it was."""
    office = house(absent=("1003",))
    leg, bob = talking(office)
    assert refer(office, bob, f"1003@{DOMAIN}") == ["100", "480"]
    assert not leg.over
    leg.bye()
    office.run()
    assert bob.over


def test_teams_hands_a_call_of_a_phone_on(house: Build) -> None:
    """XFR-02: to an object of its own, and the phone hears whoever answers there."""
    office = house(**outward())
    leg = office.phones["1001"].call("+15551230002")
    office.run()
    first = office.teams.last
    first.answer()
    office.run()
    refer(office, first, "sip.pstnhub.microsoft.com:5061;transport=tls;x-m=8:orgid:7c1d")
    second = office.teams.last
    assert second is not first
    second.answer()
    office.run()
    assert first.over
    leg.bye()
    office.run()
    assert second.over


def test_a_phone_hands_a_call_of_teams_on(house: Build) -> None:
    """Teams stays, and hears another phone."""
    office = house(dids=[{"id": "desk", "number": OUTSIDE, "destination": "1001"}], routing={"routes": []})
    leg = office.teams.call(OUTSIDE)
    office.run()
    office.phones["1001"].last.answer()
    office.run()
    refer(office, office.phones["1001"].last, f"1002@{DOMAIN}")
    office.phones["1002"].last.answer()
    office.run()
    assert office.phones["1001"].last.over
    leg.bye()
    office.run()
    assert office.phones["1002"].last.over


# Replaces.


def grouped(house: Build, **keys: Any) -> Office:
    """Two phones in one group, and one that is not."""
    return house(ring_groups=[{"id": "desk", "extensions": ["1002", "1003"], "strategy": "sequential", **keys}])


def test_a_phone_picks_up_for_its_group(house: Build) -> None:
    """RFC 3891: INVITE with Replaces for a call that rings at another member."""
    office = grouped(house)
    leg = office.phones["1001"].call("1002")
    office.run()
    rung = office.phones["1002"].last
    field = ringing_of(rung)
    office.run()
    picked = office.phones["1003"].call("1002", fields=[field])
    office.run(1)
    assert picked.statuses[-1] == 200
    assert rung.cancelled
    assert leg.statuses[-1] == 200
    assert office.core.peers.is_busy("1003")
    assert not office.core.peers.is_busy("1002")
    assert office.record.destination_trunk == "extension:1003"
    picked.bye()
    office.run()
    assert leg.over


def test_a_phone_picks_up_what_rings_at_several(house: Build) -> None:
    """The call of a group that rings together is taken from all."""
    office = grouped(house, strategy="simultaneous")
    leg = office.phones["1001"].call("desk")
    office.run()
    fields = [ringing_of(office.phones[number].last) for number in ("1002", "1003")]
    office.run()
    second = office.phone("1003", "203.0.113.33")
    assert office.registered(second)
    picked = second.call("1002", fields=[fields[0]])
    office.run(1)
    assert picked.statuses[-1] == leg.statuses[-1] == 200
    assert all(office.phones[number].last.cancelled for number in ("1002", "1003"))
    leg.bye()
    office.run()
    assert picked.over


def test_nobody_else_picks_up(house: Build) -> None:
    """A phone outside of the group is told that there is no such call, which rings on."""
    office = grouped(house)
    leg = office.other.call("+15551230002")
    office.run()
    leg.cancel()
    leg = office.phones["1003"].call("1002")
    office.run()
    rung = office.phones["1002"].last
    field = ringing_of(rung)
    office.run()
    stranger = office.phones["1001"].call("1002", fields=[field])
    office.run(1)
    assert stranger.statuses == [481]
    rung.answer()
    office.run()
    assert leg.statuses[-1] == 200
    leg.bye()
    office.run()


def test_another_phone_of_the_extension_takes_the_call_over(house: Build) -> None:
    """XFR-07: from the desk to the pocket; other extensions may not."""
    office = grouped(house)
    leg, desk = talking(office)
    named = dialog_of(desk)
    field = ("Replaces", f"{named.call_id};to-tag={named.to_tag};from-tag={named.from_tag}")
    thief = office.phones["1003"].call("1002", fields=[field])
    office.run(1)
    assert thief.statuses == [481]
    pocket = office.phone("1002", "203.0.113.22")
    assert office.registered(pocket)
    taken = pocket.call("1002", fields=[field])
    office.run(1)
    assert taken.statuses[-1] == 200
    assert desk.over
    leg.bye()
    office.run()
    assert taken.over


# 3xx.


def moved(office: Office, number: str, target: str) -> None:
    """A phone sends its call elsewhere."""
    office.phones[number].last.refuse(302, [("Contact", f"<sip:{target}@{DOMAIN}>")])
    office.run()


def test_a_phone_sends_a_call_elsewhere(house: Build) -> None:
    """XFR-08: 302, followed here."""
    office = house()
    leg = office.phones["1001"].call("1002")
    office.run()
    moved(office, "1002", "1003")
    office.phones["1003"].last.answer()
    office.run()
    assert leg.statuses == [200]
    leg.bye()
    office.run()
    assert office.record.destination_trunk == "extension:1003"


def test_a_phone_sends_calls_only_where_it_may_call(house: Build) -> None:
    """A caller who may is no help, nor does one need to who may not (A8)."""
    office = house(
        more={"1001": {"permissions": {"international": True}}, "1003": {"permissions": {"international": True}}},
        **outward(),
    )
    leg = office.phones["1001"].call("1002")
    office.run()
    moved(office, "1002", ABROAD)
    assert office.carrier.calls == []
    assert leg.statuses[-1] == 480
    leg = office.phones["1002"].call("1003")
    office.run()
    moved(office, "1003", ABROAD)
    office.carrier.last.answer()
    office.run()
    assert leg.statuses[-1] == 200
    leg.bye()
    office.run()


def test_phones_that_send_a_call_round_end_it(house: Build) -> None:
    """A39: each of two phones answers 302 with the other one."""
    office = house()
    for number, target in (("1002", "1003"), ("1003", "1002")):
        contact = ("Contact", f"<sip:{target}@{DOMAIN}>")
        office.phones[number].plan = lambda leg, contact=contact: leg.refuse(302, [contact])
    leg = office.phones["1001"].call("1002")
    office.run(10)
    assert leg.statuses[-1] == 480
    assert sum(len(office.phones[number].calls) for number in ("1002", "1003")) <= 3


def test_a_member_does_not_send_the_call_of_its_group_away(house: Build) -> None:
    """The others ring on, and the call stays in the group."""
    office = grouped(house, strategy="simultaneous")
    leg = office.phones["1001"].call("desk")
    office.run()
    moved(office, "1002", "1001")
    assert not office.phones["1003"].last.over
    office.phones["1003"].last.refuse(486)
    office.run()
    assert leg.statuses[-1] in (480, 486)
    assert office.phones["1001"].calls == [leg]


# Hold.


def test_a_phone_holds_and_resumes(house: Build) -> None:
    """HLD-01: the other side hears inactive, then audio again."""
    office = house()
    leg, bob = talking(office)
    phone = office.phones["1001"]
    leg.ask("INVITE", phone.describe(version=2, lines=["a=sendonly"]))
    office.run()
    assert b"a=sendonly" in bob.remote
    leg.ask("INVITE", phone.describe(version=3, lines=["a=sendrecv"]))
    office.run()
    assert b"a=sendonly" not in bob.remote
    leg.bye()
    office.run()
    assert bob.over
