"""What the catalogue and the SBC under test have to agree on: names, addresses, numbers, and so the configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..pki import PkiFiles
from ..sandbox import FQDN, Ports, settings
from ..tenants import Tenant, TenantTable

__all__ = ["COLLEAGUE", "INTERNAL_MEDIA", "ROLES", "SHORT", "TENANTS", "USER", "Role", "Site"]

USER = "+441273652000"
COLLEAGUE = "+441273652001"
SHORT = "+1001"
"""A number that two tenants have, each with a meaning of its own (MTN-05)."""

INTERNAL_MEDIA = "127.0.0.8"


@dataclass(frozen=True, slots=True)
class Role:
    """A peer that is not Teams: its trunk's id, a number behind it, whether its media is plain RTP, trunk settings."""

    id: str
    number: str
    plain: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def pattern(self) -> str:
        """The numbers behind this trunk."""
        return rf"^\+{self.number[1:5]}\d+$"


ROLES = (
    Role("carrier", "+15085710838"),
    Role("plain", "+16095710838", True, {
        "srtp": "off", "strip_comfort_noise": True, "history": "diversion", "identity": "pai",
    }),
    Role("pbx", "+17185710838", False, {
        "trusted": True, "history": "history-info", "identity": "pai",
        "headers": [
            {"name": "User-to-User", "direction": "out", "action": "keep"},
            {"name": "X-Desk", "direction": "in", "action": "drop"},
        ],
    }),
    Role("info", "+18085710838", True, {"srtp": "off", "dtmf": "info"}),
    Role("psap", "911", True, {
        "srtp": "off", "headers": [{"name": "Geolocation", "direction": "out", "action": "keep"}],
    }),
)  # fmt: skip
"""A carrier with SRTP, one with plain RTP that is not trusted, a trusted PBX, one that wants digits by INFO, the
emergency service."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A tenant of the SBC: its id, the first label of its name, its user at Teams, and the trunk behind `SHORT`."""

    id: str
    user: str
    short: str


TENANTS = (Customer("one", "+441273653000", "pbx"), Customer("two", "+441273654000", "plain"))


PORTS = Ports(5061, 5060, 8080)


@dataclass(frozen=True, slots=True)
class Site:
    """Where everything is: the SBC at ``address`` for Teams and at ``inside`` for the others.

    ``carriers`` are the addresses and ports of the peers by their role; ``bypass``: the trunk has media bypass.
    """

    fqdn: str = FQDN
    address: str = "127.0.0.1"
    inside: str = "127.0.0.1"
    ports: Ports = PORTS
    carriers: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    bypass: bool = True

    def tenant(self, id: str) -> str:
        """The name of a tenant's SBC."""
        return f"{id}.{self.fqdn}"

    @property
    def hosts(self) -> dict[str, str]:
        """The SBC's names for the simulator's DNS, one that the SBC does not know among them (MTN-05)."""
        return dict.fromkeys((self.fqdn, *map(self.tenant, ("one", "two", "three"))), self.address)

    @property
    def table(self) -> TenantTable:
        """The tenants as Microsoft knows them."""
        base = Tenant.of("Contoso", [self.fqdn], [USER, COLLEAGUE])
        return TenantTable([base, *(Tenant.of(one.id, [self.tenant(one.id)], [one.user]) for one in TENANTS)])

    def configuration(self, directory: Path, files: PkiFiles, hosts: dict[str, str], proxies: list[str]) -> str:
        """The configuration of RusTalk that the catalogue is played against, as JSON.

        ``hosts`` and ``proxies`` are the simulated Microsoft names, as SimTeams gives them.
        """
        made = settings(directory, files, self.ports, hosts, proxies, ("127.0.0.1", 0), self.fqdn, self.address)
        made["sip_profiles"][1]["bind_address"] = self.inside
        made["trunks"] = [self._trunk(role) for role in ROLES]
        made["teams"] |= {
            "options_ping_interval": 5,
            "media_bypass": self.bypass,
            "internal_media_address": INTERNAL_MEDIA,
            "tenants": [self._tenant(one) for one in TENANTS],
        }
        made["routing"] = {"routes": [_route("to-teams", r"^\+441273652\d{3}$", "teams"), *map(_to_carrier, ROLES)]}
        return json.dumps(made, indent=2)

    def _trunk(self, role: Role) -> dict[str, Any]:
        address, port = self.carriers[role.id]
        place = {"id": role.id, "host": address, "port": port, "protocol": "udp", "profile": "carrier"}
        return {**place, "options_ping_enabled": False, **role.settings}

    def _tenant(self, one: Customer) -> dict[str, Any]:
        user = _route(f"{one.id}-users", rf"^\+{one.user[1:10]}\d{{3}}$", "teams")
        short = _route(f"{one.id}-short", rf"^\+?{SHORT[1:]}$", one.short)
        return {"id": one.id, "fqdn": self.tenant(one.id), "routes": [user, short]}


def _route(id: str, pattern: str, trunk: str, source: str = "") -> dict[str, Any]:
    route = {"id": id, "pattern": pattern, "destination": {"type": "Trunk", "value": trunk}}
    return {**route, "source": source} if source else route


def _to_carrier(role: Role) -> dict[str, Any]:
    if role.id == "psap":
        return {**_route("to-psap", r"^\+?911$", role.id), "emergency": True}
    return _route(f"to-{role.id}", role.pattern, role.id)
