"""ACLs: a collection, and the question whether one admits an address."""

from __future__ import annotations

from rustalk.config.acls import STANDARD
from rustalk.security.acl import AccessList
from rustalk.security.networks import parse_address

from . import schema
from .collection import Items
from .errors import ApiError
from .route import Answer, Ask, Route

__all__ = ["Acls"]

_STANDARD = frozenset(acl.name for acl in STANDARD)


class Acls(Items):
    """``/api/v1/acls``."""

    def routes(self) -> list[Route]:
        """The routes of every collection, and the check of an address."""
        check = self.route(
            "GET",
            f"{self.root}/<key>/check/<ip>",
            self.check,
            "Whether the ACL admits an address.",
            gives=schema.record({"acl": {"type": "string"}, "ip": {"type": "string"}, "allowed": {"type": "boolean"}}),
            problems=("item-not-found", "invalid-parameter"),
        )
        return [check, *super().routes()]

    async def check(self, ask: Ask) -> Answer:
        """Ask the ACL."""
        acl, address = self.find(ask), ask.path["ip"]
        if parse_address(address) is None:
            raise ApiError("invalid-parameter", f"{address[:64]!r} is no IP address.")
        return Answer({"acl": acl.name, "ip": address, "allowed": AccessList(acl).allows(address)})

    async def delete(self, ask: Ask) -> Answer:
        """Take an ACL out, but no standard one: it would be back with the next start."""
        acl = self.find(ask)
        if acl.name in _STANDARD:
            raise ApiError("standard-item", f"{acl.name} is a standard ACL, which is always there: change it instead.")
        return await super().delete(ask)
