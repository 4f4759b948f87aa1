"""One epoll for all media sockets, which the reactor sees as a single descriptor.

Twisted pays several microseconds of bookkeeping for each descriptor that turns readable. Here it pays once for a
batch of packets. An epoll descriptor is itself readable as long as one of its sockets is.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import TypeAlias

from twisted.internet.interfaces import IReactorFDSet, IReactorTime, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["Poll", "Receive"]

Receive: TypeAlias = Callable[[float], None]
"""Reads what one socket has; the argument is the time of arrival."""

BATCH = 64
ROUNDS = 8
"""At most BATCH * ROUNDS datagrams are read per turn of the reactor (about 4 ms), so that signalling never starves."""

BUSY = 4
"""As many readable sockets in one round promise that more become readable meanwhile: another round is worth while."""


@implementer(IReadDescriptor)
class Poll:
    """Calls the function of each socket that has something to read, until it is told otherwise.

    A function that raises is dropped and logged: that socket falls silent, all others go on.
    """

    _log = Logger()

    def __init__(self, reactor: IReactorFDSet, clock: IReactorTime) -> None:
        """Open the epoll descriptor; the reactor learns of it with the first socket."""
        self._reactor = reactor
        self._seconds = clock.seconds
        self._epoll = select.epoll()
        self._receivers: dict[int, Receive] = {}

    def add(self, descriptor: int, receive: Receive) -> None:
        """Read this socket from now on."""
        self._epoll.register(descriptor, select.EPOLLIN)
        if not self._receivers:
            self._reactor.addReader(self)
        self._receivers[descriptor] = receive

    def change(self, descriptor: int, receive: Receive) -> None:
        """Let another function read this socket."""
        self._receivers[descriptor] = receive

    def remove(self, descriptor: int) -> None:
        """Read this socket no more; call it before the socket is closed. Harmless when it is not read."""
        if self._receivers.pop(descriptor, None) is None:
            return
        self._epoll.unregister(descriptor)
        if not self._receivers:
            self._reactor.removeReader(self)

    def close(self) -> None:
        """Leave the reactor for good."""
        self._reactor.removeReader(self)
        self._receivers.clear()
        self._epoll.close()

    def fileno(self) -> int:
        """The epoll descriptor, -1 once closed."""
        return -1 if self._epoll.closed else self._epoll.fileno()

    def logPrefix(self) -> str:
        """How Twisted names us in its log."""
        return "media"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor is stopping and has let go of us."""

    def doRead(self) -> None:
        """Read what has come, one datagram from each readable socket per round."""
        poll, receivers, seconds = self._epoll.poll, self._receivers, self._seconds
        for _ in range(ROUNDS):
            ready = poll(0, BATCH)
            now = seconds()
            for descriptor, _events in ready:
                try:
                    receivers[descriptor](now)
                except Exception:
                    self._drop(descriptor)
            if len(ready) < BUSY:
                return

    def _drop(self, descriptor: int) -> None:
        if descriptor in self._receivers:  # else removed earlier in this very round
            self._log.failure("Reading media socket {descriptor} failed; it is dropped", descriptor=descriptor)
            self.remove(descriptor)
