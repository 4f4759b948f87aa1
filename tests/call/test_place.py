"""Where one call goes."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from rustalk.call.place import Placed, goes_round, place
from rustalk.call.tenants import Tenants
from rustalk.config.model import Destination, Route, Tenant
from rustalk.config.pattern import Pattern
from rustalk.sip.multipart import Multipart
from rustalk.ua.subject import Diverted, Subject, Told

NOW = datetime.datetime(2026, 11, 23, 12, 0, tzinfo=datetime.UTC)


def to(type: Any, value: str, id: str, pattern: str, **keys: Any) -> Route:
    """A route."""
    return Route(id=id, pattern=Pattern(pattern), destination=Destination(type=type, value=value), **keys)


A = Tenant(
    id="a",
    fqdn="a.sbc.example",
    routes=(to("Trunk", "carrier", "a-1001", "^1001$"), to("Trunk", "teams", "a-in", r"^\+1555")),
)
B = Tenant(id="b", fqdn="b.sbc.example", routes=(to("Trunk", "other", "b-1001", "^1001$"),))
COMMON = (to("Hangup", "486", "busy", "^486$"), to("Hangup", "", "no", "^403$", action="reject"))
TENANTS = Tenants(COMMON, (A, B), "sbc.example")


def placed(called: str, source: str = "teams", host: str = "a.sbc.example", **told: Any) -> Placed:
    """What is decided about a call."""
    return place(TENANTS, Subject("+1", called, host=host, told=Told(**told)), source, NOW)


def test_the_routes_are_asked_with_the_method_of_the_location() -> None:
    """EMG-02: read from the part that came with the call."""
    body = b"--b\r\nContent-Type: application/pidf+xml\r\n\r\n<p><method>LIS</method></p>\r\n--b--"
    query = placed("1001", enclosed=Multipart.parse("multipart/mixed;boundary=b", body)).query
    assert query is not None
    assert query.location == "LIS"


@pytest.mark.parametrize(("host", "trunk"), [("a.sbc.example", "carrier"), ("b.sbc.example", "other")])
def test_two_tenants_with_the_same_short_number_never_meet(host: str, trunk: str) -> None:
    """MTN-05."""
    made = placed("1001", host=host)
    assert made.decision is not None
    assert (made.decision.trunk, made.subject.tenant) == (trunk, host[0])


def test_a_carrier_reaches_the_tenant_whose_number_it_calls() -> None:
    """MTN-03: the tenant of the route is that of the call."""
    made = placed("+15550001", "carrier", "")
    assert made.decision is not None
    assert (made.decision.trunk, made.subject.tenant) == ("teams", "a")


@pytest.mark.parametrize(
    ("called", "host", "code", "status"),
    [
        ("", "a.sbc.example", "no_number", 0),
        ("1001", "c.sbc.example", "unknown_tenant", 0),
        ("999", "a.sbc.example", "no_route", 0),
        ("486", "a.sbc.example", "route_hangup", 486),
        ("403", "a.sbc.example", "route_refused", 403),
    ],
)
def test_why_a_call_goes_nowhere(called: str, host: str, code: str, status: int) -> None:
    """By the code of the registry, and the status of a route that has one."""
    made = placed(called, host=host)
    assert (made.decision, made.code, made.status) == (None, code, status)


def left(*numbers: str) -> tuple[Diverted, ...]:
    """A history in which the call left these numbers."""
    return tuple(Diverted(number, 302) for number in numbers)


def test_a_call_that_goes_round() -> None:
    """HDR-13: a number that it has left twice, with a plus or without; where it only was does not count."""
    assert goes_round(left("+1", "+2", "1"))
    assert not goes_round(left("+1", "+2"))
    assert not goes_round((Diverted("+1"), Diverted("+1"), Diverted("+1", 302)))
    assert placed("1001", history=left("+1", "+2", "+1")).code == "loop_detected"
