"""The rule on calls for help."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rustalk.config.load import load
from tests.config.findings import TEAMS, TRUNK

PHONE = {"extension": "1001", "certificate_subject": "phone.example.com"}
OUT = {"id": "out", "pattern": r"^\+", "destination": {"type": "Trunk", "value": "carrier"}}
HELP = OUT | {"id": "help", "pattern": "^(112|911)$", "emergency": True}


def told(**sections: Any) -> list[str]:
    """Load the sections and return the warnings about routes as a whole."""
    return [each.message for each in load(json.dumps(sections)).warnings if each.path == "$.routing.routes"]


def test_a_house_that_calls_outside_but_has_no_route_for_help_is_told() -> None:
    """With what would happen, the trunk, and the next step."""
    (message,) = told(extensions=[PHONE], trunks=[TRUNK], routing={"routes": [OUT]})
    assert message.startswith('no route takes calls to 112 and 911, though trunk "carrier" leads outside: add a route')
    catch_all = OUT | {"pattern": ""}
    (message,) = told(extensions=[PHONE], trunks=[TRUNK], routing={"routes": [catch_all]})
    assert message.startswith("calls for help go by the rules for all calls")
    assert told(extensions=[PHONE], trunks=[TRUNK], routing={"routes": [HELP | {"enabled": False}]})


@pytest.mark.parametrize(
    "sections",
    [
        {"extensions": [PHONE], "trunks": [TRUNK], "routing": {"routes": [OUT, HELP]}},
        {"extensions": [PHONE]},
        {"trunks": [TRUNK], "routing": {"routes": [OUT]}},
        {"extensions": [PHONE], "trunks": [TRUNK | {"enabled": False}]},
    ],
)
def test_where_nobody_can_call_outside_or_help_is_thought_of_nothing_is_said(sections: dict[str, Any]) -> None:
    assert told(**sections) == []


def test_teams_has_people_who_call() -> None:
    assert told(teams=TEAMS, trunks=[TRUNK], transport={"protocols": ["udp", "tls"]})
