"""Trunks: a collection, in which each one also shows the health of its hosts; Teams stands at the end of the list."""

from __future__ import annotations

from typing import Any

from rustalk.config.overlay import to_json
from rustalk.observe.snapshots import TargetSnapshot, TrunkSnapshot

from . import schema
from .collection import Items
from .listing import cut
from .moment import moment
from .route import Answer, Ask

__all__ = ["Trunks"]

_TEXT, _COUNT, _MAYBE = {"type": "string"}, {"type": "integer"}, {"type": ["string", "null"]}
_TARGET = schema.record(
    {
        "host": _TEXT,
        "port": _COUNT,
        "transport": _TEXT,
        "state": _TEXT,
        "why": _TEXT,
        "since": _MAYBE,
        "last_check": _MAYBE,
        "response_time_ms": {"type": ["number", "null"]},
    }
)
_HEALTH = schema.record(
    {
        "id": _TEXT,
        "name": _TEXT,
        "state": _TEXT,
        "why": _TEXT,
        "since": _MAYBE,
        "registered": {"type": ["boolean", "null"]},
        "active_calls": _COUNT,
        "total_calls": _COUNT,
        "targets": schema.array(_TARGET),
    }
)


class Trunks(Items):
    """``/api/v1/trunks``. No password is shown."""

    def shown_schema(self) -> dict[str, Any]:
        """A trunk with its health; Teams, which is no item of the collection, has its health alone."""
        return _HEALTH

    def known(self, item: Any) -> dict[str, Any]:
        """The health of a trunk, as far as the switch knows it."""
        found = next((each for each in self.switch.trunks() if each.id == item.id), None)
        return _UNKNOWN if found is None else _health(found)

    def read_only(self) -> frozenset[str]:
        """The health is no configuration."""
        return super().read_only() | _UNKNOWN.keys()

    async def listed(self, ask: Ask) -> Answer:
        """Give a page of trunks; on the last one, where nothing is asked for, Teams and what else there is."""
        page = cut(self.chosen(ask), self.collection.key_of, ask)
        snapshots = {each.id: each for each in self.switch.trunks()}
        shown = [self._with(item, snapshots.get(item.id)) for item in page.items]
        configured = {item.id for item in self.source}
        filtered = ask.query.keys() - {"limit", "cursor"}
        others = [] if filtered else [each for each in snapshots.values() if each.id not in configured]
        if page.next is None:
            shown += [{"id": each.id, "name": each.name, **_health(each)} for each in others]
        return Answer({"trunks": shown, "total": page.total + len(others), "next": page.next})

    def _with(self, item: Any, snapshot: TrunkSnapshot | None) -> dict[str, Any]:
        return {**to_json(item), **(_UNKNOWN if snapshot is None else _health(snapshot))}


_UNKNOWN: dict[str, Any] = {
    "state": "unknown",
    "why": "the trunk is not in use yet",
    "since": None,
    "registered": None,
    "active_calls": 0,
    "total_calls": 0,
    "targets": [],
}


def _health(trunk: TrunkSnapshot) -> dict[str, Any]:
    return {
        "state": trunk.state.value,
        "why": trunk.why,
        "since": moment(trunk.since),
        "registered": trunk.registered,
        "active_calls": trunk.active_calls,
        "total_calls": trunk.total_calls,
        "targets": [_target(target) for target in trunk.targets],
    }


def _target(target: TargetSnapshot) -> dict[str, object]:
    return {
        "host": target.host,
        "port": target.port,
        "transport": target.transport,
        "state": target.state.value,
        "why": target.why,
        "since": moment(target.since),
        "last_check": moment(target.last_check),
        "response_time_ms": target.response_time_ms,
    }
