"""What the dialplan would do with a call, in the words of POST /routes/test and of `rustalk route test`."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

from rustalk.config.model import TEAMS, Destination, Manners, Settings
from rustalk.trunk.plan import NumberPlan
from rustalk.ua.reasons import REASONS
from rustalk.ua.subject import Subject

from .dialplan import Dialplan
from .directory import EXTENSION, calling_extension
from .grants import Grants
from .place import Place, place
from .query import Step

__all__ = ["tested", "why"]

_NOBODY = "anonymous"
_RESULTS = {
    "matched": "matches",
    "noted": "matches and is noted; the next one is asked",
    "disabled": "is disabled",
    "source": "is for calls from another trunk",
    "pattern": "is for other numbers",
    "condition": "has a condition that does not hold",
    "urgent": "would not let an emergency call pass",
}
_LATER = {
    ("dids", "matched"): "the number is dialled from outside",
    ("dids", "absent"): "the number is not one that is dialled from outside",
    ("extensions", "matched"): "the number is that of an extension",
    ("extensions", "disabled"): "the number is that of an extension that is not enabled",
    ("extensions", "absent"): "the number is not that of an extension",
    ("ring_groups", "matched"): "the number is that of a ring group",
    ("ring_groups", "absent"): "the number is not that of a ring group",
    ("permissions", "barred"): "the extension may not make this call",
    ("permissions", "passed"): "the extension may make this call",
    ("destinations", "closed"): "a place that takes no calls is left out",
    ("limits", "passed"): "there is room for the call",
    ("limits", "refused"): "a limit refuses the call",
}


def tested(
    plan: Dialplan,
    settings: Settings,
    caller_id: str,
    destination: str,
    source_trunk: str,
    at: datetime.datetime,
    *,
    grants: Grants,
    host: str,
) -> dict[str, Any]:
    """What would become of a call, as JSON: the answer of POST /routes/test. ``settings`` are those of the ``plan``.

    Numbers are given as the trunk writes them. ``source_trunk`` '' is the extension where ``caller_id`` is one, else a
    trunk that no route names; ``host`` is the name that Teams calls, '' our own. ``grants`` are asked as they are now,
    and count nothing. Raises LookupError for a trunk that there is not, ValueError for a time without a zone.
    """
    if not source_trunk and plan.directory.extension(caller_id) is not None:
        source_trunk = f"{EXTENSION}{caller_id}"
    placed = place(plan, _subject(settings, caller_id, destination, source_trunk, host), source_trunk, at)
    steps = plan.explain(placed.query).steps if placed.query is not None else ()
    placed, of_limits = grants.room(plan, placed)
    return _as_json(placed, (*steps, *of_limits))


def _subject(settings: Settings, caller: str, called: str, source: str, host: str) -> Subject:
    """The call as the rules and the country of its trunk make it; who gives no number is anonymous, as in an INVITE."""
    caller = caller or _NOBODY
    if not source or calling_extension(source):
        return Subject(caller, called)
    is_teams = source == TEAMS and settings.teams.enabled
    manners: Manners | None = settings.teams if is_teams else settings.trunk(source)
    if manners is None:
        raise LookupError(source)
    numbers = NumberPlan(manners)
    called = numbers.inward(called)
    name = (host or settings.teams.sbc_fqdn).lower() if is_teams else ""
    return Subject(numbers.inward(caller), called, host=name, is_emergency=numbers.is_emergency(called))


def _as_json(placed: Place, steps: Iterable[Step]) -> dict[str, Any]:
    """The fields of the seed, and what else there is to tell.

    ``success`` is whether the call would go somewhere, ``matched`` whether anything took it, be it to refuse it.
    """
    made, route, subject = placed.decision, placed.route, placed.subject
    places = [_place(each) for each in made.destinations] if made is not None else []
    return {
        "success": made is not None,
        "matched": made is not None or route is not None,
        "route_id": route.id if route is not None else None,
        "route_name": (route.name or route.id) if route is not None else None,
        "destination": places[0] if places else None,
        "destinations": places,
        "action": "accept" if made is not None else "reject",
        "message": _told(placed),
        "caller_id": subject.caller,
        "called": subject.called,
        "tenant": subject.tenant or None,
        "emergency": subject.is_emergency,
        "code": placed.code or None,
        "status": placed.answer or None,
        "steps": [{"route": step.name, "result": step.result, "why": why(step)} for step in steps],
    }


def _told(placed: Place) -> str:
    """An outcome as a sentence."""
    made, route = placed.decision, placed.route
    if made is not None:
        places = ", then ".join(f"{each.type} {each.value}".rstrip() for each in made.destinations)
        by = {"route": "route", "did": "DID", "extension": "extension", "ring_group": "ring group"}[made.by]
        return f"{by} {made.name} sends the call to {places}"
    by = f"route {route.id}: " if route is not None else ""
    return f"{by}{placed.answer}, {REASONS[placed.code].text}"


def why(step: Step) -> str:
    """What became of one step, in words."""
    if step.route is None:
        detail = f": {REASONS[step.detail].text}" if step.result in ("barred", "closed", "refused") else ""
        whose = f", that of {step.whose}" if step.whose else ""
        return f"{_LATER[step.name, step.result]}{whose}{detail}"
    condition = step.condition
    named = f" ({'not ' if condition.negate else ''}{condition.TYPE})" if condition is not None else ""
    return f"{_RESULTS[step.result]}{named}"


def _place(destination: Destination) -> dict[str, str]:
    return {"type": destination.type, "value": destination.value}
