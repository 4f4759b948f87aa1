"""What the dialplan would do with a call, in the words of the API."""

from __future__ import annotations

from typing import Any

import pytest

from rustalk.config.model import (
    Destination,
    Did,
    NumberRule,
    Numbers,
    Permissions,
    Rewrite,
    Teams,
    Tenant,
    TimeCondition,
)
from rustalk.config.pattern import Pattern
from rustalk.pbx import route_test
from rustalk.pbx.dialplan import Dialplan
from rustalk.pbx.grants import Grants
from tests.pbx.plans import MONDAY_NOON, at, house, phone, to, trunk

NIGHT = TimeCondition(start_time=at("2026-01-01T20:00").time(), end_time=at("2026-01-01T06:00").time())


def asked(
    *routes: Any, caller: str = "+4420", number: str = "+4930", source: str = "carrier", **keys: Any
) -> dict[str, Any]:
    """The answer for a call at noon on a Monday."""
    settings = house(*routes, **keys)
    return route_test.tested(
        Dialplan(settings, below=lambda _: 0),
        settings,
        caller,
        number,
        source,
        MONDAY_NOON,
        grants=Grants(settings, lambda: 0.0),
        host="",
    )


def test_a_call_that_goes_somewhere() -> None:
    """The fields of the seed, and where it goes as it is rewritten."""
    rewrite = Rewrite(destination=(NumberRule(match=Pattern(r"^\+"), replace="00"),))
    answer = asked(to("other", r"^\+49", name="Germany", rewrite=rewrite))
    assert (answer["success"], answer["matched"], answer["action"]) == (True, True, "accept")
    assert (answer["route_id"], answer["route_name"]) == ("to-other", "Germany")
    assert answer["destination"] == {"type": "Trunk", "value": "other"}
    assert answer["called"] == "004930"
    assert answer["message"] == "route to-other sends the call to Trunk other"


def test_each_step_says_why() -> None:
    """In the words of whoever wrote the routes."""
    routes = to("off", enabled=False), to("night", conditions=(NIGHT,)), to("uk", r"^\+44")
    assert [(step["route"], step["result"], step["why"]) for step in asked(*routes)["steps"]] == [
        ("to-off", "disabled", "is disabled"),
        ("to-night", "condition", "has a condition that does not hold (Time)"),
        ("to-uk", "pattern", "is for other numbers"),
        ("dids", "absent", "the number is not one that is dialled from outside"),
    ]


def test_a_call_that_is_refused() -> None:
    """By a route, or because nothing takes it."""
    answer = asked(to("486", type="Hangup"))
    assert (answer["success"], answer["matched"], answer["action"]) == (False, True, "reject")
    assert (answer["code"], answer["status"]) == ("route_hangup", 486)
    assert answer["message"] == "route to-486: 486, a route ends this call"
    answer = asked()
    assert (answer["success"], answer["matched"], answer["code"], answer["status"]) == (False, False, "no_route", 404)
    assert answer["message"] == "404, no route matched"


def test_numbers_are_read_as_the_trunk_writes_them() -> None:
    """By its rules and its country."""
    numbers = Numbers(in_=(NumberRule(match=Pattern("^9"), replace="0"),))
    answer = asked(
        to("other", r"^\+4930"), number="930123456", trunks=(trunk("carrier", country="DE", numbers=numbers),)
    )
    assert answer["called"] == "+4930123456"


def test_a_caller_that_is_an_extension_calls_as_one() -> None:
    """Where no trunk is given; its permissions count."""
    extensions = phone("1001", permissions=Permissions(domestic=False)), phone("1002")
    inside = asked(caller="1001", number="1002", source="", extensions=extensions)
    assert inside["message"] == "extension 1002 sends the call to Extension 1002"
    barred = asked(to("carrier"), caller="1001", number="+4930123456", source="", extensions=extensions)
    assert (barred["code"], barred["route_id"]) == ("domestic_barred", "to-carrier")
    assert barred["steps"][-1]["why"].startswith("the extension may not make this call: ")


def test_the_numbers_of_the_house_are_named() -> None:
    """A number from outside has no route."""
    did = Did(number="+4930", destination=Destination(type="Extension", value="1001"))
    answer = asked(dids=(did,))
    assert (answer["matched"], answer["route_id"]) == (True, None)
    assert answer["message"] == "DID 4930 sends the call to Extension 1001"


@pytest.mark.parametrize("source", ["gone", "teams"])
def test_a_trunk_that_there_is_not(source: str) -> None:
    """Also Teams, where it is off."""
    settings = house(teams=Teams())
    with pytest.raises(LookupError):
        route_test.tested(
            Dialplan(settings, below=lambda _: 0),
            settings,
            "1",
            "2",
            source,
            MONDAY_NOON,
            grants=Grants(settings, lambda: 0.0),
            host="",
        )


def test_help_is_seen_as_such() -> None:
    """By the country of the trunk."""
    assert asked(to("carrier"), number="110")["emergency"]
    assert not asked(to("carrier"), to("other"), number="110", source="other")["emergency"]


def test_the_name_that_teams_calls() -> None:
    """MTN-05: one that is not ours is refused as the live switch does, before any route is asked."""
    teams = Teams(enabled=True, sbc_fqdn="sbc.example", tenants=(Tenant(id="a", fqdn="a.sbc.example"),))
    settings = house(to("carrier", tenant="a"), teams=teams)
    plan = Dialplan(settings, below=lambda _: 0)
    hosts = ("A.sbc.example", "", "x.example")
    answers = [
        route_test.tested(
            plan, settings, "1", "2", "teams", MONDAY_NOON, grants=Grants(settings, lambda: 0.0), host=host
        )
        for host in hosts
    ]
    assert [answer["code"] for answer in answers] == [None, "no_route", "unknown_tenant"]
    assert (answers[0]["tenant"], answers[2]["steps"]) == ("a", [])


def test_a_call_for_nobody() -> None:
    """As the live switch answers it."""
    assert asked(number="")["code"] == "no_number"
