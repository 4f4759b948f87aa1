"""Sections of the model back to JSON, in the form in which `Reader` reads them."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

from rustalk.config.about import about_of, key_of
from rustalk.config.pattern import Pattern
from rustalk.config.secret import Secret

__all__ = ["to_json"]


def to_json(section: object, *, secrets: bool = False) -> dict[str, Any]:
    """Return a section as a JSON object with all its keys; passwords and their like only with ``secrets``.

    Amounts of money are texts, which keep each digit; moments are RFC 3339 in UTC.
    """
    if not is_dataclass(section):
        raise TypeError(f"no section of the configuration: {type(section).__name__}")
    kind: Any = type(section)
    found: dict[str, Any] = {"type": kind.TYPE} if hasattr(kind, "TYPE") else {}
    for name, key in _keys(kind):
        value = getattr(section, name)
        if secrets or not isinstance(value, Secret):
            found[key] = _plain(value, secrets)
    return found


@functools.cache
def _keys(kind: Any) -> tuple[tuple[str, str], ...]:
    """The attributes of a section that are keys of the file, with the key of each."""
    described = ((field, about_of(field)) for field in fields(kind))
    return tuple((field.name, about.written or key_of(field)) for field, about in described if about is not None)


def _plain(value: object, secrets: bool) -> object:
    """Return one value as JSON has it."""
    match value:
        case Secret():
            return value.reveal()
        case None | bool() | int() | float() | str():
            return value
        case tuple():
            return [_plain(item, secrets) for item in value]
        case Mapping():
            return dict(value)
        case Pattern():
            return value.source
        case Decimal():
            return f"{value:f}"
        case datetime.datetime():
            return value.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")
        case datetime.time():
            return value.isoformat("seconds" if value.second else "minutes")
        case datetime.date():
            return value.isoformat()
    return to_json(value, secrets=secrets)
