"""Who is shut out, and what the policies have counted."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rustalk.observe.house import LimitSnapshot

from . import schema
from .errors import ApiError
from .listing import PAGING, cut
from .moment import moment
from .route import Answer, Ask, Parameter, Route
from .sources import Sources

__all__ = ["Protection"]

_TEXT: dict[str, Any] = {"type": "string"}
_MAYBE: dict[str, Any] = {"type": ["string", "null"]}
_COUNT: dict[str, Any] = {"type": "integer"}
_PAGED = {"total": _COUNT, "next": _MAYBE}
_TYPES = ("frequency", "daily", "concurrency", "spend")
_AMOUNT = {"type": ["integer", "string"]}
_LIMIT = schema.record(
    {
        "policy_id": _TEXT,
        "scope": _TEXT,
        "scope_value": _TEXT,
        "limit_type": {**_TEXT, "enum": list(_TYPES)},
        "count": _AMOUNT,
        "limit": _AMOUNT,
        "window_end": _MAYBE,
    }
)
_FILTERS = (
    Parameter("policy_id", "Only counters of this policy."),
    Parameter("scope_value", "Only those of this caller, number, pair or trunk."),
    Parameter("limit_type", "Only those of this kind.", {**_TEXT, "enum": list(_TYPES)}),
)


class Protection:
    """``/api/v1/bans`` and ``/api/v1/frequency-limits``."""

    def __init__(self, sources: Sources) -> None:
        self._switch = sources.switch

    def routes(self) -> list[Route]:
        """The routes of this resource."""
        bans, limits = "/api/v1/bans", "/api/v1/frequency-limits"
        ban = schema.record({"address": _TEXT, "reason": _TEXT, "since": _TEXT, "until": _TEXT})
        return [
            Route(
                "GET",
                bans,
                self.bans,
                "The addresses that are shut out now; an IPv6 address stands for its /64.",
                area="bans",
                auditor=True,
                query=PAGING,
                gives=schema.record({"bans": schema.array(ban), **_PAGED}),
            ),
            Route(
                "DELETE",
                f"{bans}/<path:address>",
                self.lift,
                "End a ban, and forget what led to it.",
                least="operator",
                area="bans",
                changes=True,
                gives=schema.record({"success": {"type": "boolean"}, "message": _TEXT, "address": _TEXT}),
                problems=("item-not-found",),
            ),
            Route(
                "GET",
                limits,
                self.limits,
                "What the policies have counted; counters at zero are left out.",
                area="limits",
                auditor=True,
                query=(*PAGING, *_FILTERS),
                gives=schema.record({"frequency_limits": schema.array(_LIMIT), **_PAGED}),
            ),
            Route(
                "DELETE",
                limits,
                self.clear,
                "Forget what was counted, of all or as filtered; calls in progress go on counting.",
                least="operator",
                area="limits",
                changes=True,
                query=_FILTERS,
                gives=schema.record({"success": {"type": "boolean"}, "cleared": _COUNT}),
            ),
        ]

    async def bans(self, ask: Ask) -> Answer:
        """Give a page of bans."""
        page = cut(self._switch.bans(), lambda ban: ban.address, ask)
        bans = [
            {"address": each.address, "reason": each.reason, "since": moment(each.since), "until": moment(each.until)}
            for each in page.items
        ]
        return Answer({"bans": bans, "total": page.total, "next": page.next})

    async def lift(self, ask: Ask) -> Answer:
        """End one."""
        address = ask.path["address"]
        if not self._switch.lift_ban(address):
            raise ApiError("item-not-found", "This address is not banned; see /api/v1/bans.")
        return Answer({"success": True, "message": "The ban has ended.", "address": address})

    async def limits(self, ask: Ask) -> Answer:
        """Give a page of counters."""
        asked = _asked(ask)
        found = [each for each in self._switch.limits() if all(getattr(each, name) == asked[name] for name in asked)]
        page = cut(found, lambda each: f"{each.policy_id} {each.limit_type} {each.scope_value}", ask)
        shown = [_limit(each) for each in page.items]
        return Answer({"frequency_limits": shown, "total": page.total, "next": page.next})

    async def clear(self, ask: Ask) -> Answer:
        """Forget some."""
        asked = _asked(ask)
        cleared = self._switch.clear_limits(*(asked.get(each.name, "") for each in _FILTERS))
        return Answer({"success": True, "cleared": cleared}, note={**asked, "cleared": cleared})


def _asked(ask: Ask) -> dict[str, str]:
    asked = {each.name: ask.query[each.name] for each in _FILTERS if ask.query.get(each.name)}
    if asked.get("limit_type", _TYPES[0]) not in _TYPES:
        raise ApiError("invalid-parameter", f"limit_type is one of {', '.join(_TYPES)}.")
    return asked


def _limit(each: LimitSnapshot) -> dict[str, Any]:
    return {
        "policy_id": each.policy_id,
        "scope": each.scope,
        "scope_value": each.scope_value,
        "limit_type": each.limit_type,
        "count": _amount(each.count),
        "limit": _amount(each.limit),
        "window_end": moment(each.resets),
    }


def _amount(value: int | Decimal) -> int | str:
    return f"{value:f}" if isinstance(value, Decimal) else value
