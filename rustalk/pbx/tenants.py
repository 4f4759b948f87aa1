"""Whose call it is, where one switch serves many tenants of Teams, and which routes are asked then (MTN-01..05).

Teams tells tenants apart by the name of the switch that it calls, so a call from Teams belongs to the tenant whose FQDN
is the host of its Request-URI. A call from a carrier or a phone belongs to the tenant whose route takes it to Teams.
"""

from __future__ import annotations

from collections.abc import Iterable

from rustalk.config.model import TEAMS, Route, Tenant
from rustalk.ua.subject import Subject

from .route_index import RouteIndex, ordered

__all__ = ["Tenants"]


class Tenants:
    """The tenants with their routes, and the routes that are common to all.

    A tenant's own routes come before the common ones, whatever their priority, and a common route that names a tenant
    is one of his own; no call is ever asked of the routes of two tenants, save that of a carrier, whose number alone
    can tell whose it is. ``fqdn`` is our own name.
    """

    def __init__(self, routes: Iterable[Route], tenants: Iterable[Tenant] = (), fqdn: str = "") -> None:
        tenants, routes = tuple(tenants), tuple(routes)
        common = ordered(route for route in routes if not route.tenant)
        own = {
            tenant.id: (*tenant.routes, *(route for route in routes if route.tenant == tenant.id)) for tenant in tenants
        }
        self._names = {tenant.fqdn.lower(): tenant.id for tenant in tenants}
        self._names.setdefault(fqdn.lower(), "")
        self._alone = not tenants
        self._owners = {route.id: id for id, of_tenant in own.items() for route in of_tenant}
        self._common = RouteIndex(common)
        self._of_tenant = {
            id: RouteIndex((*ordered(route for route in of_tenant if _is_outward(route)), *common))
            for id, of_tenant in own.items()
        }
        inward = ordered(route for of_tenant in own.values() for route in of_tenant if _leads_to_teams(route))
        self._of_carriers = RouteIndex((*inward, *common)) if inward else self._common

    def for_host(self, subject: Subject) -> str | None:
        """The id of the tenant that Teams calls, '' for the switch itself; None for a name that is not ours.

        Without tenants every name is ours. Behind a proxy SBC the name is that of the SBC that the call is for, which
        counts as ours where Teams names both of us on its way (LMO-02).
        """
        if self._alone:
            return ""
        tenant = self._names.get(subject.host)
        path = subject.told.path
        if tenant is None and subject.host in path:
            return next((self._names[host] for host in path if host in self._names), None)
        return tenant

    def routes_for(self, tenant: str, source: str) -> RouteIndex:
        """The routes to ask for a call of a tenant that came from ``source``, a trunk or an extension."""
        if source != TEAMS:
            return self._of_carriers
        return self._of_tenant.get(tenant, self._common)

    def owner(self, route: Route) -> str:
        """The id of the tenant that a route belongs to, '' for a common one."""
        return self._owners.get(route.id, "")


def _leads_to_teams(route: Route) -> bool:
    if route.action != "accept":
        return False
    return any(target.type == "Trunk" and target.value == TEAMS for target in route.targets)


def _is_outward(route: Route) -> bool:
    """Whether a tenant's route is asked about calls from Teams; one back to Teams only where it says so itself."""
    return route.source == TEAMS or not _leads_to_teams(route)
