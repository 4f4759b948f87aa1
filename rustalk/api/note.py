"""What the audit log keeps of a change of the configuration: which items it changed, and by which revisions."""

from __future__ import annotations

from collections.abc import Sequence

from rustalk.store.overlay import Revision

__all__ = ["MOST", "changed"]

MOST = 1000
"""So many items are named in one entry."""


def changed(revisions: Sequence[Revision]) -> dict[str, object]:
    """The items by their collections, and the revisions; ``more`` is how many are not named where there are too many.

    A section of the configuration is an item of the collection ``config``.
    """
    if not revisions:
        return {}
    named = revisions[:MOST]
    items: dict[str, list[str]] = {}
    for revision in named:
        items.setdefault(revision.collection, []).append(revision.key)
    note: dict[str, object] = {"changed": items, "revisions": [revision.id for revision in named]}
    return note if len(revisions) <= MOST else {**note, "more": len(revisions) - MOST}
