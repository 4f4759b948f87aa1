"""Voicemail boxes: a collection, their messages, and what a message waiting indication says (RFC 3842)."""

from __future__ import annotations

from typing import Any

from . import schema
from .collection import Items
from .route import Answer, Ask, Route

__all__ = ["Mailboxes"]

_COUNT = {"type": "integer"}


class Mailboxes(Items):
    """``/api/v1/voicemail/mailboxes``. This version takes no messages, so every box is empty."""

    def routes(self) -> list[Route]:
        """The routes of every collection, and those of a box."""
        inside = [
            self.route(
                "GET",
                f"{self.root}/<key>/messages",
                self.messages,
                "The messages of a box; this version records none.",
                gives=schema.record(
                    {
                        "messages": schema.array({"type": "object"}),
                        "total": _COUNT,
                        "next": {"type": ["string", "null"]},
                    }
                ),
                problems=("item-not-found",),
            ),
            self.route(
                "GET",
                f"{self.root}/<key>/mwi",
                self.waiting,
                "How many messages wait in a box.",
                gives=schema.record(
                    {
                        "mailbox_id": {"type": "string"},
                        "new_messages": _COUNT,
                        "old_messages": _COUNT,
                        "total_messages": _COUNT,
                    }
                ),
                problems=("item-not-found",),
            ),
        ]
        return [*inside, *super().routes()]

    async def messages(self, ask: Ask) -> Answer:
        """Give the messages of a box."""
        self.find(ask)
        empty: dict[str, Any] = {"messages": [], "total": 0, "next": None}
        return Answer(empty)

    async def waiting(self, ask: Ask) -> Answer:
        """Count the messages of a box."""
        box = self.find(ask)
        return Answer({"mailbox_id": box.id, "new_messages": 0, "old_messages": 0, "total_messages": 0})
