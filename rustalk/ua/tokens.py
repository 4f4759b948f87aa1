"""Names that nobody can guess, for branches, tags and Call-IDs (RFC 3261 section 19.3)."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Tokens"]

_SIZE = 8
_POOL = 512


class Tokens:
    """Gives tokens of 64 random bits as hexadecimal text. ``random(n)`` gives n octets fit for secrets.

    A call needs a dozen of them, and asking the kernel for each takes longer than everything else about it: what it
    gives is cut up here, each octet used once.
    """

    __slots__ = ("_left", "_pool", "_random")

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._pool = b""
        self._left = 0

    def take(self) -> str:
        """The next token."""
        if not self._left:
            self._pool = self._random(_SIZE * _POOL)
            self._left = _POOL
        self._left -= 1
        start = self._left * _SIZE
        return self._pool[start : start + _SIZE].hex()
