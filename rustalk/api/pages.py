"""Lists that the database gives newest first, by numbers that rise: revisions and the audit log."""

from __future__ import annotations

from .errors import unfit
from .route import Ask

__all__ = ["before", "following"]


def before(ask: Ask) -> int | None:
    """The number below which the page begins, from its cursor; None for the first page. Raises ApiError."""
    cursor = ask.query.get("cursor")
    if not cursor:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19 and int(cursor) > 0):
        raise unfit("cursor", "the next of a page, or left out")
    return int(cursor)


def following(ids: list[int], limit: int) -> tuple[int, str | None]:
    """How many of these, one more than were asked for, are the page, and the cursor of the next one."""
    return (limit, str(ids[limit - 1])) if len(ids) > limit else (len(ids), None)
