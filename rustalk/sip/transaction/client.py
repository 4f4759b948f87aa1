"""The client transaction of every request but INVITE and ACK: RFC 3261 figure 6."""

from __future__ import annotations

from typing import ClassVar

from ..message import Request, Response
from .effects import Deliver, Effect, Ended, Failed, Send, StartTimer, StopTimer
from .machine import Input, Machine, State, Table

__all__ = ["Client"]


class Client(Machine):
    """Sends a request until its final response comes or 64*T1 have passed."""

    __slots__ = ()

    def receive(self, response: Response) -> list[Effect]:
        """A response with this transaction's key has come."""
        status = response.status
        return self._met(
            Input.PROVISIONAL if status < 200 else Input.SUCCESS if status < 300 else Input.FAILURE, response
        )

    def _try(self, message: Request | Response) -> list[Effect]:
        self._wire = message.to_bytes()
        seconds = self._seconds
        if not seconds["E"]:
            return [StartTimer("F", seconds["F"]), Send(self._wire)]
        return [StartTimer("F", seconds["F"]), *self._repeat("E", seconds["E"])]

    def _retransmit(self, message: Request | Response) -> list[Effect]:
        return self._repeat("E", min(2 * self._interval, self._timers.t2))

    def _retransmit_slowly(self, message: Request | Response) -> list[Effect]:
        return self._repeat("E", self._timers.t2)

    def _time_out(self, message: Request | Response) -> list[Effect]:
        return [*self._stop()[1:], Failed("timeout"), Ended()]

    def _lose(self, message: Request | Response) -> list[Effect]:
        return [*self._stop(), Failed("transport"), Ended()]

    def _complete(self, message: Request | Response) -> list[Effect]:
        effects = self._stop()
        self._wire = b""
        self.request = None
        return [*effects, *self._linger("K", [Deliver(message)])]

    def _stop(self) -> list[Effect]:
        """The timers of Trying and Proceeding."""
        return [StopTimer("F"), StopTimer("E")] if self._seconds["E"] else [StopTimer("F")]

    table: ClassVar[Table] = {
        State.INITIAL: {
            Input.START: (State.TRYING, _try),
        },
        State.TRYING: {
            Input.TIMER_E: (State.TRYING, _retransmit),
            Input.TIMER_F: (State.TERMINATED, _time_out),
            Input.PROVISIONAL: (State.PROCEEDING, Machine._deliver),
            Input.SUCCESS: (State.COMPLETED, _complete),
            Input.FAILURE: (State.COMPLETED, _complete),
            Input.TRANSPORT_ERROR: (State.TERMINATED, _lose),
        },
        State.PROCEEDING: {
            Input.TIMER_E: (State.PROCEEDING, _retransmit_slowly),
            Input.TIMER_F: (State.TERMINATED, _time_out),
            Input.PROVISIONAL: (State.PROCEEDING, Machine._deliver),
            Input.SUCCESS: (State.COMPLETED, _complete),
            Input.FAILURE: (State.COMPLETED, _complete),
            Input.TRANSPORT_ERROR: (State.TERMINATED, _lose),
        },
        State.COMPLETED: {
            Input.SUCCESS: (State.COMPLETED, Machine._absorb),
            Input.FAILURE: (State.COMPLETED, Machine._absorb),
            Input.TIMER_K: (State.TERMINATED, Machine._end),
        },
        State.TERMINATED: {},
    }
