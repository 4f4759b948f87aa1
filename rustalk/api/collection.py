"""One collection of the configuration: list, show, create, replace, change, delete and reorder its items.

What is written goes through `Live`, which checks the settings as a whole before anything of it is kept. The ETag of an
item is that of its last revision and of what it says; If-Match with another one is answered 412. ``?dry_run=true``
answers what a change would make and changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from hashlib import blake2b
from typing import Any
from urllib.parse import quote

from rustalk.config.about import about_of, key_of
from rustalk.config.collections import COLLECTIONS, Collection
from rustalk.config.model import Settings
from rustalk.config.overlay import Change, to_json
from rustalk.config.problem import ConfigError
from rustalk.config.scalars import shown
from rustalk.store.live import Live
from rustalk.store.overlay import Revision
from rustalk.store.tokens import Role

from . import schema
from .errors import ApiError, Fault
from .faults import refused
from .listing import PAGING, Shelf, cut
from .note import changed
from .route import Answer, Ask, Parameter, Route
from .sources import Sources

__all__ = ["DRY_RUN", "KINDS", "Items", "Kind", "in_use"]

DRY_RUN = Parameter(
    "dry_run", "Answer what would be, and change nothing.", {"type": "string", "enum": ["true", "false"]}
)
_MOST_REORDERED = 2000
_CHANGES = ("already-exists", "invalid-value", "changed-meanwhile", "database-down", "invalid-body")
_NO_WORD = re.compile(r"[^a-z0-9]+")
_DELETED = schema.record({"success": {"type": "boolean"}, "message": {"type": "string"}, "id": {"type": "string"}})


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of items: the name of its collection, its path, what one is called, and who may change them.

    ``reorder``: the items have a priority that a drag in a list changes.
    """

    collection: str
    path: str
    noun: str
    least: Role = "admin"
    reorder: bool = True

    @property
    def one(self) -> str:
        """What one is called, with its article."""
        return f"{'an' if self.noun[0] in 'aeiouA' else 'a'} {self.noun}"


KINDS = (
    Kind("extensions", "extensions", "extension", "operator"),
    Kind("dids", "dids", "DID", "operator"),
    Kind("ring_groups", "ring-groups", "ring group", "operator"),
    Kind("mailboxes", "voicemail/mailboxes", "mailbox", "operator", reorder=False),
    Kind("trunks", "trunks", "trunk"),
    Kind("routes", "routes", "route"),
    Kind("sip_profiles", "sip-profiles", "SIP profile"),
    Kind("acls", "acls", "ACL", reorder=False),
    Kind("codecs", "codecs", "codec"),
    Kind("rates", "rates", "rate card", reorder=False),
    Kind("bill_templates", "bill-templates", "bill template", reorder=False),
    Kind("policies", "policies", "policy", reorder=False),
    Kind("calendars", "calendars", "calendar", reorder=False),
)
"""Every collection and where it is."""


class Items:
    """The routes of one collection."""

    converter = ""
    """What Werkzeug makes of a name in the path: one segment."""

    def __init__(self, kind: Kind, sources: Sources) -> None:
        self.kind = kind
        self.collection: Collection = COLLECTIONS[kind.collection]
        self.live: Live = sources.store.live
        self.switch = sources.switch
        self.shelf = Shelf(self.collection.kind, self.collection.key)
        self._names = {field.name for field in fields(self.collection.kind)}

    @property
    def root(self) -> str:
        """The path of the collection."""
        return f"/api/v1/{self.kind.path}"

    def routes(self) -> list[Route]:
        """The routes of this collection."""
        listed = schema.record(
            {
                self.kind.collection: schema.array(self.shown_schema()),
                "total": {"type": "integer"},
                "next": {"type": ["string", "null"]},
            }
        )
        one, noun, body = f"{self.root}/<{self.converter}key>", self.kind.noun, schema.reference(self.collection.kind)
        a_noun = self.kind.one
        many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}es" if noun.endswith("x") else f"{noun}s"
        made = [
            self.route(
                "GET",
                self.root,
                self.listed,
                f"All {many}, by priority where they have one. Each plain field is a filter, `q` looks into all.",
                query=(*PAGING, *self._filters()),
                gives=listed,
            ),
            self.route(
                "GET",
                one,
                self.show,
                f"One {noun}, with its ETag.",
                gives=self.shown_schema(),
                problems=("item-not-found",),
            ),
            self.writing("POST", self.root, self.create, f"Make {a_noun}.", takes=body, status=201),
            self.writing(
                "PUT",
                one,
                self.replace,
                f"Replace {a_noun}; what is left out gets its default, secrets stay.",
                takes=body,
            ),
            self.writing(
                "PATCH",
                one,
                self.amend,
                f"Change some fields of {a_noun} (JSON Merge Patch).",
                takes={"type": "object"},
            ),
            self.writing("DELETE", one, self.delete, f"Delete {a_noun}.", gives=_DELETED),
        ]
        if self.kind.reorder:
            made.append(
                self.writing(
                    "POST",
                    f"{self.root}/reorder",
                    self.reorder,
                    f"Move {a_noun} in the list; the priorities become the places.",
                    takes=schema.record({"from_index": {"type": "integer"}, "to_index": {"type": "integer"}}),
                    gives=schema.record({"success": {"type": "boolean"}, "message": {"type": "string"}}),
                )
            )
        return made

    def route(self, method: str, path: str, answer: Any, summary: str, **rest: Any) -> Route:
        """A route of this collection that changes nothing; an auditor may use it, too."""
        return Route(method, path, answer, summary, area=self.kind.collection, auditor=True, **rest)

    def writing(self, method: str, path: str, answer: Any, summary: str, **rest: Any) -> Route:
        """A route of this collection that changes something."""
        given = {
            "gives": self.shown_schema(),
            "problems": (
                *_CHANGES,
                *(() if method == "POST" else ("item-not-found", "changed-since", "in-use", "standard-item")),
            ),
            "query": (DRY_RUN,),
        }
        return Route(
            method,
            path,
            answer,
            summary,
            area=self.kind.collection,
            changes=True,
            **{"least": self.kind.least, **given, **rest},
        )

    def _filters(self) -> tuple[Parameter, ...]:
        text = Parameter("q", "Text that any field holds, in any case.")
        return (text, *(each.parameter() for each in self.shelf.filters.values()))

    # Reading.

    @property
    def source(self) -> tuple[Any, ...]:
        """The items as they are in force."""
        return self.collection.items(self.live.settings)

    def chosen(self, ask: Ask) -> list[Any]:
        """The items that a list asks for."""
        return self.shelf.chosen(self.source, ask.query)

    async def listed(self, ask: Ask) -> Answer:
        """Give a page of items."""
        page = cut(self.chosen(ask), self.collection.key_of, ask)
        return Answer(
            {
                self.kind.collection: [self.shown(item) for item in page.items],
                "total": page.total,
                "next": page.next,
            }
        )

    async def show(self, ask: Ask) -> Answer:
        """Give one item."""
        item = self.find(ask)
        return Answer(self.shown(item), headers=(("ETag", self.etag(item)),))

    def shown(self, item: Any) -> dict[str, Any]:
        """An item as the API shows it: without secrets, and with what is known of it at this moment."""
        return {**to_json(item), **self.known(item)}

    def known(self, item: Any) -> dict[str, Any]:
        """What is shown of an item beside its configuration; a client may send it back, and it is not looked at."""
        return {} if "id" in self._names else {"id": self.collection.key_of(item)}

    def shown_schema(self) -> dict[str, Any]:
        """The schema of an item as it is shown."""
        return {"$ref": f"#/components/schemas/Shown{self.collection.kind.__name__}"}

    def find(self, ask: Ask) -> Any:
        """The item that the path names. Raises ApiError."""
        key = ask.path["key"]
        item = self.shelf.find(self.source, key)
        if item is None:
            raise ApiError("item-not-found", f"No {self.kind.noun} is called {key[:64]!r}; see {self.root}.")
        return item

    def etag(self, item: Any) -> str:
        """What tells this state of an item from all others."""
        text = json.dumps(to_json(item), sort_keys=True).encode()
        version = self.live.version(self.collection.name, self.collection.key_of(item))
        return f'"{version}-{blake2b(text, digest_size=6).hexdigest()}"'

    # Changing.

    async def create(self, ask: Ask) -> Answer:
        """Make an item."""
        value, once = self.prepared(self._without_known(ask.json()))
        key = self.key_for(value)
        if self.shelf.find(self.source, key) is not None:
            detail = f"There is {self.kind.one} called {key[:64]!r} already; change that one."
            raise ApiError("already-exists", detail)
        return await self._put(ask, Change(self.collection.name, key, value), once, new=True)

    async def replace(self, ask: Ask) -> Answer:
        """Put another item in the place of one."""
        item = self.matched(ask)
        key = {self.collection.key: self.collection.key_of(item)} if self.collection.key in self._names else {}
        value = {**key, **self._without_known(ask.json())}
        return await self._put(ask, self._change(item, value), {}, new=False)

    async def amend(self, ask: Ask) -> Answer:
        """Change some of an item (RFC 7396)."""
        item = self.matched(ask)
        value = merged(to_json(item), self._without_known(ask.json()))
        return await self._put(ask, self._change(item, value), {}, new=False)

    async def delete(self, ask: Ask) -> Answer:
        """Take an item out."""
        item = self.matched(ask)
        key = self.collection.key_of(item)
        expected = self.live.version(self.collection.name, key) if ask.if_match else None
        try:
            _, done = await self.made(ask, [Change(self.collection.name, key, None)], expected)
        except ConfigError as error:
            raise in_use(self.kind.noun, error, self.leaving(key)) from None
        would = "would be" if ask.flag("dry_run") else "was"
        body = {"success": True, "message": f"The {self.kind.noun} {would} deleted.", "id": key}
        return Answer(body, note=changed(done))

    async def reorder(self, ask: Ask) -> Answer:
        """Move an item to another place."""
        items = list(self.shelf.items(self.source))
        body = ask.json()
        start, end = (body.get(name) for name in ("from_index", "to_index"))
        places = range(len(items))
        if type(start) is not int or type(end) is not int or start not in places or end not in places:
            last = f"0 to {len(items) - 1}" if items else "none, as the list is empty"
            raise ApiError(
                "invalid-body", f"Invalid index: from_index and to_index must be places of the list, {last}."
            )
        if len(items) > _MOST_REORDERED:
            raise ApiError(
                "invalid-body", f"So long a list is not moved as a whole: set the priority of the {self.kind.noun}."
            )
        items.insert(end, items.pop(start))
        moved = [(place, item) for place, item in enumerate(items) if item.priority != place]
        changes = [
            Change(self.collection.name, self.collection.key_of(item), {**to_json(item), "priority": place})
            for place, item in moved
        ]
        _, done = await self.made(ask, changes)
        ordered = [replace(item, priority=place) for place, item in enumerate(items)]
        message = f"The {self.kind.noun} {'would be' if ask.flag('dry_run') else 'is'} at place {end}."
        body = {"success": True, "message": message, self.kind.collection: [self.shown(item) for item in ordered]}
        return Answer(body, note=changed(done))

    def prepared(self, value: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The value of a new item, and what of it is shown this once."""
        return value, {}

    def refuse(self, value: Mapping[str, Any]) -> None:
        """Look at an item as it is given. Raises ApiError for what a file may say and nobody should."""

    def leaving(self, key: str) -> str:
        """What to do about an item that others need, as a sentence."""
        return "Change that first."

    def key_for(self, value: Mapping[str, Any]) -> str:
        """The name of a new item: the one that it gives, else one made from what it is called. Raises ApiError."""
        given = value.get(self.collection.key)
        if isinstance(given, str) and given:
            return given
        for name in ("extension", "number", "name"):
            text = value.get(name)
            if isinstance(text, str) and name in self._names and text:
                return text.removeprefix("+") if name != "name" else _NO_WORD.sub("-", text.lower()).strip("-")[:64]
        number = next((name for name in ("extension", "number") if name in self._names), None)
        if number is None:
            fault = Fault(f"$.{self.collection.key}", "found nothing, expected the name by which others refer to it")
        else:
            found = shown(value[number]) if value.get(number) else "nothing"
            fault = Fault(f"$.{number}", f'found {found}, expected a number in quotes, such as "1001"')
        key = number or self.collection.key
        detail = f"Nothing was changed: give the {self.kind.noun} its `{key}`, and see errors."
        raise ApiError("invalid-value", detail, faults=(fault, *self._other_faults(value, fault.path)))

    def _other_faults(self, value: Mapping[str, Any], known: str) -> Iterator[Fault]:
        """What is wrong with an item besides the name that it does not have."""
        change = Change(self.collection.name, "-", {**value, self.collection.key: "-"})
        try:
            self.refuse(value)
        except ApiError as error:
            yield from error.faults
        try:
            self.live.tried([change])
        except ConfigError as error:
            found = refused(error, change.path).faults
            yield from (each for each in found if each.path not in (known, f"$.{self.collection.key}"))

    def matched(self, ask: Ask) -> Any:
        """The item that the path names, if it is the one of If-Match. Raises ApiError."""
        item = self.find(ask)
        wanted = [tag.strip() for tag in ask.if_match.split(",") if tag.strip()]
        if wanted and "*" not in wanted and self.etag(item) not in wanted:
            raise ApiError("changed-since", "Read it again, then repeat the change.", (("ETag", self.etag(item)),))
        return item

    async def made(
        self, ask: Ask, changes: Sequence[Change], expected: int | None = None
    ) -> tuple[Settings, tuple[Revision, ...]]:
        """Make changes, or try them in a dry run; return the settings then and the revisions that were made.

        ``expected`` is the version of the one item that is changed. Raises ConfigError, ConflictError.
        """
        if ask.flag("dry_run"):
            return self.live.tried(changes), ()
        if expected is not None:
            done: tuple[Revision, ...] = (await self.live.change(changes[0], ask.who.name, expected=expected),)
        else:
            done = await self.live.change_all(changes, ask.who.name) if changes else ()
        return self.live.settings, done

    def _change(self, item: Any, value: dict[str, Any]) -> Change:
        return Change(self.collection.name, self.collection.key_of(item), value)

    async def _put(self, ask: Ask, change: Change, once: Mapping[str, Any], *, new: bool) -> Answer:
        self.refuse(change.value or {})
        expected = self.live.version(change.collection, change.key) if new or ask.if_match else None
        try:
            settings, done = await self.made(ask, [change], expected)
        except ConfigError as error:
            raise refused(self._without_echo(error, change), change.path) from None
        item = self.collection.find(settings, change.key)
        body = {**self.shown(item), **once, **self._warnings(settings, item, change.path)}
        if ask.flag("dry_run"):
            return Answer(body)
        where = (("Location", f"{self.root}/{quote(change.key, safe='')}"),) if new else ()
        return Answer(body, 201 if new else 200, (("ETag", self.etag(item)), *where), changed(done))

    def _without_echo(self, error: ConfigError, change: Change) -> ConfigError:
        """The error without the fault of a name that was only made from another value, where that has one, too."""
        echo = f"{change.path}.{self.collection.key}"
        others = tuple(each for each in error.problems if each.path != echo)
        is_made = not (change.value or {}).get(self.collection.key)
        return ConfigError(error.source, others) if is_made and others else error

    def _warnings(self, settings: Settings, item: Any, place: str) -> dict[str, Any]:
        """What is allowed about this item and looks like a mistake, keys without effect that say nothing aside."""
        unsaid = {f"{place}.{name}" for name in _unsaid(item)}
        found = [
            {"path": f"${notice.path.removeprefix(place)}", "message": notice.message}
            for notice in settings.warnings
            if notice.path.startswith(place) and notice.path not in unsaid
        ]
        return {"warnings": found} if found else {}

    def _without_known(self, value: dict[str, Any]) -> dict[str, Any]:
        """What a client sends, without what it was shown and cannot set."""
        own = self._names
        return {name: inner for name, inner in value.items() if name in own or name not in self.read_only()}

    def read_only(self) -> frozenset[str]:
        """The keys that are shown of an item and are no part of its configuration."""
        return frozenset({"warnings"} | ({"id"} - self._names))


def _unsaid(item: Any) -> Iterator[str]:
    """The keys without effect that have their default: whoever sends an item back as it was shown names them, too."""
    for field in fields(item):
        about = about_of(field)
        if about is not None and about.unused and getattr(item, field.name) == field.default:
            yield key_of(field)


def in_use(noun: str, error: ConfigError, todo: str = "Change that first.") -> ApiError:
    """The problem for an item that others refer to, and what to do about it."""
    faults = [Fault(problem.path, problem.message) for problem in error.problems[:100]]
    return ApiError("in-use", f"The {noun} is needed by what errors lists. {todo}", faults=faults)


def merged(target: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """What a JSON Merge Patch makes of an object (RFC 7396 section 2)."""
    result = dict(target)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            before = result.get(name)
            result[name] = merged(before if isinstance(before, Mapping) else {}, value)
        else:
            result[name] = value
    return result
