"""What is left of calls of phones: legs with times, numbers and statuses, transfer links, figures, money and events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from rustalk.observe.snapshots import CallSnapshot, CallState, LegSnapshot
from tests.fakes.agents import Leg
from tests.scenarios.office import Build, Office
from tests.scenarios.site import CARRIER, OTHER, PLAIN

DID = "+15551230002"
OUTSIDE = "+442079460000"


def seconds(moment: datetime | None, begun: float) -> float | None:
    """How long after the beginning, to the second."""
    return None if moment is None else round((moment - datetime.fromtimestamp(begun, UTC)).total_seconds())


def course(leg: LegSnapshot, begun: float) -> tuple[Any, ...]:
    """How a leg went: who, with what status, what ended it, and when it began, rang, was answered and ended."""
    times = (seconds(moment, begun) for moment in (leg.started, leg.progressed, leg.answered, leg.ended))
    return leg.trunk, leg.sip_status, leg.reason, *times


def records(office: Office) -> list[CallSnapshot]:
    """All that is remembered, the oldest first."""
    return [office.calls.look(id) for id in reversed(office.calls.ids())]


def outward(**keys: Any) -> dict[str, Any]:
    """A house whose numbers of Britain are called over one provider and all others over another."""
    trunks = [
        {"id": "carrier", "host": CARRIER, "port": 5060, "country": "GB", **PLAIN},
        {"id": "other", "host": OTHER, "port": 5060, **PLAIN},
    ]
    routes = [
        {"id": "british", "pattern": "^[+]44", "priority": 1, "destination": {"type": "Trunk", "value": "carrier"}},
        {"id": "abroad", "pattern": "^[+]", "source": "extensions", "destination": {"type": "Trunk", "value": "other"}},
    ]
    permissions = {"permissions": {"international": True}}
    return {
        "trunks": trunks,
        "routing": {"routes": routes},
        "more": dict.fromkeys(("1001", "1002", "1003"), permissions),
        **keys,
    }


def answered(office: Office, leg: Leg) -> None:
    """Let the callee answer."""
    leg.answer()
    office.run()


def test_a_group_call_that_flows_over_and_is_forwarded(house: Build) -> None:
    """One leg for each INVITE: when it passed, rang and ended, with which status; route and numbers as they came."""
    office = house(
        dids=[{"id": "sales", "number": DID, "destination": {"type": "RingGroup", "value": "support"}}],
        ring_groups=[
            {
                "id": "support",
                "extensions": ["1002", "1003"],
                "strategy": "sequential",
                "timeout_seconds": 5,
                "overflow": "1001",
            }
        ],
        **{
            **outward(),
            "more": {
                "1001": {
                    "call_forwarding": {"no_answer": OUTSIDE, "no_answer_seconds": 3},
                    "permissions": {"international": True},
                }
            },
        },
    )
    begun = office.clock.seconds()
    leg = office.other.call(DID)
    office.run(1)
    office.phones["1002"].last.ring()
    office.run(5)
    office.phones["1003"].last.ring()
    office.run(1)
    office.phones["1003"].last.refuse(486)
    office.run(1)
    office.phones["1001"].last.ring()
    office.run(4)
    office.carrier.last.ring()
    office.run(1)
    answered(office, office.carrier.last)
    office.run(9.5)
    leg.bye()
    office.run()
    record = office.record
    assert [course(each, begun) for each in record.legs] == [
        ("other", 200, None, 0, 1, 13, 23),
        ("carrier", 200, None, 10, 12, 13, 23),
        ("extension:1002", 487, "ring_timeout", 0, 1, None, 5),
        ("extension:1003", 486, "far_end", 5, 6, None, 7),
        ("extension:1001", 487, "ring_timeout", 7, 8, None, 10),
    ]
    assert (record.route, record.called, record.original_called) == ("british", OUTSIDE, DID)
    assert [each.called for each in record.legs] == [DID, OUTSIDE, DID, DID, DID]
    assert record.caller == record.original_caller == "+15551230001"


def test_a_group_that_rings_together(house: Build) -> None:
    """Who did not answer has a status and no reason of its own: the call was answered elsewhere."""
    office = house(ring_groups=[{"id": "support", "extensions": ["1002", "1003"], "timeout_seconds": 20}])
    begun = office.clock.seconds()
    leg = office.phones["1001"].call("support")
    office.run(1)
    for number in ("1002", "1003"):
        office.phones[number].last.ring()
    office.run(3)
    answered(office, office.phones["1003"].last)
    leg.bye()
    office.run()
    assert [course(each, begun) for each in office.record.legs] == [
        ("extension:1001", 200, None, 0, 1, 4, 5),
        ("extension:1003", 200, None, 0, 1, 4, 5),
        ("extension:1002", 487, None, 0, 1, None, 4),
    ]


def test_a_group_that_is_given_up(house: Build) -> None:
    """The caller hangs up: each phone that rang has been cancelled for that reason."""
    office = house(ring_groups=[{"id": "support", "extensions": ["1002", "1003"], "timeout_seconds": 20}])
    leg = office.phones["1001"].call("support")
    office.run(1)
    leg.cancel()
    office.run()
    record = office.record
    assert (record.state, record.reason) == (CallState.FAILED, "caller_cancelled")
    assert [(each.trunk, each.sip_status, each.reason) for each in record.legs] == [
        ("extension:1001", 487, None),
        ("extension:1002", 487, "caller_cancelled"),
        ("extension:1003", 487, "caller_cancelled"),
    ]


def test_names_and_tags_are_those_of_the_wire(house: Build) -> None:
    """What is behind the numbers, and the tags of From and To of each leg, by which a trace is found."""
    office = house()
    leg = office.phones["1001"].call("1002")
    office.run()
    bob = office.phones["1002"].last
    answered(office, bob)
    leg.bye()
    office.run()
    record = office.record
    assert (record.caller_domain, record.called_domain) == (leg.invite.from_.uri.host, leg.invite.to.uri.host)
    assert [(each.from_tag, each.to_tag) for each in record.legs] == [
        (leg.dialog.local_tag, leg.dialog.remote_tag),
        (bob.dialog.remote_tag, bob.dialog.local_tag),
    ]


def test_a_call_that_was_never_placed(house: Build) -> None:
    """One leg, with the numbers that were asked for and the route that refused."""
    office = house(routing={"routes": [{"id": "no", "pattern": "^9", "action": "reject"}]})
    office.phones["1001"].call("900")
    office.run()
    record = office.record
    assert (record.route, record.reason, record.original_called) == ("no", "route_refused", "900")
    assert [(leg.trunk, leg.sip_status, leg.called) for leg in record.legs] == [("extension:1001", 403, "900")]


def test_a_call_that_is_handed_on_is_two_in_the_records(house: Build) -> None:
    """What it was is over, transferred, and names what it has become; each has its own times, route and numbers."""
    office = house(**outward())
    leg = office.phones["1001"].call("1002")
    office.run()
    bob = office.phones["1002"].last
    answered(office, bob)
    office.run(10)
    bob.ask("REFER", fields=[("Refer-To", f"<sip:{OUTSIDE}@pbx.example.com>")])
    office.run()
    answered(office, office.carrier.last)
    office.run(60)
    leg.bye()
    office.run()
    first, second = records(office)
    assert (first.transferred_to, second.transferred_from) == (second.id, first.id)
    assert (first.called, first.reason, first.hung_up_by) == ("1002", "transferred", "callee")
    assert (first.source_trunk, first.destination_trunk) == ("extension:1001", "extension:1002")
    assert (second.caller, second.called, second.route) == ("1001", OUTSIDE, "british")
    assert (second.source_trunk, second.destination_trunk) == ("extension:1001", "carrier")
    assert (second.reason, second.hung_up_by) == ("normal", "caller")
    assert second.answered is not None
    assert second.ended is not None
    assert (second.ended - second.answered).total_seconds() == pytest.approx(60.5)


def test_the_side_that_called_hands_on(house: Build) -> None:
    """Who was called is the caller then, and whoever hangs up is told by the part that he has."""
    office = house(**outward())
    leg = office.phones["1001"].call("1002")
    office.run()
    bob = office.phones["1002"].last
    answered(office, bob)
    leg.ask("REFER", fields=[("Refer-To", f"<sip:{OUTSIDE}@pbx.example.com>")])
    office.run()
    answered(office, office.carrier.last)
    bob.bye()
    office.run()
    first, second = records(office)
    assert (first.hung_up_by, second.hung_up_by) == ("caller", "caller")
    assert (second.caller, second.called) == ("1002", OUTSIDE)
    assert (second.source_trunk, second.destination_trunk) == ("extension:1002", "carrier")
    assert [(each.trunk, each.direction) for each in second.legs] == [("extension:1002", "out"), ("carrier", "out")]


def test_two_calls_that_are_joined_name_each_other(house: Build) -> None:
    """Both go on, each with its own destination and cost."""
    office = house(**outward())
    leg = office.phones["1001"].call("1002")
    office.run()
    bob = office.phones["1002"].last
    answered(office, bob)
    asked = office.phones["1002"].call(OUTSIDE)
    office.run()
    answered(office, office.carrier.last)
    dialog = asked.dialog
    replaces = f"{dialog.call_id}%3Bto-tag%3D{dialog.remote_tag}%3Bfrom-tag%3D{dialog.local_tag}"
    bob.ask("REFER", fields=[("Refer-To", f"<sip:{OUTSIDE}@192.0.2.10?Replaces={replaces}>")])
    office.run()
    leg.bye()
    office.run()
    first, second = records(office)
    assert (first.transferred_to, second.transferred_from) == (second.id, first.id)
    assert (first.destination_trunk, second.destination_trunk) == ("extension:1002", "carrier")
    assert second.called == OUTSIDE


def test_a_transfer_that_fails_stays_in_the_record(house: Build) -> None:
    """The leg that was tried stands in the call that it was tried for."""
    office = house(**outward())
    leg = office.phones["1001"].call("1002")
    office.run()
    bob = office.phones["1002"].last
    answered(office, bob)
    bob.ask("REFER", fields=[("Refer-To", f"<sip:{OUTSIDE}@pbx.example.com>")])
    office.run()
    office.carrier.last.refuse(486)
    office.run()
    leg.bye()
    office.run()
    (record,) = records(office)
    assert [(each.trunk, each.sip_status, each.reason) for each in record.legs] == [
        ("extension:1001", 200, None),
        ("extension:1002", 200, None),
        ("carrier", 486, "far_end"),
    ]


def test_the_figures_of_a_set_counted_by_hand(house: Build) -> None:
    """RFC 6076: one answered call, one busy, one that rings in vain and is given up, one transfer, to the carrier."""
    office = house(**outward())
    alice, bob = office.phones["1001"], office.phones["1002"]
    leg = alice.call(OUTSIDE)
    office.run(2)
    office.carrier.last.ring()
    office.run(3)
    answered(office, office.carrier.last)
    office.run(59.5)
    leg.bye()
    office.run()
    alice.call(OUTSIDE)
    office.run()
    office.carrier.last.refuse(486)
    office.run()
    leg = alice.call(OUTSIDE)
    office.run(4)
    office.carrier.last.ring()
    office.run()
    leg.cancel()
    office.run()
    leg = alice.call("1002")
    office.run()
    answered(office, bob.last)
    bob.last.ask("REFER", fields=[("Refer-To", f"<sip:{OUTSIDE}@pbx.example.com>")])
    office.run()
    office.carrier.last.refuse(503)
    office.run()
    leg.bye()
    office.run()
    figures = office.switch.figures()
    out = figures["carrier"].outbound
    assert (out.requests, out.ser.count, out.seer.count, out.isa.count, out.scr.count) == (4, 1, 2, 1, 1)
    assert (out.srd.samples, round(out.srd.least_ms or 0, -2), round(out.srd.most_ms or 0, -2)) == (2, 2000, 4000)
    assert out.srd_failed.samples == 2
    assert (out.sdt.samples, round(out.sdt.mean_ms or 0, -3)) == (1, 60000)
    assert (out.sdd.samples, round(out.sdd.mean_ms or 0)) == (1, 10)
    phones = figures["phones"]
    assert (phones.inbound.requests, phones.inbound.ser.count, phones.outbound.requests) == (4, 2, 1)
    assert "other" not in figures
    assert out.sdt_failed.mean_ms is None


def test_a_transfer_costs_what_its_second_part_costs(house: Build) -> None:
    """A minute with the house is free; the two minutes with the world are those of who handed the call on."""
    rate = {"id": "uk", "prefix": "44", "rate_per_minute": "0.50", "currency": "GBP", "effective_date": "1970-01-01"}
    office = house(
        rates=[rate],
        policies=[{"id": "modest", "spend_limit": {"per_day": 5, "currency": "GBP"}}],
        **{**outward(), "more": {"1002": {"policy": "modest", "permissions": {"international": True}}}},
    )
    leg = office.phones["1001"].call("1002")
    office.run()
    bob = office.phones["1002"].last
    answered(office, bob)
    office.run(60)
    bob.ask("REFER", fields=[("Refer-To", f"<sip:{OUTSIDE}@pbx.example.com>")])
    office.run()
    answered(office, office.carrier.last)
    office.run(119)
    leg.bye()
    office.run()
    assert [office.ledger.cost(each) is None for each in records(office)] == [True, False]
    (spent,) = [each for each in office.switch.limits() if each.limit_type == "spend"]
    assert (spent.policy_id, spent.scope_value, spent.count) == ("modest", "1002", 1)


def test_events_tell_of_a_call_from_the_ring_to_the_end(house: Build) -> None:
    """Ringing, active, ended, in this order; a transfer ends one and begins another."""
    office = house(**outward())
    reader = office.events.reader()
    leg = office.phones["1001"].call("1002")
    office.run()
    answered(office, office.phones["1002"].last)
    office.phones["1002"].last.ask("REFER", fields=[("Refer-To", f"<sip:{OUTSIDE}@pbx.example.com>")])
    office.run()
    answered(office, office.carrier.last)
    leg.bye()
    office.run()
    events = [event.data for event in reader.take() if event.kind == "call"]
    assert [(event["status"], event.get("reason")) for event in events] == [
        ("ringing", None),
        ("active", None),
        ("ended", "transferred"),
        ("active", None),
        ("ended", "normal"),
    ]


def test_events_tell_of_phones_and_trunks(house: Build) -> None:
    """A phone comes and goes, a host falls silent and comes back."""
    office = house(**outward())
    reader = office.events.reader()
    office.registered(office.phones["1001"], seconds=0)
    office.registered(office.phones["1001"])
    gateway = office.trunks["carrier"].gateways[0]
    for _ in range(3):
        gateway.failed("no answer")
    gateway.worked()
    found = reader.take()
    assert [event.data["event"] for event in found if event.kind == "registration"] == ["unregistered", "registered"]
    assert [(event.data["before"], event.data["state"]) for event in found if event.kind == "trunk"] == [
        ("unknown", "suspect"),
        ("suspect", "down"),
        ("down", "up"),
    ]
