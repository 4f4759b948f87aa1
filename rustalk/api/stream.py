"""Answers that are made while they are sent, no faster than the client takes them, and not for ever."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IConsumer, IDelayedCall, IProducer, IPushProducer, IReactorTime
from twisted.logger import Logger
from twisted.web.server import Request
from zope.interface import implementer

from rustalk.store.export import Pour

from .route import Stream

__all__ = ["PATIENCE", "send"]

_log = Logger()

PATIENCE = 60.0
"""Seconds that a client may take nothing before it is given up."""


async def send(request: Request, stream: Stream, clock: IReactorTime) -> None:
    """Send a stream. One that fails on the way ends without its end, so that nobody takes the part for the whole."""
    headers = request.responseHeaders
    headers.setRawHeaders("Content-Type", [stream.content_type])
    if stream.filename:
        headers.setRawHeaders("Content-Disposition", [f'attachment; filename="{stream.filename}"'])
    if request.method == b"HEAD":
        await stream.chunks.aclose()
        return
    try:
        await Pour(_Patient(request, clock), stream.chunks).start()
    except CancelledError:
        raise
    except Exception:
        _log.failure("An answer broke off at {path}", path=request.path.decode("ascii", "backslashreplace"))
        _abort(request)


@implementer(IConsumer, IPushProducer)
class _Patient:
    """A request as a consumer that is given up when it takes nothing for `PATIENCE` seconds."""

    def __init__(self, request: Any, clock: IReactorTime) -> None:
        self._request = request
        self._clock = clock
        self._producer: Any = None
        self._timer: IDelayedCall | None = None

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """Let the request steer the producer through us."""
        self._producer = producer
        self._request.registerProducer(self, streaming)

    def unregisterProducer(self) -> None:
        """The producer has ended."""
        self._producer = None
        self._stop_waiting()
        if self._request.channel is not None:
            self._request.unregisterProducer()

    def write(self, data: bytes) -> None:
        """Pass on what was produced."""
        self._request.write(data)

    def pauseProducing(self) -> None:
        """The client has enough for now."""
        if self._timer is None:
            self._timer = self._clock.callLater(PATIENCE, _abort, self._request)
        if self._producer is not None:
            self._producer.pauseProducing()

    def resumeProducing(self) -> None:
        """The client takes more."""
        self._stop_waiting()
        if self._producer is not None:
            self._producer.resumeProducing()

    def stopProducing(self) -> None:
        """The client is gone."""
        self._stop_waiting()
        if self._producer is not None:
            self._producer.stopProducing()

    def _stop_waiting(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()


def _abort(request: Request) -> None:
    channel: Any = request.channel
    if channel is not None:
        channel.forceAbortClient()
