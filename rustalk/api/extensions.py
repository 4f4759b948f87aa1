"""Extensions: beside what every collection has, tables of them, new passwords, and what would miss one that goes."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from twisted.internet.threads import deferToThread

from rustalk.config.extensions_csv import imported, written
from rustalk.config.model import CallForwarding, Destination, Extension, RingGroup, Settings
from rustalk.config.model import Route as Rule
from rustalk.config.overlay import Change, to_json
from rustalk.config.password import ALLOWED, weakness
from rustalk.config.problem import ConfigError
from rustalk.store.overlay import Revision

from . import schema
from .collection import Items, in_use
from .errors import ApiError, Fault
from .moment import moment
from .note import changed
from .route import Answer, Ask, Parameter, Route, Stream

__all__ = ["Extensions", "password"]

_PASSWORD_BYTES = 18
_AT_ONCE = 100
_ROWS_AT_ONCE = 500
_CREDENTIALS = ("password", "ha1_md5", "ha1_sha256", "certificate_subject")
_FORWARDS = ("always", "busy", "no_answer", "unreachable")
_PASSWORDS = schema.array(
    schema.record({"id": {"type": "string"}, "extension": {"type": "string"}, "password": {"type": "string"}})
)
_DAYS = {"type": "integer", "minimum": 1, "maximum": 36500}


def password() -> str:
    """A password that nobody guesses and every phone takes."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


class Extensions(Items):
    """``/api/v1/extensions``."""

    def routes(self) -> list[Route]:
        """The routes of every collection, and those of extensions alone."""
        own = [
            self.route(
                "GET",
                f"{self.root}/export",
                self.export,
                "All extensions as a table (CSV), without passwords.",
                gives={"type": "string"},
                gives_type="text/csv",
            ),
            self.writing(
                "POST",
                f"{self.root}/import",
                self.take,
                "Add and change extensions by a table (CSV); good lines are taken, bad ones are listed. The header is "
                "line 1. Passwords that are made for new extensions are shown this once.",
                takes={"type": "string"},
                takes_type="text/csv",
                gives=schema.record(
                    {
                        "imported": {"type": "integer"},
                        "errors": schema.array(
                            schema.record(
                                {
                                    "line": {"type": "integer"},
                                    "field": {"type": "string"},
                                    "message": {"type": "string"},
                                }
                            )
                        ),
                        "passwords": _PASSWORDS,
                    }
                ),
            ),
            self.writing(
                "POST",
                f"{self.root}/rotate-passwords",
                self.rotate,
                "Give extensions new passwords, shown this once: those of `extensions`, by number or id, or `all`.",
                takes=schema.record(extensions=schema.array({"type": "string"}), all={"type": "boolean"}),
                gives=schema.record({"rotated": {"type": "integer"}, "passwords": _PASSWORDS}),
                problems=("invalid-body", "item-not-found", "changed-meanwhile", "database-down"),
            ),
            self.route(
                "GET",
                f"{self.root}/<key>/bindings",
                self.bindings,
                "Everything that names the extension, and would miss it.",
                gives=schema.record({"bindings": schema.array(_BINDING), "total": {"type": "integer"}}),
                problems=("item-not-found",),
            ),
        ]
        return [*own, *(self._decommissioning(route) for route in super().routes())]

    def _decommissioning(self, route: Route) -> Route:
        if route.method == "GET" and route.path == self.root:
            offline = Parameter("offline_days", "Only those without a registered phone for so many days.", _DAYS)
            return replace(route, query=(*route.query, offline))
        if route.path.removeprefix(self.root) in ("", "/<key>") and route.method in ("POST", "PUT", "PATCH"):
            return replace(route, problems=(*route.problems, "weak-password"))
        if route.method != "DELETE":
            return route
        meaning = "Take the extension out of groups, forwards, DIDs, mailboxes and routes, too."
        parameter = Parameter("decommission", meaning, {"type": "string", "enum": ["true", "false"]})
        return replace(route, query=(*route.query, parameter))

    # What is known of one at this moment.

    def known(self, item: Any) -> dict[str, Any]:
        """When a phone of the extension was registered last."""
        return {"last_seen": moment(self.switch.last_seen(item.extension))}

    def read_only(self) -> frozenset[str]:
        """Neither this nor that is configuration."""
        return super().read_only() | {"last_seen"}

    def shown_schema(self) -> dict[str, Any]:
        """An extension, when it was seen, and its password where that was just made."""
        extra = schema.record({"last_seen": {"type": ["string", "null"], "readOnly": True}})
        return {"allOf": [super().shown_schema(), extra]}

    def chosen(self, ask: Ask) -> list[Any]:
        """Those that a list asks for, with ``offline_days`` only those that nobody has seen for so long."""
        found = super().chosen(ask)
        if "offline_days" not in ask.query:
            return found
        since = datetime.now(UTC) - timedelta(days=ask.number("offline_days", 1, 1, 36500))
        return [each for each in found if (seen := self.switch.last_seen(each.extension)) is None or seen <= since]

    def prepared(self, value: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """A new extension that can prove itself by nothing gets a password, which is shown this once."""
        if any(value.get(name) for name in _CREDENTIALS):
            return value, {}
        made = password()
        return {**value, "password": made}, {"password": made}

    def refuse(self, value: Mapping[str, Any]) -> None:
        """Nobody gives a phone a password that is among the first that are tried."""
        given, number = value.get("password"), value.get("extension")
        why = weakness(given, str(number)) if isinstance(given, str) and given else ""
        if why:
            fault = Fault("$.password", f"is easily guessed, for it {why}; expected {ALLOWED}")
            raise ApiError("weak-password", "Nothing was changed: give another password, or none.", faults=(fault,))

    # Tables.

    async def export(self, ask: Ask) -> Stream:
        """Give all extensions as CSV."""
        return Stream(_table(self.shelf.items(self.source)), "text/csv; charset=utf-8", "extensions.csv")

    async def take(self, ask: Ask) -> Answer:
        """Take a table in."""
        try:
            text = ask.body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ApiError("invalid-body", f"The table is not UTF-8 at byte {error.start}. Save it as UTF-8.") from None
        if not text.strip():
            raise ApiError("invalid-body", "Send the table, beginning with a header such as `extension,display_name`.")
        settings = self.live.settings
        found = await deferToThread(imported, settings, text)
        passwords: list[dict[str, str]] = []
        done: list[Revision] = []
        changes = [self._with_password(change, passwords) for change in found.changes]
        if not ask.flag("dry_run"):
            for start in range(0, len(changes), _AT_ONCE):
                done += await self.live.change_all(changes[start : start + _AT_ONCE], ask.who.name)
        errors = [{"line": each.line, "field": each.field, "message": each.message} for each in found.errors]
        body = {
            "imported": len(changes),
            "errors": errors,
            "passwords": [] if ask.flag("dry_run") else passwords,
        }
        return Answer(body, note={"imported": len(changes), "errors": len(errors), **changed(done)})

    def _with_password(self, change: Change, passwords: list[dict[str, str]]) -> Change:
        value = dict(change.value or {})
        if self.shelf.find(self.source, change.key) is None and not any(value.get(name) for name in _CREDENTIALS):
            value["password"] = password()
            passwords.append({"id": change.key, "extension": str(value["extension"]), "password": value["password"]})
        return Change(change.collection, change.key, value)

    async def rotate(self, ask: Ask) -> Answer:
        """Give new passwords."""
        body = ask.json()
        chosen = self._named(body.get("extensions"), body.get("all"))
        passwords: list[dict[str, str]] = []
        done: list[Revision] = []
        for start in range(0, len(chosen), _AT_ONCE):
            some = [(each, password()) for each in chosen[start : start + _AT_ONCE]]
            changes = [Change("extensions", each.id, {**to_json(each), "password": text}) for each, text in some]
            done += (await self.made(ask, changes))[1]
            passwords += [{"id": each.id, "extension": each.extension, "password": text} for each, text in some]
        shown = [] if ask.flag("dry_run") else passwords
        return Answer({"rotated": len(passwords), "passwords": shown}, note=changed(done))

    def _named(self, names: object, everything: object) -> list[Extension]:
        if everything is True and names is None:
            return list(self.shelf.items(self.source))
        if everything not in (None, False) or not isinstance(names, list) or not names:
            raise ApiError("invalid-body", 'Give {"extensions": ["1001", ...]} or {"all": true}.')
        by_number = {each.extension: each for each in self.source}
        found: dict[str, Extension] = {}
        for name in names:
            item = self.shelf.find(self.source, name) or by_number.get(name) if isinstance(name, str) else None
            if item is None:
                raise ApiError("item-not-found", f"No extension is called {str(name)[:64]!r}; nothing was changed.")
            found[item.id] = item
        return list(found.values())

    # Leaving.

    async def bindings(self, ask: Ask) -> Answer:
        """Tell what names an extension."""
        found = [each.shown() for each in bindings(self.live.settings, self.find(ask))]
        return Answer({"bindings": found, "total": len(found)})

    def leaving(self, key: str) -> str:
        """An extension can be taken out of everything that names it."""
        return (
            f"`rustalk extensions bindings {key}` tells all that names it, and `rustalk extensions delete {key} "
            "--decommission` (`?decommission=true`) takes it out of there, too."
        )

    async def delete(self, ask: Ask) -> Answer:
        """Take an extension out, with ``decommission`` from everything that names it, too."""
        if not ask.flag("decommission"):
            return await super().delete(ask)
        item = self.matched(ask)
        named = list(bindings(self.live.settings, item))
        changes = [*_merged(each.change for each in named), Change("extensions", item.id, None)]
        try:
            _, done = await self.made(ask, changes)
        except ConfigError as error:
            raise in_use("extension", error) from None
        would = "would be" if ask.flag("dry_run") else "was"
        body = {
            "success": True,
            "message": f"The extension {would} deleted and taken out of {len(named)} places.",
            "id": item.id,
            "removed": [each.shown() for each in named],
        }
        return Answer(body, note=changed(done))


@dataclass(frozen=True, slots=True)
class Binding:
    """One thing that names an extension: what it is, by which key, and what it would be without the extension."""

    type: str
    id: str
    name: str
    field: str
    change: Change

    def shown(self) -> dict[str, Any]:
        """The binding as JSON; ``action`` is what decommissioning does to it."""
        action = "delete" if self.change.value is None else "change"
        return {"type": self.type, "id": self.id, "name": self.name, "field": self.field, "action": action}


_BINDING = schema.record({name: {"type": "string"} for name in ("type", "id", "name", "field", "action")})


def bindings(settings: Settings, extension: Extension) -> Iterator[Binding]:
    """Everything that names an extension."""
    names = {extension.extension, extension.id}
    for group in settings.ring_groups:
        yield from _of_group(group, names)
    for did in settings.dids:
        if _leads(did.destination, names):
            yield Binding("did", did.id, did.number, "destination", Change("dids", did.id, None))
    for route in settings.routing.routes:
        yield from _of_route(route, names)
    for box in settings.mailboxes:
        if box.extension in names:
            yield Binding("mailbox", box.id, box.name, "extension", Change("mailboxes", box.id, None))
    for other in settings.extensions:
        if other.id != extension.id and other.call_forwarding != _NO_FORWARDING:
            yield from _of_forwarding(other, names)


_NO_FORWARDING = CallForwarding()


def _of_group(group: RingGroup, names: set[str]) -> Iterator[Binding]:
    value = to_json(group)
    left: dict[str, Any] = {}
    if names & set(group.extensions):
        left["extensions"] = [name for name in group.extensions if name not in names]
    if names & {member.extension for member in group.members}:
        left["members"] = [each for each in value["members"] if each["extension"] not in names]
    if group.overflow is not None and _leads(group.overflow, names):
        left["overflow"] = None
    for field in left:
        yield Binding("ring_group", group.id, group.name, field, Change("ring_groups", group.id, {**value, **left}))


def _of_route(route: Rule, names: set[str]) -> Iterator[Binding]:
    value = to_json(route)
    if route.destination is not None and _leads(route.destination, names):
        yield Binding("route", route.id, route.name, "destination", Change("routes", route.id, None))
    elif any(_leads(each, names) for each in route.destinations):
        left = [
            shown
            for each, shown in zip(route.destinations, value["destinations"], strict=True)
            if not _leads(each, names)
        ]
        change = Change("routes", route.id, {**value, "destinations": left} if left else None)
        yield Binding("route", route.id, route.name, "destinations", change)


def _of_forwarding(other: Extension, names: set[str]) -> Iterator[Binding]:
    forwarding = to_json(other.call_forwarding)
    left = {**forwarding, **{key: "" for key in _FORWARDS if forwarding[key] in names}}
    change = Change("extensions", other.id, {**to_json(other), "call_forwarding": left})
    for key in _FORWARDS:
        if forwarding[key] in names:
            yield Binding("extension", other.id, other.display_name, f"call_forwarding.{key}", change)


def _leads(destination: Destination, names: set[str]) -> bool:
    return destination.type in ("Extension", "Voicemail") and destination.value in names


def _merged(changes: Iterable[Change]) -> list[Change]:
    """Each item once."""
    found: Mapping[tuple[str, str], Change] = {(each.collection, each.key): each for each in changes}
    return list(found.values())


async def _table(extensions: list[Extension]) -> AsyncGenerator[bytes, None]:
    """A table some lines at a time."""
    lines: list[str] = []
    for line in written(extensions):
        lines.append(line)
        if len(lines) == _ROWS_AT_ONCE:
            yield "".join(lines).encode()
            lines = []
    yield "".join(lines).encode()
