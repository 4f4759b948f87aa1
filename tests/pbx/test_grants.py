"""What a call takes up under routes and policies, counted once however often it goes on."""

from __future__ import annotations

from typing import Any

import pytest

from rustalk.pbx.route_test import tested as told_by_api
from tests.scenarios.office import Office
from tests.scenarios.site import CONFIGURATION

OUT = {"id": "out", "pattern": "^\\+1555", "destination": {"type": "Trunk", "value": "carrier"}}
ABROAD = {"1001": {"permissions": {"international": True}}}
"""Without a country of ours each number with a plus is abroad."""


def called(office: Office, number: str = "+15551230009") -> Any:
    """A call of the first phone to the carrier."""
    leg = office.phones["1001"].call(number)
    office.run()
    return leg


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"max_calls": 1}, "route_full"),
        (
            {"policy": {"id": "p", "name": "p", "concurrency": {"max_total": 1, "max_per_account": 0}}},
            "policy_concurrency",
        ),
    ],
)
def test_a_limit_of_calls_at_once(limits: dict[str, Any], code: str) -> None:
    """The second call is refused with the reason, and the place is free when the first has ended."""
    office = Office(more=ABROAD, routing={"routes": [{**OUT, **limits}]})
    first = called(office)
    office.carrier.last.answer()
    office.run()
    called(office)
    assert office.counters.refused[code] == 1
    first.bye()
    office.run()
    third = called(office)
    office.carrier.last.answer()
    office.run()
    assert third.statuses[-1] == 200
    third.bye()
    office.run()
    assert not office.leftovers()


def test_a_daily_limit_counts_each_call_once() -> None:
    """Also one that a group hands on to a trunk under the same policy."""
    policy = {"id": "twice", "name": "twice", "daily_limit": {"count": 2}}
    office = Office(
        more=ABROAD,
        policies=[policy],
        routing={
            "routes": [
                {
                    "id": "group",
                    "pattern": "^8000$",
                    "policy": "twice",
                    "destination": {"type": "RingGroup", "value": "g"},
                }
            ]
        },
        ring_groups=[
            {"id": "g", "extensions": ["1002"], "timeout_seconds": 5, "overflow": {"type": "Trunk", "value": "carrier"}}
        ],
    )
    for _ in range(2):
        leg = called(office, "8000")
        office.run(6)
        office.carrier.last.answer()
        office.run()
        assert leg.statuses[-1] == 200
        leg.bye()
        office.run()
    called(office, "8000")
    assert office.counters.refused["policy_daily"] == 1
    assert not office.leftovers()


def test_who_only_asks_takes_up_nothing() -> None:
    """Each limit is named with what it says; the call goes to the first place that has room."""
    policy = {"id": "once", "by": "trunk", "daily_limit": {"count": 1}}
    others = [{"type": "Trunk", "value": "carrier"}, {"type": "Extension", "value": "1002"}]
    office = Office(
        more=ABROAD,
        policies=[policy],
        trunks=[{**each, "policy": "once"} for each in CONFIGURATION["trunks"]],
        routing={"routes": [{"id": "set", "pattern": "^\\+1555", "destinations": others, "max_calls": 9}]},
    )
    settings, plan = office.settings, office.core.switchboard.plan
    now, grants = office.timeouts.now(), office.core.grants

    def asked() -> list[tuple[str, str]]:
        answer = told_by_api(plan, settings, "1001", "+15551230009", "", now, grants=grants, host="")
        assert answer["success"]
        return [(each["value"], step["why"]) for each in answer["destinations"] for step in answer["steps"][-1:]]

    assert asked() == asked() == [("carrier", "there is room for the call"), ("1002", "there is room for the call")]
    leg = called(office)
    office.carrier.last.answer()
    office.run()
    leg.bye()
    office.run()
    assert [place for place, _ in asked()] == ["1002"]
    steps = told_by_api(plan, settings, "1001", "+15551230009", "", now, grants=grants, host="")["steps"]
    assert steps[-2] == {
        "route": "limits",
        "result": "refused",
        "why": "a limit refuses the call, that of policy once: the policy allows no more calls today",
    }


def test_a_refused_call_takes_up_nothing() -> None:
    """The carrier is full: what the policy had given is given back."""
    office = Office(more=ABROAD, routing={"routes": [{**OUT, "max_calls": 1}]})
    office.trunks["carrier"].limit.allow(1, 0)
    office.trunks["carrier"].limit.take()
    called(office)
    assert office.counters.refused["trunk_full"] == 1
    office.trunks["carrier"].limit.release()
    leg = called(office)
    office.carrier.last.answer()
    office.run()
    assert leg.statuses[-1] == 200
    leg.bye()
    office.run()
    assert not office.leftovers()
