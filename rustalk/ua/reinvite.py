"""A re-INVITE of ours (RFC 3261 section 14.1): new media for the peer, or a refresh of the session."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rustalk.interfaces import IFlow
from rustalk.sip.message import Request, Response

if TYPE_CHECKING:
    from .session import Session

__all__ = ["Reinvite"]


class Reinvite:
    """One re-INVITE on its way. ``done`` is called once with the final status and the peer's description.

    Status 0 means that no answer came: RFC 3261 section 12.2.1.2 ends the dialog then, as it does after 481 and 408.
    """

    __slots__ = ("_ack", "_done", "_session", "number")

    def __init__(self, session: Session, done: Callable[[int, bytes], None]) -> None:
        self._session = session
        self._done: Callable[[int, bytes], None] | None = done
        self._ack: bytes | None = None
        self.number = 0

    def sent(self, request: Request) -> None:
        """Remember which request this is."""
        self.number = request.cseq.number

    def response_received(self, response: Response, flow: IFlow) -> None:
        """Follow the transaction; each 2xx is acknowledged, the first one counts."""
        if response.status < 200:
            return
        if response.status < 300:
            if self._ack is not None:
                self._session.endpoint.write(self._ack, flow, response.call_id)
                return
            self._session.dialog.refresh_target(response)
            self._session.acknowledge(self.number, self.acknowledged)
        self._finish(response.status, response.body, response)

    def acknowledged(self, ack: bytes) -> None:
        """The ACK went out with these bytes."""
        self._ack = ack

    def request_failed(self, cause: str) -> None:
        """No answer."""
        self._finish(0, b"", None)

    def _finish(self, status: int, body: bytes, response: Response | None) -> None:
        done, self._done = self._done, None
        if done is not None:
            self._session.reinvite_done(self, status, body, response)
            done(status, body)
