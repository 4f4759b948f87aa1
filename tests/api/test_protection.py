"""Bans and the counters of policies."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_twisted

from rustalk.observe.house import BanSnapshot, LimitSnapshot
from tests.fakes.desk import Desk
from tests.fakes.http import Reply
from tests.fakes.switch import START, FakeSwitch

from .conftest import Request

JSON = {"Content-Type": "application/json"}


def test_bans_are_listed_and_lifted(switch: FakeSwitch, request_: Request) -> None:
    """The network of an IPv6 address has a slash in it."""
    for address in ("192.0.2.66", "2001:db8::/64"):
        switch.banned.append(BanSnapshot(address, "12 failed logins", START, START + timedelta(hours=1)))
    body = request_("GET", "/api/v1/bans").json
    assert [each["address"] for each in body["bans"]] == ["192.0.2.66", "2001:db8::/64"]
    assert request_("DELETE", "/api/v1/bans/2001:db8::/64").json["success"] is True
    assert request_("DELETE", "/api/v1/bans/192.0.2.1").status == 404
    assert [each.address for each in switch.banned] == ["192.0.2.66"]


def test_counters_are_shown_filtered_and_cleared(switch: FakeSwitch, request_: Request) -> None:
    for policy, kind, count in (("a", "daily", 3), ("a", "spend", Decimal("1.50")), ("b", "daily", 1)):
        switch.counters.append(LimitSnapshot(policy, "caller", "1001", kind, count, 10, START))
    shown = request_("GET", "/api/v1/frequency-limits?policy_id=a").json["frequency_limits"]
    assert [(each["limit_type"], each["count"]) for each in shown] == [("daily", 3), ("spend", "1.50")]
    assert request_("DELETE", "/api/v1/frequency-limits?policy_id=a&limit_type=daily").json["cleared"] == 1
    assert len(switch.counters) == 2
    assert request_("DELETE", "/api/v1/frequency-limits").json["cleared"] == 2
    assert request_("GET", "/api/v1/frequency-limits?limit_type=x").status == 400


def ban(request_: Request, body: dict[str, Any]) -> Reply:
    """Ban somebody."""
    return request_("POST", "/api/v1/bans", JSON, json.dumps(body).encode())


def test_an_address_is_banned_by_hand(switch: FakeSwitch, request_: Request) -> None:
    """For as long as is said, or as the configuration has it."""
    made = ban(request_, {"address": "192.0.2.66", "seconds": 60, "reason": "called at night"})
    assert (made.status, made.headers["location"]) == (201, "/api/v1/bans/192.0.2.66")
    assert made.json == request_("GET", "/api/v1/bans").json["bans"][0]
    assert (made.json["reason"], switch.banned[0].until - START) == ("called at night", timedelta(seconds=60))
    assert ban(request_, {"address": "::ffff:192.0.2.67"}).json["address"] == "192.0.2.67"
    assert switch.banned[1].until - START == timedelta(seconds=600)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "$.address"),
        ({"address": "192.0.2.0/24"}, "$.address"),
        ({"address": "sip.example.com"}, "$.address"),
        ({"address": 7}, "$.address"),
        ({"address": "192.0.2.66", "seconds": 0}, "$.seconds"),
        ({"address": "192.0.2.66", "seconds": True}, "$.seconds"),
        ({"address": "192.0.2.66", "seconds": 1e300}, "$.seconds"),
        ({"address": "192.0.2.66", "reason": "a\nb"}, "$.reason"),
        ({"address": "192.0.2.66", "why": "x"}, "$.why"),
    ],
)
def test_what_is_no_ban_is_refused(switch: FakeSwitch, request_: Request, body: dict[str, Any], path: str) -> None:
    reply = ban(request_, body)
    assert (reply.status, reply.json["errors"][0]["path"], switch.banned) == (422, path, [])


def test_who_is_never_banned_is_told_with_the_reason(switch: FakeSwitch, request_: Request) -> None:
    switch.spared.append("192.0.2.7")
    reply = ban(request_, {"address": "192.0.2.7"})
    assert (reply.status, reply.json["code"]) == (409, "never-banned")
    assert "that of a trunk or of Teams" in reply.json["detail"]


@pytest_twisted.ensureDeferred
async def test_nobody_shuts_himself_out(desk: Desk) -> None:
    """And what was done is in the audit log."""
    assert (await desk.ask("POST", "/bans", {"address": "127.0.0.1"})).json["code"] == "never-banned"
    await desk.ask("POST", "/bans", {"address": "192.0.2.66", "seconds": 60})
    await desk.ask("PATCH", "/config/security", {"never_ban": ["192.0.2.0/24"]})
    desk.switch.spared.append("192.0.2.67")
    reply = await desk.ask("POST", "/bans", {"address": "192.0.2.67"})
    assert "in a network of security.never_ban" in reply.json["detail"]
    await desk.store.audit.flush()
    told = [
        (each.outcome, dict(each.detail)) for each in await desk.store.audit.entries(10, action="POST /api/v1/bans")
    ]
    made = {"address": "192.0.2.66", "seconds": 60, "reason": "by hand"}
    assert told == [("never-banned", {}), ("done", made), ("never-banned", {})]
