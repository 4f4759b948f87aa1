"""What an INVITE to a trunk tells of its caller, in the words and the numbers of that trunk.

What the other network may know is decided here, by its trust and by its table of header rules.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from rustalk.config.model import Manners
from rustalk.sip.headers import quote
from rustalk.sip.message import Field
from rustalk.sip.uri import Uri
from rustalk.ua.inspect import SDP
from rustalk.ua.subject import NOTHING, Party, Subject

from .headers import HeaderPolicy
from .history import diversions, history_infos
from .identity import ANONYMOUS, asserted_fields, is_hidden
from .number import as_user, international
from .plan import NumberPlan

__all__ = ["Caller", "Writer"]

_IDENTITIES = {"pai": "P-Asserted-Identity", "ppi": "P-Preferred-Identity"}
_TELLING = frozenset(("p-asserted-identity", "p-preferred-identity", "remote-party-id"))
_NOBODY = "anonymous"
_MICROSOFT = "x-ms-"


class Caller(NamedTuple):
    """The caller as an INVITE has him: ``from_`` is From without a tag, ``user`` his number in Contact, unescaped."""

    from_: str
    user: str


class Writer:
    """The words of INVITEs to one trunk. ``is_teams``: a plus before numbers, and no other hears of X-MS-*."""

    __slots__ = ("_history", "_identity", "_name", "_plan", "_rules", "_teams", "_trusted")

    def __init__(self, manners: Manners, plan: NumberPlan, *, is_teams: bool = False) -> None:
        self._plan = plan
        self._rules = HeaderPolicy(manners.headers, "out")
        self._history = manners.history
        self._identity = manners.identity
        self._name = _IDENTITIES.get(manners.identity, "")
        self._trusted = manners.trusted
        self._teams = is_teams

    def called(self, subject: Subject) -> str:
        """The called number as the user part of a URI."""
        number = self._plan.outward(subject.called)
        if self._teams:
            return as_user(international(number))
        if subject.is_emergency:
            return as_user(number.removeprefix("+"))
        return as_user(number)

    def caller(self, subject: Subject, domain: str) -> Caller:
        """The caller at ``domain``, or nobody where he is not to be known."""
        if self._identity == "none" or (subject.told is not NOTHING and is_hidden(subject)):
            if self._teams:
                return Caller(f"<sip:{_NOBODY}@{domain}>", _NOBODY)
            if self._identity == "none" or not self._trusted:
                return Caller(ANONYMOUS, _NOBODY)
        number = self._shown(subject.caller) or _NOBODY
        display = f"{quote(subject.display)} " if subject.display else ""
        return Caller(f"{display}<sip:{as_user(number)}@{domain}>", number)

    def target(self, subject: Subject, usual: str) -> str:
        """The Request-URI: the ``usual`` one, or that of a transfer with its parameters, without header fields."""
        if not subject.uri:
            return usual
        headers = Uri.parse(subject.uri).headers
        return subject.uri.removesuffix(f"?{headers}") if headers else subject.uri

    def enclose(self, subject: Subject, body: bytes) -> tuple[str, bytes] | None:
        """Content-Type and body with ``body`` as the session description beside the location, None for no location.

        Everything but the description is as it came (EMG-01).
        """
        enclosed = subject.told.enclosed
        part = enclosed.find(SDP) if enclosed is not None else None
        if enclosed is None or part is None or not (subject.is_emergency or self.tells_location(subject)):
            return None
        try:
            return enclosed.content_type, enclosed.replaced(part, body)
        except ValueError:
            return None

    def _shown(self, number: str) -> str:
        number = self._plan.outward(number)
        return international(number) if self._teams else number

    def fields(self, subject: Subject, domain: str) -> tuple[Field, ...]:
        """The header fields that tell more: of the caller, of who forwarded the call, and what the rules let cross."""
        if subject.told is NOTHING and not (self._name or self._rules or subject.referred_by):
            return ()
        made = [
            *self._identities(subject, domain),
            *self._histories(subject, domain),
            *self._words(subject),
            *subject.told.extra,
        ]
        if self._rules:
            made += [field for field in subject.told.spare if field[0].lower() in self._rules.names]
            made = self._rules.apply(made)
        return tuple(field for field in made if self._may_hear(field[0].lower(), subject)) if made else ()

    def _identities(self, subject: Subject, domain: str) -> list[Field]:
        """Outside of the circle of trust somebody who hides is not named, in it he is, with his wish beside it."""
        name = self._name
        hidden = is_hidden(subject)
        if hidden and not self._trusted:
            return []
        if not name and (self._wants("p-asserted-identity", subject) or (hidden and subject.told.asserted)):
            name = "P-Asserted-Identity"
        parties = self._parties(subject) if name and self._identity != "none" else ()
        return asserted_fields(name, parties, domain, subject.told.privacy if self._trusted else ())

    def _parties(self, subject: Subject) -> tuple[Party, ...]:
        """Whom we assert: those that a trusted trunk asserted, else who calls.

        Towards a trusted side nobody is asserted whom only an untrusted one has named; an untrusted side, which must
        not believe us anyway, gets the caller in the place where it looks for him.
        """
        asserted = tuple(each for each in subject.told.asserted if self._trusted or not each.address)
        if not asserted and (subject.is_trusted or not self._trusted) and subject.caller not in ("", "anonymous"):
            asserted = (Party(subject.caller, subject.display),)
        return tuple(each if each.address else replace(each, number=self._shown(each.number)) for each in asserted)

    def _histories(self, subject: Subject, domain: str) -> list[Field]:
        if not subject.told.history:
            return []
        hiding, all_hide = not self._trusted, "history" in subject.told.privacy
        shown = [
            replace(each, number=self._shown(each.number), is_hidden=each.is_hidden or all_hide)
            for each in subject.told.history
        ]
        made: list[Field] = []
        if self._history in ("history-info", "both") or self._wants("history-info", subject):
            made += history_infos(shown, self._shown(subject.called), domain, hiding=hiding)
        if self._history in ("diversion", "both") or self._wants("diversion", subject):
            made += diversions(shown, domain, hiding=hiding)
        return made

    def _words(self, subject: Subject) -> list[Field]:
        """Referred-By, Reason, User-to-User and Geolocation."""
        trusted = subject.is_trusted and self._trusted
        made: list[Field] = []
        if subject.referred_by and (trusted or self._refers(subject) or self._wants("referred-by", subject)):
            made.append(("Referred-By", subject.referred_by))
        if subject.told.reason and (trusted or self._wants("reason", subject)):
            made.append(("Reason", subject.told.reason))
        if subject.told.user_to_user and (trusted or self._wants("user-to-user", subject)):
            made += [("User-to-User", value) for value in subject.told.user_to_user]
        if self.tells_location(subject):
            made += subject.told.geolocation
        return made

    def _refers(self, subject: Subject) -> bool:
        """Whether Teams is called because it transferred the call: it wants its own words back (XFR-03)."""
        return self._teams and bool(subject.uri)

    def tells_location(self, subject: Subject) -> bool:
        """Whether the caller's location goes to this trunk: to call help, or where a rule says so (EMG-01)."""
        return bool(subject.told.geolocation) and (subject.is_emergency or self._wants("geolocation", subject))

    def _wants(self, name: str, subject: Subject) -> bool:
        return name in self._rules.wanted or name in subject.told.kept

    def _may_hear(self, name: str, subject: Subject) -> bool:
        """What no rule can change: HDR-19, HDR-10, and privacy outside of the circle of trust."""
        if name.startswith(_MICROSOFT):
            return self._teams
        if name == "replaces":
            return not self._teams
        return name not in _TELLING or self._trusted or not is_hidden(subject)
