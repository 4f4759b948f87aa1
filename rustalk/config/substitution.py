"""A pattern and the text to put where it matches: for numbers, and for header fields that are mapped."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from rustalk.config.pattern import Pattern, compiled

__all__ = ["Substitution", "mapping", "substitution"]

_ARROW = " => "
_MAX_CAPTURES = 9
_REFERENCE = re.compile(r"\\([0-9\\]?)", re.ASCII)


class Substitution:
    r"""Replaces the first match of a pattern; ``\1`` to ``\9`` stand for its groups, ``\0`` for the whole match.

    Two substitutions are equal when their pattern and replacement are. At most nine references keep the result, which
    callers have a say in, within a few times the length of the text.
    """

    __slots__ = ("_compiled", "_pieces", "match", "replacement")

    def __init__(self, match: Pattern, replacement: str) -> None:
        """Raise ValueError, saying what was expected, for a reference to a group that ``match`` does not have."""
        self.match = match
        self.replacement = replacement
        self._compiled = compiled(match.source, captures=True)
        self._pieces = tuple(_pieces(replacement))
        groups = [piece for piece in self._pieces if isinstance(piece, int)]
        if len(groups) > _MAX_CAPTURES:
            raise ValueError(f"at most {_MAX_CAPTURES} references to groups")
        if groups and max(groups) > self._compiled.groups:
            raise ValueError(f"a reference to one of the pattern's {self._compiled.groups} groups, not \\{max(groups)}")

    def apply(self, text: str) -> str | None:
        """Return ``text`` with the first match replaced, or None where there is no match."""
        raw = text.encode("utf-8", "replace")
        found = self._compiled.search(raw)
        if found is None:
            return None
        new = b"".join(
            (found.group(piece) or b"") if isinstance(piece, int) else piece.encode() for piece in self._pieces
        )
        return bytes(raw[: found.start()] + new + raw[found.end() :]).decode("utf-8", "replace")

    def __eq__(self, other: object) -> bool:
        """Compare by pattern and replacement."""
        return isinstance(other, Substitution) and (other.match, other.replacement) == (self.match, self.replacement)

    def __hash__(self) -> int:
        """Hash by pattern and replacement."""
        return hash((self.match, self.replacement))

    def __repr__(self) -> str:
        """Return both in the form in which a header rule has them."""
        return f"Substitution({self.match.source + _ARROW + self.replacement!r})"


@functools.lru_cache(maxsize=4096)
def substitution(match: Pattern, replacement: str) -> Substitution:
    """Return the substitution, made once for each pair. Raises ValueError as `Substitution` does."""
    return Substitution(match, replacement)


@functools.lru_cache(maxsize=4096)
def mapping(value: str) -> Substitution:
    """Return the substitution that "PATTERN => REPLACEMENT" says, made once for each text.

    Raises ValueError, saying what was expected, where there is no arrow or one of the two is not valid.
    """
    source, arrow, replacement = value.partition(_ARROW)
    if not arrow or not source:
        raise ValueError(f'"PATTERN{_ARROW}REPLACEMENT"')
    try:
        match = Pattern(source)
    except ValueError as error:
        raise ValueError(f'a pattern before "{_ARROW.strip()}" that RE2 can compile ({error})') from None
    return Substitution(match, replacement)


def _pieces(replacement: str) -> Iterator[str | int]:
    r"""Yield the texts of a replacement and, as integers, its references; ``\\`` is a backslash."""
    end = 0
    for reference in _REFERENCE.finditer(replacement):
        yield replacement[end : reference.start()]
        if not reference[1]:
            raise ValueError(r"\0 to \9 for a group of the pattern, or \\ for a backslash")
        yield "\\" if reference[1] == "\\" else int(reference[1])
        end = reference.end()
    yield replacement[end:]
