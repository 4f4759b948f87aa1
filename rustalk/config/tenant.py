"""Customers that share one SBC, each with a name of its own: the key teams.tenants."""

from __future__ import annotations

from dataclasses import dataclass, field

from rustalk.config import formats
from rustalk.config.about import about
from rustalk.config.routing import Route

__all__ = ["Tenant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One customer of the carrier model (MTN-01).

    A call from Teams whose Request-URI names `fqdn` is matched against `routes`, then against `routing.routes`. A route
    of the tenant that leads to Teams takes calls to its numbers there with `fqdn` in Contact (MTN-03).
    """

    id: str = field(
        metadata=about("Name of the tenant in logs and call records.", example="contoso", check=formats.identifier)
    )
    fqdn: str = field(
        metadata=about(
            "Name of this SBC in the customer's tenant, one label below the carrier's own name (MTN-02). At most 63 "
            "characters, not under onmicrosoft.com.",
            example="contoso.sbc.example.com",
            check=formats.domain,
        )
    )
    routes: tuple[Route, ...] = field(default=(), metadata=about("The tenant's own routes, tried before the common."))
