"""The phones that are registered, and the logins that failed."""

from __future__ import annotations

from typing import Any

from rustalk.observe.house import LoginSnapshot, RegistrationSnapshot
from rustalk.observe.printable import printable

from . import schema
from .errors import ApiError
from .listing import PAGING, cut
from .moment import moment
from .route import Answer, Ask, Parameter, Route
from .sources import Sources

__all__ = ["Registrations"]

_TEXT: dict[str, Any] = {"type": "string"}
_MAYBE: dict[str, Any] = {"type": ["string", "null"]}
_COUNT: dict[str, Any] = {"type": "integer"}
_REGISTRATION = schema.record(
    {
        "id": _TEXT,
        "extension": _TEXT,
        "contact": _TEXT,
        "address": _TEXT,
        "transport": _TEXT,
        "profile": _TEXT,
        "user_agent": _TEXT,
        "expires_at": _TEXT,
        "registered_at": _MAYBE,
        "refreshed_at": _MAYBE,
        "instance": _TEXT,
        "reg_id": _COUNT,
        "q": {"type": "number"},
        "path": schema.array(_TEXT),
        "node": _TEXT,
        "reachable": {"type": "boolean"},
    }
)
_LOGIN = schema.record(
    {"account": _TEXT, "address": _TEXT, "count": _COUNT, "first": _TEXT, "last": _TEXT, "reason": _TEXT}
)


class Registrations:
    """``/api/v1/registrations`` and ``/api/v1/logins/failed``."""

    def __init__(self, sources: Sources) -> None:
        self._switch = sources.switch

    def routes(self) -> list[Route]:
        """The routes of this resource."""
        root = "/api/v1/registrations"
        paged: dict[str, Any] = {"total": _COUNT, "next": _MAYBE}
        return [
            Route(
                "GET",
                root,
                self.listed,
                "Every registered phone.",
                area="registrations",
                query=(
                    *PAGING,
                    Parameter("extension", "Only those of this number."),
                    Parameter("q", "Text in any field."),
                ),
                gives=schema.record({"registrations": schema.array(_REGISTRATION), **paged}),
            ),
            Route(
                "DELETE",
                f"{root}/<id>",
                self.remove,
                "End a registration; the phone is not called until it registers again.",
                least="operator",
                area="registrations",
                changes=True,
                gives=schema.record({"success": {"type": "boolean"}, "message": _TEXT, "id": _TEXT}),
                problems=("item-not-found",),
            ),
            Route(
                "GET",
                "/api/v1/logins/failed",
                self.failed,
                "Logins that failed lately, by account and address, the latest first.",
                area="registrations",
                auditor=True,
                query=(*PAGING, Parameter("account", "Only those of this account.")),
                gives=schema.record({"logins": schema.array(_LOGIN), **paged}),
            ),
        ]

    async def listed(self, ask: Ask) -> Answer:
        """Give a page of registrations."""
        found = self._switch.registrations()
        if "extension" in ask.query:
            found = [each for each in found if each.extension == ask.query["extension"]]
        text = ask.query.get("q", "").lower()
        if text:
            found = [each for each in found if text in _text(each)]
        page = cut(found, lambda each: each.id, ask)
        return Answer({"registrations": [_shown(each) for each in page.items], "total": page.total, "next": page.next})

    async def remove(self, ask: Ask) -> Answer:
        """End one."""
        id = ask.path["id"]
        if not self._switch.unregister(id):
            raise ApiError("item-not-found", "There is no registration of this id; see /api/v1/registrations.")
        return Answer({"success": True, "message": "The registration has ended.", "id": id})

    async def failed(self, ask: Ask) -> Answer:
        """Give a page of failed logins."""
        account = ask.query.get("account")
        found = [each for each in self._switch.failed_logins() if account in (None, each.account)]
        page = cut(found, lambda each: f"{each.account} {each.address}", ask)
        return Answer({"logins": [_login(each) for each in page.items], "total": page.total, "next": page.next})


def _text(each: RegistrationSnapshot) -> str:
    return f"{each.extension} {each.contact} {each.address} {each.user_agent} {each.profile} {each.node}".lower()


def _shown(each: RegistrationSnapshot) -> dict[str, Any]:
    return {
        "id": each.id,
        "extension": each.extension,
        "contact": printable(each.contact),
        "address": each.address,
        "transport": each.transport,
        "profile": each.profile,
        "user_agent": printable(each.user_agent),
        "expires_at": moment(each.expires),
        "registered_at": moment(each.registered),
        "refreshed_at": moment(each.refreshed),
        "instance": printable(each.instance),
        "reg_id": each.reg_id,
        "q": each.q,
        "path": [printable(hop) for hop in each.path],
        "node": each.node,
        "reachable": each.reachable,
    }


def _login(each: LoginSnapshot) -> dict[str, Any]:
    return {
        "account": printable(each.account),
        "address": each.address,
        "count": each.count,
        "first": moment(each.first),
        "last": moment(each.last),
        "reason": each.reason,
    }
