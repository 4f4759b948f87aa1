"""The INVITE client transaction: RFC 3261 figure 5 with RFC 6026 figure 1."""

from __future__ import annotations

from typing import ClassVar

from ..message import Request, Response
from .effects import Deliver, Effect, Ended, Failed, Send, StartTimer, StopTimer
from .machine import Input, Machine, State, Table

__all__ = ["InviteClient"]


class InviteClient(Machine):
    """Sends an INVITE until somebody answers, and acknowledges every answer that is not a 2xx.

    The ACK of a 2xx and CANCEL are the user's; each 2xx is delivered, be it a copy or another branch's.
    """

    __slots__ = ()

    def receive(self, response: Response) -> list[Effect]:
        """A response with this transaction's key has come."""
        status = response.status
        return self._met(
            Input.PROVISIONAL if status < 200 else Input.SUCCESS if status < 300 else Input.FAILURE, response
        )

    def _call(self, message: Request | Response) -> list[Effect]:
        self._wire = message.to_bytes()
        seconds = self._seconds
        if not seconds["A"]:
            return [StartTimer("B", seconds["B"]), Send(self._wire)]
        return [StartTimer("B", seconds["B"]), *self._repeat("A", seconds["A"])]

    def _retransmit(self, message: Request | Response) -> list[Effect]:
        return self._repeat("A", 2 * self._interval)

    def _time_out(self, message: Request | Response) -> list[Effect]:
        return [*self._stop_calling()[1:], Failed("timeout"), Ended()]

    def _lose_call(self, message: Request | Response) -> list[Effect]:
        return [*self._stop_calling(), Failed("transport"), Ended()]

    def _lose_progress(self, message: Request | Response) -> list[Effect]:
        return [Failed("transport"), Ended()]

    def _progress(self, message: Request | Response) -> list[Effect]:
        effects = self._stop_calling()
        self._wire = b""
        effects.append(Deliver(message))
        return effects

    def _accept_call(self, message: Request | Response) -> list[Effect]:
        return [*self._stop_calling(), *self._accept(message)]

    def _accept(self, message: Request | Response) -> list[Effect]:
        self._wire = b""
        self.request = None
        return self._linger("M", [Deliver(message)])

    def _reject_call(self, message: Request | Response) -> list[Effect]:
        return [*self._stop_calling(), *self._reject(message)]

    def _reject(self, message: Request | Response) -> list[Effect]:
        assert self.request is not None
        self._wire = _ack(self.request, message)
        self.request = None
        return self._linger("D", [Send(self._wire), Deliver(message)])

    def _lose_ack(self, message: Request | Response) -> list[Effect]:
        return [StopTimer("D"), Failed("transport"), Ended()]

    def _stop_calling(self) -> list[Effect]:
        """The timers of Calling."""
        return [StopTimer("B"), StopTimer("A")] if self._seconds["A"] else [StopTimer("B")]

    table: ClassVar[Table] = {
        State.INITIAL: {
            Input.START: (State.CALLING, _call),
        },
        State.CALLING: {
            Input.TIMER_A: (State.CALLING, _retransmit),
            Input.TIMER_B: (State.TERMINATED, _time_out),
            Input.PROVISIONAL: (State.PROCEEDING, _progress),
            Input.SUCCESS: (State.ACCEPTED, _accept_call),
            Input.FAILURE: (State.COMPLETED, _reject_call),
            Input.TRANSPORT_ERROR: (State.TERMINATED, _lose_call),
        },
        State.PROCEEDING: {
            Input.PROVISIONAL: (State.PROCEEDING, Machine._deliver),
            Input.SUCCESS: (State.ACCEPTED, _accept),
            Input.FAILURE: (State.COMPLETED, _reject),
            # Not in the figure, where the answer may still come over a connection that the peer opens. A caller who
            # hears nothing until the peer is given up is worse off than one whose call goes elsewhere now.
            Input.TRANSPORT_ERROR: (State.TERMINATED, _lose_progress),
        },
        State.ACCEPTED: {
            Input.SUCCESS: (State.ACCEPTED, Machine._deliver),
            Input.TIMER_M: (State.TERMINATED, Machine._end),
        },
        State.COMPLETED: {
            Input.FAILURE: (State.COMPLETED, Machine._resend),
            Input.TIMER_D: (State.TERMINATED, Machine._end),
            Input.TRANSPORT_ERROR: (State.TERMINATED, _lose_ack),
        },
        State.TERMINATED: {},
    }


def _ack(request: Request, response: Request | Response) -> bytes:
    """The ACK of a response that is not a 2xx (17.1.1.3)."""
    fields = [("Via", request.get("Via") or "")]
    fields += [field for field in request.fields if field[0] in ("Route", "From", "Call-ID")]
    fields += [("To", response.get("To") or ""), ("CSeq", f"{request.cseq.number} ACK"), ("Max-Forwards", "70")]
    return Request("ACK", request.uri, fields).to_bytes()
