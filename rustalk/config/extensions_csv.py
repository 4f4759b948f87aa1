"""Extensions as a table for spreadsheets: CSV (RFC 4180) with a column for each key.

Keys of sections within an extension have a dot, as ``call_forwarding.busy``; lists are separated by blanks. An empty
cell says nothing: a new extension gets the default, one that is there keeps what it has. Blanks around a cell do not
count. The number says which extension is meant; an ``id`` can be given to a new one, and stays. Passwords are read and
never written. A header that is not understood as a whole stops the table: nobody knows what its cells would mean.

Spreadsheets carry out a cell that begins like a formula, so what is written gets an apostrophe before it, and what is
read loses it again.
"""

from __future__ import annotations

import csv
import difflib
import functools
import io
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from rustalk.config.about import about_of, key_of
from rustalk.config.extension import Extension
from rustalk.config.model import Settings
from rustalk.config.overlay import Change, all_changed, to_json
from rustalk.config.password import ALLOWED, weakness
from rustalk.config.problem import ConfigError
from rustalk.config.read import MAX_ITEMS, Reader
from rustalk.config.secret import Secret
from rustalk.config.text import Number, wrapped

__all__ = ["Import", "LineError", "imported", "written"]

_FIRST = ("extension", "display_name", "email", "password", "enabled", "department")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_TRUE, _FALSE = frozenset({"true", "yes", "1", "on"}), frozenset({"false", "no", "0", "off"})
_INTEGER = re.compile(r"-?[0-9]{1,15}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class LineError:
    """One fault of a table. The header is line 1; ``field`` is empty where the fault is that of a whole line."""

    line: int
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Import:
    """What a table asks for: the ``changes`` of its good lines, and what is wrong with each of the others."""

    changes: tuple[Change, ...]
    errors: tuple[LineError, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    """One line as a change."""

    line: int
    change: Change


def imported(settings: Settings, text: str) -> Import:
    """Read a table that adds to the extensions of ``settings`` and changes those whose numbers are there already.

    Comma, semicolon and tab separate the columns, as the header has them. Nothing of the table raises; a line with a
    fault is left out of the changes, with all its faults reported. To try without importing, leave the changes alone.
    """
    errors: list[LineError] = []
    rows = list(_rows(settings, text.removeprefix("\ufeff"), errors))
    if not rows:
        return Import((), tuple(errors))
    errors += _refused(settings, rows)
    bad = {error.line for error in errors}
    return Import(
        tuple(row.change for row in rows if row.line not in bad), tuple(sorted(errors, key=lambda error: error.line))
    )


def written(extensions: Iterable[Extension]) -> Iterator[str]:
    """Yield the lines of a table with all extensions, the header first, each with its line end."""
    columns = [name for name, hint in _columns().items() if hint is not Secret]
    yield _line(columns)
    for extension in extensions:
        value = to_json(extension)
        yield _line(_cell(_at(value, name)) for name in columns)


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _cell(value: object) -> str:
    """One value as text; an object, such as a policy that stands in the extension itself, has none."""
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return _harmless(" ".join(map(str, value)))
        case dict():
            return ""
        case float():
            return f"{value:g}"
    return _harmless(str(value))


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _at(value: Any, name: str) -> object:
    for key in name.split("."):
        value = value[key]
    found: object = value
    return found


def _rows(settings: Settings, text: str, errors: list[LineError]) -> Iterator[_Row]:
    """Yield the lines that can be read at all."""
    columns: list[str] = []
    present = {extension.extension: extension for extension in settings.extensions}
    ids = frozenset(extension.id for extension in settings.extensions)
    numbers: dict[str, int] = {}
    names: dict[str, int] = {}
    for line, cells in _lines(text, errors):
        if not columns:
            columns = _header(cells, errors)
            if not columns:
                return
        elif len(cells) != len(columns):
            errors.append(LineError(line, "", f"found {len(cells)} cells, expected {len(columns)} as in the header"))
        else:
            row = _row(line, dict(zip(columns, cells, strict=True)), present, ids, errors)
            if row is None:
                continue
            number, name = str((row.change.value or {}).get("extension", "")), row.change.key
            if numbers.setdefault(number, line) != line:
                message = f'found "{number}" again, expected each extension once; first in line {numbers[number]}'
                errors.append(LineError(line, "extension", message))
            elif names.setdefault(name, line) != line:
                message = f'found "{name}" again, expected each id once; first in line {names[name]}'
                errors.append(LineError(line, "id", message))
            else:
                yield row


def _lines(text: str, errors: list[LineError]) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines that are not empty with the numbers at which they begin; a fault of the form ends the table."""
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    start = 1
    try:
        for cells in lines:
            if start > MAX_ITEMS:
                errors.append(LineError(start, "", f"expected at most {MAX_ITEMS} lines"))
                return
            if any(cell.strip() for cell in cells):
                yield start, [cell.strip() for cell in cells]
            start = lines.line_num + 1
    except csv.Error as error:
        errors.append(LineError(start, "", f"this is not CSV: {error}"))


def _header(cells: list[str], errors: list[LineError]) -> list[str]:
    """The names of the columns; none where one is unknown or there twice, or the one for the number is missing."""
    columns = [cell.lower() for cell in cells]
    known, before = _columns(), len(errors)
    for number, name in enumerate(columns):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"expected one of {', '.join(known)}"
            errors.append(LineError(1, name[:64], f"found an unknown column; {hint}"))
        elif name in columns[:number]:
            errors.append(LineError(1, name, "found the column twice, expected it once"))
    if "extension" not in columns:
        errors.append(LineError(1, "extension", "found no such column, expected the numbers of the extensions"))
    return columns if len(errors) == before else []


def _row(
    line: int,
    cells: Mapping[str, str],
    present: Mapping[str, Extension],
    ids: frozenset[str],
    errors: list[LineError],
) -> _Row | None:
    """Return one line as a change, or report what is wrong with it by itself."""
    before = present.get(cells["extension"])
    value = to_json(before) if before is not None else {}
    for name, cell in cells.items():
        hint = _columns().get(name)
        if cell and hint is not None:
            _put(value, name, _read(hint, cell))
    reader = Reader()
    extension = reader.section(Extension, wrapped(value), "$")
    errors += (LineError(line, problem.path.removeprefix("$."), problem.message) for problem in reader.problems)
    if extension is None or reader.problems:
        return None
    why = weakness(extension.password.reveal(), extension.extension) if extension.password else ""
    if why:
        errors.append(LineError(line, "password", f"is easily guessed, for it {why}; expected {ALLOWED}"))
        return None
    if before is None and extension.id in ids:
        field = "id" if cells.get("id") else "extension"
        errors.append(LineError(line, field, f'found "{extension.id}", which is the id of another extension'))
        return None
    if before is not None and extension.id != before.id:
        errors.append(LineError(line, "id", f'found "{extension.id}", expected "{before.id}": an id stays'))
        return None
    return _Row(line, Change("extensions", extension.id, value))


def _put(value: dict[str, Any], name: str, item: object) -> None:
    *above, key = name.split(".")
    for each in above:
        value = value.setdefault(each, {})
    value[key] = item


def _read(hint: Any, cell: str) -> object:
    """One cell as JSON has it; what does not look like its type stays text, for the reader to refuse."""
    guarded = hint is not Secret and cell.startswith("'") and cell[1:].startswith(_FORMULA)
    text = cell[1:] if guarded else cell
    if hint is bool:
        word = text.lower()
        return word in _TRUE if word in _TRUE | _FALSE else text
    if hint is int:
        return int(text) if _INTEGER.fullmatch(text) else text
    if hint is float:
        return Number(text) if _NUMBER.fullmatch(text) else text
    return text.split() if typing.get_origin(hint) is tuple else text


def _refused(settings: Settings, rows: list[_Row]) -> Iterator[LineError]:
    """What the rules over the whole have against the lines."""
    lines = {row.change.path: row.line for row in rows}
    try:
        all_changed(settings, (row.change for row in rows))
    except ConfigError as error:
        for problem in error.problems:
            item, bracket, field = problem.path.partition("].")
            line = lines.get(item + "]")
            if bracket and line is not None:
                yield LineError(line, field, problem.message)
            else:
                yield LineError(1, "", str(problem))


@functools.cache
def _columns() -> dict[str, Any]:
    """The columns with the types of their values, those of the first seed in front."""
    found = dict(_below(Extension, ""))
    return {name: found[name] for name in (*_FIRST, *found)}


def _below(kind: Any, above: str) -> Iterator[tuple[str, Any]]:
    hints = typing.get_type_hints(kind)
    for field in fields(kind):
        hint, name = hints[field.name], above + key_of(field)
        if about_of(field) is None:
            continue
        if is_dataclass(hint):
            yield from _below(hint, f"{name}.")
        else:
            yield name, str if isinstance(hint, types.UnionType) else hint
