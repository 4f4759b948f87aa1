"""The server transaction of every request but INVITE and ACK: RFC 3261 figure 8."""

from __future__ import annotations

from typing import ClassVar

from ..message import Request, Response
from .effects import Effect, Send
from .machine import Input, Machine, State, Table

__all__ = ["Server"]


class Server(Machine):
    """Answers a request, and repeats the answer for each copy of it.

    A transport that fails is reported and changes nothing, since a response may leave another way (section
    17.2.4 as RFC 6026 amends it).
    """

    __slots__ = ()

    def receive(self, request: Request) -> list[Effect]:
        """A copy of the request has come."""
        return self._met(Input.REQUEST, request)

    def respond(self, response: Response) -> list[Effect]:
        """Answer. Raises LocalProtocolError after a final response."""
        status = response.status
        return self._asked(
            Input.PROVISIONAL if status < 200 else Input.SUCCESS if status < 300 else Input.FAILURE, response
        )

    def _progress(self, message: Request | Response) -> list[Effect]:
        self._wire = message.to_bytes()
        return [Send(self._wire)]

    def _complete(self, message: Request | Response) -> list[Effect]:
        self._wire = message.to_bytes()
        self.request = None
        return self._linger("J", [Send(self._wire)])

    table: ClassVar[Table] = {
        State.INITIAL: {
            Input.START: (State.TRYING, Machine._deliver),
        },
        State.TRYING: {
            Input.REQUEST: (State.TRYING, Machine._absorb),
            Input.PROVISIONAL: (State.PROCEEDING, _progress),
            Input.SUCCESS: (State.COMPLETED, _complete),
            Input.FAILURE: (State.COMPLETED, _complete),
            Input.TRANSPORT_ERROR: (State.TRYING, Machine._report_transport),
        },
        State.PROCEEDING: {
            Input.REQUEST: (State.PROCEEDING, Machine._resend),
            Input.PROVISIONAL: (State.PROCEEDING, _progress),
            Input.SUCCESS: (State.COMPLETED, _complete),
            Input.FAILURE: (State.COMPLETED, _complete),
            Input.TRANSPORT_ERROR: (State.PROCEEDING, Machine._report_transport),
        },
        State.COMPLETED: {
            Input.REQUEST: (State.COMPLETED, Machine._resend),
            Input.TIMER_J: (State.TERMINATED, Machine._end),
            Input.TRANSPORT_ERROR: (State.COMPLETED, Machine._report_transport),
        },
        State.TERMINATED: {},
    }
