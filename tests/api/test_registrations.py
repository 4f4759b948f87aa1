"""Registrations and failed logins."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rustalk.observe.house import LoginSnapshot, RegistrationSnapshot
from tests.fakes.switch import START, FakeSwitch

from .conftest import Request


@pytest.fixture
def phones(switch: FakeSwitch) -> FakeSwitch:
    """A switch with three phones."""
    for number in range(1, 4):
        phone = RegistrationSnapshot(
            id=f"100{number}-abc",
            extension=f"100{number}",
            contact=f"sip:100{number}@192.0.2.{number}\x1b[2J",
            address=f"192.0.2.{number}",
            transport="UDP",
            profile="inside",
            user_agent="Phone/1",
            expires=START + timedelta(hours=1),
            registered=START,
            refreshed=START,
            instance="",
            reg_id=0,
            q=1.0,
            path=(),
            node="a",
            reachable=True,
        )
        switch.phones.append(phone)
    return switch


def test_registrations_page_by_page_and_harmless(phones: FakeSwitch, request_: Request) -> None:
    """A30: what a phone writes arrives as visible text."""
    first = request_("GET", "/api/v1/registrations?limit=2").json
    second = request_("GET", f"/api/v1/registrations?limit=2&cursor={first['next']}").json
    shown = [*first["registrations"], *second["registrations"]]
    assert [each["extension"] for each in shown] == ["1001", "1002", "1003"]
    assert (first["total"], shown[0]["contact"]) == (3, "sip:1001@192.0.2.1\\x1b[2J")
    assert (shown[0]["expires_at"], shown[0]["reachable"]) == ("2026-11-22T09:15:30.123Z", True)


@pytest.mark.parametrize(
    ("query", "count"), [("extension=1002", 1), ("q=phone/1", 3), ("q=192.0.2.3", 1), ("q=x.y", 0)]
)
def test_registrations_are_filtered(phones: FakeSwitch, request_: Request, query: str, count: int) -> None:
    assert request_("GET", f"/api/v1/registrations?{query}").json["total"] == count


def test_a_registration_is_ended(phones: FakeSwitch, request_: Request) -> None:
    assert request_("DELETE", "/api/v1/registrations/1002-abc").json["success"] is True
    assert [each.extension for each in phones.phones] == ["1001", "1003"]
    assert request_("DELETE", "/api/v1/registrations/1002-abc").status == 404


def test_failed_logins_are_listed(switch: FakeSwitch, request_: Request) -> None:
    switch.failures = [
        LoginSnapshot(account, "192.0.2.66", 3, START, START, "password") for account in ("1001", "1002")
    ]
    body = request_("GET", "/api/v1/logins/failed?account=1002").json
    assert (body["total"], body["logins"][0]["count"], body["logins"][0]["reason"]) == (1, 3, "password")
