"""What the switch would do with a call, found by the functions that the live calls go through, without calling anybody.

Only what is known from the configuration counts: whether a trunk is full or its hosts are down is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape

from rustalk.call.place import Placed, place
from rustalk.call.routes import Step, explain
from rustalk.call.tenants import Tenants
from rustalk.config.model import TEAMS, Settings
from rustalk.sip.location import PIDF
from rustalk.sip.message import Field, Request
from rustalk.sip.uri import format_host
from rustalk.trunk.build import build_dialects
from rustalk.trunk.number import as_user
from rustalk.ua.reasons import REASONS
from rustalk.ua.subject import Subject

__all__ = ["DryRun", "Goal", "Question", "Trial", "compose"]

_DOMAIN = "this-sbc.invalid"
_NOBODY = "sip:anonymous@anonymous.invalid"


@dataclass(frozen=True, slots=True)
class Question:
    """A call that might come: from a trunk, for a number, at a moment with a time zone.

    ``caller`` '' is an anonymous one; ``host`` is the name that Teams calls, '' the switch's own; ``location`` is how
    the location was found that comes with the call, '' for a call without one; ``fields`` are more header fields of the
    INVITE.
    """

    source: str
    number: str
    now: datetime
    caller: str = ""
    host: str = ""
    fields: tuple[Field, ...] = ()
    location: str = ""


@dataclass(frozen=True, slots=True)
class Goal:
    """The INVITE that would go out: the user part of its Request-URI, its From, and what else tells of the caller."""

    trunk: str
    called: str
    from_: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """What would become of the call: what was read from it, each route that was asked, and a goal or a refusal.

    ``code`` is that of the registry of reasons, '' where there is a goal; ``status`` the SIP status with it.
    """

    subject: Subject
    steps: tuple[Step, ...]
    goal: Goal | None
    code: str = ""
    status: int = 0


class DryRun:
    """Tries calls on a configuration."""

    def __init__(self, settings: Settings) -> None:
        self._dialects = build_dialects(settings)
        self._fqdn = settings.teams.sbc_fqdn
        self._names = {tenant.id: tenant.fqdn for tenant in settings.teams.tenants}
        self._tenants = Tenants(settings.routing.routes, settings.teams.tenants, self._fqdn)

    @property
    def trunks(self) -> Iterable[str]:
        """The ids of the trunks that calls may come from."""
        return self._dialects

    def ask(self, question: Question) -> Trial:
        """What would become of this call.

        Raises KeyError for a trunk that there is not, RemoteProtocolError for a host that is none.
        """
        request = compose(question, question.host or (self._fqdn if question.source == TEAMS else _DOMAIN))
        subject = self._dialects[question.source].reader.subject(request)
        placed = place(self._tenants, subject, question.source, question.now)
        steps = tuple(explain(placed.routes, placed.query)) if placed.query is not None else ()
        goal = self._goal(placed)
        if goal is not None:
            return Trial(placed.subject, steps, goal)
        code = placed.code or "no_target"
        return Trial(placed.subject, steps, None, code, placed.status or REASONS[code].status)

    def _goal(self, placed: Placed) -> Goal | None:
        dialect = self._dialects.get(placed.decision.trunk) if placed.decision is not None else None
        if placed.decision is None or dialect is None:
            return None
        writer, subject, trunk = dialect.writer, placed.subject, placed.decision.trunk
        domain = self._names.get(subject.tenant, self._fqdn) if trunk == TEAMS else _DOMAIN
        return Goal(trunk, writer.called(subject), writer.caller(subject, domain).from_, writer.fields(subject, domain))


def compose(question: Question, host: str) -> Request:
    """The INVITE that the trunk would send."""
    called = f"{as_user(question.number)}@" if question.number else ""
    sender = f"sip:{as_user(question.caller)}@{_DOMAIN}" if question.caller else _NOBODY
    fields, body = _located(question.location) if question.location else ([], b"")
    fields = [("From", f"<{sender}>;tag=1"), *question.fields, *fields]
    return Request("INVITE", f"sip:{called}{format_host(host)}", fields, body)


def _located(method: str) -> tuple[list[Field], bytes]:
    """What Teams adds to a call whose location it found in this way."""
    lines = (
        "--here",
        f"Content-Type: {PIDF}",
        "Content-ID: <place@caller.invalid>",
        "",
        f"<presence><method>{escape(method)}</method></presence>",
        "--here--",
        "",
    )
    fields = [("Geolocation", "<cid:place@caller.invalid>"), ("Content-Type", "multipart/mixed;boundary=here")]
    return fields, "\r\n".join(lines).encode("utf-8", "replace")
