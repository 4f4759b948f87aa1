"""The audit log: who did what from where, and what came of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rustalk.store.audit import Entry

from . import schema
from .listing import PAGING
from .moment import moment
from .pages import before, following
from .route import Answer, Ask, Parameter, Route
from .sources import Sources

__all__ = ["AuditLog"]

_TEXT = {"type": "string"}
_ENTRY = schema.record(
    {
        "id": {"type": "integer"},
        "time": _TEXT,
        "who": _TEXT,
        "role": _TEXT,
        "address": _TEXT,
        "action": _TEXT,
        "target": _TEXT,
        "outcome": _TEXT,
        "detail": {"type": "object"},
    }
)
_FILTERS = ("who", "action", "target")


class AuditLog:
    """``/api/v1/audit``, for auditors and admins."""

    def __init__(self, sources: Sources) -> None:
        self._audit = sources.store.audit

    def routes(self) -> list[Route]:
        """The routes of this resource."""
        filters = tuple(Parameter(name, f"Only entries with this {name}.") for name in _FILTERS)
        return [
            Route(
                "GET",
                "/api/v1/audit",
                self.show,
                "The audit log, newest first. `total` is null where it is filtered.",
                least="admin",
                auditor=True,
                area="audit",
                query=(*PAGING, *filters),
                gives=schema.record(
                    {
                        "entries": schema.array(_ENTRY),
                        "total": {"type": ["integer", "null"]},
                        "next": {"type": ["string", "null"]},
                    }
                ),
                problems=("database-down",),
            )
        ]

    async def show(self, ask: Ask) -> Answer:
        """Give a page of entries."""
        limit, asked = ask.number("limit", 100, 1, 1000), {name: ask.query.get(name, "") for name in _FILTERS}
        start = before(ask)
        await self._audit.flush()
        found = await self._audit.entries(limit + 1, start, **asked)
        count, cursor = following([each.id for each in found], limit)
        total = None if any(asked.values()) else await self._total(found, start)
        return Answer({"entries": [_shown(each) for each in found[:count]], "total": total, "next": cursor})

    async def _total(self, found: list[Entry], start: int | None) -> int:
        """How many there are: their numbers have no gaps."""
        newest = found if start is None else await self._audit.entries(1)
        return newest[0].id if newest else 0


def _shown(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "time": moment(datetime.fromtimestamp(entry.time, UTC)),
        "who": entry.who,
        "role": entry.role,
        "address": entry.address,
        "action": entry.action,
        "target": entry.target,
        "outcome": entry.outcome,
        "detail": dict(entry.detail),
    }
