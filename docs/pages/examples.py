"""The worked examples of the pages: configurations that load, and what `rustalk route test` says of the last one shown.

A block marked ``json`` is a configuration where it has a section of one; a block marked ``console`` holds commands and
what they print, which is written anew.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory

from rustalk.cli.program import main
from rustalk.config.about import about_of, key_of
from rustalk.config.model import Settings

__all__ = ["PAGES", "configurations", "fill", "said"]

PAGES = ("extensions.md", "records.md", "routing.md")
"""The pages that have examples."""

_BLOCK = re.compile(r"^```(json|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_COMMAND = "$ rustalk route test "


def configurations(text: str) -> Iterator[str]:
    """Every configuration that a page shows."""
    for block in _BLOCK.finditer(text):
        if block[1] == "json" and _is_configuration(block[2]):
            yield block[2]


def _is_configuration(block: str) -> bool:
    sections = {key_of(field) for field in fields(Settings) if about_of(field) is not None}
    found = json.loads(block)
    return isinstance(found, dict) and not sections.isdisjoint(found)


def fill(text: str) -> str:
    """The page with what its commands print now."""
    configuration = ""

    def written(block: re.Match[str]) -> str:
        nonlocal configuration
        if block[1] == "json":
            configuration = block[2] if _is_configuration(block[2]) else configuration
            return block[0]
        commands = [line for line in block[2].splitlines() if line.startswith("$ ")]
        if not all(command.startswith(_COMMAND) for command in commands):
            return block[0]
        told = "".join(f"{command}\n{said(command, configuration)}" for command in commands)
        return f"```console\n{told}```"

    return _BLOCK.sub(written, text)


def said(command: str, configuration: str) -> str:
    """What `rustalk route test` prints, run with this configuration; errors too."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "rustalk.json"
        path.write_text(configuration, encoding="utf-8")
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            main([*shlex.split(command)[2:], "-c", str(path)])
        return out.getvalue().replace(str(path), "rustalk.json")
