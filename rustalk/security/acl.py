"""Access lists: ordered rules over networks (RusTalk's ACLs, with its traps taken out).

Rules are looked at by priority whatever their order in the file, a v4 rule also fits the v4-mapped form of an address,
and malformed networks were refused when the configuration was loaded. As in RusTalk, a list that is not enabled answers
its default policy.
"""

from __future__ import annotations

from rustalk.config.model import Acl, Acls
from rustalk.security.networks import Address, NetworkSet, parse_address

__all__ = ["AccessList", "access_list"]


class AccessList:
    """One access list, ready to be asked."""

    __slots__ = ("_default", "_rules", "name")

    def __init__(self, acl: Acl) -> None:
        """Take the rules of ``acl``; those of equal priority keep their order."""
        self.name = acl.name
        self._default = acl.default_policy == "allow"
        ordered = sorted(acl.rules, key=lambda rule: rule.priority) if acl.enabled else []
        self._rules = tuple((NetworkSet([rule.cidr]), rule.action == "allow") for rule in ordered)

    def allows(self, address: str) -> bool:
        """Answer for one address; what is no address is not allowed."""
        parsed = parse_address(address)
        return parsed is not None and self.admits(parsed)

    def admits(self, address: Address) -> bool:
        """Answer the same for an address from `parse_address`."""
        return next((allowed for networks, allowed in self._rules if networks.holds(address)), self._default)


def access_list(acls: Acls, name: str) -> AccessList | None:
    """Return the list of this name, as a profile, a trunk or the API names it; None for '', which admits everybody.

    A list that does not exist, which no checked configuration names, denies everybody.
    """
    if not name:
        return None
    return AccessList(next((acl for acl in acls.acls if acl.name == name), Acl(name=name)))
