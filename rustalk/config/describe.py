"""The reference of the configuration, docs/configuration.md, written from the model.

python -m rustalk.config.describe > docs/configuration.md
"""

from __future__ import annotations

import datetime
import json
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from decimal import Decimal
from typing import Any

from rustalk.config.about import About, about_of, key_of
from rustalk.config.example import generate
from rustalk.config.model import Settings
from rustalk.config.pattern import Pattern
from rustalk.config.secret import Secret

__all__ = ["describe"]

_HEAD = """\
# Configuration

<!-- Written by `python -m rustalk.config.describe > docs/configuration.md`; change rustalk/config/model.py instead. -->

The configuration is one JSON file. `rustalk generate-config` writes a short one to start from (below),
`rustalk check-config FILE` says all that is wrong with a file at once: for each fault the JSON path, what stands there
and what was expected. Keys that do not exist, keys given twice and references to what is not defined are faults. A key
that is known but without effect in this version is a warning. Without a file the defaults of this page hold.

- `null` means the same as leaving the key out.
- Times are numbers of seconds. Sizes are bytes.
- Amounts of money are exact decimals: 0.15 and "0.15" are the same, and neither becomes a binary fraction.
- Moments are RFC 3339 such as "2026-12-24T18:00:00Z", seconds since 1970, or a date.
- What the API changes lies over this file, in the database; the file is never written.
- Files are PEM. They are opened when RusTalk starts, not when the configuration is checked; a relative name starts at
  the working directory of the process.
- Passwords are never printed, neither in errors nor in logs nor by the API.
- The older spellings `mtls_cert` and `mtls_key` are accepted for `mtls_cert_path` and `mtls_key_path`.
- Patterns are RE2: no look-ahead, no back-references, and no way to hang. They are searched for in the number, so
  anchor them with `^` and `$`; `$` is the very end.
"""

_UNIONS = frozenset({types.UnionType, typing.Union})
_WORDS = {
    bool: "true or false",
    int: "integer",
    float: "number",
    str: "text",
    Secret: "secret text",
    Pattern: "pattern",
}
_WORDS |= {datetime.time: "time", datetime.date: "date", datetime.datetime: "moment", Decimal: "amount"}


def describe() -> str:
    """Return the whole reference as Markdown."""
    parts = [_HEAD, "## Example\n", f"```json\n{generate()}```\n"]
    homes: dict[Any, str] = {}
    for path, kind in sorted(_sections(Settings, "", None), key=lambda section: section[0].count(".")):
        homes.setdefault(kind, path)
    for path, kind in _sections(Settings, "", homes):
        parts += [
            f"## {path}\n" if path else "## Sections\n",
            f"{(kind.__doc__ or '').splitlines()[0]}\n",
            _table(kind) if homes[kind] == path else f"The keys are those of `{homes[kind]}`.\n",
        ]
    return "\n".join(parts)


def _sections(kind: Any, path: str, homes: Mapping[Any, str] | None) -> Iterator[tuple[str, Any]]:
    """Yield a section and those below it with their paths, in the order of the model.

    ``homes`` are the places where each kind is described in full; elsewhere what is below it is left out.
    """
    yield path, kind
    if homes is not None and homes[kind] != path:
        return
    hints = typing.get_type_hints(kind)
    for field, about in _keys(kind):
        del about
        for inner, suffix in _inner(hints[field.name], ""):
            here = f"{path}.{key_of(field)}" if path else key_of(field)
            name = getattr(inner, "TYPE", "")
            yield from _sections(inner, f"{here}{suffix}" + (f" ({name})" if name else ""), homes)


def _inner(hint: Any, suffix: str) -> Iterator[tuple[Any, str]]:
    """Yield the sections that a type holds, with "[]" after them for those in a list."""
    if is_dataclass(hint):
        yield hint, suffix
    elif typing.get_origin(hint) is tuple:
        yield from _inner(typing.get_args(hint)[0], f"{suffix}[]")
    elif typing.get_origin(hint) in _UNIONS:
        for kind in typing.get_args(hint):
            yield from _inner(kind, suffix)


def _keys(kind: Any) -> Iterator[tuple[Field[Any], About]]:
    """Yield the described fields of a section: its own, then those that it shares with others through a base."""
    shared = {field.name for base in kind.__mro__[1:] if is_dataclass(base) for field in fields(base)}
    for field in sorted(fields(kind), key=lambda field: field.name in shared):
        about = about_of(field)
        if about is not None:
            yield field, about


def _table(kind: Any) -> str:
    hints = typing.get_type_hints(kind)
    rows = ["| key | value | default | what it does | example |", "|---|---|---|---|---|"]
    if hasattr(kind, "TYPE"):
        rows.append(f'| `type` | text | required | Kind of the condition. | `"{kind.TYPE}"` |')
    for field, about in _keys(kind):
        meaning = f"{about.meaning} *{about.unused[:1].upper()}{about.unused[1:]}.*" if about.unused else about.meaning
        meaning += " *Counts from the next start.*" if about.restart else ""
        cells = (
            f"`{key_of(field)}`",
            _value(hints[field.name], about),
            _default(field, about),
            meaning,
            _example(field, about),
        )
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _value(hint: Any, about: About) -> str:
    """What may stand there, with range and unit."""
    words = _words(hint)
    if about.low is not None and about.high is not None:
        words += f", {about.low:g} to {about.high:.12g}"
    return f"{words} {about.unit}".rstrip() if about.low is not None else words


def _words(hint: Any) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in _UNIONS:
        kinds = dict.fromkeys(_words(kind) for kind in arguments if kind is not type(None))
        return " or ".join(kinds if type(None) not in arguments or "object" in kinds else (*kinds, "null"))
    if origin is typing.Literal:
        return ", ".join(f"`{choice}`" if choice else "empty" for choice in arguments)
    if origin is tuple:
        return (
            f"list of {_words(arguments[0])}"
            if arguments[-1] is Ellipsis
            else f"list of {len(arguments)} {_words(arguments[0])}s"
        )
    if origin is not None and issubclass(origin, Mapping):
        return "object"
    if is_dataclass(hint):
        return "object or text" if hasattr(hint, "of_text") else "object"
    return _WORDS[hint]


def _default(field: Field[Any], about: About) -> str:
    if about.shown:
        return about.shown
    if field.default is MISSING:
        return "required" if field.default_factory is MISSING else "`{}`"
    if is_dataclass(field.default):
        return "see below"
    return "empty" if field.default == "" or isinstance(field.default, Secret) else _json(field.default)


def _example(field: Field[Any], about: About) -> str:
    if about.example is not None:
        return _json(about.example)
    plain = (
        isinstance(field.default, bool | int | float | str | tuple | Decimal)
        and field.default not in {"", ()}
        and not isinstance(field.default, Secret)
        and not about.shown
    )
    return _json(field.default) if plain else ""


def _json(value: object) -> str:
    if isinstance(value, Decimal) or (isinstance(value, float) and value.is_integer()):
        value = str(value) if isinstance(value, Decimal) else int(value)
    return f"`{json.dumps(value, ensure_ascii=False)}`"


if __name__ == "__main__":
    sys.stdout.write(describe())
