"""The HTTP server under the API, with bounds: connections, time to send a request, octets of a body."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, cast

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.http import Request as HttpRequest
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

from .errors import ApiError

__all__ = ["BoundedRequest", "build_site"]

MAX_BODY = 65536
MAX_TABLE = 8 * 1024 * 1024
MAX_CONNECTIONS = 100
TIMEOUT = 10.0


class BoundedRequest(Request):
    """A request whose body may be ``MAX_BODY`` octets; the connection of a larger one is answered 413 and closed.

    On the paths ``large`` it may be ``MAX_TABLE`` octets, of which Twisted keeps all but the first in a file.
    """

    _received = 0
    _refused = False

    def __init__(self, channel: Any, *rest: Any, large: Collection[bytes] = ()) -> None:
        untyped: Any = super()
        untyped.__init__(channel, *rest)
        self._large = large

    @property
    def _most(self) -> int:
        """What this body may be long; the channel knows the path before the request does."""
        uri = getattr(self.channel, "_path", b"")
        return MAX_TABLE if uri.partition(b"?")[0] in self._large else MAX_BODY

    def gotLength(self, length: int | None) -> None:
        """Refuse a body that says it is too large, before any of it is taken in."""
        too_large = length is not None and length > self._most
        untyped: Any = super()
        untyped.gotLength(0 if too_large else length)
        if too_large:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        """Take in a piece of the body; nothing once the limit is passed."""
        self._received += len(data)
        if self._received > self._most:
            self._refuse()
        else:
            untyped: Any = super()
            untyped.handleContentChunk(data)

    def process(self) -> None:
        """Answer the request, unless it has been refused."""
        if not self._refused:
            untyped: Any = super()
            untyped.process()

    def _refuse(self) -> None:
        channel: Any = self.channel
        if self._refused or channel is None:
            return
        self._refused = True
        problem = ApiError("body-too-large", f"A request on this path may have {self._most} bytes.")
        body = json.dumps(problem.body(None)).encode("ascii")
        channel.write(
            b"HTTP/1.1 413 Content Too Large\r\nContent-Type: application/problem+json\r\nConnection: close\r\n"
            b"Cache-Control: no-store\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        channel.loseConnection()


class _Site(Site):
    """A site whose access log is a debug line."""

    noisy = False
    _logger = Logger()

    def log(self, request: HttpRequest) -> None:
        """Log one answered request."""
        self._logger.debug(
            "{method} {path} was answered {status}", method=request.method, path=request.path, status=request.code
        )


class _Bounded(WrappingFactory[ProtocolWrapper]):
    """Closes connections beyond ``MAX_CONNECTIONS``, and those of whom nobody wants to hear, at once."""

    noisy = False

    def __init__(self, inner: Any, banned: Callable[[str], bool]) -> None:
        untyped: Any = super()
        untyped.__init__(inner)
        self._banned = banned

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A protocol for a new connection; None, which closes it, where it is not wanted."""
        if len(self.protocols) >= MAX_CONNECTIONS or self._banned(getattr(addr, "host", "")):
            return None
        return super().buildProtocol(addr)


def _nobody(address: str) -> bool:
    return False


def build_site(
    root: IResource,
    clock: IReactorTime,
    *,
    large: Collection[bytes] = (),
    banned: Callable[[str], bool] = _nobody,
) -> ServerFactory[Any]:
    """A server factory for the resource.

    ``large`` are the paths that take tables, ``banned(address)`` says whose connections are closed at once.
    """
    make_site: Any = _Site
    request = partial(BoundedRequest, large=frozenset(large))
    site = make_site(root, requestFactory=request, timeout=TIMEOUT, reactor=clock, parsePOSTFormSubmission=False)
    make_bounded: Any = _Bounded
    return cast("ServerFactory[Any]", make_bounded(site, banned))
