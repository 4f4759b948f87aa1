"""`rustalk check-config` and `rustalk generate-config`."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from rustalk.certificates.files import unreadable
from rustalk.config.example import generate
from rustalk.config.load import load
from rustalk.config.problem import ConfigError, Notice
from rustalk.store.fit import look

from .command import Command, CommandError, Exit, write_json

__all__ = ["CHECK_CONFIG", "GENERATE_CONFIG", "read_file"]


def _check_arguments(parser: ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("file", nargs="?", metavar="FILE", help="the configuration")
    source.add_argument("--config", "-c", metavar="FILE", help="the same")
    parser.add_argument("--json", action="store_true", help="write JSON for programs")


def _check(arguments: Namespace, out: TextIO) -> int:
    name = arguments.file or arguments.config
    try:
        settings = load(read_file(name), name, now=datetime.now(UTC))
        together: list[Notice] = []
        unseen = look(settings, os.environ, together.append)
    except ConfigError as error:
        if not arguments.json:
            raise CommandError(str(error)) from None
        problems = [{"path": p.path, "found": p.found, "expected": p.expected, "hint": p.hint} for p in error.problems]
        write_json({"valid": False, "problems": problems, "warnings": []}, out)
        return Exit.FAILED
    missing = [Notice(each.path, f"{each.found} cannot be read here: {each.hint}") for each in unreadable(settings)]
    if unseen:
        text = f"what it holds over the file was not looked at, and may not fit: {unseen}"
        missing.append(Notice("$.database.url", text))
    notices = [*settings.warnings, *together, *missing]
    if arguments.json:
        warnings = [{"path": warning.path, "message": warning.message} for warning in notices]
        write_json({"valid": True, "problems": [], "warnings": warnings}, out)
        return Exit.DONE
    for warning in notices:
        out.write(f"warning: {warning}\n")
    out.write(f"{name} can be used.\n")
    return Exit.DONE


def read_file(name: str) -> str:
    """The text of a configuration file; raises CommandError, with what to do, where there is none to be had."""
    try:
        return Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(
            f"{name} cannot be read: {error.strerror}. `rustalk generate-config -o {name}` writes one to begin with."
        ) from None
    except UnicodeDecodeError as error:
        raise CommandError(f"{name} is not UTF-8 at byte {error.start}. Save it as UTF-8.") from None


def _generate_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--output", "-o", metavar="FILE", help="write here and not to standard output")


def _generate(arguments: Namespace, out: TextIO) -> int:
    if arguments.output is None:
        out.write(generate())
        return Exit.DONE
    try:
        with Path(arguments.output).open("x", encoding="utf-8") as file:
            file.write(generate())
    except FileExistsError:
        raise CommandError(f"{arguments.output} exists and was left as it is. Choose another name.") from None
    except OSError as error:
        raise CommandError(f"{arguments.output} cannot be written: {error.strerror}. Choose another place.") from None
    out.write(f"{arguments.output} was written. Edit it, then `rustalk check-config {arguments.output}`.\n")
    return Exit.DONE


CHECK_CONFIG = Command("check-config", "tell everything that is wrong with a configuration", _check_arguments, _check)
GENERATE_CONFIG = Command("generate-config", "write a configuration to begin with", _generate_arguments, _generate)
