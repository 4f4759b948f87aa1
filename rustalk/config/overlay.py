"""Changes of single items on top of settings: what the API does and what the database keeps.

Only the items that change are read; the rules of `check` then run over the whole, and no change that they refuse
becomes settings. Places are named by key, as ``$.extensions["1001"].email``, because a change stands in no file.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from operator import attrgetter
from typing import Any

from rustalk.config.about import about_of
from rustalk.config.collections import COLLECTIONS, Collection
from rustalk.config.load import judged, of_cloud
from rustalk.config.model import Settings
from rustalk.config.problem import ConfigError, Problem
from rustalk.config.read import Reader
from rustalk.config.secret import Secret
from rustalk.config.text import wrapped
from rustalk.config.write import to_json

__all__ = ["CONFIG", "SECTIONS", "Change", "Index", "all_changed", "changed", "completed", "to_json"]

CONFIG = "config"
"""The collection whose keys are the sections of the file that are no lists."""

_LISTS = {collection.path.split(".")[0] for collection in COLLECTIONS.values()}

SECTIONS = tuple(field.name for field in fields(Settings) if is_dataclass(field.default) and field.name not in _LISTS)
"""The sections that a change of `CONFIG` can replace."""

_MANY = ("extensions", "dids", "mailboxes", "rates")
"""Collections with so many items that their places are looked up only when asked for."""


@dataclass(frozen=True, slots=True)
class Change:
    """One item as it shall be: ``value`` is its JSON object, None deletes it.

    ``collection`` is one of `COLLECTIONS` or `CONFIG`. A value need not repeat ``key``.
    """

    collection: str
    key: str
    value: Mapping[str, Any] | None

    @property
    def path(self) -> str:
        """Where faults of the value are reported: this and the path within the value after it."""
        if self.collection == CONFIG:
            return f"$.{self.key}"
        return _place(COLLECTIONS[self.collection], self.key)


class Index:
    """The items of some settings, found as a `Change` names them; each collection is gone through at most once."""

    __slots__ = ("_items", "_settings")

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._items: dict[str, dict[str, Any]] = {}

    def find(self, collection: str, key: str) -> Any | None:
        """The item, or the section of `CONFIG`; None where there is none."""
        if collection == CONFIG:
            return getattr(self._settings, key, None)
        if collection not in self._items:
            self._items[collection] = self._by_key(collection)
        return self._items[collection].get(key)

    def _by_key(self, collection: str) -> dict[str, Any]:
        known = COLLECTIONS.get(collection)
        return {} if known is None else {getattr(item, known.key): item for item in known.items(self._settings)}


def changed(settings: Settings, change: Change) -> Settings:
    """Return ``settings`` with the change made. Raises ConfigError as `all_changed` does."""
    return all_changed(settings, (change,))


def all_changed(settings: Settings, changes: Iterable[Change], *, now: datetime.datetime | None = None) -> Settings:
    """Return ``settings`` with all changes made, in their order, or raise ConfigError with all that is wrong with them.

    New items come after the others of their collection. Deleting what is not there changes nothing, and a section of
    `CONFIG` that is deleted has its defaults. The warnings are those of the new settings, keys without effect aside;
    with ``now``, a moment with its time zone, what is over by then is among them.
    """
    changes = tuple(changes)
    reader = _Places(now)
    new = settings
    for collection in dict.fromkeys(change.collection for change in changes):
        those = [change for change in changes if change.collection == collection]
        if collection == CONFIG:
            new = _sections(new, those, reader)
        elif collection in COLLECTIONS:
            new = _items(new, COLLECTIONS[collection], those, reader)
        else:
            raise _unknown(collection, (*COLLECTIONS, CONFIG))
    reader.settings = new
    return judged(new, reader, "change")


def completed(item: object, value: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``value`` with the secrets of ``item``, the one that it replaces, where it does not name them."""
    secrets = {key: text for key, text in to_json(item, secrets=True).items() if _is_secret(item, key) and text}
    return secrets | dict(value)


def _is_secret(item: object, key: str) -> bool:
    return isinstance(getattr(item, key, None), Secret)


def _items(settings: Settings, collection: Collection, changes: Iterable[Change], reader: Reader) -> Settings:
    """Make the changes of one collection."""
    present = collection.items(settings)
    items = dict(zip(map(attrgetter(collection.key), present), present, strict=True))
    for change in changes:
        if change.value is None:
            items.pop(change.key, None)
            continue
        item = reader.section(collection.kind, _object(collection, change), change.path)
        if item is None:
            continue
        if collection.key_of(item) != change.key:
            place, found = f"{change.path}.{collection.key}", json.dumps(collection.key_of(item))
            reader.problems.append(Problem(place, found, json.dumps(change.key), "the name of an item stays"))
        items[change.key] = item
    return collection.replaced(settings, tuple(items.values()))


def _object(collection: Collection, change: Change) -> object:
    """The value as the reader takes it, with its name where that is a key of the file."""
    value = dict(change.value or {})
    if not value.get(collection.key) and _is_key(collection):
        value[collection.key] = change.key
    return wrapped(value)


def _is_key(collection: Collection) -> bool:
    return any(field.name == collection.key for field in fields(collection.kind))


def _sections(settings: Settings, changes: Iterable[Change], reader: Reader) -> Settings:
    """Replace whole sections."""
    for change in changes:
        if change.key not in SECTIONS:
            raise _unknown(change.key, SECTIONS)
        kind = type(getattr(settings, change.key))
        section = reader.section(kind, wrapped(dict(change.value or {})), change.path)
        if section is not None:
            settings = replace(settings, **{change.key: section})
    return of_cloud(settings, reader) if reader.has(settings.teams) else settings


def _unknown(name: str, known: Iterable[str]) -> ConfigError:
    return ConfigError("change", (Problem("$", json.dumps(name), f"one of {', '.join(known)}"),))


class _Places(Reader):
    """A reader that also knows where the items stand that it has not read."""

    def __init__(self, now: datetime.datetime | None = None) -> None:
        super().__init__(now)
        self.settings = Settings()
        self._others: dict[int, str] | None = None

    def path(self, section: object) -> str:
        """Return the place of an item, or of a part of it; "$" for what is no part of the settings."""
        if self.has(section):
            return super().path(section)
        if self._others is None:
            self._others = dict(_places(self.settings))
        return self._others.get(id(section)) or self._among_many(section)

    def _among_many(self, section: object) -> str:
        for collection in (COLLECTIONS[name] for name in _MANY):
            for item in collection.items(self.settings):
                if item is section or getattr(item, "policy", None) is section:
                    place = _place(collection, collection.key_of(item))
                    return place if item is section else f"{place}.policy"
        return "$"


def _places(settings: Settings) -> Iterator[tuple[int, str]]:
    """The places of everything in the settings but the long collections."""
    for collection in COLLECTIONS.values():
        if collection.name not in _MANY:
            for item in collection.items(settings):
                yield from _below(item, _place(collection, collection.key_of(item)))
    for name in SECTIONS:
        yield from _below(getattr(settings, name), f"$.{name}")


def _below(section: Any, path: str) -> Iterator[tuple[int, str]]:
    """The place of a section and of those within it."""
    yield id(section), path
    for field in fields(section):
        value = getattr(section, field.name)
        if about_of(field) is None:
            continue
        if is_dataclass(value):
            yield from _below(value, f"{path}.{field.name}")
        elif isinstance(value, tuple):
            for number, item in enumerate(value):
                if is_dataclass(item):
                    yield from _below(item, f"{path}.{field.name}[{number}]")


def _place(collection: Collection, key: str) -> str:
    return f"$.{collection.path}[{json.dumps(key)}]"
