"""Whose call it is, where one switch serves many tenants of Teams, and which routes are asked then (MTN-01..05).

Teams tells tenants apart by the name of the switch that it calls, so a call from Teams belongs to the tenant whose FQDN
is the host of its Request-URI. A call from a carrier belongs to the tenant whose route takes it to Teams.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rustalk.config.model import TEAMS, Route, Tenant
from rustalk.ua.subject import Subject

from .routes import ordered

__all__ = ["Tenants"]


class Tenants:
    """The tenants with their routes, and the routes that are common to all.

    A tenant's own routes come before the common ones, whatever their priority; no call is ever asked of the routes of
    two tenants, save that of a carrier, whose number alone can tell whose it is. ``fqdn`` is our own name.
    """

    def __init__(self, common: Iterable[Route], tenants: Iterable[Tenant] = (), fqdn: str = "") -> None:
        tenants = tuple(tenants)
        self._common = ordered(common)
        self._names = {tenant.fqdn.lower(): tenant.id for tenant in tenants}
        self._names.setdefault(fqdn.lower(), "")
        self._alone = not tenants
        self._owners = {route.id: tenant.id for tenant in tenants for route in tenant.routes}
        self._of_tenant = {
            tenant.id: (*ordered(route for route in tenant.routes if _is_outward(route)), *self._common)
            for tenant in tenants
        }
        inward = ordered(route for tenant in tenants for route in tenant.routes if _leads_to_teams(route))
        self._of_carriers = (*inward, *self._common)

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

    def routes_for(self, subject: Subject, source: str) -> Sequence[Route]:
        """The routes to ask, in their order, for a call from the trunk ``source`` with its tenant set."""
        if source != TEAMS:
            return self._of_carriers
        return self._of_tenant.get(subject.tenant, self._common)

    def owner(self, route: Route) -> str:
        """The id of the tenant that a route belongs to, '' for a common one."""
        return self._owners.get(route.id, "")


def _leads_to_teams(route: Route) -> bool:
    destination = route.destination
    if route.action != "accept" or destination is None:
        return False
    return destination.type == "Trunk" and destination.value == TEAMS


def _is_outward(route: Route) -> bool:
    """Whether a tenant's route is asked about calls from Teams; one back to Teams only where it says so itself."""
    return route.source == TEAMS or not _leads_to_teams(route)
