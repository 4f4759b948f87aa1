"""Values on the command line as JSON: ``key=value``, or a file."""

from __future__ import annotations

import json
import sys
import types
import typing
from argparse import ArgumentParser, Namespace
from dataclasses import Field, is_dataclass
from dataclasses import fields as dataclass_fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from rustalk.config.about import about_of, key_of
from rustalk.config.pattern import Pattern
from rustalk.config.secret import Secret

from .command import CommandError, Exit

__all__ = ["add_fields", "fields_of", "put", "read_bytes"]


def add_fields(parser: ArgumentParser) -> None:
    """Let a command take the fields of an item."""
    parser.add_argument(
        "fields",
        nargs="*",
        metavar="KEY=VALUE",
        help="a field; a dot leads into an object, commas separate the items of a list, anything else may be JSON",
    )
    parser.add_argument("--file", "-f", metavar="FILE", help="a JSON object to begin with; - reads standard input")


def fields_of(arguments: Namespace, kind: Any = None) -> dict[str, Any]:
    """The object that the arguments make, for an item of the class ``kind``. Raises CommandError."""
    found: dict[str, Any] = {}
    if arguments.file:
        try:
            value = json.loads(read_bytes(arguments.file))
        except (ValueError, RecursionError) as error:
            raise CommandError(f"{arguments.file} is not JSON: {error}.", Exit.USAGE) from None
        if not isinstance(value, dict):
            raise CommandError(f"{arguments.file} holds no JSON object.", Exit.USAGE)
        found = value
    for text in arguments.fields:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise CommandError(f"{text!r} is no KEY=VALUE, such as {_example(kind, text)}.", Exit.USAGE)
        put(found, key, _read(value, _hint(kind, key.split("."))))
    return found


def _example(kind: Any, text: str) -> str:
    """What may have been meant by a value without its key."""
    keys = {key_of(each) for each in dataclass_fields(kind)} if is_dataclass(kind) else set()
    key = next((each for each in ("extension", "number", "id", "name") if each in keys), "sip.max_forwards")
    return f"{key}={text if text.isalnum() and key in keys else '60'}"


def put(target: dict[str, Any], key: str, value: object) -> None:
    """Set a key, whose dots lead into objects. Raises CommandError where there is no object."""
    *above, last = key.split(".")
    for name in above:
        inner = target.setdefault(name, {})
        if not isinstance(inner, dict):
            raise CommandError(f"{key!r} leads into {name!r}, which is no object.", Exit.USAGE)
        target = inner
    target[last] = value


def read_bytes(name: str) -> bytes:
    """What a file holds, or standard input for ``-``. Raises CommandError."""
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from None


def _hint(kind: Any, names: list[str]) -> Any:
    """The type of a field, by the keys that lead to it; None where it is not known."""
    for name in names:
        kind = next((each for each in (kind, *typing.get_args(kind)) if is_dataclass(each)), None)
        if kind is None:
            return None
        hints = typing.get_type_hints(kind)
        field = next((field for field in dataclass_fields(kind) if name in _spellings(field)), None)
        if field is None:
            return None
        kind = hints[field.name]
    return kind


def _spellings(field: Field[Any]) -> tuple[str, ...]:
    about = about_of(field)
    return () if about is None else (key_of(field), *about.aliases)


def _read(text: str, hint: Any) -> object:
    """A value: text where the field holds text, a list where it holds one, else JSON where it is some."""
    if typing.get_origin(hint) is tuple and not text.startswith("["):
        return [_read(each, typing.get_args(hint)[0]) for each in text.split(",")] if text else []
    if _holds_text(hint) and not text.startswith("{"):
        return text
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return value


def _holds_text(hint: Any) -> bool:
    """Whether a text alone may stand there: a number that is one of a telephone is text, and so is a pattern."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return any(_holds_text(each) for each in typing.get_args(hint))
    if typing.get_origin(hint) is typing.Literal:
        return True
    return hint in (str, Secret, Pattern, Decimal) or hasattr(hint, "of_text")
