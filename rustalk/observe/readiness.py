"""Why the switch takes no calls, or what is wrong beside: each reason with a code and a sentence for everybody.

Whoever may ask nothing else still learns these: they name no address, no path and nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["REASONS", "Reason"]

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "draining": "The switch is shutting down and takes no new calls.",
        "trunk_down": "No host of a trunk answers.",
        "database_down": "The database cannot be used: calls go on, changes are refused, records wait on disk.",
        "settings_not_current": "The settings in force are not those of the database.",
        "journal_in_trouble": "Call records are not safe on disk.",
        "not_listening": "A SIP profile is not open as it is configured.",
    }
)
"""Every code, and the plain sentence for it. Codes stay the same; the words may improve."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason. ``code`` is one of `REASONS`; ``text`` says all, for those who may read it."""

    code: str
    text: str

    @property
    def plain(self) -> str:
        """The sentence for everybody."""
        return REASONS[self.code]
