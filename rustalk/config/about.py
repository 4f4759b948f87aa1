"""What is known of a configuration key beside its type and default: the source of checks and of the reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, dataclass
from typing import Any

__all__ = ["UNUSED", "About", "about", "about_of", "key_of"]

UNUSED = "accepted, not used by this version"

_KEY = "about"


@dataclass(frozen=True, slots=True)
class About:
    """The description of one key.

    ``check`` normalises a string or raises ValueError saying what was expected. ``aliases`` are other spellings of the
    key. ``unused`` is the notice for a key that this version accepts without effect. ``shown`` replaces the default in
    the reference where that would go stale. ``low`` and ``high`` include their bounds. ``written`` is the spelling, one
    of the aliases, in which the API writes the key. ``end_of_day``: a date stands for its last second, not its first.
    ``restart``: a change at run time counts only from the next start.
    """

    meaning: str
    example: object = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    check: Callable[[str], str] | None = None
    aliases: tuple[str, ...] = ()
    unused: str = ""
    shown: str = ""
    written: str = ""
    end_of_day: bool = False
    restart: bool = False


def about(meaning: str, **rest: Any) -> dict[str, About]:
    """Return the metadata for a dataclass field; the keywords are those of `About`."""
    return {_KEY: About(meaning, **rest)}


def key_of(field: Field[Any]) -> str:
    """Return the key that a field stands for: its name; an underscore at the end only keeps it from being a keyword."""
    return field.name.removesuffix("_")


def about_of(field: Field[Any]) -> About | None:
    """Return the description of a field, or None when the field is no configuration key."""
    found = field.metadata.get(_KEY)
    return found if isinstance(found, About) else None
