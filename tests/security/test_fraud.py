"""What a stolen password, a forward or a transfer can cost, and how many calls one call can become."""

from __future__ import annotations

from typing import Any

import pytest

from rustalk.pbx.hops import MOST_HOPS
from tests.scenarios.office import HOSTS, Office

OUT = {"routing": {"routes": [{"id": "out", "pattern": r"^\+", "destination": {"type": "Trunk", "value": "carrier"}}]}}
DOMESTIC, PREMIUM, ABROAD = "+12125551234", "+19005551234", "+88213000000"


def office(*, more: dict[str, dict[str, Any]] | None = None, **changes: Any) -> Office:
    """Three phones, of which 1003 is the owner's, and a carrier in the United States for everything else."""
    carrier = {"id": "carrier", "host": "198.51.100.7", "options_ping_enabled": False, "srtp": "off", "country": "US"}
    return Office(more=more, **OUT, trunks=[carrier], **changes)


def burst(made: Office, number: str, count: int = 20) -> list[int]:
    """The answers to as many calls of a thief who knows the password of 1001, from an address of its own."""
    thief = made.phone("1001", "203.0.113.99")
    legs = [thief.call(number) for _ in range(count)]
    made.run()
    return [leg.statuses[-1] if leg.statuses else 0 for leg in legs]


@pytest.mark.parametrize("number", [PREMIUM, ABROAD, "+4930123456", "+1900555123412345"])
def test_a_stolen_password_calls_nothing_dear(number: str) -> None:
    """A8: premium numbers and other countries are barred unless an extension may; calls before the cut: 0."""
    made = office()
    assert set(burst(made, number)) == {403}
    assert made.carrier.calls == []
    assert not made.leftovers()


def test_a_stolen_password_calls_what_the_extension_may() -> None:
    """A8, negative control: what is permitted goes out, so that it was the permission that held."""
    made = office(more={"1001": {"permissions": {"premium": True}}})
    burst(made, PREMIUM, 1)
    assert [leg.invite.to.uri.number for leg in made.carrier.calls] == [PREMIUM]


def test_a_stolen_password_makes_no_more_calls_at_once_than_the_extension_may() -> None:
    """A8: max_concurrent_calls counts the calls that an extension makes as well."""
    made = office(more={"1001": {"max_concurrent_calls": 2}})
    answers = burst(made, DOMESTIC)
    assert len(made.carrier.calls) == 2
    assert sum(answer >= 400 for answer in answers) == 18
    assert not made.leftovers()


def test_a_stolen_password_is_held_by_a_policy() -> None:
    """A8: five calls a day, whoever makes them; the sixth and all others are refused, so it costs no more than five."""
    made = office(more={"1001": {"policy": {"daily_limit": {"count": 5}}}})
    answers = burst(made, DOMESTIC)
    assert len(made.carrier.calls) == 5
    assert sum(answer >= 400 for answer in answers) == 15


@pytest.mark.parametrize("kind", ["always", "unreachable"])
def test_a_forward_costs_what_its_owner_may_call(kind: str) -> None:
    """A8: whoever can set a forward cannot make the house call what the phone itself could not."""
    made = office(more={"1002": {"call_forwarding": {kind: PREMIUM}}}, register=False)
    assert made.registered(made.phones["1001"])
    leg = made.phones["1001"].call("1002")
    made.run()
    assert leg.statuses[-1] >= 400
    assert made.carrier.calls == []
    assert not made.leftovers()


@pytest.mark.parametrize(("number", "calls"), [(PREMIUM, 0), (DOMESTIC, 1)])
def test_a_transfer_costs_what_the_phone_may_call(number: str, calls: int) -> None:
    """A8: REFER to a premium number during a call of the house; one that the phone may call is called (control)."""
    made = office()
    leg = made.phones["1001"].call("1002")
    made.run()
    made.phones["1002"].last.answer()
    made.run()
    answers = leg.ask("REFER", fields=[("Refer-To", f"<sip:{number}@pbx.example.com>")])
    made.run(5)
    assert answers
    assert len(made.carrier.calls) == calls


def sent(made: Office) -> int:
    """How many INVITEs reached anybody but 1001, who called."""
    agents = (made.carrier, made.other, made.teams, made.phones["1002"], made.phones["1003"])
    return sum(len(agent.calls) for agent in agents)


def test_groups_of_groups_ring_each_phone_once() -> None:
    """A39: a group that flows over to a group that flows over to the first: bounded by the phones there are."""
    groups = [
        {
            "id": name,
            "extensions": ["1002", "1003"],
            "timeout_seconds": 5,
            "overflow": {"type": "RingGroup", "value": over},
        }
        for name, over in (("a", "b"), ("b", "c"), ("c", "a"))
    ]
    made = office(ring_groups=groups)
    leg = made.phones["1001"].call("a")
    made.run()
    for _ in range(10):
        for number in ("1002", "1003"):
            if made.phones[number].calls and not made.phones[number].last.cancelled:
                made.phones[number].last.ring()
        made.run(6)
    assert leg.statuses[-1] >= 400
    assert sent(made) <= 3 * 2
    assert not made.leftovers()


def test_a_chain_of_forwards_ends() -> None:
    """A39: each number forwards to the next one, and the last to the first; no phone rings and one answer comes."""
    numbers = [*HOSTS, *(str(2000 + n) for n in range(2 * MOST_HOPS))]
    chain = [
        {
            "extension": each,
            "password": f"secret of {each}",
            "call_forwarding": {"always": numbers[(n + 1) % len(numbers)]},
        }
        for n, each in enumerate(numbers)
    ]
    made = office(extensions=chain)
    leg = made.phones["1001"].call("1002")
    made.run(5)
    assert leg.statuses[-1] in (482, 483)
    assert sent(made) == 0
    assert not made.leftovers()


def test_phones_that_send_the_call_on_to_each_other_end() -> None:
    """A39: 302 from each to the other: three INVITEs, then the caller is answered."""
    made = office()
    leg = made.phones["1001"].call("1002")
    for _ in range(10):
        made.run()
        for number, other in (("1002", "1003"), ("1003", "1002")):
            for call in made.phones[number].calls:
                if not call.over and not call.cancelled:
                    call.refuse(302, fields=[("Contact", f"<sip:{other}@pbx.example.com>")])
    made.run(5)
    assert leg.statuses[-1] >= 300
    assert sent(made) <= 3
