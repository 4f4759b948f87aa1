"""Routes: a collection, and the question where a call would go."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rustalk.config.model import TEAMS
from rustalk.config.scalars import shown

from . import schema
from .collection import Items
from .errors import ApiError, Fault
from .route import Answer, Ask, Route

__all__ = ["Rules"]

_TEXT, _MAYBE = {"type": "string"}, {"type": ["string", "null"]}
_LISTED = 20
_PLACE = schema.record({"type": _TEXT, "value": _TEXT})
_QUESTION = schema.record(
    {"destination": _TEXT}, caller_id=_TEXT, source_trunk=_MAYBE, at={**_MAYBE, "examples": ["2026-12-24T18:00:00Z"]}
)
_RESULT = schema.record(
    {
        "success": {"type": "boolean"},
        "matched": {"type": "boolean"},
        "route_id": _MAYBE,
        "route_name": _MAYBE,
        "destination": {"anyOf": [_PLACE, {"type": "null"}]},
        "action": _TEXT,
        "message": _TEXT,
        "steps": schema.array(schema.record({"route": _TEXT, "result": _TEXT, "why": _TEXT})),
    }
)


class Rules(Items):
    """``/api/v1/routes``."""

    def routes(self) -> list[Route]:
        """The routes of every collection, and the test."""
        test = self.route(
            "POST",
            f"{self.root}/test",
            self.test,
            "Where a call would go and why, without calling anybody; `at` is now where it is left out.",
            takes=_QUESTION,
            gives=_RESULT,
            problems=("invalid-body", "invalid-value"),
        )
        return [test, *super().routes()]

    async def test(self, ask: Ask) -> Answer:
        """Ask the dialplan."""
        body = ask.json()
        values = {name: body.get(name) or "" for name in ("caller_id", "destination", "source_trunk", "at")}
        faults = [Fault(f"$.{name}", "found no text, expected one") for name in values if not _is_text(values[name])]
        faults += [Fault(f"$.{name[:64]}", "found an unknown key") for name in sorted(body.keys() - values.keys())]
        if not values["destination"]:
            faults.append(Fault("$.destination", "found nothing, expected the number that is called"))
        at = _moment(values["at"]) if _is_text(values["at"]) else None
        if at is None:
            faults.append(Fault("$.at", "expected a moment such as 2026-12-24T18:00:00Z"))
        if faults or at is None:
            raise ApiError("invalid-value", "Nothing was tested: see errors.", faults=faults)
        try:
            return Answer(
                self.switch.test_route(values["caller_id"], values["destination"], values["source_trunk"], at)
            )
        except LookupError:
            fault = Fault("$.source_trunk", self._unknown(values["source_trunk"]))
            raise ApiError("invalid-value", "Nothing was tested: see errors.", faults=(fault,)) from None

    def _unknown(self, source: str) -> str:
        """What is wrong with a source that is no trunk."""
        settings = self.live.settings
        if any(source in (each.extension, each.id) for each in settings.extensions):
            return f"found {shown(source)}, an extension: leave source_trunk out, and give its number as caller_id"
        trunks = [trunk.id for trunk in settings.trunks] + [TEAMS] * settings.teams.enabled
        some = ", ".join(sorted(trunks)[:_LISTED]) or "none"
        return f"found {shown(source)}, expected a trunk, of which there are: {some}"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 256


def _moment(text: str) -> datetime | None:
    if not text:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
