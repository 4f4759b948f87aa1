"""Bans and the counters of policies."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from rustalk.observe.house import BanSnapshot, LimitSnapshot
from tests.fakes.switch import START, FakeSwitch

from .conftest import Request


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
