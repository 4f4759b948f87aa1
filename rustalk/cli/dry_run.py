"""What the switch would do with a call, found by the functions that the live calls go through, without calling anybody.

Only what is known from the configuration counts: whether a trunk is full or its hosts are down is not, and of a policy
only what holds for the first call of the day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from xml.sax.saxutils import escape

from rustalk.config.model import TEAMS, Destination, Manners, Settings
from rustalk.pbx.dialplan import Dialplan, Step
from rustalk.pbx.directory import EXTENSION, calling_extension
from rustalk.pbx.grants import Grants
from rustalk.pbx.place import Place, place
from rustalk.sip.location import PIDF
from rustalk.sip.message import Field, Request
from rustalk.sip.uri import format_host
from rustalk.trunk.build import build_dialects
from rustalk.trunk.dialect import Dialect
from rustalk.trunk.number import as_user
from rustalk.ua.reasons import REASONS
from rustalk.ua.subject import Subject

__all__ = ["DryRun", "Goal", "Question", "Trial", "compose"]

_DOMAIN = "this-sbc.invalid"
_NOBODY = "sip:anonymous@anonymous.invalid"


@dataclass(frozen=True, slots=True)
class Question:
    """A call that might come: from a trunk or "extension:" with a number, for a number, at a moment with a time zone.

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
    """What would become of the call: what was read from it, each step of the dialplan, and where it goes or why not.

    ``destination`` is the first place of ``destinations`` that can be called, and ``goal`` the INVITE where that is a
    trunk. ``code`` is that of the registry of reasons, '' where the call goes somewhere; ``status`` the SIP status.
    ``route`` is the id of the route that took the call or refused it.
    """

    subject: Subject
    steps: tuple[Step, ...]
    destinations: tuple[Destination, ...] = ()
    destination: Destination | None = None
    goal: Goal | None = None
    code: str = ""
    status: int = 0
    route: str = ""


class DryRun:
    """Tries calls on a configuration."""

    def __init__(self, settings: Settings) -> None:
        self._dialects = build_dialects(settings)
        self._phone = Dialect(Manners())
        self._fqdn = settings.teams.sbc_fqdn
        self._names = {tenant.id: tenant.fqdn for tenant in settings.teams.tenants}
        self._plan = Dialplan(settings, below=lambda _count: 0)
        self._grants = Grants(settings, lambda: 0.0)

    @property
    def trunks(self) -> Iterable[str]:
        """The ids of the trunks that calls may come from."""
        return self._dialects

    def source(self, name: str) -> str | None:
        """Where a call comes from, by the id of a trunk or by the number or id of an extension; None for neither."""
        if name in self._dialects:
            return name
        extension = self._plan.directory.extension(name)
        return f"{EXTENSION}{extension.extension}" if extension is not None else None

    def ask(self, question: Question) -> Trial:
        """What would become of this call; of a set of destinations by weight, as if the dice always showed the first.

        Raises KeyError for a trunk or an extension that there is not, RemoteProtocolError for a host that is none.
        """
        request = compose(question, question.host or (self._fqdn if question.source == TEAMS else _DOMAIN))
        subject = self._subject(question.source, request)
        placed = place(self._plan, subject, question.source, question.now, request.get)
        steps = self._plan.explain(placed.query).steps if placed.query is not None else ()
        placed, of_limits = self._grants.room(self._plan, placed)
        steps = (*steps, *of_limits)
        route = placed.route.id if placed.route is not None else ""
        if placed.decision is None:
            return Trial(placed.subject, steps, code=placed.code, status=placed.answer, route=route)
        destinations = placed.decision.destinations
        first = next((each for each in destinations if self._can_be_called(each)), None)
        if first is None:
            full = REASONS["no_target"]
            return Trial(placed.subject, steps, destinations, code=full.code, status=full.status, route=route)
        goal = self._goal(placed, first.value) if first.type == "Trunk" else None
        return Trial(placed.subject, steps, destinations, first, goal, route=route)

    def _subject(self, source: str, request: Request) -> Subject:
        """Who calls whom; a phone is who it logged in as, whatever it says."""
        extension = self._plan.directory.extension(calling_extension(source))
        if extension is None:
            return self._dialects[source].reader.subject(request)
        subject = self._phone.reader.subject(request)
        display = extension.display_name or subject.display
        return replace(subject, caller=extension.extension, display=display, is_trusted=True)

    def _can_be_called(self, destination: Destination) -> bool:
        if destination.type == "Trunk":
            return destination.value in self._dialects
        return destination.type != "Hangup"

    def _goal(self, placed: Place, trunk: str) -> Goal:
        writer, subject = self._dialects[trunk].writer, placed.subject
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
