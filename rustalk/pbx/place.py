"""Where one call goes, from who calls whom to the places that are tried: live calls and the dry run ask here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from rustalk.config.model import TEAMS, Route
from rustalk.sip.location import location_method
from rustalk.ua.reasons import REASONS
from rustalk.ua.subject import Diverted, Subject

from .dialplan import Dialplan
from .directory import calling_extension
from .query import Decision, Outcome, Query, Rejection

__all__ = ["Place", "goes_round", "place"]

_OUTSIDE = frozenset(("Trunk", "Custom"))


@dataclass(frozen=True, slots=True)
class Place:
    """What was decided about a call.

    ``subject`` has its tenant, and its numbers as the routes rewrote them. Where ``decision`` is None the call is
    refused: ``code`` is the reason and ``status`` that of a route which has one, 0 where the code has its own.
    ``query`` is what the dialplan was asked, None where it was not; ``route`` the one that took the call or refused it.
    """

    subject: Subject
    decision: Decision | None
    code: str = ""
    status: int = 0
    query: Query | None = None
    route: Route | None = None

    @property
    def answer(self) -> int:
        """The SIP status of the refusal, 0 where there is none."""
        return self.status or (REASONS[self.code].status if self.code else 0)


def place(
    plan: Dialplan,
    subject: Subject,
    source: str,
    now: datetime,
    header: Callable[[str], str | None] | None = None,
) -> Place:
    """Decide about a call that came from ``source``, a trunk or "extension:" with a number, at the moment ``now``.

    The caller of a call that an extension makes is its number, and that of one which it forwards is whoever called it.
    ``header`` gives the value of a header field of the INVITE.
    """
    if not subject.called:
        return Place(subject, None, "no_number")
    if subject.told.history and goes_round(subject.told.history):
        return Place(subject, None, "loop_detected")
    if source == TEAMS:
        tenant = plan.tenants.for_host(subject)
        if tenant is None:
            return Place(subject, None, "unknown_tenant")
        subject = replace(subject, tenant=tenant) if tenant != subject.tenant else subject
    query = _query(subject, source, now, header)
    return _placed(plan, subject, query, plan.decide(query))


def _query(subject: Subject, source: str, now: datetime, header: Callable[[str], str | None] | None) -> Query:
    query = Query(
        source,
        subject.caller,
        subject.called,
        now,
        subject.tenant,
        location_method(subject.told.enclosed),
        is_emergency=subject.is_emergency,
    )
    return query if header is None else replace(query, header=header)


def _placed(plan: Dialplan, subject: Subject, query: Query, made: Outcome) -> Place:
    if isinstance(made, Rejection):
        return Place(subject, None, made.code, made.status, query, made.route)
    if not isinstance(made, Decision):
        return Place(subject, None, made.code, query=query)
    tenant = subject.tenant if query.source == TEAMS else made.tenant or subject.tenant
    seen = replace(
        subject,
        caller=made.caller,
        called=made.destination,
        display=_display(plan, subject, query.source, made),
        tenant=tenant,
        is_emergency=made.is_emergency,
    )
    return Place(subject if seen == subject else seen, made, query=query, route=made.route)


def _display(plan: Dialplan, subject: Subject, source: str, made: Decision) -> str:
    """The name of the caller: that of an extension inside, and outside the one that it shows there."""
    extension = plan.directory.extension(subject.caller) if calling_extension(source) else None
    if extension is None or subject.caller != extension.extension:
        return subject.display
    leaves = any(each.type in _OUTSIDE for each in made.destinations)
    return (extension.caller_id_name if leaves else "") or extension.display_name or subject.display


def goes_round(history: Iterable[Diverted]) -> bool:
    """Whether the call has left one number twice: two phones forward it to each other (HDR-13)."""
    left = Counter(each.number.removeprefix("+") for each in history if each.cause)
    return any(times > 1 for times in left.values())
