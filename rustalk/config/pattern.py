"""Regular expressions on numbers that cannot be made to hang: RE2 instead of a backtracking engine.

A pattern is *searched for*, so it matches anywhere unless it is anchored with ``^`` and ``$``, as in RusTalk's
config.json. RE2's ``$`` is the very end of the text, never the place before a final newline. Look-around and
back-references do not exist in RE2 and are refused when the pattern is made.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["MAX_PATTERN", "Pattern", "compiled"]

MAX_PATTERN = 512
"""Longest pattern in characters."""

_MAX_MEMORY = 1 << 20

# google-re2 carries no type information; as a module object its names are untyped without a stub of ours.
_re2 = import_module("re2")


class Pattern:
    """A compiled pattern. Two patterns are equal when their source is."""

    __slots__ = ("_compiled", "source")

    def __init__(self, source: str) -> None:
        """Compile ``source``; raise ValueError with RE2's reason when it is too long, too large or not valid."""
        self._compiled = compiled(source)
        self.source = source

    def matches(self, text: str) -> bool:
        """Say whether the pattern occurs in ``text``, in time linear in its length."""
        return self._compiled.search(text.encode("utf-8", "replace")) is not None

    @property
    def anchored(self) -> bool:
        """Whether the pattern starts at the beginning of the text or is meant to match everything."""
        return self.source.startswith(("^", r"\A")) or self.source in {"", ".*", ".+"}

    def __eq__(self, other: object) -> bool:
        """Compare by source."""
        return isinstance(other, Pattern) and other.source == self.source

    def __hash__(self) -> int:
        """Hash by source."""
        return hash(self.source)

    def __repr__(self) -> str:
        """Return the source in a form that shows what it is."""
        return f"Pattern({self.source!r})"


def compiled(source: str, *, captures: bool = False) -> Any:
    """Return RE2's own form of ``source``, which remembers groups only with ``captures``, as that takes time.

    Raises ValueError with RE2's reason when it is too long, too large or not valid.
    """
    if len(source) > MAX_PATTERN:
        raise ValueError(f"longer than {MAX_PATTERN} characters")
    options = _re2.Options()
    options.log_errors = False
    options.never_capture = not captures
    options.max_mem = _MAX_MEMORY
    try:
        return _re2.compile(source, options)
    except (_re2.error, UnicodeEncodeError) as error:
        raise ValueError(_reason(error)) from None


def _reason(error: Exception) -> str:
    """RE2 gives its reason as bytes; say in its place what an operator can do where that is known."""
    first = error.args[0] if error.args else ""
    text = first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)
    if "(?" in text and "invalid perl operator" in text:
        return f"{text}: look-ahead and look-behind are not supported, use a second route or a negated condition"
    if "invalid escape sequence: \\" in text and text[-1:].isdigit():
        return f"{text}: back-references are not supported"
    return text
