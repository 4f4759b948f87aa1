"""Dials to a side that takes digits by INFO: one at a time, in their order."""

from __future__ import annotations

from collections import deque

from rustalk.interfaces import IFlow
from rustalk.sip.message import Response

from .digits import Digit, compose
from .leg import Leg

__all__ = ["Dialler"]

_WAITING = 16


class Dialler:
    """The digits on their way to one leg. The next one waits for the answer; beyond a few they are passed over."""

    __slots__ = ("_busy", "_leg", "_waiting")

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._waiting: deque[Digit] = deque()
        self._busy = False

    @property
    def leg(self) -> Leg:
        """Who is dialled to."""
        return self._leg

    def dial(self, digit: Digit) -> None:
        """Send a digit, or keep it until those before it have arrived."""
        if self._busy:
            if len(self._waiting) < _WAITING:
                self._waiting.append(digit)
            return
        session = self._leg.session
        if session is not None and not session.ended:
            self._busy = True
            fields, body = compose(digit)
            session.ask("INFO", fields, body, self)

    def _next(self) -> None:
        self._busy = False
        if self._waiting:
            self.dial(self._waiting.popleft())

    def response_received(self, response: Response, flow: IFlow) -> None:
        """The digit has arrived, or was refused."""
        if response.status >= 200:
            self._next()

    def request_failed(self, cause: str) -> None:
        """Nobody answered."""
        self._next()
