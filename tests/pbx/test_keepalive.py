"""Keep-alives: the NAT stays open, and a phone that is dead is not called."""

from __future__ import annotations

import pytest

from rustalk.config.extension import Extension
from rustalk.config.secret import Secret
from rustalk.pbx.keepalive import Keepalive
from rustalk.sip.message import Request
from tests.pbx.house import PASSWORD, House, Phone

OTHER = "203.0.113.9"


@pytest.fixture
def house() -> House:
    """Extensions 1001 to 1003."""
    return House()


def kept(house: House) -> Keepalive:
    """Keep-alives each ten seconds."""
    keepalive = Keepalive(house.endpoint, house.locator, house.clock, domain="sip.example.com", interval=10)
    keepalive.start()
    return keepalive


def pings(phone: Phone) -> list[Request]:
    """The OPTIONS that a phone got."""
    return phone.agent.requests("OPTIONS")


def test_a_udp_phone_is_asked_once_in_a_round(house: House) -> None:
    """OPTIONS to its Contact, along its Path, to the address that it registered from."""
    phone = house.phone("1001", port=40123)
    phone.register("<sip:1001@10.0.0.5>", [("Path", "<sip:edge.example.com;lr>")])
    keepalive = kept(house)
    house.run(25)
    keepalive.stop()
    first, second, _ = pings(phone)
    assert (first.uri, first.get("Route")) == ("sip:1001@10.0.0.5", "<sip:edge.example.com;lr>")
    assert second.call_id != first.call_id
    assert house.locator.bindings("1001")


def test_a_phone_that_does_not_answer_is_not_called(house: House) -> None:
    """Until it answers, or registers again."""
    phone = house.phone("1001")
    phone.register()
    keepalive = kept(house)
    phone.agent.deaf = True
    house.run(45)
    assert house.locator.bindings("1001") == ()
    phone.agent.deaf = False
    house.run(11)
    assert len(house.locator.bindings("1001")) == 1
    keepalive.stop()


def test_any_answer_will_do(house: House) -> None:
    """404 comes from a phone that is there."""
    phone = house.phone("1001")
    phone.register()
    phone.agent.answers["OPTIONS"] = 404
    keepalive = kept(house)
    house.run(40)
    keepalive.stop()
    assert len(house.locator.bindings("1001")) == 1


def test_a_connection_gets_line_ends(house: House) -> None:
    """No answer is wanted, and no transaction is made (RFC 5626 section 3.5.1)."""
    phone = house.phone("1001", transport="TCP")
    phone.register()
    keepalive = kept(house)
    house.run(11)
    keepalive.stop()
    assert phone.agent.unreadable
    assert house.endpoint.transactions == 0


def test_the_work_is_spread(house: House) -> None:
    """Thirty extensions in ten seconds are three a second, and each has its turn."""
    house.extensions |= {str(n): Extension(extension=str(n), password=Secret(PASSWORD)) for n in range(2000, 2030)}
    phones = [house.phone(str(number), OTHER, port=number) for number in range(2000, 2030)]
    for phone in phones:
        assert phone.register().status == 200
    keepalive = kept(house)
    house.run(1.5)
    assert sum(len(pings(phone)) for phone in phones) == 3
    house.run(9)
    keepalive.stop()
    assert [len(pings(phone)) for phone in phones] == [1] * 30


def test_a_newcomer_waits_no_longer_than_the_others(house: House) -> None:
    """A NAT that forgets after half a minute does not wait for the next round; one that comes again has one turn."""
    keepalive = kept(house)
    house.run(3.5)
    phone = house.phone("1001")
    for expires in ("60", "0", "60"):
        phone.register(fields=[("Expires", expires)])
    house.run(10)
    assert len(pings(phone)) == 1
    house.run(20)
    keepalive.stop()
    assert len(pings(phone)) == 3


def test_who_has_left_is_not_asked(house: House) -> None:
    """Also in the middle of a round."""
    phones = [house.phone(number, OTHER, port=port) for port, number in enumerate(("1001", "1002", "1003"), 6000)]
    for phone in phones:
        phone.register()
    keepalive = kept(house)
    house.run(1.5)
    for phone in phones:
        phone.register(fields=[("Expires", "0")])
    house.run(20)
    keepalive.stop()
    assert sum(len(pings(phone)) for phone in phones) <= 3


def test_nobody_is_asked_where_that_is_switched_off(house: House) -> None:
    """An interval of 0: the phones keep their NAT open by themselves."""
    keepalive = Keepalive(house.endpoint, house.locator, house.clock, domain="sip.example.com", interval=0)
    phone = house.phone("1001")
    phone.register()
    keepalive.start()
    house.run(60)
    keepalive.stop()
    assert pings(phone) == []
