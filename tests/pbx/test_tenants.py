"""Whose call it is, and which routes are asked then."""

from __future__ import annotations

from typing import Any

import pytest

from rustalk.config.model import Route, RouteTarget, Tenant
from rustalk.config.pattern import Pattern
from rustalk.pbx.tenants import Tenants
from rustalk.ua.subject import Subject, Told
from tests.pbx.plans import to as route_to


def to(trunk: str, id: str, pattern: str = "", **keys: Any) -> Route:
    """A route to a trunk."""
    return route_to(trunk, pattern, id=id, **keys)


A = Tenant(id="a", fqdn="a.sbc.example", routes=(to("carrier", "a-out"), to("teams", "a-in", "^1001$")))
B = Tenant(id="b", fqdn="b.sbc.example", routes=(to("teams", "b-in", "^2", priority=1), to("other", "b-out")))
COMMON = (to("carrier", "late", priority=200), to("carrier", "first", priority=0))
TENANTS = Tenants(COMMON, (A, B), "SBC.example")


def asked(source: str, tenant: str = "", tenants: Tenants = TENANTS) -> list[str]:
    """The ids of the routes for a call, in their order."""
    return [route.id for route in tenants.routes_for(tenant, source).routes]


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


def test_a_carrier_or_a_phone_is_asked_of_what_leads_to_teams() -> None:
    """MTN-03: whose the call is shows when one of the tenants' routes takes it there."""
    for source in ("carrier", "extension:1001"):
        assert asked(source) == ["b-in", "a-in", "first", "late"]
    assert [TENANTS.owner(route) for route in (*A.routes, *B.routes, *COMMON)] == ["a", "a", "b", "b", "", ""]


def test_a_route_back_to_teams_is_asked_only_where_it_says_so() -> None:
    """A route into Teams is for numbers from outside."""
    back = Tenant(id="c", fqdn="c.sbc.example", routes=(to("teams", "back", source="teams"), to("teams", "in")))
    assert asked("teams", "c", Tenants((), (back,))) == ["back"]


def test_a_common_route_that_names_a_tenant_is_one_of_his() -> None:
    """Before the common ones, and nobody else's."""
    named = to("carrier", "named", tenant="a", priority=999)
    tenants = Tenants((*COMMON, named), (A, B))
    assert asked("teams", "a", tenants) == ["a-out", "named", "first", "late"]
    assert asked("teams", "b", tenants) == ["b-out", "first", "late"]
    assert tenants.owner(named) == "a"


def test_a_set_with_teams_among_its_destinations_leads_there() -> None:
    """Wherever it stands."""
    targets = RouteTarget(type="Trunk", value="carrier"), RouteTarget(type="Trunk", value="teams")
    route = Route(id="set", pattern=Pattern(""), destinations=targets)
    tenant = Tenant(id="d", fqdn="d.sbc.example", routes=(route,))
    assert asked("carrier", tenants=Tenants((), (tenant,))) == ["set"]
