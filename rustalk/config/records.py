"""How long call records are kept: the section records."""

from __future__ import annotations

from dataclasses import dataclass, field

from rustalk.config.about import about

__all__ = ["Records"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The records of calls in the database."""

    keep_days: int = field(
        default=0,
        metadata=about(
            "Records of calls that began longer ago are deleted, with their legs, within an hour. 0: never.",
            example=365,
            unit="days",
            low=0,
            high=36500,
        ),
    )
