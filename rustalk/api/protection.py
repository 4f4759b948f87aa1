"""Who is shut out, and what the policies have counted."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from rustalk.config.scalars import shown
from rustalk.observe.house import BanSnapshot, LimitSnapshot
from rustalk.security.networks import NetworkSet, parse_address, source_of

from . import schema
from .errors import ApiError, Fault, unfit
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
_LONGEST, _LONGEST_REASON = 31_536_000, 200
_NEW = schema.record(
    {"address": _TEXT},
    seconds={"type": "number", "minimum": 1, "maximum": _LONGEST},
    reason={**_TEXT, "minLength": 1, "maxLength": _LONGEST_REASON},
)
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
        self._live = sources.store.live

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
                "POST",
                bans,
                self.ban,
                "Shut an address out; for `security.ban_seconds` where `seconds` is left out.",
                least="admin",
                area="bans",
                changes=True,
                takes=_NEW,
                gives=ban,
                status=201,
                problems=("invalid-body", "invalid-value", "never-banned"),
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
        return Answer({"bans": [_ban(each) for each in page.items], "total": page.total, "next": page.next})

    async def ban(self, ask: Ask) -> Answer:
        """Make one by hand."""
        security = self._live.settings.security
        body = {"seconds": security.ban_seconds, "reason": "by hand", **ask.json()}
        faults = tuple(_faults(body))
        if faults:
            raise ApiError("invalid-value", "Nobody was banned: see errors.", faults=faults)
        address = str(parse_address(body["address"]))
        if source_of(address) == source_of(ask.who.address):
            raise ApiError("never-banned", "This is the address that you ask from: you would shut yourself out.")
        made = self._switch.ban(address, float(body["seconds"]), body["reason"])
        if made is None:
            raise ApiError("never-banned", f"{address} is {self._why(address)}; change that first.")
        note = {"address": made.address, "seconds": body["seconds"], "reason": made.reason}
        return Answer(_ban(made), 201, (("Location", f"/api/v1/bans/{made.address}"),), note)

    def _why(self, address: str) -> str:
        """Why an address is never banned."""
        own = NetworkSet(self._live.settings.security.never_ban).contains(address)
        return "in a network of security.never_ban" if own else "that of a trunk or of Teams"

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


def _faults(body: dict[str, Any]) -> Iterator[Fault]:
    for key in sorted(body.keys() - _NEW["properties"].keys()):
        yield Fault(f"$.{key[:64]}", f"found an unknown key, expected one of {', '.join(_NEW['properties'])}")
    address, seconds, reason = (body.get(name) for name in ("address", "seconds", "reason"))
    if not isinstance(address, str) or parse_address(address) is None:
        yield Fault("$.address", f"found {shown(address)}, expected an IP address, no name and no network")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 1 <= seconds <= _LONGEST:
        yield Fault("$.seconds", f"found {shown(seconds)}, expected seconds from 1 to {_LONGEST}")
    if not isinstance(reason, str) or not reason.isprintable() or not 0 < len(reason) <= _LONGEST_REASON:
        yield Fault("$.reason", f"expected 1 to {_LONGEST_REASON} printable characters")


def _ban(each: BanSnapshot) -> dict[str, Any]:
    return {
        "address": each.address,
        "reason": each.reason,
        "since": moment(each.since),
        "until": moment(each.until),
    }


def _asked(ask: Ask) -> dict[str, str]:
    asked = {each.name: ask.query[each.name] for each in _FILTERS if ask.query.get(each.name)}
    if asked.get("limit_type", _TYPES[0]) not in _TYPES:
        raise unfit("limit_type", f"one of {', '.join(_TYPES)}")
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
