"""The configuration changes while calls are up: what it is about is different at once, and nobody else notices."""

from __future__ import annotations

from typing import Any

import pytest

from rustalk.sip.digest import ha1
from tests.fakes.agents import Leg
from tests.scenarios.office import DOMAIN, Build, Office
from tests.scenarios.site import CARRIER, CARRIER2, OTHER, PLAIN, Site

OUTSIDE = "+442079460000"


def trunk(host: str = CARRIER, **more: Any) -> dict[str, Any]:
    """A trunk as it is configured."""
    return {"host": host, "port": 5060, "country": "GB", **PLAIN, **more}


def outward(**more: Any) -> dict[str, Any]:
    """Everything with a plus leaves over the carrier."""
    route = {"id": "out", "pattern": "^[+]", "destination": {"type": "Trunk", "value": "carrier"}}
    return {"trunks": [{"id": "carrier", **trunk()}], "routing": {"routes": [route]}, **more}


def dial(office: Office, number: str, caller: str = "1001") -> Leg:
    """A call that nobody has answered yet."""
    leg = office.phones[caller].call(number)
    office.run()
    return leg


def talking(office: Office, number: str = "1002", caller: str = "1001") -> tuple[Leg, Leg]:
    """A call that was answered."""
    leg = dial(office, number, caller)
    callee = office.phones[number].last if number in office.phones else office.carrier.last
    callee.answer()
    office.run()
    assert leg.statuses[-1] == 200
    return leg, callee


def over(office: Office, *legs: Leg) -> None:
    """Hang up on one side, and see that the other one is told."""
    legs[0].bye()
    office.run()
    assert all(leg.over for leg in legs)


# Extensions.


def test_an_extension_is_added(house: Build) -> None:
    """It registers and is called at once, beside a call that goes on."""
    office = house()
    talk = talking(office)
    newcomer = office.phones["1004"] = office.phone("1004", "203.0.113.14")
    assert not office.registered(newcomer)
    office.change("extensions", "1004", {})
    assert office.registered(newcomer)
    over(office, *talking(office, "1004", "1003"))
    over(office, *talk)


def test_a_password_is_changed(house: Build) -> None:
    """What was registered with the old one ends, the call does not, and only the new one registers."""
    office = house()
    talk = talking(office)
    office.change("extensions", "1002", {"password": "another one"})
    assert office.core.locator.bindings("1002") == ()
    assert office.core.locator.bindings("1003")
    phone = office.phones["1002"]
    assert not office.registered(phone)
    assert dial(office, "1002", "1003").statuses == [480]
    phone.password = "another one"
    assert office.registered(phone)
    over(office, talk[1], talk[0])


def test_a_password_is_kept_as_a_hash(house: Build) -> None:
    """As the first change by the API does to an extension of the file: it is the same password, the phone stays."""
    office = house()
    hashes = {
        f"ha1_{name}": ha1(kind, "1002", DOMAIN, "secret of 1002")
        for name, kind in (("md5", "MD5"), ("sha256", "SHA-256"))
    }
    Site.change(office, "extensions", "1002", {"extension": "1002", "notes": "moved", **hashes})
    assert office.core.locator.bindings("1002")
    Site.change(office, "extensions", "1002", {"extension": "1002", **hashes, "ha1_md5": "0" * 32})
    assert office.core.locator.bindings("1002") == ()


def test_a_name_is_changed(house: Build) -> None:
    """The registration stays, and the next call shows it."""
    office = house()
    office.change("extensions", "1001", {"display_name": "Alice"})
    leg = dial(office, "1002")
    assert office.phones["1002"].last.invite.from_.display == "Alice"
    leg.cancel()
    office.run()


def test_an_extension_is_switched_off(house: Build) -> None:
    """Its call goes on and ends in order, even from its own side; nothing new begins or arrives."""
    office = house()
    leg, bob = talking(office)
    office.change("extensions", "1002", {"enabled": False})
    assert dial(office, "1002", "1003").statuses == [404]
    assert dial(office, "1003", "1002").statuses == [403]
    assert not office.registered(office.phones["1002"])
    bob.ask("INVITE", office.phones["1002"].describe(version=2, lines=["a=sendonly"]))
    office.run()
    assert b"a=sendonly" in leg.remote
    over(office, bob, leg)


def test_an_extension_is_deleted(house: Build) -> None:
    """As one that is switched off: the last call ends like any other."""
    office = house()
    leg, bob = talking(office)
    office.change("extensions", "1002", None)
    assert dial(office, "1002", "1003").statuses == [404]
    over(office, bob, leg)
    leg, bob = talking(office, "1003")
    office.change("extensions", "1003", None)
    over(office, leg, bob)


def test_an_extension_takes_fewer_calls(house: Build) -> None:
    """The calls that it has go on, and it is busy for the next."""
    office = house()
    talk = talking(office)
    office.change("extensions", "1002", {"max_concurrent_calls": 1})
    assert dial(office, "1002", "1003").statuses == [486]
    over(office, *talk)
    over(office, *talking(office, "1002", "1003"))


def test_a_forward_is_set_while_it_rings(house: Build) -> None:
    """The call that rings already is forwarded by what holds when it is not answered."""
    office = house()
    leg = dial(office, "1002")
    office.change("extensions", "1002", {"call_forwarding": {"busy": "1003"}})
    office.phones["1002"].last.refuse(486)
    office.run()
    office.phones["1003"].last.answer()
    office.run()
    assert leg.statuses[-1] == 200
    over(office, leg, office.phones["1003"].last)


# Where calls go.


def test_a_route_is_changed(house: Build) -> None:
    """The next call goes elsewhere; the one in progress stays."""
    office = house(**outward())
    talk = talking(office, OUTSIDE)
    other = {"pattern": "^[+]", "destination": {"type": "Trunk", "value": "teams"}}
    office.change("routes", "out", other)
    leg = dial(office, OUTSIDE)
    assert office.teams.last.invite.target.number == OUTSIDE
    leg.cancel()
    office.run()
    office.change("routes", "out", None)
    assert dial(office, OUTSIDE).statuses == [404]
    over(office, *talk)


def test_a_number_is_given_to_somebody_else(house: Build) -> None:
    """What rings goes on ringing."""
    office = house(dids=[{"id": "main", "number": OUTSIDE, "destination": "1001"}], routing={"routes": []})
    first = office.carrier.call(OUTSIDE)
    office.run()
    office.change("dids", "main", {"number": OUTSIDE, "destination": "1002"})
    second = office.carrier.call(OUTSIDE)
    office.run()
    assert [len(office.phones[number].calls) for number in ("1001", "1002")] == [1, 1]
    for leg in (first, second):
        leg.cancel()
    office.run()


def test_a_group_gets_a_member(house: Build) -> None:
    """The next call rings there too; a call that flows over does so by the group as it is then."""
    office = house(ring_groups=[{"id": "desk", "extensions": ["1002"], "timeout_seconds": 5}])
    leg = dial(office, "desk")
    office.change("ring_groups", "desk", {"extensions": ["1002", "1003"], "timeout_seconds": 5, "overflow": "1003"})
    assert office.phones["1003"].calls == []
    office.run(6)
    assert len(office.phones["1003"].calls) == 1
    office.phones["1003"].last.answer()
    office.run()
    over(office, leg, office.phones["1003"].last)
    leg = dial(office, "desk")
    assert [len(office.phones[number].calls) for number in ("1002", "1003")] == [2, 2]
    leg.cancel()
    office.run()


def test_a_policy_is_tightened(house: Build) -> None:
    """It holds for the next call, and counts those in progress, which go on."""
    office = house(policies=[{"id": "p"}], more={"1001": {"policy": "p"}}, **outward())
    talk = talking(office, OUTSIDE)
    office.change("policies", "p", {"concurrency": {"max_total": 1, "max_per_account": 1}})
    assert dial(office, OUTSIDE).statuses == [603]
    over(office, *talk)
    over(office, *talking(office, OUTSIDE))


def test_an_access_list_is_changed(house: Build) -> None:
    """Whoever is denied is not heard any more, and heard again when the list is as before."""
    office = house(
        acls={"acls": [{"name": "phones", "default_policy": "allow", "rules": []}]},
        sip_profiles=[
            {"id": "inside", "bind_address": "192.0.2.10", "bind_port": 5060, "protocols": ["udp"], "acl": "phones"},
            {"id": "outside", "bind_address": "192.0.2.10", "bind_port": 5061, "protocols": ["tls"]},
        ],
    )
    denied = [{"action": "deny", "cidr": "203.0.113.11/32"}]
    office.change("acls", "phones", {"default_policy": "allow", "rules": denied})
    leg = dial(office, "1002")
    assert leg.responses == []
    over(office, *talking(office, "1002", "1003"))
    office.change("acls", "phones", {"default_policy": "allow", "rules": []})
    office.run(40)
    over(office, *talking(office))


# Trunks.


def test_a_trunk_is_added(house: Build) -> None:
    """Calls go there and come from there, and it is asked how it is."""
    office = house(**outward())
    office.change("trunks", "other", trunk(OTHER, options_ping_enabled=True, options_ping_interval=30))
    office.run(31)
    assert office.other.requests("OPTIONS")
    office.change("routes", "out", {"pattern": "^[+]", "destination": {"type": "Trunk", "value": "other"}})
    leg = dial(office, OUTSIDE)
    office.other.last.answer()
    office.run()
    over(office, leg, office.other.last)


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_a_trunk_moves(house: Build, side: str) -> None:
    """The call in progress ends on both sides as it began; the next one is sent to the new host."""
    office = house(**outward())
    leg, callee = talking(office, OUTSIDE)
    office.change("trunks", "carrier", trunk(CARRIER2))
    if side == "caller":
        over(office, leg, callee)
    else:
        over(office, callee, leg)
    leg = dial(office, OUTSIDE)
    assert len(office.invites(CARRIER2)) == 1
    leg.cancel()
    office.run()


def test_a_trunk_takes_fewer_calls(house: Build) -> None:
    """Those that it has count on, and go on."""
    office = house(**outward())
    talk = talking(office, OUTSIDE)
    office.change("trunks", "carrier", trunk(max_calls=1))
    assert dial(office, OUTSIDE).statuses == [503]
    over(office, *talk)
    over(office, *talking(office, OUTSIDE))


def test_a_trunk_is_removed(house: Build) -> None:
    """Its calls end on both sides, those that ring too, and its probes; the calls of others go on."""
    office = house(**outward(trunks=[{"id": "carrier", **trunk(options_ping_enabled=True, options_ping_interval=30)}]))
    stays = talking(office)
    leg, callee = talking(office, OUTSIDE)
    rings = dial(office, OUTSIDE, "1003")
    office.change("routes", "out", None)
    office.change("trunks", "carrier", None)
    office.run()
    assert leg.over
    assert callee.over
    assert rings.statuses[-1] >= 400
    asked = len(office.carrier.requests("OPTIONS"))
    office.run(120)
    assert len(office.carrier.requests("OPTIONS")) == asked
    assert not any(each.over for each in stays)
    over(office, *stays)


def test_a_trunk_is_removed_in_the_middle_of_a_transfer(house: Build) -> None:
    """The transfer to it fails, and the call is as it was."""
    office = house(**outward())
    leg, bob = talking(office)
    bob.ask("REFER", fields=[("Refer-To", f"<sip:{OUTSIDE}@pbx.example.com>")])
    office.run()
    office.carrier.last.ring()
    office.run()
    office.change("routes", "out", None)
    office.change("trunks", "carrier", None)
    office.run()
    assert office.carrier.last.cancelled
    assert bob.received("NOTIFY")[-1].body.startswith(b"SIP/2.0 503")
    assert not leg.over
    over(office, leg, bob)


def test_a_trunk_that_registers_gets_other_credentials(house: Build) -> None:
    """It registers anew with them, and with the old ones no more."""
    office = house()
    registered: list[str] = []
    office.carrier.registrar = lambda exchange: (
        registered.append(exchange.request.to.uri.number),
        exchange.respond(200, fields=[("Expires", "60")]),
    )[0]
    keys = {"register": True, "register_expires": 60, "password": "p"}
    office.change("trunks", "carrier", trunk(username="one", **keys))
    office.run(1)
    office.change("trunks", "carrier", trunk(username="two", **keys))
    office.run(200)
    assert registered[0] == "one"
    assert len(registered) > 3
    assert set(registered[1:]) == {"two"}


def test_one_change_after_the_other_leaves_nothing(house: Build) -> None:
    """A hundred changes of everything, while calls come and go."""
    office = house(**outward())
    for number in range(25):
        talk = talking(office, OUTSIDE if number % 2 else "1002")
        office.change("trunks", "carrier", trunk(max_calls=number % 5 + 5, options_ping_enabled=bool(number % 3)))
        office.change("extensions", "1002", {"display_name": f"Bob {number}"})
        office.change("ring_groups", f"g{number % 4}", {"extensions": ["1002"]} if number % 2 else None)
        office.change("policies", "p", {"daily_limit": {"count": number}})
        over(office, *talk)
    assert len(office.core.probes) <= 1


def test_teams_is_switched_off_and_on(house: Build) -> None:
    """Its calls end, and nobody calls there until it is on again; calls of phones go on."""
    office = house(**outward(), teams={"options_ping_enabled": True})
    office.change("routes", "teams", {"pattern": "^7", "destination": {"type": "Trunk", "value": "teams"}})
    stays = talking(office)
    leg = dial(office, "7", "1003")
    theirs = office.teams.last
    theirs.answer()
    office.run()
    teams = {"sbc_fqdn": "sbc.example.com", "mtls_cert_path": "/c.pem", "mtls_key_path": "/k.pem"}
    office.change("routes", "teams", None)
    office.change("config", "teams", {"enabled": False, **teams})
    office.run()
    assert leg.over
    assert theirs.over
    office.change("config", "teams", {"enabled": True, "early_media": "pass", "options_ping_enabled": False, **teams})
    office.change("routes", "teams", {"pattern": "^7", "destination": {"type": "Trunk", "value": "teams"}})
    leg = dial(office, "7", "1003")
    office.teams.last.answer()
    office.run()
    assert leg.statuses[-1] == 200
    over(office, leg, office.teams.last)
    over(office, *stays)
