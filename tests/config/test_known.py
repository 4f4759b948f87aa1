"""What is defined under which name."""

from __future__ import annotations

from rustalk.config.known import Known, all_routes
from rustalk.config.model import Extension, RingGroup, Route, Routing, Settings, Teams, Tenant, Trunk
from rustalk.config.pattern import Pattern


def test_extensions_and_groups_are_known_by_both_names() -> None:
    """Of two groups an id counts more than another's name."""
    one, two = RingGroup(id="a", name="b"), RingGroup(id="b")
    known = Known(Settings(extensions=(Extension(id="alice", extension="1001"),), ring_groups=(one, two)))
    assert known.extensions == {"alice", "1001"}
    assert known.groups == {"a": one, "b": two}


def test_trunks_are_known_with_teams_and_whether_they_are_on() -> None:
    """Teams is a trunk that is always there."""
    assert Known(Settings(trunks=(Trunk(id="t", host="h"),))).trunks == {"t": True, "teams": False}


def test_the_routes_of_tenants_follow_the_common_ones() -> None:
    """Both are looked at by the rules."""
    common, own = Route(id="c", pattern=Pattern("")), Route(id="o", pattern=Pattern(""))
    tenant = Tenant(id="t", fqdn="t.example.com", routes=(own,))
    settings = Settings(routing=Routing(routes=(common,)), teams=Teams(tenants=(tenant,)))
    assert list(all_routes(settings)) == [common, own]
