"""A re-INVITE of ours (RFC 3261 section 14.1): new media for the peer, or a refresh of the session."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.logger import Logger

from rustalk.interfaces import IFlow
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Response

from .acknowledgement import Acknowledgement
from .endpoint import ClientTransaction
from .timeouts import Timeout

if TYPE_CHECKING:
    from .session import Session

__all__ = ["Reinvite"]

log = Logger()

_TOO_LATE = 504


class Reinvite:
    """One re-INVITE on its way. ``done`` is called once with the final status and the peer's description.

    Status 0 means that no answer came: RFC 3261 section 12.2.1.2 ends the dialog then, as it does after 481 and 408.
    A peer that says 100 and then nothing for 64*T1 has refused: no phone rings here that might still be answered.
    """

    __slots__ = ("_ack", "_done", "_limit", "_session", "_transaction", "number")

    def __init__(self, session: Session, number: int, done: Callable[[int, bytes], None]) -> None:
        self.number = number
        self._session = session
        self._done: Callable[[int, bytes], None] | None = done
        self._ack: Acknowledgement | None = None
        self._transaction: ClientTransaction | None = None
        self._limit: Timeout | None = None

    def sent(self, transaction: ClientTransaction) -> None:
        """The request went out."""
        endpoint = self._session.endpoint
        self._transaction = transaction
        self._limit = endpoint.timeouts.start(64 * endpoint.timers.t1, self._give_up)

    def abandon(self) -> None:
        """The session is over: nobody waits any more, but a 2xx that still comes gets its ACK."""
        self._done = None
        self._rest()
        if self._transaction is not None:
            self._transaction.cancel()

    def response_received(self, response: Response, flow: IFlow) -> None:
        """Follow the transaction; each 2xx is acknowledged, the first one counts."""
        if response.status < 200:
            return
        if response.status < 300:
            if self._ack is not None:
                self._ack.send()
                return
            try:
                self._session.dialog.refresh_target(response)
            except RemoteProtocolError as error:
                log.info("Kept the old target: {reason}", reason=error.reason, call_id=response.call_id)
            self._ack = self._session.acknowledge(self.number)
        self._finish(response.status, response.body, response)

    def request_failed(self, cause: str) -> None:
        """No answer."""
        self._finish(0, b"", None)

    def _give_up(self) -> None:
        if self._transaction is not None:
            self._transaction.cancel()
        self._finish(_TOO_LATE, b"", None)

    def _rest(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _finish(self, status: int, body: bytes, response: Response | None) -> None:
        done, self._done = self._done, None
        self._rest()
        if done is not None:
            self._session.reinvite_done(self, status, body, response)
            done(status, body)
