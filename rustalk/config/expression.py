"""Regular expressions as trees, so that two of them can be compared: what patterns on numbers usually consist of.

Literals, classes, groups, alternatives, repetitions and the anchors, as RE2 understands them. What else RE2 knows, such
as flags, word boundaries and Unicode classes, is not read here, and nothing is claimed of such a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Anchor", "Chars", "Choice", "Expression", "Ranges", "Repeat", "Row", "beginning", "parsed", "sample"]

Ranges = tuple[tuple[int, int], ...]
"""Code points, as the first and the last of each range, in their order and apart from each other."""

_LAST = 0x10FFFF
_DIGITS = ((0x30, 0x39),)
_SPACES = ((0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20))
_WORDS = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_ANY = ((0, 0x09), (0x0B, _LAST))
_KINDS: dict[str, Ranges] = {"d": _DIGITS, "s": _SPACES, "w": _WORDS}
_CONTROLS = {"a": 0x07, "f": 0x0C, "n": 0x0A, "r": 0x0D, "t": 0x09, "v": 0x0B}
_GROUP = re.compile(r"\((?:\?(?::|P?<\w+>))?", re.ASCII)
_COUNT = re.compile(r"\{(\d{1,4})(,(\d{0,4}))?\}", re.ASCII)
_TIMES: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_DEEPEST = 50
_VISIBLE = "0123456789" + "".join(map(chr, range(0x20, 0x7F)))


@dataclass(frozen=True, slots=True)
class Chars:
    """One of some characters."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Anchor:
    """The beginning or the end of the text."""

    at: Literal["begin", "end"]


@dataclass(frozen=True, slots=True)
class Row:
    """One part after the other."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several ways."""

    ways: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part ``least`` times or more, up to ``most`` times; None: as often as one likes."""

    part: Expression
    least: int
    most: int | None


Expression = Chars | Anchor | Row | Choice | Repeat


class _UnreadError(Exception):
    """There is something in the pattern that is not read here."""


def parsed(source: str) -> Expression | None:
    """Return the tree of a pattern that RE2 has compiled, None where there is something in it that is not read."""
    reading = _Reading(source)
    try:
        tree = reading.choice()
    except (_UnreadError, IndexError):
        return None
    return tree if reading.at == len(source) else None


def beginning(tree: Expression) -> str:
    """Return the plain characters that every text begins with in which the expression is found, '' without any."""
    parts = tree.parts if isinstance(tree, Row) else ()
    if not parts or parts[0] != Anchor("begin"):
        return ""
    plain = ""
    for part in parts[1:]:
        if not isinstance(part, Chars) or len(part.ranges) != 1 or part.ranges[0][0] != part.ranges[0][1]:
            break
        plain += chr(part.ranges[0][0])
    return plain


def sample(tree: Expression) -> str:
    """Return a text in which the expression is likely to be found, which is up to the caller to try out."""
    match tree:
        case Chars(ranges):
            return _printable(ranges)
        case Anchor():
            return ""
        case Row(parts):
            return "".join(map(sample, parts))
        case Choice(ways):
            return sample(ways[0])
        case Repeat(part, least):
            return sample(part) * least


def _printable(ranges: Ranges) -> str:
    """A digit or else something visible that is among these; nothing where there is neither."""
    return next((char for char in _VISIBLE if any(low <= ord(char) <= high for low, high in ranges)), "")


class _Reading:
    """The way through one pattern."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self._depth = 0

    def choice(self) -> Expression:
        """Read as far as the end of the group."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _UnreadError
        ways = [self._row()]
        while self._takes("|"):
            ways.append(self._row())
        self._depth -= 1
        return ways[0] if len(ways) == 1 else Choice(tuple(ways))

    def _row(self) -> Expression:
        parts: list[Expression] = []
        while self.at < len(self.source) and self.source[self.at] not in "|)":
            parts.append(self._repeated(self._one()))
        return parts[0] if len(parts) == 1 else Row(tuple(parts))

    def _repeated(self, part: Expression) -> Expression:
        """The part with what says how often it comes; whether as often or as seldom as possible makes no difference."""
        found = _COUNT.match(self.source, self.at)
        if found is not None:
            self.at = found.end()
            least = int(found[1])
            most = least if found[2] is None else int(found[3]) if found[3] else None
        elif self.source[self.at : self.at + 1] in _TIMES:
            least, most = _TIMES[self.source[self.at]]
            self.at += 1
        else:
            return part
        self._takes("?")
        return Repeat(part, least, most)

    def _one(self) -> Expression:
        char = self.source[self.at]
        if char == "(":
            return self._group()
        self.at += 1
        match char:
            case "^":
                return Anchor("begin")
            case "$":
                return Anchor("end")
            case ".":
                return Chars(_ANY)
            case "[":
                return Chars(self._class())
            case "\\" if self._takes("A"):
                return Anchor("begin")
            case "\\" if self._takes("z"):
                return Anchor("end")
            case "\\":
                return Chars(self._escaped())
            case "*" | "+" | "?":
                raise _UnreadError
        return Chars(((ord(char), ord(char)),))

    def _group(self) -> Expression:
        found = _GROUP.match(self.source, self.at)
        if found is None or self.source[found.end()] == "?":
            raise _UnreadError
        self.at = found.end()
        tree = self.choice()
        if not self._takes(")"):
            raise _UnreadError
        return tree

    def _escaped(self) -> Ranges:
        """What stands for itself after a backslash, or for a kind of characters."""
        char = self.source[self.at]
        self.at += 1
        if char in _KINDS:
            return _KINDS[char]
        if char.lower() in _KINDS:
            return _others(_KINDS[char.lower()])
        if char in _CONTROLS:
            return ((_CONTROLS[char], _CONTROLS[char]),)
        if char.isalnum() or not char.isascii():
            raise _UnreadError
        return ((ord(char), ord(char)),)

    def _class(self) -> Ranges:
        turned = self._takes("^")
        ranges: list[tuple[int, int]] = []
        first = True
        while first or self.source[self.at] != "]":
            first = False
            ranges += self._range()
        self.at += 1
        whole = _merged(ranges)
        return _others(whole) if turned else whole

    def _range(self) -> Ranges:
        """One item of a class: a kind of characters, a range, or a character."""
        low = self._member()
        if not (self.source[self.at] == "-" and self.source[self.at + 1] != "]") or low[0][0] != low[-1][1]:
            return low
        self.at += 1
        high = self._member()
        return ((low[0][0], high[-1][1]),)

    def _member(self) -> Ranges:
        char = self.source[self.at]
        if char == "[" and self.source[self.at + 1] == ":":
            raise _UnreadError
        self.at += 1
        return self._escaped() if char == "\\" else ((ord(char), ord(char)),)

    def _takes(self, text: str) -> bool:
        found = self.source.startswith(text, self.at)
        if found:
            self.at += len(text)
        return found


def _merged(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """The ranges in their order, those that touch each other as one."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    return tuple(merged)


def _others(ranges: Ranges) -> Ranges:
    """All characters but these."""
    others: list[tuple[int, int]] = []
    start = 0
    for low, high in ranges:
        if start < low:
            others.append((start, low - 1))
        start = high + 1
    return (*others, (start, _LAST)) if start <= _LAST else tuple(others)
