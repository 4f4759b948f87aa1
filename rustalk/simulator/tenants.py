"""Which tenant a call belongs to and whether the number is one of its users (HDR-02, MTN-01 to MTN-03).

The Contact's host names the tenant: first as a whole, then without its first label. The number is looked up inside that
tenant only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Refusal", "Tenant", "TenantTable"]


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer: its verified domains (lower case), its users' numbers with +, and those of disabled users."""

    name: str
    domains: frozenset[str]
    numbers: frozenset[str] = frozenset()
    disabled: frozenset[str] = frozenset()

    @classmethod
    def of(cls, name: str, domains: Iterable[str], numbers: Iterable[str], disabled: Iterable[str] = ()) -> Tenant:
        """A tenant from plain lists."""
        return cls(name, frozenset(d.lower() for d in domains), frozenset(numbers), frozenset(disabled))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call has no tenant or no user: the status, and the text of the Reason header (OPS-02 to OPS-04)."""

    status: int
    q850: int
    text: str

    def reason(self, identifier: str) -> str:
        """The Reason value as Teams writes it: Q.850 cause, and a text that begins with a GUID."""
        return f'Q.850;cause={self.q850};text="{identifier};{self.text}"'


class TenantTable:
    """All tenants that the simulated cloud knows."""

    def __init__(self, tenants: Iterable[Tenant]) -> None:
        self._domains = {domain: tenant for tenant in tenants for domain in tenant.domains}

    def tenant(self, fqdn: str) -> Tenant | None:
        """The tenant of a Contact host: by the full name, then by the name without its first label."""
        name = fqdn.lower().rstrip(".")
        return self._domains.get(name) or self._domains.get(name.partition(".")[2])

    def find(self, fqdn: str, number: str) -> Tenant | Refusal:
        """The tenant that serves this number for this trunk, or the reason why the call fails."""
        tenant = self.tenant(fqdn)
        if tenant is None:
            return Refusal(403, 21, f"no tenant has the domain {fqdn}")
        if number in tenant.disabled:
            return Refusal(403, 63, "the number belongs to a disabled user")
        if not number.startswith("+") or number not in tenant.numbers:
            return Refusal(404, 1, "511404 the number was not found in the tenant by reverse lookup")
        return tenant
