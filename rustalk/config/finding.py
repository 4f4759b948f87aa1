"""What a rule over the settings finds, and the findings that several rules make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rustalk.config.problem import Notice, Problem
from rustalk.config.stand_in import StandIn

if TYPE_CHECKING:
    from rustalk.config.read import Reader

__all__ = ["Finding", "once", "pair", "undefined"]

Finding = Problem | Notice


def once(named: Iterable[tuple[str, str]], kind: str) -> Iterator[Finding]:
    """A name that two things of one kind have; ``named`` are the names with their places in the file."""
    first: dict[str, str] = {}
    for name, path in named:
        if name in first:
            yield Problem(path, f'"{name}" again', f"an id that no other {kind} has", f"first at {first[name]}")
        first.setdefault(name, path)


def undefined(path: str, name: str, expected: str, known: Iterable[str], reader: Reader) -> Iterator[Finding]:
    """A reference to what is not defined, unless it is defined with a fault that is reported already."""
    if name not in reader.lost:
        names = ", ".join(f'"{each}"' for each in sorted(known) if not isinstance(each, StandIn)) or "none"
        yield Problem(path, f'"{name}"', expected, f"defined: {names}")


def pair(path: str, first: str, one: str, second: str, two: str) -> Iterator[Finding]:
    """A certificate and its key come together."""
    if bool(one) != bool(two):
        missing, there = (second, first) if one else (first, second)
        yield Problem(f"{path}.{missing}", "nothing", f"a file, because {there} is given")
