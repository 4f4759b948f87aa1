"""A word to each registered phone now and then, so that the NAT in front of it stays open and its end is noticed.

Over UDP an OPTIONS, since most NATs forget a mapping within a minute (RFC 4787 section 4.3) and only an answer shows
that the phone is still there: one that does not answer is called no more until it does, or registers again. Over a
connection two line ends, which phones ignore (RFC 3261 section 7.5) and the transport counts as use; whether the peer
is there TCP finds out by itself. The phones' own keep-alives are answered by the transport.
"""

from __future__ import annotations

import math

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from rustalk.interfaces import IFlow
from rustalk.sip.message import Field, Request, Response
from rustalk.ua.endpoint import Endpoint

from .bindings import Binding
from .locate import Locator

__all__ = ["Keepalive"]

log = Logger()

_LINE_ENDS = b"\r\n\r\n"


class Keepalive:
    """Asks every phone of this node each ``interval`` seconds, as many each second as the phones came in; 0: never.

    ``domain`` is what our OPTIONS comes from.
    """

    def __init__(
        self, endpoint: Endpoint, locator: Locator, clock: IReactorTime, *, domain: str, interval: float = 30.0
    ) -> None:
        self._endpoint = endpoint
        self._locator = locator
        self._domain = domain
        self._interval = interval
        self._turns: list[list[str]] = [[] for _ in range(max(1, math.ceil(interval)))]
        self._turn = 0
        self._kept: set[str] = set()
        self._loop = LoopingCall(self.ask)
        self._loop.clock = clock

    def start(self) -> None:
        """Begin with the phones that are registered, evenly spread; those that come have their turn after theirs."""
        if not self._interval:
            return
        self._kept = {each.extension for each in self._locator.listed()}
        for place, number in enumerate(sorted(self._kept)):
            self._turns[place % len(self._turns)].append(number)
        self._locator.arrived = self._arrived
        self._loop.start(1, now=False).addErrback(lambda reason: log.failure("The keep-alives stopped", reason))

    def stop(self) -> None:
        """Ask no more."""
        if self._loop.running:
            self._loop.stop()

    def _arrived(self, number: str) -> None:
        """The first phone of an extension has registered: nearly a whole interval from now it is asked."""
        if number not in self._kept:
            self._kept.add(number)
            self._turns[self._turn - 1].append(number)

    def ask(self) -> None:
        """Ask those whose turn it is in this second; an extension without a phone loses its turn."""
        here, staying = self._turns[self._turn], []
        for number in here:
            bindings = self._locator.all(number)
            if bindings:
                staying.append(number)
            else:
                self._kept.discard(number)
            for binding in bindings:
                if binding.node == self._locator.node:
                    self._ask(binding)
        self._turns[self._turn] = staying
        self._turn = (self._turn + 1) % len(self._turns)

    def _ask(self, binding: Binding) -> None:
        flow = self._locator.standing(binding)
        if flow is None:
            return
        if flow.reliable:
            flow.send(_LINE_ENDS)
        else:
            self._endpoint.send(self._options(binding), flow, _Answer(self._locator, binding))

    def _options(self, binding: Binding) -> Request:
        fields: list[Field] = [("Route", hop) for hop in binding.path]
        fields += [
            ("Max-Forwards", "70"),
            ("From", f"<sip:{self._domain}>;tag={self._endpoint.token()}"),
            ("To", f"<{binding.contact}>"),
            ("Call-ID", self._endpoint.token()),
            ("CSeq", "1 OPTIONS"),
            ("User-Agent", self._endpoint.product),
        ]
        return Request("OPTIONS", binding.contact, fields)


class _Answer:
    """Waits for what a phone says; whatever it says, it is there."""

    __slots__ = ("_binding", "_locator")

    def __init__(self, locator: Locator, binding: Binding) -> None:
        self._locator = locator
        self._binding = binding

    def response_received(self, response: Response, flow: IFlow) -> None:
        self._locator.heard(self._binding)

    def request_failed(self, cause: str) -> None:
        self._locator.silent(self._binding)
