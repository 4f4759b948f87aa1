"""The sections of the configuration that are no lists, and the revisions of everything that was changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rustalk.config.collections import COLLECTIONS
from rustalk.config.model import Settings
from rustalk.config.overlay import CONFIG, SECTIONS, Change, to_json
from rustalk.config.problem import ConfigError
from rustalk.config.restart import waiting
from rustalk.store.live import UnknownRevisionError
from rustalk.store.overlay import Revision

from . import schema
from .collection import DRY_RUN, merged
from .errors import ApiError, unfit
from .faults import refused
from .listing import PAGING
from .moment import moment
from .note import changed
from .pages import before, following
from .route import Answer, Ask, Parameter, Route
from .sources import Sources

__all__ = ["Configuration"]

_TEXT, _MAYBE = {"type": "string"}, {"type": ["string", "null"]}
_COLLECTIONS = (*COLLECTIONS, CONFIG)
_OBJECT: dict[str, Any] = {"type": "object"}
_WARNINGS = schema.array(schema.record({"path": _TEXT, "message": _TEXT}))
_DONE = schema.record({"success": {"type": "boolean"}, "message": _TEXT}, warnings=_WARNINGS)
_WRITING = ("invalid-body", "invalid-value", "changed-since", "changed-meanwhile", "database-down")
_DIFFERENCE = schema.record({"path": _TEXT, "before": {}, "after": {}})
_REVISION = schema.record(
    {
        "id": {"type": "integer"},
        "time": _TEXT,
        "who": _TEXT,
        "collection": _TEXT,
        "key": _TEXT,
        "restores": {"type": ["integer", "null"]},
    }
)


class Configuration:
    """``/api/v1/config``, ``/api/v1/teams/config``. Secrets are not shown."""

    def __init__(self, sources: Sources) -> None:
        self._live = sources.store.live

    def routes(self) -> list[Route]:
        """The routes of this resource."""
        root, teams = "/api/v1/config", "/api/v1/teams/config"
        section = f"{root}/<section>"
        return [
            _reading(root, self.show_all, "All sections of the configuration that are no lists, with their ETag."),
            _writing(
                "POST",
                root,
                self.set,
                "Set one key, such as `sip.user_agent`, or a whole section.",
                takes=schema.record({"key": _TEXT, "value": {}}),
                gives=_DONE,
            ),
            _writing("PUT", root, self.replace_all, "Replace those sections that the body holds.", takes=_OBJECT),
            _reading(section, self.show, "One section, with its ETag.", problems=("item-not-found",)),
            _writing(
                "PUT", section, self.replace, "Replace a section; what is left out gets its default.", takes=_OBJECT
            ),
            _writing("PATCH", section, self.amend, "Change some keys of a section (JSON Merge Patch).", takes=_OBJECT),
            _reading(teams, self.show, "The section teams."),
            _writing("PUT", teams, self.replace, "Replace the section teams.", takes=_OBJECT),
            *self._history(f"{root}/revisions"),
        ]

    def _history(self, root: str) -> list[Route]:
        revisions = {"revisions": schema.array(_REVISION), "total": {"type": ["integer", "null"]}, "next": _MAYBE}
        whole = schema.record(
            {**_REVISION["properties"], "before": {}, "after": {}, "differences": schema.array(_DIFFERENCE)}
        )
        items = (
            Parameter("collection", "Only those of this collection.", {**_TEXT, "enum": ["", *_COLLECTIONS]}),
            Parameter("key", "Only those of this item."),
        )
        against = Parameter("against", "The number of the revision to compare with.", {"type": "integer", "minimum": 1})
        return [
            _reading(
                root,
                self.revisions,
                "What was changed, when and by whom, newest first. `total` is null where it is filtered.",
                query=(*PAGING, *items),
                gives=schema.record(revisions),
                problems=("database-down",),
            ),
            _reading(
                f"{root}/<int:id>",
                self.revision,
                "One revision: the item before and after it, and the differences.",
                query=(against,),
                gives=whole,
                problems=("item-not-found", "database-down"),
            ),
            _writing(
                "POST",
                f"{root}/<int:id>/restore",
                self.restore,
                "Make the item what it was after this revision, or all with `everything`; 0: all as in the file.",
                takes=schema.record(everything={"type": "boolean"}),
                gives=schema.record({**_DONE["properties"], "revisions": schema.array(_REVISION)}),
                problems=("item-not-found", *_WRITING),
            ),
        ]

    # Sections.

    async def show_all(self, ask: Ask) -> Answer:
        """Give all sections."""
        settings = self._live.settings
        body = {name: to_json(getattr(settings, name)) for name in SECTIONS}
        return Answer(body, headers=(("ETag", self._etag()),))

    async def show(self, ask: Ask) -> Answer:
        """Give one section."""
        name = _section(ask)
        return Answer(to_json(getattr(self._live.settings, name)), headers=(("ETag", self._etag(name)),))

    async def set(self, ask: Ask) -> Answer:
        """Change one key or section."""
        body = ask.json()
        key = body.get("key")
        if not isinstance(key, str) or "value" not in body or body.keys() - {"key", "value"}:
            raise ApiError("invalid-body", 'Give {"key": "sip.user_agent", "value": ...}.')
        name, _, path = key.partition(".")
        if name not in SECTIONS:
            raise ApiError("invalid-value", f"{key[:64]!r} is in none of the sections {', '.join(SECTIONS)}.")
        value: Any = body["value"]
        for inner in reversed(path.split(".") if path else ()):
            value = {inner: value}
        if not isinstance(value, Mapping):
            raise ApiError("invalid-value", f"The section {name} is an object.")
        whole = merged(to_json(getattr(self._live.settings, name)), value) if path else dict(value)
        settings, note = await self._made(ask, [Change(CONFIG, name, whole)])
        done = "would be" if ask.flag("dry_run") else "was"
        body = {"success": True, "message": f"{key} {done} changed.", **self._warnings(settings, name)}
        return Answer(body, note=note)

    async def replace_all(self, ask: Ask) -> Answer:
        """Replace several sections at once, all or none."""
        self._match(ask, self._etag())
        body = _without_warnings(ask.json())
        unknown = sorted(body.keys() - set(SECTIONS))
        if unknown:
            detail = (
                f"{unknown[0][:64]!r} is none of the sections {', '.join(SECTIONS)}; lists have paths of their own."
            )
            raise ApiError("invalid-value", detail)
        settings, note = await self._made(ask, [Change(CONFIG, name, value) for name, value in body.items()])
        sections = {name: to_json(getattr(settings, name)) for name in SECTIONS}
        return Answer({**sections, **self._warnings(settings, *body)}, note=note)

    async def replace(self, ask: Ask) -> Answer:
        """Replace a section."""
        name = _section(ask)
        return await self._put(ask, name, _without_warnings(ask.json()))

    async def amend(self, ask: Ask) -> Answer:
        """Change some of a section."""
        name = _section(ask)
        patch = _without_warnings(ask.json())
        return await self._put(ask, name, merged(to_json(getattr(self._live.settings, name)), patch))

    async def _put(self, ask: Ask, name: str, value: dict[str, Any]) -> Answer:
        self._match(ask, self._etag(name))
        settings, note = await self._made(ask, [Change(CONFIG, name, value)])
        headers = () if ask.flag("dry_run") else (("ETag", self._etag(name)),)
        body = {**to_json(getattr(settings, name)), **self._warnings(settings, name)}
        return Answer(body, headers=headers, note=note)

    def _warnings(self, settings: Settings, *sections: str) -> dict[str, Any]:
        """What is allowed in these sections and looks like a mistake, or counts only from the next start."""
        places = tuple(f"$.{name}" for name in sections)
        notices = (*settings.warnings, *waiting(self._live.at_start, settings))
        found = [
            {"path": notice.path, "message": notice.message}
            for notice in notices
            if ".".join(notice.path.split("[")[0].split(".")[:2]) in places
        ]
        return {"warnings": found} if found else {}

    async def _made(self, ask: Ask, changes: list[Change]) -> tuple[Settings, dict[str, object]]:
        for change in changes:
            if not isinstance(change.value, Mapping):
                raise ApiError("invalid-value", f"The section {change.key} is an object.")
        try:
            if ask.flag("dry_run"):
                return self._live.tried(changes), {}
            done = await self._live.change_all(changes, ask.who.name)
        except ConfigError as error:
            raise refused(error) from None
        return self._live.settings, changed(done)

    def _etag(self, name: str = "") -> str:
        return f'"{self._live.version(CONFIG, name) if name else self._live.revision}"'

    def _match(self, ask: Ask, etag: str) -> None:
        wanted = [tag.strip() for tag in ask.if_match.split(",") if tag.strip()]
        if wanted and "*" not in wanted and etag not in wanted:
            raise ApiError("changed-since", "Read it again, then repeat the change.", (("ETag", etag),))

    # Revisions.

    async def revisions(self, ask: Ask) -> Answer:
        """Give a page of revisions."""
        limit, collection, key = (
            ask.number("limit", 100, 1, 1000),
            *(ask.query.get(n, "") for n in ("collection", "key")),
        )
        if collection and collection not in _COLLECTIONS:
            raise unfit("collection", f"one of {', '.join(_COLLECTIONS)}")
        found = await self._live.overlay.revisions(limit + 1, before(ask), collection=collection, key=key)
        count, cursor = following([each.id for each in found], limit)
        total = None if collection or key else self._live.revision
        return Answer({"revisions": [_shown(each) for each in found[:count]], "total": total, "next": cursor})

    async def revision(self, ask: Ask) -> Answer:
        """Give one revision, compared with what was before it or with another revision."""
        found = await self._find(int(ask.path["id"]))
        other = ask.number("against", 0, 1, 999_999_999) if "against" in ask.query else None
        old = found.before if other is None else (await self._find(other)).after
        return Answer(
            {**_shown(found), "before": old, "after": found.after, "differences": list(_differences(old, found.after))}
        )

    async def _find(self, id: int) -> Revision:
        found = await self._live.overlay.revision(id) if 0 < id < 1 << 62 else None
        if found is None:
            raise ApiError("item-not-found", f"There is no revision {id}; see /api/v1/config/revisions.")
        return found

    async def restore(self, ask: Ask) -> Answer:
        """Bring an item, or everything, back to what it was."""
        id = int(ask.path["id"])
        if id:
            await self._find(id)
        everything = (ask.json() if ask.body.strip() else {}).get("everything", not id)
        if not isinstance(everything, bool):
            raise ApiError("invalid-body", "everything is true or false.")
        if not id and not everything:
            detail = "Revision 0 is the file, and no change of one item: leave `everything` out, or give true."
            raise ApiError("invalid-body", detail)
        try:
            if ask.flag("dry_run"):
                return await self._would_restore(id, everything)
            done = await self._live.restore(id, ask.who.name, everything=everything)
        except ConfigError as error:
            raise refused(error) from None
        except UnknownRevisionError as error:
            raise ApiError("item-not-found", f"{error}.") from None
        message = f"{_items(len(done))} {'is' if len(done) == 1 else 'are'} as {_then(id)}."
        if not done:
            message = _nothing_to_do(id, everything)
        sections = {each.key for each in done if each.collection == CONFIG}
        warnings = self._warnings(self._live.settings, *sections)
        body = {"success": True, "message": message, "revisions": [_shown(each) for each in done], **warnings}
        return Answer(body, note=changed(done))

    async def _would_restore(self, id: int, everything: bool) -> Answer:
        settings, edits = await self._live.would_restore(id, everything=everything)
        message = f"{_items(len(edits))} would be as {_then(id)}." if edits else _nothing_to_do(id, everything)
        warnings = self._warnings(settings, *{each.key for each in edits if each.collection == CONFIG})
        return Answer({"success": True, "message": message, "revisions": [], **warnings})


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count} items"


def _nothing_to_do(revision: int, everything: bool) -> str:
    return f"Nothing to do: {'everything' if everything else 'the item'} is as {_then(revision)} already."


def _then(revision: int) -> str:
    """The words for the state after a revision."""
    return f"after revision {revision}" if revision else "in the file before the first change"


def _without_warnings(body: dict[str, Any]) -> dict[str, Any]:
    """What a client sends, without the warnings that it was answered with."""
    return {name: value for name, value in body.items() if name != "warnings"}


def _reading(path: str, answer: Any, summary: str, **rest: Any) -> Route:
    return Route("GET", path, answer, summary, area="config", auditor=True, **rest)


def _writing(method: str, path: str, answer: Any, summary: str, **rest: Any) -> Route:
    codes = (*_WRITING, "item-not-found") if "<" in path else _WRITING
    own = {"problems": codes, "query": (DRY_RUN,), **rest}
    return Route(method, path, answer, summary, least="admin", area="config", changes=True, **own)


def _section(ask: Ask) -> str:
    name = ask.path.get("section", "teams")
    if name not in SECTIONS:
        raise ApiError("item-not-found", f"{name[:64]!r} is none of the sections {', '.join(SECTIONS)}.")
    return name


def _shown(revision: Revision) -> dict[str, Any]:
    return {
        "id": revision.id,
        "time": moment(datetime.fromtimestamp(revision.time, UTC)),
        "who": revision.who,
        "collection": revision.collection,
        "key": revision.key,
        "restores": revision.restores,
    }


def _differences(old: object, new: object, path: str = "$") -> list[dict[str, Any]]:
    """What is not the same in two JSON values; lists that differ differ as a whole."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        names = [*old, *(name for name in new if name not in old)]
        return [each for name in names for each in _differences(old.get(name), new.get(name), f"{path}.{name}")]
    return [] if old == new else [{"path": path, "before": old, "after": new}]
