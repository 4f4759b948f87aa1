"""REGISTER from phones on the memory network: what they are told, and how they are reached afterwards."""

from __future__ import annotations

import pytest

from rustalk.interfaces import IFlow
from rustalk.pbx.bindings import Bounds
from rustalk.sip.message import Response
from tests.pbx.house import REALM, SBC, House, value

HOST, OTHER = "198.51.100.7", "203.0.113.9"
UUID = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"


@pytest.fixture
def house() -> House:
    """Extensions 1001 to 1003."""
    return House()


def contacts(response: Response) -> list[str]:
    """The addresses in a 200."""
    return [each.address for each in response.contacts]


def way(house: House, number: str) -> IFlow:
    """The flow to the preferred phone of an extension."""
    (flow,) = results(house, number)
    return flow


def results(house: House, number: str) -> list[IFlow]:
    """What the locator gives now for the preferred phone; nothing where it gives an error."""
    found: list[IFlow] = []
    house.locator.flow(house.locator.all(number)[0]).addCallbacks(found.append, lambda reason: None)
    return found


def test_a_phone_registers(house: House) -> None:
    """RFC 3261 section 10.3 step 8: every binding with the seconds left, and the date for phones without a clock."""
    phone = house.phone("1001")
    response = phone.register(f"<{phone.contact}>;expires=600")
    assert response.status == 200
    assert response.all("Contact") == [f"<{phone.contact}>;expires=600"]
    assert value(response, "Date").endswith("GMT")
    assert response.tokens("Supported") == {"path", "outbound"}
    assert response.get("Require") is None
    assert house.told == [("registered", "1001")]


def test_a_phone_asks_what_is_registered(house: House) -> None:
    """A fetch shows both devices and makes none."""
    desk, soft = house.phone("1001"), house.phone("1001", OTHER)
    desk.register()
    soft.register()
    assert contacts(soft.register("")) == [desk.contact, soft.contact]
    assert house.locator.count == 2


def test_a_phone_leaves(house: House) -> None:
    """Expires 0; with a star all devices of the extension."""
    desk, soft = house.phone("1001"), house.phone("1001", OTHER)
    desk.register()
    soft.register()
    assert contacts(desk.register(fields=[("Expires", "0")])) == [soft.contact]
    assert contacts(soft.register("*", fields=[("Expires", "0")])) == []
    assert house.locator.bindings("1001") == ()
    assert house.told[2:] == [("unregistered", "1001")] * 2


def test_a_brief_registration(house: House) -> None:
    """423 says what would do."""
    house = House(Bounds(min_expires=120))
    response = house.phone("1001").register(fields=[("Expires", "60")])
    assert (response.status, value(response, "Min-Expires")) == (423, "120")
    assert "register_too_brief" in value(response, "Reason")


@pytest.mark.parametrize("parts", [{"number": "1002"}, {"source": "1002"}])
def test_nobody_registers_for_another(house: House, parts: dict[str, str]) -> None:
    """Section 10.3 step 3: the password of 1001 moves no calls of 1002."""
    phone = house.phone("1001")
    response = phone.register(**parts)
    assert response.status == 403
    assert "other_account" in value(response, "Reason")
    assert house.locator.count == 0


def test_an_unknown_extension_of_sip(house: House) -> None:
    """420 names what is not spoken here."""
    response = house.phone("1001").register(fields=[("Require", "path, teleport")])
    assert (response.status, value(response, "Unsupported")) == (420, "teleport")


@pytest.mark.parametrize("contact", ["<tel:1001>", "*", "<sip:1001@[bad>", f"<sip:{'1' * 600}@192.0.2.1>"])
def test_a_broken_contact(house: House, contact: str) -> None:
    """400, and nothing is registered."""
    assert house.phone("1001").register(contact).status == 400
    assert house.locator.count == 0


def test_an_old_register_comes_late(house: House) -> None:
    """500: a phone that is gone does not come back with a request that was under way."""
    phone = house.phone("1001")
    phone.register(cseq=10)
    phone.register(fields=[("Expires", "0")], cseq=11)
    phone.register(cseq=12)
    assert phone.register(fields=[("Expires", "0")], cseq=11).status == 500
    assert house.locator.count == 1


def test_a_lost_answer_changes_nothing_twice(house: House) -> None:
    """RFC 3261 section 17.2.2: the copy of a REGISTER over UDP gets the same 200, not the 500 of an old one."""
    phone = house.phone("1001")
    house.network.copies = 1.0
    assert phone.register().status == 200
    assert len(house.saved) == 1


def test_a_phone_behind_a_nat(house: House) -> None:
    """RFC 3581: it is reached where its REGISTER came from, whatever its Contact says."""
    phone = house.phone("1001", port=40123)
    phone.register("<sip:1001@10.0.0.5:5060>")
    flow = way(house, "1001")
    assert (flow.transport, flow.peer) == ("UDP", (HOST, 40123))
    assert house.locator.knows(HOST)


def test_a_phone_on_a_connection(house: House) -> None:
    """RFC 5626 section 5.3: over the connection that it opened, not over a new one."""
    phone = house.phone("1001", transport="TCP", port=40123)
    phone.register("<sip:1001@10.0.0.5:5060;transport=tcp>")
    assert way(house, "1001").peer == phone.flow().local
    assert house.sought == []


def test_the_connection_of_an_outbound_phone_is_lost(house: House) -> None:
    """RFC 5626 section 4.2: the binding of the flow goes at once; that of another flow stays."""
    one, two = (house.phone("1001", host, transport="TCP") for host in (HOST, OTHER))
    for number, phone in ((1, one), (2, two)):
        contact = f'<sip:1001@10.0.0.5;ob>;reg-id={number};+sip.instance="<{UUID}>"'
        response = phone.register(contact, [("Supported", "path, outbound")])
        assert (value(response, "Require"), value(response, "Flow-Timer")) == ("outbound", "120")
    house.network.break_all(HOST)
    house.run()
    assert [each.reg_id for each in house.locator.bindings("1001")] == [2]
    assert house.told[-1] == ("lost", "1001")
    assert house.saved[-1][0] == "1001"


def test_the_connection_of_a_plain_phone_is_lost(house: House) -> None:
    """Its binding stays; behind a NAT nothing leads to it until it comes back."""
    phone = house.phone("1001", transport="TCP")
    contact = "<sip:1001@10.0.0.5;transport=tcp>"
    phone.register(contact)
    house.network.break_all(HOST)
    house.run()
    assert (house.locator.count, house.locator.bindings("1001")) == (1, ())
    assert results(house, "1001") == []
    phone.register(contact)
    assert way(house, "1001").peer == phone.flow().local


def test_an_outbound_phone_over_udp_keeps_its_own_time(house: House) -> None:
    """RFC 5626 section 4.4: without Flow-Timer it asks by STUN every 24 to 29 s, before a NAT forgets it."""
    contact = f'<sip:1001@10.0.0.5>;reg-id=1;+sip.instance="<{UUID}>"'
    response = house.phone("1001").register(contact, [("Supported", "outbound")])
    assert (response.status, response.get("Require"), response.get("Flow-Timer")) == (200, "outbound", None)
    assert [each.reg_id for each in house.locator.bindings("1001")] == [1]


def test_a_phone_behind_a_proxy(house: House) -> None:
    """RFC 3327: Path is kept and told; outbound needs a proxy that says ob (RFC 5626 section 6)."""
    phone = house.phone("1001", transport="TCP")
    second = ("Via", f"SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK{phone.agent.token()}")
    contact = f'<sip:1001@10.0.0.5>;reg-id=1;+sip.instance="<{UUID}>"'
    outbound = ("Supported", "path, outbound")
    refused = phone.register(contact, [second, outbound, ("Path", f"<sip:{HOST};lr>")])
    assert (refused.status, "first_hop_lacks_outbound" in value(refused, "Reason")) == (439, True)
    taken = phone.register(contact, [second, outbound, ("Path", f"<sip:{HOST};lr;ob>")])
    assert (value(taken, "Path"), value(taken, "Require")) == (f"<sip:{HOST};lr;ob>", "outbound")
    assert taken.get("Flow-Timer") is None
    assert house.locator.all("1001")[0].path == (f"<sip:{HOST};lr;ob>",)


def test_devices_that_cannot_be_reached_give_way(house: House) -> None:
    """The limit of devices counts those that are there; beyond it the newcomer is refused."""
    house = House(Bounds(devices=1))
    old, new = house.phone("1001", transport="TCP"), house.phone("1001", OTHER)
    old.register("<sip:1001@10.0.0.5;transport=tcp>")
    assert new.register().status == 403
    house.network.break_all(HOST)
    house.run()
    assert contacts(new.register()) == [new.contact]


def test_a_registration_ends_by_itself(house: House) -> None:
    """It is not called any more from that second on, and forgotten soon after."""
    house.locator.start()
    house.phone("1001").register(fields=[("Expires", "60")])
    house.run(59)
    assert len(house.locator.bindings("1001")) == 1
    house.run(1.5)
    assert house.locator.bindings("1001") == ()
    house.run(6)
    assert (house.locator.count, house.told[-1], house.saved[-1]) == (0, ("expired", "1001"), ("1001", ()))
    house.locator.stop()


def test_the_domain_of_the_address_is_free(house: House) -> None:
    """Phones are often set up with our address in place of the domain."""
    phone = house.phone("1001")
    request = phone.request("REGISTER", [("Contact", f"<{phone.contact}>")])
    request.fields = [(name, text.replace(REALM, SBC)) for name, text in request.fields]
    first = phone.send(request)
    assert first.status == 401
    again = phone.request("REGISTER", [("Contact", f"<{phone.contact}>"), phone.answer(first, "REGISTER")])
    again.fields = [
        (n, text.replace(f"@{REALM}", f"@{SBC}") if n in ("From", "To") else text) for n, text in again.fields
    ]
    assert phone.send(again).status == 200
