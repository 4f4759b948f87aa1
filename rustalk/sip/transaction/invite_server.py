"""The INVITE server transaction: RFC 3261 figure 7 with RFC 6026 figure 2."""

from __future__ import annotations

from typing import ClassVar

from ..message import Request, Response
from .effects import Effect, Ended, Failed, Send, StartTimer, StopTimer
from .machine import NO_MESSAGE, Input, Machine, State, Table

__all__ = ["InviteServer"]


class InviteServer(Machine):
    """Answers an INVITE with what its user says, and with the last of it again for each copy of the INVITE.

    A final response other than 2xx is repeated until its ACK comes. A 2xx is repeated by its user, who hands each copy
    to ``respond``. A transport that fails is reported and changes nothing, since a response may leave another way
    (section 17.2.4 as RFC 6026 amends it).
    """

    __slots__ = ()

    def trying(self) -> list[Effect]:
        """Say 100 unless the user has said something while the INVITE was delivered to it.

        For a user that passes the call on: the 200 ms of section 17.2.1 are not waited for, and 100 does not hold up
        what the user had to send.
        """
        if self.state is not State.PROCEEDING:
            return []
        return self._asked(Input.TRYING, self.request or NO_MESSAGE)

    def receive(self, request: Request) -> list[Effect]:
        """A copy of the INVITE has come, or an ACK with its key."""
        return self._met(Input.ACK if request.method == "ACK" else Input.REQUEST, request)

    def respond(self, response: Response) -> list[Effect]:
        """Answer. Raises LocalProtocolError for anything but a 2xx after a final response."""
        status = response.status
        return self._asked(
            Input.PROVISIONAL if status < 200 else Input.SUCCESS if status < 300 else Input.FAILURE, response
        )

    def _try(self, message: Request | Response) -> list[Effect]:
        if self._wire or not isinstance(message, Request):
            return []
        stamp = message.get("Timestamp")
        trying = message.response(100, fields=() if stamp is None else (("Timestamp", stamp),))
        self._wire = trying.to_bytes()
        return [Send(self._wire)]

    def _again(self, message: Request | Response) -> list[Effect]:
        return [Send(self._wire)] if self._wire else []

    def _progress(self, message: Request | Response) -> list[Effect]:
        self._wire = message.to_bytes()
        return [Send(self._wire)]

    def _accept(self, message: Request | Response) -> list[Effect]:
        self._wire = b""
        self.request = None
        return self._linger("L", [Send(message.to_bytes())])

    def _accept_again(self, message: Request | Response) -> list[Effect]:
        return [Send(message.to_bytes())]

    def _reject(self, message: Request | Response) -> list[Effect]:
        self._wire = message.to_bytes()
        self.request = None
        seconds = self._seconds
        if not seconds["G"]:
            return [StartTimer("H", seconds["H"]), Send(self._wire)]
        return [StartTimer("H", seconds["H"]), *self._repeat("G", seconds["G"])]

    def _retransmit(self, message: Request | Response) -> list[Effect]:
        return self._repeat("G", min(2 * self._interval, self._timers.t2))

    def _confirm(self, message: Request | Response) -> list[Effect]:
        self._wire = b""
        return [*self._stop(), *self._linger("I", [])]

    def _time_out(self, message: Request | Response) -> list[Effect]:
        return [*self._stop()[1:], Failed("timeout"), Ended()]

    def _stop(self) -> list[Effect]:
        """The timers of Completed."""
        return [StopTimer("H"), StopTimer("G")] if self._seconds["G"] else [StopTimer("H")]

    table: ClassVar[Table] = {
        State.INITIAL: {
            Input.START: (State.PROCEEDING, Machine._deliver),
        },
        State.PROCEEDING: {
            Input.TRYING: (State.PROCEEDING, _try),
            Input.REQUEST: (State.PROCEEDING, _again),
            Input.PROVISIONAL: (State.PROCEEDING, _progress),
            Input.SUCCESS: (State.ACCEPTED, _accept),
            Input.FAILURE: (State.COMPLETED, _reject),
            Input.TRANSPORT_ERROR: (State.PROCEEDING, Machine._report_transport),
        },
        State.ACCEPTED: {
            Input.REQUEST: (State.ACCEPTED, Machine._absorb),
            Input.ACK: (State.ACCEPTED, Machine._deliver),
            Input.SUCCESS: (State.ACCEPTED, _accept_again),
            Input.TIMER_L: (State.TERMINATED, Machine._end),
            Input.TRANSPORT_ERROR: (State.ACCEPTED, Machine._report_transport),
        },
        State.COMPLETED: {
            Input.REQUEST: (State.COMPLETED, Machine._resend),
            Input.ACK: (State.CONFIRMED, _confirm),
            Input.TIMER_G: (State.COMPLETED, _retransmit),
            Input.TIMER_H: (State.TERMINATED, _time_out),
            Input.TRANSPORT_ERROR: (State.COMPLETED, Machine._report_transport),
        },
        State.CONFIRMED: {
            Input.REQUEST: (State.CONFIRMED, Machine._absorb),
            Input.ACK: (State.CONFIRMED, Machine._absorb),
            Input.TIMER_I: (State.TERMINATED, Machine._end),
        },
        State.TERMINATED: {},
    }
