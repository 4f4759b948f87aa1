"""Whose call it is, and which routes are asked then."""

from __future__ import annotations

from typing import Any

import pytest

from rustalk.call.tenants import Tenants
from rustalk.config.model import Destination, Route, Tenant
from rustalk.config.pattern import Pattern
from rustalk.ua.subject import Subject, Told


def to(trunk: str, id: str, pattern: str = "", **keys: Any) -> Route:
    """A route to a trunk."""
    return Route(id=id, pattern=Pattern(pattern), destination=Destination(type="Trunk", value=trunk), **keys)


A = Tenant(id="a", fqdn="a.sbc.example", routes=(to("carrier", "a-out"), to("teams", "a-in", "^1001$")))
B = Tenant(id="b", fqdn="b.sbc.example", routes=(to("teams", "b-in", "^2", priority=1), to("other", "b-out")))
COMMON = (to("carrier", "late", priority=200), to("carrier", "first", priority=0))
TENANTS = Tenants(COMMON, (A, B), "SBC.example")


def asked(source: str, tenant: str = "") -> list[str]:
    """The ids of the routes for a call, in their order."""
    return [route.id for route in TENANTS.routes_for(Subject("+1", "1001", tenant=tenant), source)]


@pytest.mark.parametrize(
    ("host", "tenant"),
    [("a.sbc.example", "a"), ("b.sbc.example", "b"), ("sbc.example", ""), ("c.sbc.example", None), ("", None)],
)
def test_the_host_tells_the_tenant(host: str, tenant: str | None) -> None:
    """MTN-05: the switch's own name is everybody's; another is nobody's."""
    assert TENANTS.for_host(Subject("+1", "1001", host=host)) == tenant


def test_without_tenants_every_host_is_ours() -> None:
    """Nobody has to be told apart."""
    assert Tenants(COMMON, (), "sbc.example").for_host(Subject("+1", "+2", host="192.0.2.1")) == ""


def test_a_host_behind_us() -> None:
    """LMO-02: Teams names the SBC that a call is for, and us before it; a host that it does not name is not ours."""
    path = ("a.sbc.example", "vnsbc.contoso.example")
    assert TENANTS.for_host(Subject("+1", "+2", host="vnsbc.contoso.example", told=Told(path=path))) == "a"
    assert TENANTS.for_host(Subject("+1", "+2", host="x.example", told=Told(path=path))) is None
    elsewhere = Told(path=("proxy.example", "vnsbc.contoso.example"))
    assert TENANTS.for_host(Subject("+1", "+2", host="vnsbc.contoso.example", told=elsewhere)) is None


def test_a_tenant_is_asked_of_its_own_routes_and_then_of_the_common_ones() -> None:
    """MTN-05: never of another's, whatever the number."""
    assert asked("teams", "a") == ["a-out", "first", "late"]
    assert asked("teams", "b") == ["b-out", "first", "late"]
    assert asked("teams") == ["first", "late"]


def test_a_carrier_is_asked_of_what_leads_to_teams() -> None:
    """Of every tenant by priority, then of the common ones; what a tenant calls out by is its own."""
    assert asked("carrier") == ["b-in", "a-in", "first", "late"]


def test_a_route_back_to_teams_must_say_that_it_is_one() -> None:
    """Else a route for all numbers would send a tenant's calls back where they came from."""
    back = to("teams", "back", source="teams")
    tenants = Tenants((), (Tenant(id="a", fqdn="a.x.example", routes=(back,)),), "x.example")
    assert tenants.routes_for(Subject("+1", "+2", tenant="a"), "teams") == (back,)


def test_whose_a_route_is() -> None:
    """'' for a common one."""
    assert [TENANTS.owner(route) for route in (A.routes[1], B.routes[0], COMMON[0])] == ["a", "b", ""]
