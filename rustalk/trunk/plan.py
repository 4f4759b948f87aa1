"""The number plan of a trunk: how the numbers that come from it become ours, and ours become those that it takes."""

from __future__ import annotations

from rustalk.config.model import Manners
from rustalk.config.numbers import rewritten

from .e164 import e164, is_emergency

__all__ = ["NumberPlan"]


class NumberPlan:
    """The rules and the country of one trunk, for callers, called numbers and targets of transfers alike (XFR-06).

    Emergency numbers and people without a number are no matter of rules. ``changes_in`` says whether numbers that come
    in may become others.
    """

    __slots__ = ("_country", "_in", "_out", "changes_in")

    def __init__(self, manners: Manners) -> None:
        self._in = manners.numbers.in_
        self._out = manners.numbers.out
        self._country = manners.country
        self.changes_in = bool(self._in or self._country)

    def is_emergency(self, number: str) -> bool:
        """Whether help is called."""
        return is_emergency(number, self._country)

    def inward(self, number: str) -> str:
        """A number that came from the trunk: by its rules, then with its country."""
        if not self.changes_in or self._is_exempt(number):
            return number
        number = rewritten(self._in, number)
        return e164(number, self._country) if self._country else number

    def outward(self, number: str) -> str:
        """A number as the trunk takes it."""
        return rewritten(self._out, number) if self._out and not self._is_exempt(number) else number

    def _is_exempt(self, number: str) -> bool:
        return number in ("", "anonymous") or self.is_emergency(number)
