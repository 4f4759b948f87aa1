"""What a command is, how it fails, and how its results are written."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TextIO

from rustalk.observe.printable import printable

__all__ = ["Command", "CommandError", "Exit", "text", "write_json", "write_table"]


class Exit(IntEnum):
    """The exit codes of the program."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3


class CommandError(Exception):
    """A failure to tell a person about: cause, place and next step in one or more lines, no traceback."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Command:
    """One verb of the program. ``run`` gets the parsed arguments and the stream for its results."""

    name: str
    help: str
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace, TextIO], int]


def write_json(value: object, out: TextIO) -> None:
    """Write a value as JSON for programs."""
    out.write(json.dumps(value, indent=2) + "\n")


def write_table(headings: Sequence[str], rows: Sequence[Sequence[object]], out: TextIO) -> None:
    """Write rows in columns for people; a cell that is None or empty shows as a dash."""
    cells = [list(headings), *([_cell(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    for row in cells:
        out.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")


def text(record: Mapping[str, object], key: str, default: str = "") -> str:
    """A field of a JSON answer as text that is safe on a terminal."""
    value = record.get(key)
    return default if value is None else printable(str(value))


def _cell(value: object) -> str:
    return "-" if value is None or value == "" else printable(str(value))
