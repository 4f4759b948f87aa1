"""Phones behind the switch: they register, call each other, Teams and the world, and are called by them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.office import DOMAIN, Office, extension


@pytest.fixture
def office() -> Office:
    """Three registered phones."""
    return Office()


def test_two_phones_call_each_other(office: Office) -> None:
    """By their numbers, without any route."""
    alice, bob = office.phones["1001"], office.phones["1002"]
    leg = alice.call("1002")
    office.run()
    bob.last.ring()
    office.run()
    assert leg.statuses == [180]
    assert bob.last.invite.from_.uri.number == "1001"
    assert bob.last.invite.from_.display == "Nr 1001"
    bob.last.answer()
    office.run()
    assert leg.statuses[-1] == 200
    assert bob.last.acks
    leg.bye()
    office.run()
    assert bob.last.over
    assert office.record.source_trunk == "extension:1001"
    assert office.record.destination_trunk == "extension:1002"
    assert not office.leftovers()


def test_the_callee_hangs_up(office: Office) -> None:
    """A BYE of a registered phone needs no password: it comes over the flow of its registration."""
    leg = office.phones["1001"].call("1002")
    office.run()
    bob = office.phones["1002"].last
    bob.answer()
    office.run()
    answers = bob.bye()
    office.run()
    assert [answer.status for answer in answers] == [200]
    assert leg.over
    assert not office.leftovers()


def test_a_call_without_the_password_goes_nowhere(office: Office) -> None:
    """403, with which a phone stops trying."""
    thief = office.phone("1001", "203.0.113.99")
    thief.password = "guessed"
    leg = thief.call("1002")
    office.run()
    assert leg.statuses == [403]
    assert not office.phones["1002"].calls
    assert not office.leftovers()


def test_nobody_calls_as_somebody_else(office: Office) -> None:
    """Whatever From says, the caller is who the password belongs to."""
    leg = office.phones["1001"].call("1002", caller="1003")
    office.run()
    assert office.phones["1002"].last.invite.from_.uri.number == "1001"
    leg.cancel()
    office.run()
    assert not office.leftovers()


def test_teams_calls_a_phone_and_a_phone_calls_teams() -> None:
    """SRTP ends here for a phone on UDP."""
    office = Office(
        routing={
            "routes": [
                {"id": "in", "pattern": "^\\+1555123000[0-9]$", "source": "teams", "destination": "1001"},
                {"id": "out", "pattern": "^\\+", "destination": {"type": "Trunk", "value": "teams"}},
            ]
        }
    )
    leg = office.teams.call("+15551230002")
    office.run()
    phone = office.phones["1001"].last
    assert b"RTP/AVP" in phone.invite.body
    phone.answer()
    office.run()
    assert leg.statuses[-1] == 200
    assert b"RTP/SAVP" in leg.remote
    leg.bye()
    office.run()
    out = office.phones["1002"].call("+15551237777")
    office.run()
    office.teams.last.answer()
    office.run()
    assert out.statuses[-1] == 200
    out.bye()
    office.run()
    assert not office.leftovers()


def test_all_phones_of_an_extension_ring() -> None:
    """Who answers first has the call."""
    office = Office()
    second = office.phone("1002", "203.0.113.22")
    assert office.registered(second)
    leg = office.phones["1001"].call("1002")
    office.run()
    desk = office.phones["1002"].last
    desk.ring()
    second.last.ring()
    office.run()
    second.last.answer()
    office.run()
    assert leg.statuses[-1] == 200
    assert desk.over or desk.cancelled
    leg.bye()
    office.run()
    assert second.last.over
    assert not office.leftovers()


def test_an_extension_without_a_phone_is_offline() -> None:
    """480 with its own reason."""
    office = Office(register=False)
    office.registered(office.phones["1001"])
    leg = office.phones["1001"].call("1002")
    office.run()
    assert leg.statuses[-1] == 480
    assert office.record.reason == "extension_offline"
    assert not office.leftovers()


@pytest.mark.parametrize(
    ("forwarding", "act"),
    [
        ({"always": "1003"}, None),
        ({"busy": "1003"}, 486),
        ({"no_answer": "1003", "no_answer_seconds": 5}, 0),
    ],
)
def test_forwards(forwarding: dict[str, Any], act: int | None) -> None:
    """The call goes on, and the third phone is told by whom it was forwarded."""
    office = Office(more={"1002": {"call_forwarding": forwarding}})
    leg = office.phones["1001"].call("1002")
    office.run()
    if act:
        office.phones["1002"].last.refuse(act)
    elif act == 0:
        office.phones["1002"].last.ring()
    office.run(6)
    office.phones["1003"].last.answer()
    office.run()
    assert leg.statuses[-1] == 200
    leg.bye()
    office.run()
    assert not office.leftovers()


def test_forwards_that_go_round_end() -> None:
    """Two extensions forward to each other (A39)."""
    office = Office(
        more={"1002": {"call_forwarding": {"always": "1003"}}, "1003": {"call_forwarding": {"always": "1002"}}}
    )
    leg = office.phones["1001"].call("1002")
    office.run()
    assert leg.statuses[-1] == 482
    assert office.record.reason == "forward_loop"
    assert not office.leftovers()


def test_a_group_rings() -> None:
    """Everybody at once; one answers."""
    office = Office(ring_groups=[{"id": "support", "extensions": ["1002", "1003"], "timeout_seconds": 20}])
    leg = office.phones["1001"].call("support")
    office.run()
    for number in ("1002", "1003"):
        office.phones[number].last.ring()
    office.run()
    office.phones["1003"].last.answer()
    office.run()
    assert leg.statuses[-1] == 200
    assert office.phones["1002"].last.cancelled
    assert office.record.destination_trunk == "extension:1003"
    leg.bye()
    office.run()
    assert not office.leftovers()


def test_a_group_that_nobody_answers_flows_over() -> None:
    """One after the other, then the overflow."""
    office = Office(
        ring_groups=[
            {
                "id": "support",
                "extensions": ["1002", "1003"],
                "strategy": "sequential",
                "timeout_seconds": 5,
                "overflow": {"type": "Trunk", "value": "carrier"},
            }
        ]
    )
    leg = office.phones["1001"].call("support")
    office.run()
    office.phones["1002"].last.ring()
    assert not office.phones["1003"].calls
    office.run(5)
    office.phones["1003"].last.ring()
    office.run(5)
    office.carrier.last.answer()
    office.run()
    assert leg.statuses[-1] == 200
    leg.bye()
    office.run()
    assert not office.leftovers()


def test_a_busy_extension() -> None:
    """max_concurrent_calls counts calls both ways."""
    office = Office(more={"1002": {"max_concurrent_calls": 1}})
    first = office.phones["1002"].call("1003")
    office.run()
    office.phones["1003"].last.answer()
    office.run()
    leg = office.phones["1001"].call("1002")
    office.run()
    assert leg.statuses[-1] == 486
    assert office.counters.refused["extension_busy"] == 1
    first.bye()
    office.run()
    assert not office.leftovers()


def test_an_address_in_the_world() -> None:
    """A destination of type Custom is called by its URI."""
    office = Office(
        routing={
            "routes": [
                {"id": "out", "pattern": "^7$", "destination": {"type": "Custom", "value": "sip:hot@203.0.113.66"}}
            ]
        }
    )
    leg = office.phones["1001"].call("7")
    office.run()
    assert office.stranger.last.invite.uri.startswith("sip:hot@203.0.113.66")
    office.stranger.last.answer()
    office.run()
    assert leg.statuses[-1] == 200
    leg.bye()
    office.run()
    assert office.stranger.last.over
    assert not office.leftovers()


def test_a_busy_extension_forwards() -> None:
    """max_concurrent_calls is busy like any other."""
    office = Office(
        more={"1002": {"max_concurrent_calls": 1, "call_forwarding": {"busy": "1003"}}},
        dids=[{"id": "desk", "number": "+15551230002", "destination": "1002"}],
        routing={"routes": []},
    )
    first = office.phones["1001"].call("1002")
    office.run()
    office.phones["1002"].last.answer()
    office.run()
    second = office.carrier.call("+15551230002")
    office.run()
    office.phones["1003"].last.answer()
    office.run()
    assert second.statuses[-1] == 200
    first.bye()
    second.bye()
    office.run()
    assert not office.leftovers()


@pytest.mark.parametrize("forwarding", ["unreachable", "no_answer"])
def test_a_phone_that_is_dead_is_unreachable(forwarding: str) -> None:
    """It says nothing to the INVITE, not even 100: the call goes on before long."""
    office = Office(more={"1002": {"call_forwarding": {forwarding: "1003"}}})
    office.network.silent.add("203.0.113.12")
    leg = office.phones["1001"].call("1002")
    office.run(35)
    office.phones["1003"].last.answer()
    office.run()
    assert leg.statuses[-1] == 200
    leg.bye()
    office.run()
    assert [(each.trunk, each.sip_status) for each in office.record.legs] == [
        ("extension:1001", 200),
        ("extension:1003", 200),
        ("extension:1002", 408),
    ]
    assert not office.leftovers()


@pytest.mark.parametrize("full", ["extension", "switch"])
def test_a_call_for_help_passes_however_full_it_is(full: str) -> None:
    """Neither the limit of the extension nor that of the whole switch counts (EMG-01)."""
    office = Office(
        more={"1001": {"max_concurrent_calls": 1}} if full == "extension" else None,
        limits={"max_calls": 1} if full == "switch" else {},
        routing={
            "routes": [
                {
                    "id": "help",
                    "pattern": "^112$",
                    "emergency": True,
                    "destination": {"type": "Trunk", "value": "carrier"},
                }
            ]
        },
    )
    first = office.phones["1001"].call("1002")
    office.run()
    office.phones["1002"].last.answer()
    office.run()
    refused = office.phones["1001"].call("1003")
    office.run()
    assert refused.statuses[-1] in (486, 503)
    leg = office.phones["1001"].call("112")
    office.run()
    office.carrier.last.answer()
    office.run()
    assert leg.statuses[-1] == 200
    for each in (leg, first):
        each.bye()
    office.run()
    assert not office.leftovers()


def _desk_after_bob(**group: Any) -> Office:
    """A number that leads to the phone 1002 and then elsewhere; nobody rings for longer than ten seconds."""
    return Office(
        sip={"domain": DOMAIN, "ring_timeout": 10},
        ring_groups=[{"id": "desk", "extensions": ["1003"]} | group],
        routing={
            "routes": [
                {
                    "id": "set",
                    "pattern": "^7$",
                    "destinations": [
                        {"type": "Extension", "value": "1002"},
                        {"type": "RingGroup", "value": "desk", "order": 1},
                    ],
                }
            ]
        },
    )


def test_a_phone_without_a_forward_rings_until_the_next_destination() -> None:
    """`sip.ring_timeout` is for each place of a set, and ends the call only where none is left."""
    office = _desk_after_bob()
    leg = office.phones["1001"].call("7")
    office.run()
    office.phones["1002"].last.ring()
    office.run(9)
    assert not office.phones["1003"].calls
    office.run(2)
    assert office.phones["1002"].last.cancelled
    office.phones["1003"].last.ring()
    office.run(8)
    office.phones["1003"].last.answer()
    office.run()
    assert leg.statuses[-1] == 200
    assert [(each.trunk, each.reason) for each in office.record.legs[1:]] == [
        ("extension:1003", None),
        ("extension:1002", "ring_timeout"),
    ]
    leg.bye()
    office.run()
    assert not office.leftovers()


def test_a_call_that_nobody_of_a_set_answers_ends() -> None:
    """With what the last one said: 408."""
    office = _desk_after_bob(timeout_seconds=5)
    leg = office.phones["1001"].call("7")
    office.run()
    office.phones["1002"].last.ring()
    office.run(11)
    office.phones["1003"].last.ring()
    office.run(11)
    assert leg.statuses[-1] == 408
    assert office.counters.refused["ring_timeout"] == 1
    assert not office.leftovers()


def test_a_call_that_rings_for_too_long_ends() -> None:
    """Where it has nowhere else to go."""
    office = Office(sip={"domain": DOMAIN, "ring_timeout": 10})
    leg = office.phones["1001"].call("1002")
    office.run()
    office.phones["1002"].last.ring()
    office.run(11)
    assert leg.statuses[-1] == 408
    assert office.phones["1002"].last.cancelled
    assert office.record.reason == "ring_timeout"
    assert not office.leftovers()


@pytest.mark.parametrize(
    ("first", "rung"),
    [
        ({"type": "RingGroup", "value": "desk"}, ["1002", "1003"]),
        ({"type": "RingGroup", "value": "boxed"}, ["1002"]),
        ({"type": "RingGroup", "value": "empty"}, ["1003"]),
        ({"type": "RingGroup", "value": "waiting"}, []),
        ({"type": "Extension", "value": "1002"}, ["1002", "1003"]),
        ({"type": "Voicemail", "value": "1002"}, []),
        ({"type": "Queue", "value": "support"}, []),
    ],
)
def test_what_follows_in_a_set_comes_after_overflows_and_forwards(first: dict[str, str], rung: list[str]) -> None:
    """Whether they ring for nothing or take no calls at all, as queues and boxes in this version."""
    groups = {"desk": ("1002", "1003"), "empty": ("1009", "1003"), "boxed": ("1002", ""), "waiting": ("1009", "")}
    office = Office(
        sip={"domain": DOMAIN, "ring_timeout": 5},
        extensions=[extension(number) for number in ("1001", "1003")]
        + [extension("1002", call_forwarding={"no_answer": "1003", "no_answer_seconds": 5}), extension("1009")],
        ring_groups=[
            {
                "id": id,
                "extensions": [member],
                "timeout_seconds": 5,
                "overflow": {"type": "Extension", "value": flows} if flows else {"type": "Voicemail", "value": "1002"},
            }
            for id, (member, flows) in groups.items()
        ],
        routing={
            "routes": [
                {
                    "id": "set",
                    "pattern": "^7$",
                    "destinations": [first, {"type": "Trunk", "value": "carrier", "order": 1}],
                }
            ]
        },
    )
    leg = office.phones["1001"].call("7")
    office.run()
    for number in rung:
        office.phones[number].last.ring()
        office.run(6)
    assert office.carrier.last.invite.target.number == "7"
    office.carrier.last.answer()
    office.run()
    assert leg.statuses[-1] == 200
    leg.bye()
    office.run()
    assert not office.leftovers()
