"""Lists of addresses that may or may not speak: the section acls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from rustalk.config import formats
from rustalk.config.about import about
from rustalk.config.cloud import CLOUDS, NETWORKS_VERSION

__all__ = ["STANDARD", "Acl", "AclRule", "Acls", "Verdict"]

Verdict = Literal["allow", "deny"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AclRule:
    """One rule of an ACL."""

    name: str = field(default="", metadata=about("Name to show. Empty: the network.", example="office"))
    cidr: str = field(metadata=about("Network, or one address.", example="192.0.2.0/24", check=formats.network))
    action: Verdict = field(metadata=about("What happens to an address in the network.", example="allow"))
    priority: int = field(default=100, metadata=about("Lower is looked at first.", example=10, low=0, high=1000000))


@dataclass(frozen=True, slots=True, kw_only=True)
class Acl:
    """A named list of rules on addresses. The first rule that fits decides; `default_policy` where none does."""

    name: str = field(
        metadata=about("Name by which SIP profiles refer to the ACL.", example="office", check=formats.identifier)
    )
    description: str = field(default="", metadata=about("Free text."))
    version: str = field(
        default="", metadata=about("State of the list, such as the day of its source.", example="2026-11-22")
    )
    default_policy: Verdict = field(default="deny", metadata=about("For addresses that no rule names."))
    rules: tuple[AclRule, ...] = field(default=(), metadata=about("The rules."))
    enabled: bool = field(
        default=True,
        metadata=about("Whether the rules are looked at. An ACL that is not enabled answers its `default_policy`."),
    )


def _allow(name: str, description: str, *networks: str, version: str = "") -> Acl:
    rules = (AclRule(name=cidr, cidr=cidr, action="allow", priority=10 * (i + 1)) for i, cidr in enumerate(networks))
    return Acl(name=name, description=description, version=version, rules=tuple(rules))


_TEAMS = tuple(dict.fromkeys(network for cloud in CLOUDS.values() for network in cloud.networks))

STANDARD = (
    _allow("rfc1918", "Private addresses (RFC 1918)", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
    _allow("localhost", "This machine", "127.0.0.0/8", "::1/128"),
    Acl(name="allow_all", description="Everyone", default_policy="allow", enabled=False),
    _allow("teams", "SIP of Microsoft Teams, all clouds", *_TEAMS, version=NETWORKS_VERSION),
)
"""The lists that are always known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acls:
    """Access control lists."""

    acls: tuple[Acl, ...] = field(
        default=STANDARD,
        metadata=about(
            "The lists. Standard ones that are not named here follow.",
            shown=", ".join(f"`{acl.name}`" for acl in STANDARD),
        ),
    )

    def completed(self) -> Acls:
        """The lists of a file, followed by the standard ones that it does not name."""
        named = {acl.name for acl in self.acls}
        return Acls(acls=(*self.acls, *(acl for acl in STANDARD if acl.name not in named)))
