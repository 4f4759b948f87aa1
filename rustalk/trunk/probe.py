"""OPTIONS on a schedule: who is there, and how fast (OPT-01, OPT-02, OPT-13)."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from rustalk.interfaces import IFlow
from rustalk.sip.message import Response
from rustalk.transport.errors import TransportError
from rustalk.ua.endpoint import Endpoint

from .gateway import Gateway

__all__ = ["Probe"]

log = Logger()

_PATIENCE = 10.0


class Probe:
    """Asks one gateway every ``interval`` seconds, whatever it answered before; the first time at once."""

    def __init__(self, endpoint: Endpoint, gateway: Gateway, interval: float, clock: IReactorTime) -> None:
        self._endpoint = endpoint
        self._gateway = gateway
        self._interval = interval
        self._clock = clock
        self._loop = LoopingCall(self._ask)
        self._loop.clock = clock
        self._asking: Deferred[None] | None = None

    @property
    def trunk(self) -> str:
        """The id of the trunk that it asks."""
        return self._gateway.trunk

    def start(self) -> None:
        """Begin."""
        self._loop.start(self._interval).addErrback(lambda reason: log.failure("A probe stopped", reason))

    def stop(self) -> None:
        """Ask no more."""
        if self._loop.running:
            self._loop.stop()
        if self._asking is not None:
            self._asking.cancel()

    def _ask(self) -> None:
        """One round; the next one does not wait for a gateway that keeps silent."""
        if self._asking is not None:
            self._asking.cancel()
        asking = self._asking = Deferred.fromCoroutine(self._round())
        asking.addTimeout(min(_PATIENCE, 0.9 * self._interval), self._clock)
        asking.addErrback(self._failed)

    async def _round(self) -> None:
        flow = await self._gateway.reach()
        token = self._endpoint.token
        answer: Deferred[Response] = Deferred()
        began = self._clock.seconds()
        request = self._gateway.network.options(self._gateway, flow, token(), token())
        self._endpoint.send(request, flow, _Waiting(answer))
        response = await answer
        took = self._clock.seconds() - began
        if self._gateway.network.is_usable(response.status):
            self._gateway.health.answered(f"{response.status} to OPTIONS", took)
        else:
            self._gateway.health.failed(f"{response.status} {response.reason} to OPTIONS")

    def _failed(self, reason: Failure) -> None:
        if isinstance(reason.value, CancelledError):
            return
        if isinstance(reason.value, TransportError):
            self._gateway.health.failed(reason.getErrorMessage())
        else:
            self._gateway.health.failed("no answer to OPTIONS")


class _Waiting:
    """Hands the final response to who waits for it."""

    def __init__(self, answer: Deferred[Response]) -> None:
        self._answer: Deferred[Response] | None = answer

    def response_received(self, response: Response, flow: IFlow) -> None:
        if response.status >= 200 and self._answer is not None:
            answer, self._answer = self._answer, None
            if not answer.called:
                answer.callback(response)

    def request_failed(self, cause: str) -> None:
        if self._answer is not None:
            answer, self._answer = self._answer, None
            if not answer.called:
                answer.errback(TransportError("timeout" if cause == "timeout" else "lost", "no answer to OPTIONS"))
