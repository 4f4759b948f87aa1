"""One host being called, until it answers or does not."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from rustalk.interfaces import IFlow
from rustalk.ua.reasons import REASONS, reason_field
from rustalk.ua.subject import Subject

from .events import Refused
from .leg import CalleeLeg, Dialled
from .target import Target

__all__ = ["ELSEWHERE", "Attempt", "Dial", "blame"]

ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'
"""What spares who was called a missed call (RNG-07)."""

Dial = Callable[[Target, IFlow, Subject, bytes, CalleeLeg], Dialled]
"""Sends an INVITE: target, flow, subject, description, and the leg that hears of its fate."""


class Attempt:
    """An INVITE to one target on behalf of ``leg``."""

    __slots__ = ("_waiting", "leg")

    def __init__(self, leg: CalleeLeg) -> None:
        self.leg = leg
        self._waiting: Deferred[Refused | None] | None = None

    async def place(self, dial: Dial, target: Target, flow: IFlow, subject: Subject, body: bytes) -> Refused | None:
        """Call, and wait for what comes of it: None for an answer, and for an attempt that was given up.

        Who may be called over TLS only is not called over anything else (RFC 5630 section 4). A fork has none, and it
        is asked here for each of its targets.
        """
        if subject.is_secure and flow.transport not in ("TLS", ""):
            return Refused(0, "tls_required")
        waiting = self._waiting = Deferred()
        self.leg.outgoing = dial(target, flow, subject, body, self.leg)
        return await waiting

    def resolve(self, outcome: Refused | None) -> None:
        """What came of it. A second word changes nothing."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(outcome)

    @property
    def is_open(self) -> bool:
        """Whether nobody has answered yet."""
        return self._waiting is not None

    def expire(self) -> None:
        """It has rung for long enough."""
        if self._waiting is not None:
            self.leg.cancel(reason_field("ring_timeout")[1], "ring_timeout")
            self.resolve(Refused(0, "ring_timeout"))

    def cancel(self, reason: str, code: str = "") -> None:
        """Stop calling. The attempt ends by its own return: a cancelled one would leave its frames to the collector.

        ``code`` is why, for the record; '' where somebody else has answered.
        """
        if self._waiting is not None:
            self.leg.cancel(reason, code)
            self.resolve(None)


def blame(target: Target, refusal: Refused | None) -> None:
    """Tell the target what an outcome says about it."""
    if refusal is None or refusal.cause in REASONS:
        target.worked()
    elif refusal.status == 0:
        target.failed("the connection was lost" if refusal.cause == "transport" else "no answer to INVITE")
    elif refusal.status == 503:
        target.failed("503 to INVITE")
    else:
        target.worked()
