"""What a rule over the settings finds, and the findings that several rules make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from rustalk.config.problem import Notice, Problem
from rustalk.config.stand_in import StandIn

if TYPE_CHECKING:
    from rustalk.config.read import Reader

__all__ = ["Finding", "each_once", "once", "pair", "undefined"]

Finding = Problem | Notice

_LISTED = 20
_FEW = 3
"""So many names are quicker counted than all put into a set."""


def once(named: Iterable[tuple[str, str]], kind: str) -> Iterator[Finding]:
    """A name that two things of one kind have; ``named`` are the names with their places in the file."""
    first: dict[str, str] = {}
    for name, path in named:
        if name in first:
            yield Problem(path, f'"{name}" again', f"an id that no other {kind} has", f"first at {first[name]}")
        first.setdefault(name, path)


def each_once(items: Sequence[Any], key: str, kind: str, reader: Reader) -> Iterator[Finding]:
    """The same for items of one class and their attribute ``key``. Nothing is there twice where none was just read."""
    new = reader.reads(type(items[0])) if items else []
    if not new:
        return
    names = list(map(attrgetter(key), items))
    if len(new) <= _FEW:
        repeated = any(names.count(getattr(item, key)) > 1 for item in new)
    else:
        repeated = len(set(names)) < len(names)
    if not repeated:
        return
    several = {name for name, count in Counter(names).items() if count > 1}
    of_several = (item for item in items if getattr(item, key) in several)
    yield from once(((getattr(item, key), f"{reader.path(item)}.{key}") for item in of_several), kind)


def undefined(path: str, name: str, expected: str, known: Iterable[str], reader: Reader) -> Iterator[Finding]:
    """A reference to what is not defined, unless it is defined with a fault that is reported already."""
    if name not in reader.lost:
        yield Problem(path, f'"{name}"', expected, f"defined: {_some(known)}")


def _some(known: Iterable[str]) -> str:
    """The names in their order, but no more than anybody reads."""
    names = sorted(each for each in known if not isinstance(each, StandIn))
    listed = ", ".join(f'"{each}"' for each in names[:_LISTED]) or "none"
    return listed if len(names) <= _LISTED else f"{listed} and {len(names) - _LISTED} more"


def pair(path: str, first: str, one: str, second: str, two: str) -> Iterator[Finding]:
    """A certificate and its key come together."""
    if bool(one) != bool(two):
        missing, there = (second, first) if one else (first, second)
        yield Problem(f"{path}.{missing}", "nothing", f"a file, because {there} is given")
