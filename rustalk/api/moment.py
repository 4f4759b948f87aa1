"""Points in time as the API writes them."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["moment"]


def moment(time: datetime | None) -> str | None:
    """RFC 3339 in UTC with milliseconds, ``2026-11-22T08:15:30.123Z``; None stays None."""
    if time is None:
        return None
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
