"""How numbers are rewritten on their way from and to a trunk: the keys trunks[].numbers and teams.numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rustalk.config import formats
from rustalk.config.about import about
from rustalk.config.pattern import Pattern
from rustalk.config.substitution import substitution

__all__ = ["NumberRule", "Numbers", "rewritten"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRule:
    """One rule on numbers, the calling and the called one alike."""

    match: Pattern = field(
        metadata=about("Pattern (RE2) searched for in the number, so anchor it with ^ and $.", example=r"^0([1-9]\d+)$")
    )
    replace: str = field(
        metadata=about(
            r"What stands in place of the match; \1 to \9 are the groups of the pattern, \\ is a backslash.",
            example=r"+49\1",
            check=formats.one_line,
        )
    )

    def apply(self, number: str) -> str | None:
        """Return the new number, or None where the rule does not match."""
        return substitution(self.match, self.replace).apply(number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Rules on numbers by direction. The first rule that matches decides; without one the number stays as it is."""

    in_: tuple[NumberRule, ...] = field(
        default=(), metadata=about("For numbers that come from the trunk, before routes and `country` are looked at.")
    )
    out: tuple[NumberRule, ...] = field(
        default=(), metadata=about("For numbers that go to the trunk, after everything else.")
    )


def rewritten(rules: Sequence[NumberRule], number: str) -> str:
    """Return ``number`` as the first rule that matches rewrites it."""
    return next((new for rule in rules if (new := rule.apply(number)) is not None), number)
