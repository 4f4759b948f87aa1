"""Where a call would go, by HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest
from twisted.internet.task import Clock

from rustalk.api.app import build_app
from rustalk.api.authorize import Authorizer
from rustalk.api.door import Door
from rustalk.api.resources import routes
from rustalk.api.site import build_site
from rustalk.api.sources import Sources
from tests.fakes.http import Reply, exchange
from tests.fakes.switch import FakeSwitch

from .conftest import Request


@pytest.fixture
def rules(sources: Sources, clock: Clock) -> Request:
    """A function that asks the API about routes."""
    own = [route for route in routes(sources) if route.area == "routes"]
    site = build_site(Door(build_app(own, Authorizer(None, clock.seconds), None, clock)), clock)
    return lambda *asked: exchange(site, *asked)


def ask(request_: Request, body: dict[str, Any]) -> Reply:
    """Test a route."""
    return request_("POST", "/api/v1/routes/test", {"Content-Type": "application/json"}, json.dumps(body).encode())


def test_the_dialplan_is_asked_as_of_a_moment(rules: Request, switch: FakeSwitch) -> None:
    reply = ask(rules, {"caller_id": "1001", "destination": "+1", "at": "2026-12-24T18:00:00+01:00"})
    assert (reply.status, reply.json["matched"], reply.json["steps"][0]["why"]) == (200, True, "matches")
    caller, called, source, at = switch.tested[0]
    assert (caller, called, source, at.isoformat()) == ("1001", "+1", "", "2026-12-24T18:00:00+01:00")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "$.destination"),
        ({"destination": 7}, "$.destination"),
        ({"destination": "1", "at": "soon"}, "$.at"),
        ({"destination": "1", "at": 7}, "$.at"),
        ({"destination": "1", "source_trunk": "nowhere"}, "$.source_trunk"),
        ({"destination": "1", "nonsense": 1}, "$.nonsense"),
    ],
)
def test_what_cannot_be_asked_is_told(rules: Request, body: dict[str, Any], path: str) -> None:
    reply = ask(rules, body)
    assert (reply.status, reply.json["errors"][0]["path"]) == (422, path)
