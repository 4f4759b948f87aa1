"""The event package ``message-summary``: how many messages wait in the mailbox of an extension (RFC 3842)."""

from __future__ import annotations

from collections.abc import Callable

from rustalk.config.extension import Extension
from rustalk.trunk.number import as_user

__all__ = ["Counts", "MessageSummary", "no_messages"]

Counts = tuple[int, int, int, int]
"""Messages: new, old, urgent and new, urgent and old; those that are urgent are not among the others."""


def no_messages(number: str) -> Counts:
    """What waits where nothing is recorded."""
    return 0, 0, 0, 0


class MessageSummary:
    """Tells each extension of its own mailbox. ``counts`` gives what waits for a number, ``domain`` our domain."""

    event = "message-summary"
    content_type = "application/simple-message-summary"
    interval = 1.0

    def __init__(self, counts: Callable[[str], Counts], domain: Callable[[], str]) -> None:
        self._counts = counts
        self._domain = domain

    def refusal(self, watcher: Extension, number: str) -> str:
        """Nobody learns how many messages another one has."""
        return "" if number == watcher.extension else "other_account"

    def state(self, number: str) -> Counts:
        """What waits for a number."""
        return self._counts(number)

    def document(self, number: str, state: Counts, told: Counts | None, version: int) -> bytes:
        """The lines of section 5.2."""
        new, old, urgent_new, urgent_old = state
        waiting = "yes" if new or urgent_new else "no"
        return (
            f"Messages-Waiting: {waiting}\r\n"
            f"Message-Account: sip:{as_user(number)}@{self._domain()}\r\n"
            f"Voice-Message: {new}/{old} ({urgent_new}/{urgent_old})\r\n"
        ).encode()
