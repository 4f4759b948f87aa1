"""Hearing what other nodes have changed: NOTIFY of PostgreSQL, read in the reactor without a thread.

When the connection is lost it is made again, and then every listener is called with an empty payload: whatever may
have been told in between, it has to look for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from rustalk.store.database import Database
from rustalk.store.session import DatabaseDownError, Ears

__all__ = ["Listener"]

log = Logger()

_FIRST_RETRY, _LAST_RETRY = 0.1, 5.0


@implementer(IReadDescriptor)
class Listener:
    """Calls each of ``channels`` with the payloads that come. On SQLite, which has one node, nothing ever comes."""

    def __init__(self, database: Database, reactor: Any, channels: Mapping[str, Callable[[str], None]]) -> None:
        self._database = database
        self._reactor = reactor
        self._channels = channels
        self._ears: Ears | None = None
        self._retry: IDelayedCall | None = None
        self._pause = _FIRST_RETRY
        self._stopped = False

    @property
    def listening(self) -> bool:
        """Whether notifications are heard now."""
        return self._ears is not None

    def start(self) -> None:
        """Begin to listen; listeners are called with an empty payload when it has begun."""
        names = tuple(self._channels)
        ears = self._database.read(lambda session: self._database.backend.listen(names))
        ears.addCallbacks(self._opened, self._not_opened)

    def stop(self) -> None:
        """Listen no more."""
        self._stopped = True
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._close()

    def fileno(self) -> int:
        """The socket that the reactor watches."""
        return -1 if self._ears is None else self._ears.fileno()

    def doRead(self) -> None:
        """Take what has come."""
        if self._ears is None:
            return
        try:
            heard = self._ears.hear()
        except DatabaseDownError:
            self._lost()
            return
        for channel, payload in heard:
            self._channels[channel](payload)

    def connectionLost(self, reason: Failure) -> None:
        """Make the connection again."""
        self._lost()

    def logPrefix(self) -> str:
        """The name of this reader in the log."""
        return "listener"

    def _opened(self, ears: Ears | None) -> None:
        if ears is None:
            return
        if self._stopped:
            ears.close()
            return
        self._ears = ears
        self._pause = _FIRST_RETRY
        self._reactor.addReader(self)
        for heard in self._channels.values():
            heard("")

    def _not_opened(self, failure: Failure) -> None:
        if not isinstance(failure.value, DatabaseDownError):
            log.failure("PostgreSQL cannot be listened to", failure)
        self._try_again()

    def _lost(self) -> None:
        self._close()
        self._try_again()

    def _try_again(self) -> None:
        if not self._stopped and self._retry is None:
            self._retry = self._reactor.callLater(self._pause, self._start_again)
            self._pause = min(2 * self._pause, _LAST_RETRY)

    def _start_again(self) -> None:
        self._retry = None
        self.start()

    def _close(self) -> None:
        if self._ears is not None:
            self._reactor.removeReader(self)
            self._ears.close()
            self._ears = None
