"""Our 2xx to an INVITE, repeated until its ACK comes (RFC 3261 section 13.3.1.4)."""

from __future__ import annotations

from collections.abc import Callable

from rustalk.sip.message import Response

from .endpoint import ServerTransaction
from .timeouts import Timeout

__all__ = ["Acceptance"]


class Acceptance:
    """One 2xx waiting for its ACK. ``unacknowledged`` is called once when none came within 64*T1."""

    __slots__ = ("_again", "_interval", "_limit", "_response", "_transaction", "number")

    def __init__(self, transaction: ServerTransaction, response: Response, unacknowledged: Callable[[], None]) -> None:
        self._transaction = transaction
        self._response = response
        self.number = transaction.request.cseq.number
        endpoint = transaction.endpoint
        self._interval = endpoint.timers.t1
        self._again: Timeout = endpoint.timeouts.start(self._interval, self._repeat)
        self._limit: Timeout = endpoint.timeouts.start(64 * endpoint.timers.t1, self._give_up, unacknowledged)
        transaction.send(response)

    def acknowledged(self) -> None:
        """The ACK is here."""
        self._again.cancel()
        self._limit.cancel()

    def _repeat(self) -> None:
        endpoint = self._transaction.endpoint
        self._interval = min(2 * self._interval, endpoint.timers.t2)
        self._again = endpoint.timeouts.start(self._interval, self._repeat)
        self._transaction.send(self._response)

    def _give_up(self, unacknowledged: Callable[[], None]) -> None:
        self._again.cancel()
        unacknowledged()
