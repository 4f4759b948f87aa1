"""The tables of requirements in docs/teams.md and docs/security.md: their last column names the tests that cite a row.

Everything else on these pages is written by hand. A test cites a row by its ID, such as OPT-06 or OPT-01..04, in its
docstring or anywhere else in its own text. Tests of the simulator say what Teams does and prove nothing of the switch.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["citations", "claimed", "fill"]

_ID = r"(?:[A-Z]{2,3}-[0-9]{2}|A[0-9]{1,2}|F-[0-9]{2})"
_ROW = re.compile(rf"^\| ({_ID}) \|(.*)\|([^|\n]*)\|$", re.MULTILINE)
_CITED = re.compile(rf"\b({_ID})(?:(?:\.\.| to )({_ID}|[0-9]{{1,2}}))?\b")
_NO_PROOF = frozenset(("docs", "simulator"))
_SHOWN = 4


def citations(tests: Path) -> dict[str, list[Path]]:
    """Which test modules cite each ID; paths are relative to the parent of ``tests``."""
    found: dict[str, list[Path]] = {}
    for module in sorted(tests.rglob("test_*.py")):
        if _NO_PROOF.isdisjoint(module.relative_to(tests).parts):
            cited = {each for text in _tests_of(module) for each in _ids(text)}
            for each in cited:
                found.setdefault(each, []).append(module.relative_to(tests.parent))
    return found


def _tests_of(module: Path) -> Iterator[str]:
    """The text of each test function, with its decorators."""
    source = module.read_text(encoding="utf-8")
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            first = min(part.lineno for part in (node, *node.decorator_list))
            yield "\n".join(lines[first - 1 : node.end_lineno])


def _ids(text: str) -> Iterator[str]:
    for match in _CITED.finditer(text):
        first, last = match[1], match[2]
        yield first
        if last is not None:
            kind, _, low = first.rpartition("-")
            high = last.rpartition("-")[2]
            if kind and high.isdigit():
                yield from (f"{kind}-{number:02}" for number in range(int(low), int(high) + 1))


def claimed(text: str) -> list[str]:
    """The IDs of the rows that a page says are met: those with a column for tests."""
    return [match[1] for match in _ROW.finditer(text)]


def fill(text: str, cited: Mapping[str, list[Path]]) -> str:
    """The page with the last column of its rows written anew."""
    return _ROW.sub(lambda match: f"| {match[1]} |{match[2]}| {_links(cited.get(match[1], []))} |", text)


def _links(modules: list[Path]) -> str:
    shown = [f"[{'/'.join(path.parts[1:]).removesuffix('.py')}](../{path.as_posix()})" for path in modules[:_SHOWN]]
    rest = len(modules) - _SHOWN
    return ", ".join([*shown, f"{rest} more"] if rest > 0 else shown) or "none yet"
