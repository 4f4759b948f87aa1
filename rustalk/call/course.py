"""How one INVITE went, for the record: when it passed, rang, was answered and ended, and with which status."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["Course"]

_SILENT, _UNREACHABLE = 408, 503
"""What silence and a dead transport count as (RFC 3261 section 8.1.3.1)."""


class Course:
    """The times of one leg and the final ``status`` of its INVITE, None while there is none.

    ``caller`` and ``called`` are the numbers as the INVITE has them.
    """

    __slots__ = ("answered", "called", "caller", "ended", "progressed", "started", "status")

    def __init__(self, caller: str = "", called: str = "") -> None:
        self.caller = caller
        self.called = called
        self.started = datetime.now(UTC)
        self.progressed: datetime | None = None
        self.answered: datetime | None = None
        self.ended: datetime | None = None
        self.status: int | None = None

    def rings(self) -> None:
        """A provisional response above 100 passed; the first one counts."""
        if self.progressed is None:
            self.progressed = datetime.now(UTC)

    def succeeds(self) -> None:
        """A 2xx passed."""
        self.answered = datetime.now(UTC)
        self.status = 200

    def fails(self, status: int, cause: str = "") -> None:
        """The INVITE ended without an answer; ``status`` 0 is none, because of the ``cause``."""
        if self.ended is None:
            self.status = status or (_UNREACHABLE if cause == "transport" else _SILENT)
            self.ended = datetime.now(UTC)
