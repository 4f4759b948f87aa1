"""Customers that share one SBC."""

from __future__ import annotations

import json

from rustalk.config.load import load


def test_a_tenant_has_a_name_and_routes_of_its_own() -> None:
    """MTN-01: names are compared in lower case."""
    route = {"id": "r", "pattern": "^2", "destination": {"type": "Trunk", "value": "teams"}}
    tenant = {"id": "contoso", "fqdn": "Contoso.SBC.example.com.", "routes": [route]}
    found = load(json.dumps({"teams": {"tenants": [tenant]}})).teams.tenants[0]
    assert (found.id, found.fqdn, found.routes[0].id) == ("contoso", "contoso.sbc.example.com", "r")
