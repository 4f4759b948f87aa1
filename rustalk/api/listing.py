"""Lists in pages: in which order items stand, which of them are asked for, and where the next page begins.

A cursor names the last item of a page and its place. Where that item is gone by the time of the next page, the page
begins at the place; so nobody who pages through a list sees an item twice because another one was deleted.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

from rustalk.config.about import about_of, key_of
from rustalk.config.secret import Secret

from .errors import unfit
from .filters import filters
from .route import Ask, Parameter

__all__ = ["PAGING", "Page", "Shelf", "cut", "scalar_fields"]

T = TypeVar("T")

_PAGE, _LARGEST_PAGE = 100, 1000

PAGING = (
    Parameter(
        "limit",
        f"How many at most; {_PAGE} where it is missing.",
        {"type": "integer", "minimum": 1, "maximum": _LARGEST_PAGE},
    ),
    Parameter("cursor", "The `next` of the page before. Empty: the first page."),
)
"""The parameters of a list in pages."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items out of ``total``; ``next`` is the cursor of the page behind this one."""

    items: Sequence[T]
    total: int
    next: str | None


def cut(items: Sequence[T], name_of: Callable[[T], str], ask: Ask) -> Page[T]:
    """The page that is asked for. Raises ApiError for a cursor that no page has given."""
    limit = ask.number("limit", _PAGE, 1, _LARGEST_PAGE)
    cursor = ask.query.get("cursor")
    start = _start(items, name_of, cursor) if cursor else 0
    chosen = items[start : start + limit]
    end = start + len(chosen)
    return Page(chosen, len(items), _cursor(end - 1, name_of(chosen[-1])) if chosen and end < len(items) else None)


def _start(items: Sequence[T], name_of: Callable[[T], str], cursor: str) -> int:
    place, name = _read(cursor)
    if place < len(items) and name_of(items[place]) == name:
        return place + 1
    return next((number + 1 for number, item in enumerate(items) if name_of(item) == name), min(place, len(items)))


def _cursor(place: int, name: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([place, name]).encode()).decode("ascii").rstrip("=")


def _read(cursor: str) -> tuple[int, str]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        place, name = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if type(place) is int and 0 <= place < 1 << 31 and isinstance(name, str):
            return place, name
    except (ValueError, TypeError, binascii.Error, RecursionError):
        pass
    raise unfit("cursor", "the next of a page, or left out")


def scalar_fields(kind: Any) -> dict[str, Any]:
    """The keys of an item that hold one plain value, with their fields, secrets left out."""
    return {
        key_of(field): field
        for field in fields(kind)
        if about_of(field) is not None
        and not isinstance(field.default, Secret)
        and (isinstance(field.default, str | bool | int | float) or field.type in ("str", "int", "bool", "float"))
    }


class Shelf:
    """The items of one collection in the order in which they are shown, found quickly however many there are.

    Items with a priority stand by it, those of equal priority as they were made. What is worked out is kept until the
    collection changes.
    """

    def __init__(self, kind: Any, key: str) -> None:
        self._key = key
        self._has_priority = any(field.name == "priority" for field in fields(kind))
        self.filters = filters(kind, scalar_fields(kind))
        self._texts = [each.attribute for each in self.filters.values()]
        self._source: tuple[Any, ...] = ()
        self._items: list[Any] = []
        self._by_key: dict[str, Any] = {}
        self._haystack: list[str] = []
        self._searched: dict[int, tuple[Any, str]] = {}

    def items(self, source: tuple[Any, ...]) -> list[Any]:
        """The items in their order."""
        if source is not self._source:
            self._source = source
            self._items = sorted(source, key=lambda item: item.priority) if self._has_priority else list(source)
            self._by_key = {getattr(item, self._key): item for item in self._items}
            self._haystack = []
        return self._items

    def find(self, source: tuple[Any, ...], key: str) -> Any | None:
        """The item of that name."""
        self.items(source)
        return self._by_key.get(key)

    def chosen(self, source: tuple[Any, ...], query: Mapping[str, str]) -> list[Any]:
        """The items that hold the text ``q`` in any field, and have each value that is asked for. Raises ApiError."""
        items = self.items(source)
        asked = [(self.filters[name], text) for name, text in query.items() if name in self.filters]
        wanted = {each.attribute: each.read(text) for each, text in asked}
        text = query.get("q", "").lower()
        if text:
            found: Iterable[Any] = (item for item, hay in zip(items, self._hay(), strict=True) if text in hay)
        elif wanted:
            found = items
        else:
            return items
        return [item for item in found if all(getattr(item, name) == value for name, value in wanted.items())]

    def _hay(self) -> list[str]:
        """The text of each item that is searched; that of an item which has not changed is not made again."""
        if not self._haystack:
            before, self._searched = self._searched, {}
            for item in self._items:
                known = before.get(id(item))
                self._searched[id(item)] = known if known is not None and known[0] is item else (item, self._text(item))
            self._haystack = [text for _, text in self._searched.values()]
        return self._haystack

    def _text(self, item: Any) -> str:
        return "\n".join(str(getattr(item, name)) for name in self._texts).lower()
