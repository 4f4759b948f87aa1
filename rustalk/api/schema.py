"""JSON schemas (OpenAPI 3.1) of what the API takes and gives, those of configuration items from their dataclasses."""

from __future__ import annotations

import datetime
import functools
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from decimal import Decimal
from typing import Any

from rustalk.config.about import About, about_of, key_of
from rustalk.config.pattern import Pattern
from rustalk.config.secret import Secret

__all__ = ["array", "components", "item", "nullable", "record", "reference"]

Schema = dict[str, Any]

_UNIONS = (types.UnionType, typing.Union)
_PLAIN: Mapping[Any, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    Secret: {"type": "string", "writeOnly": True},
    Pattern: {"type": "string", "description": "A regular expression (RE2)."},
    datetime.time: {"type": "string"},
    datetime.date: {"type": "string", "format": "date"},
    datetime.datetime: {"type": ["string", "number"]},
    Decimal: {"type": ["string", "number"]},
}


def record(required: Mapping[str, Schema] | None = None, **optional: Schema) -> Schema:
    """An object with these keys; those of ``required`` are always there."""
    required = dict(required or {})
    schema: Schema = {"type": "object", "properties": required | optional}
    return schema | {"required": list(required)} if required else schema


def array(of: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": of}


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    kind = schema.get("type")
    return {**schema, "type": [kind, "null"]} if isinstance(kind, str) else {"anyOf": [schema, {"type": "null"}]}


def reference(kind: Any) -> Schema:
    """Where the schema of a dataclass stands."""
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def components(*kinds: Any) -> dict[str, Schema]:
    """The schemas of these dataclasses and of all that they are made of, by name."""
    found: dict[str, Schema] = {}
    waiting = list(kinds)
    while waiting:
        kind = waiting.pop()
        if kind.__name__ not in found:
            found[kind.__name__] = item(kind)
            waiting += _inner(kind)
    return dict(sorted(found.items()))


@functools.cache
def item(kind: Any) -> Schema:
    """The schema of one item of the configuration."""
    hints = typing.get_type_hints(kind)
    properties: dict[str, Schema] = {"type": {"const": kind.TYPE}} if hasattr(kind, "TYPE") else {}
    required = list(properties)
    for field, about in _keys(kind):
        name = about.written or key_of(field)
        properties[name] = _described(hints[field.name], field, about)
        if field.default is MISSING and field.default_factory is MISSING:
            required.append(name)
    schema: Schema = {
        "type": "object",
        "description": (kind.__doc__ or "").split("\n")[0],
        "properties": properties,
        "additionalProperties": False,
    }
    return schema | ({"required": required} if required else {})


def _keys(kind: Any) -> Iterator[tuple[Field[Any], About]]:
    for field in fields(kind):
        about = about_of(field)
        if about is not None:
            yield field, about


def _described(hint: Any, field: Field[Any], about: About) -> Schema:
    schema = dict(_type(hint))
    bounds = {"minimum": about.low, "maximum": about.high}
    numbers = schema["items"] if schema.get("type") == "array" else schema
    if numbers.get("type") in ("integer", "number", ["integer", "null"], ["number", "null"]):
        numbers.update({name: bound for name, bound in bounds.items() if bound is not None})
    if "$ref" in schema:
        return {"allOf": [schema], "description": about.meaning}
    schema["description"] = about.meaning
    if isinstance(field.default, bool | int | float | str) and not isinstance(field.default, Secret):
        schema["default"] = field.default
    if about.example is not None:
        schema["examples"] = [about.example]
    return schema


def _type(hint: Any) -> Schema:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in _UNIONS:
        return _union([each for each in arguments if each is not type(None)], type(None) in arguments)
    if origin is typing.Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin is tuple:
        return array(dict(_type(arguments[0])))
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if is_dataclass(hint):
        schema = reference(hint)
        return {"anyOf": [schema, {"type": "string"}]} if hasattr(hint, "of_text") else schema
    return dict(_PLAIN[hint])


def _union(kinds: list[Any], optional: bool) -> Schema:
    schemas = [_type(each) for each in kinds]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return nullable(schema) if optional else schema


def _inner(kind: Any) -> Iterator[Any]:
    """The dataclasses that a dataclass names."""
    hints = typing.get_type_hints(kind)
    for field, _ in _keys(kind):
        yield from _classes(hints[field.name])


def _classes(hint: Any) -> Iterator[Any]:
    if is_dataclass(hint):
        yield hint
    for inner in typing.get_args(hint):
        yield from _classes(inner)
