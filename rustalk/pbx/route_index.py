"""Which of many routes a number can match at all: those whose patterns begin as the number does.

A pattern that is anchored and starts with plain characters, as ``^\\+4930`` does, can only match a number that starts
with them, so of ten thousand routes a handful is left to be asked. What is not certain is asked: the index only ever
leaves out what cannot match.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence

from rustalk.config.model import Route

__all__ = ["RouteIndex", "ordered", "plain_prefix"]

_PLAIN = re.compile(r"(?:\\[+*#.$-]|[0-9A-Za-z])*", re.ASCII)
_ESCAPED = re.compile(r"\\.", re.DOTALL)
_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")
_GROUP = re.compile(r"\([^()]*\)")
_LAST = re.compile(r"\\?.\Z")
_MAY_UNDO = ("*", "?", "{", r"\Q", "(?")
"""What stands after a character that need not be there: a repetition, at times behind something that is nothing."""


def ordered(routes: Iterable[Route]) -> tuple[Route, ...]:
    """Return the routes in the order in which they are asked: by priority; equal ones keep their order."""
    return tuple(sorted(routes, key=lambda route: route.priority))


class RouteIndex:
    """Routes in their order, and a quick way to those that a number can match.

    ``marked`` are those for emergency calls.
    """

    __slots__ = ("_by_prefix", "_lengths", "marked", "routes")

    def __init__(self, routes: Sequence[Route] = ()) -> None:
        """``routes`` are in the order in which they are asked, as `ordered` puts them."""
        self.routes = tuple(routes)
        self.marked = tuple(route for route in self.routes if route.emergency)
        self._by_prefix: dict[str, list[int]] = {}
        for position, route in enumerate(self.routes):
            self._by_prefix.setdefault(plain_prefix(route.pattern.source), []).append(position)
        self._lengths = sorted({len(prefix) for prefix in self._by_prefix})

    def __len__(self) -> int:
        return len(self.routes)

    def candidates(self, number: str, start: int = 0) -> Iterator[int]:
        """The positions from ``start`` on of the routes that ``number`` can match, in their order."""
        found: list[int] = []
        for length in self._lengths:
            if length > len(number):
                break
            found += self._by_prefix.get(number[:length], ())
        return (position for position in sorted(found) if position >= start)


@functools.lru_cache(maxsize=32768)
def plain_prefix(source: str) -> str:
    """The characters that every number begins with in which the pattern ``source`` occurs, '' where none is certain."""
    if not source.startswith("^"):
        return ""
    found = _PLAIN.match(source, 1)
    plain = found[0] if found else ""
    rest = source[1 + len(plain) :]
    if _has_alternatives(rest):
        return ""
    if rest.startswith(_MAY_UNDO):
        plain = _LAST.sub("", plain)
    return plain.replace("\\", "")


def _has_alternatives(rest: str) -> bool:
    """Whether the rest of a pattern offers a second way that does not begin as the first; in doubt it does."""
    rest = _CLASS.sub("c", _ESCAPED.sub("e", rest))
    while (inner := _GROUP.sub("g", rest)) != rest:
        rest = inner
    return any(each in rest for each in "|()[]")
