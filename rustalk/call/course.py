"""How one INVITE went, for the record: when it passed, rang, was answered and ended, and with which status."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

__all__ = ["Course", "Lamp", "State"]

_CANCELLED = 487
_SILENT, _UNREACHABLE = 408, 503
"""What silence and a dead transport count as (RFC 3261 section 8.1.3.1)."""


State = Literal["trying", "early", "confirmed", "terminated"]
Lamp = Callable[[State], None]


class Course:
    """The times of one leg and the final ``status`` of its INVITE, None while there is none.

    ``caller`` and ``called`` are the numbers as the INVITE has them, ``tags`` those of From and To. ``code`` is the
    reason that ended the leg, '' where that ended the call, or somebody else has answered. ``now`` gives the moment,
    ``lamp`` is told how the leg goes, for whoever watches who is on it, and ``parted`` how long its peer took to answer
    our BYE.
    """

    __slots__ = (
        "_now",
        "answered",
        "called",
        "caller",
        "code",
        "ended",
        "lamp",
        "parted",
        "progressed",
        "started",
        "status",
        "tags",
    )

    def __init__(self, now: Callable[[], datetime], caller: str = "", called: str = "") -> None:
        self._now = now
        self.lamp: Lamp | None = None
        self.parted: Callable[[timedelta], None] | None = None
        self.caller = caller
        self.called = called
        self.tags = "", ""
        self.code = ""
        self.started = now()
        self.progressed: datetime | None = None
        self.answered: datetime | None = None
        self.ended: datetime | None = None
        self.status: int | None = None

    def rings(self) -> None:
        """A provisional response above 100 passed; the first one counts."""
        if self.progressed is None:
            self.progressed = self._now()
            self.light("early")

    def succeeds(self) -> None:
        """A 2xx passed."""
        self.answered = self._now()
        self.status = 200
        self.light("confirmed")

    def fails(self, status: int, cause: str = "") -> None:
        """The INVITE ended without an answer; ``status`` 0 is none, because of the ``cause``."""
        silent, code = (_UNREACHABLE, "target_unreachable") if cause == "transport" else (_SILENT, "target_silent")
        self._end(status or silent, "far_end" if status else code)

    def cancelled(self, code: str) -> None:
        """We gave the INVITE up."""
        self._end(_CANCELLED, code)

    def leaves(self, code: str) -> None:
        """The call goes on without the leg, which had answered."""
        self._end(self.status, code)

    def _end(self, status: int | None, code: str) -> None:
        if self.ended is None:
            self.status, self.code, self.ended = status, code, self._now()
            self.light("terminated")

    def light(self, state: State) -> None:
        """Tell whoever watches this side how its call is; nobody after the end."""
        lamp = self.lamp
        if state == "terminated":
            self.lamp = None
        if lamp is not None:
            lamp(state)
