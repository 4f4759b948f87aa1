"""Where one call goes, from who calls whom to the trunk or the refusal: the live calls and the dry run ask here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rustalk.config.model import TEAMS, Route
from rustalk.sip.location import location_method
from rustalk.ua.subject import Diverted, Subject

from .routes import CallQuery, Decision, Rejection, decide
from .tenants import Tenants

__all__ = ["Placed", "goes_round", "place"]


@dataclass(frozen=True, slots=True)
class Placed:
    """What was decided: ``decision`` says where the call goes; where it is None, ``code`` is the reason.

    ``subject`` has its tenant; ``status`` is that of a route that refuses, 0 where the code has its own. ``routes`` and
    ``query`` are what was asked, for `routes.explain`; without routes nobody was.
    """

    subject: Subject
    decision: Decision | None
    code: str = ""
    status: int = 0
    routes: Sequence[Route] = ()
    query: CallQuery | None = None


def place(tenants: Tenants, subject: Subject, source: str, now: datetime) -> Placed:
    """Decide about a call that came from the trunk ``source`` at the moment ``now``."""
    if not subject.called:
        return Placed(subject, None, "no_number")
    if subject.told.history and goes_round(subject.told.history):
        return Placed(subject, None, "loop_detected")
    if source == TEAMS:
        tenant = tenants.for_host(subject)
        if tenant is None:
            return Placed(subject, None, "unknown_tenant")
        subject = _of(subject, tenant)
    routes = tenants.routes_for(subject, source)
    query = CallQuery(source, subject.caller, subject.called, now, location_method(subject.told.enclosed))
    outcome = decide(routes, query)
    if isinstance(outcome, Decision):
        if source != TEAMS:
            subject = _of(subject, tenants.owner(outcome.route))
        return Placed(subject, outcome, routes=routes, query=query)
    if isinstance(outcome, Rejection):
        code = "route_hangup" if outcome.route.action == "accept" else "route_refused"
        return Placed(subject, None, code, outcome.status, routes, query)
    return Placed(subject, None, "no_route", 0, routes, query)


def _of(subject: Subject, tenant: str) -> Subject:
    return replace(subject, tenant=tenant) if tenant != subject.tenant else subject


def goes_round(history: Iterable[Diverted]) -> bool:
    """Whether the call has left one number twice: two phones forward it to each other (HDR-13)."""
    left = Counter(each.number.removeprefix("+") for each in history if each.cause)
    return any(times > 1 for times in left.values())
