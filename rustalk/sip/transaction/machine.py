"""What the four tables have in common: states, inputs, and how an input finds its cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, ClassVar

from ..errors import LocalProtocolError
from ..message import Request, Response
from ..timers import Timers
from .effects import Deliver, Effect, Ended, Failed, Send, StartTimer

__all__ = ["NO_MESSAGE", "Input", "Machine", "State", "Table"]


class State(StrEnum):
    """The boxes of RFC 3261 figures 5 to 8, with Accepted of RFC 6026."""

    INITIAL = "initial"
    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


class Input(StrEnum):
    """The arrows. A timer is its letter."""

    START = "start"
    TRYING = "100"
    REQUEST = "request"
    ACK = "ack"
    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "3xx-6xx"
    TRANSPORT_ERROR = "transport error"
    TIMER_A = "A"
    TIMER_B = "B"
    TIMER_D = "D"
    TIMER_E = "E"
    TIMER_F = "F"
    TIMER_G = "G"
    TIMER_H = "H"
    TIMER_I = "I"
    TIMER_J = "J"
    TIMER_K = "K"
    TIMER_L = "L"
    TIMER_M = "M"


Action = Callable[[Any, Request | Response], list[Effect]]
"""A method of the machine. It gets the message that the input brought; a timer brings an empty one."""

Table = Mapping[State, Mapping[str, tuple[State, Action]]]
"""For each state the inputs that mean something in it: the next state and what is done on the way."""

_ENDED = Ended()
NO_MESSAGE = Request("", "")


class Machine:
    """A transaction: a state, and a table that each kind brings.

    What the network sends out of turn is ignored and counted in ``ignored``. What we ask for out of turn raises
    LocalProtocolError. ``request`` is None once the final response is there: from then on bytes are enough.
    """

    __slots__ = ("_interval", "_seconds", "_timers", "_wire", "ignored", "request", "state")

    table: ClassVar[Table]

    def __init__(self, request: Request, reliable: bool, timers: Timers) -> None:
        self.request: Request | None = request
        self.state = State.INITIAL
        self.ignored = 0
        self._timers = timers
        self._seconds = timers.on(reliable)
        self._interval = 0.0
        self._wire = b""

    def start(self) -> list[Effect]:
        """Begin, once."""
        return self._asked(Input.START, self.request or NO_MESSAGE)

    def fire(self, timer: str) -> list[Effect]:
        """A timer that we started has run out."""
        return self._asked(timer, NO_MESSAGE)

    def transport_failed(self) -> list[Effect]:
        """What we sent could not be sent, or the connection it went out on is lost."""
        return self._met(Input.TRANSPORT_ERROR, NO_MESSAGE)

    def _met(self, arrow: str, message: Request | Response) -> list[Effect]:
        """An input from the network."""
        cell = self.table[self.state].get(arrow)
        if cell is None:
            self.ignored += 1
            return []
        self.state = cell[0]
        return cell[1](self, message)

    def _asked(self, arrow: str, message: Request | Response) -> list[Effect]:
        """An input from our own side."""
        cell = self.table[self.state].get(arrow)
        if cell is None:
            raise LocalProtocolError(f"{arrow} while the {type(self).__name__} transaction is {self.state}")
        self.state = cell[0]
        return cell[1](self, message)

    # Actions that more than one table uses.

    def _absorb(self, message: Request | Response) -> list[Effect]:
        return []

    def _deliver(self, message: Request | Response) -> list[Effect]:
        return [Deliver(message)]

    def _resend(self, message: Request | Response) -> list[Effect]:
        return [Send(self._wire)]

    def _end(self, message: Request | Response) -> list[Effect]:
        return [_ENDED]

    def _report_transport(self, message: Request | Response) -> list[Effect]:
        return [Failed("transport")]

    # Steps of actions.

    def _repeat(self, timer: str, interval: float) -> list[Effect]:
        """Send again, and once more after ``interval``."""
        self._interval = interval
        return [StartTimer(timer, interval), Send(self._wire)]

    def _linger(self, timer: str, effects: list[Effect]) -> list[Effect]:
        """Stay for copies that are still under way, or end at once where none can come."""
        seconds = self._seconds[timer]
        if seconds:
            return [StartTimer(timer, seconds), *effects]
        self.state = State.TERMINATED
        effects.append(_ENDED)
        return effects
