"""Who calls whom, and what else may be told of it, read from an INVITE of a trunk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from rustalk.config.model import Manners
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Field, Request
from rustalk.sip.multipart import Multipart
from rustalk.ua.subject import NOTHING, Party, Subject, Told

from .headers import HeaderPolicy
from .history import read_history
from .identity import read_asserted, read_privacy
from .plan import NumberPlan

__all__ = ["Reader"]

_SPOKEN = frozenset(
    (
        "Diversion",
        "Geolocation",
        "History-Info",
        "P-Asserted-Identity",
        "P-Preferred-Identity",
        "Privacy",
        "Reason",
        "Referred-By",
        "User-to-User",
    )
)
_LOWER = frozenset(name.lower() for name in _SPOKEN)
_MICROSOFT = "x-ms-"
_MOST_SBCS = 8


class Reader:
    """Understands the INVITEs of one trunk.

    ``asked`` are the names, in lower case, that the rules of any trunk want of what comes from others; ``is_teams``
    lets it look at the host of the Request-URI and at X-MS-* fields.
    """

    __slots__ = ("_asked", "_kept", "_names", "_plan", "_rules", "_teams", "_trusted")

    def __init__(
        self, manners: Manners, plan: NumberPlan, *, is_teams: bool = False, asked: frozenset[str] = frozenset()
    ) -> None:
        self._plan = plan
        self._rules = HeaderPolicy(manners.headers, "in")
        self._trusted = manners.trusted
        self._teams = is_teams
        self._asked = asked - _LOWER
        self._names = self._rules.names | self._asked
        self._kept = tuple(sorted(self._rules.passing & _LOWER))

    def subject(self, request: Request) -> Subject:
        """The called number from the Request-URI, the caller's from From, one hop less to go, and what is told.

        Raises RemoteProtocolError for an address that is none; other fields that cannot be read are left out.
        """
        sender, target, hops = request.from_, request.target, request.max_forwards
        caller, called = sender.uri.number, target.number
        if self._plan.changes_in:
            caller, called = self._plan.inward(caller), self._plan.inward(called)
        is_emergency = self._plan.is_emergency(called)
        told, referred_by = NOTHING, ""
        fields = [field for field in request.fields if field[0] in _SPOKEN]
        if fields or self._names or self._teams or is_emergency:
            more: dict[str, Any] = {}
            if self._names:
                fields = self._by_rules(request, fields, more)
            if fields:
                self._read(fields, more)
                referred_by = next((value for name, value in fields if name == "Referred-By"), "")
            if self._teams:
                _read_microsoft(request.fields, more)
            if is_emergency or "geolocation" in more:
                _read_enclosed(request, more)
            told = Told(**more) if more else NOTHING
        return Subject(
            caller,
            called,
            sender.display,
            70 if hops is None else hops - 1,
            target.host.lower() if self._teams else "",
            self._trusted,
            is_emergency,
            told,
            referred_by=referred_by,
        )

    def _by_rules(self, request: Request, fields: Sequence[Field], more: dict[str, Any]) -> list[Field]:
        """What the table of rules makes of the fields, and which of them cross because it says so."""
        unknown = [field for field in request.fields if field[0].lower() in self._names and field[0] not in _SPOKEN]
        made = self._rules.apply([*fields, *unknown])
        passing = self._rules.passing
        others = [field for field in made if field[0].lower() not in _LOWER]
        if self._kept:
            more["kept"] = self._kept
        if others:
            more["extra"] = tuple(field for field in others if field[0].lower() in passing)
            more["spare"] = tuple(field for field in others if field[0].lower() not in passing)
        return [field for field in made if field[0] in _SPOKEN]

    def _read(self, fields: Sequence[Field], more: dict[str, Any]) -> None:
        said: dict[str, list[str]] = {}
        for name, value in fields:
            said.setdefault(name, []).append(value)
        if "Privacy" in said:
            more["privacy"] = read_privacy(said["Privacy"])
        if "P-Asserted-Identity" in said and (self._trusted or "p-asserted-identity" in self._kept):
            more["asserted"] = self._known(said["P-Asserted-Identity"])
        elif "P-Preferred-Identity" in said and self._trusted:
            more["asserted"] = self._known(said["P-Preferred-Identity"])
        if "History-Info" in said or "Diversion" in said:
            history = read_history(fields)
            more["history"] = tuple(replace(each, number=self._plan.inward(each.number)) for each in history)
        if "Reason" in said:
            more["reason"] = ", ".join(said["Reason"])
        if "User-to-User" in said:
            more["user_to_user"] = tuple(said["User-to-User"])
        if "Geolocation" in said:
            more["geolocation"] = tuple(field for field in fields if field[0] == "Geolocation")

    def _known(self, values: Sequence[str]) -> tuple[Party, ...]:
        """Identities in our own numbers."""
        return tuple(replace(each, number=self._plan.inward(each.number)) for each in read_asserted(values))


def _read_microsoft(fields: Iterable[Field], more: dict[str, Any]) -> None:
    """Where the caller sits and which SBCs lie on his way (LMO-01), from header fields of any case."""
    for name, value in fields:
        if name[0] in "xX" and name[:5].lower() == _MICROSOFT:
            lower = name.lower()
            if lower == "x-ms-userlocation":
                more["is_internal"] = value.lower() == "internal"
            elif lower == "x-ms-mediapath":
                hosts = (host.strip(" \t").lower() for host in value.split(","))
                more["path"] = tuple(host for host in hosts if host)[:_MOST_SBCS]


def _read_enclosed(request: Request, more: dict[str, Any]) -> None:
    """The body with the location in it; one that cannot be cut is refused where its description is looked for."""
    if request.content_type.startswith("multipart/"):
        with suppress(RemoteProtocolError):
            more["enclosed"] = Multipart.parse(request.get("Content-Type") or "", request.body)
