"""Call records are deleted when they are as old as they may become: few at a time, so that no call record waits.

Nodes that share a database may all do it: what one has deleted the others do not find. A record that comes late, out of
the journal of a node that was away, is deleted in the next hour.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from rustalk.store.records import discard
from rustalk.store.session import DatabaseDownError, Session

__all__ = ["Retention"]

log = Logger()

T = TypeVar("T")

_DAY = 86400.0
_HOUR = 3600.0
_FIRST = 60.0
_BATCH = 500
_PAUSE = 0.2


class Writer(Protocol):
    """As much of a database as is needed here."""

    def run(self, work: Callable[[Session], T]) -> Deferred[T]:
        """Run work in one transaction, in a thread."""


class Retention:
    """Keeps call records for ``keep_days`` days, for ever where that is 0. The clock gives seconds since 1970."""

    def __init__(self, database: Writer, clock: IReactorTime, keep_days: int) -> None:
        self._database = database
        self._clock = clock
        self._keep_days = keep_days
        self._deleted = 0
        self._timer: IDelayedCall | None = None
        self._running = False
        self._is_started = False

    def use(self, keep_days: int) -> None:
        """Keep them so long from now on."""
        if keep_days != self._keep_days:
            self._keep_days = keep_days
            self._cancel()
            self._wait(_FIRST)

    def start(self) -> None:
        """Look in a minute, and then each hour."""
        self._is_started = True
        self._wait(_FIRST)

    def stop(self) -> None:
        """Delete nothing more."""
        self._is_started = False
        self._cancel()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, seconds: float) -> None:
        if self._is_started and self._keep_days and self._timer is None and not self._running:
            self._timer = self._clock.callLater(seconds, self._delete)

    def _delete(self) -> None:
        self._timer = None
        self._running = True
        before = self._clock.seconds() - self._keep_days * _DAY
        done = self._database.run(lambda session: discard(session, before, _BATCH))
        done.addCallbacks(self._has_deleted, self._not_deleted)

    def _has_deleted(self, count: int) -> None:
        self._running = False
        self._deleted += count
        if count == _BATCH:
            self._wait(_PAUSE)
            return
        if self._deleted:
            log.info(
                "{count} call records older than {days} days were deleted (records.keep_days)",
                count=self._deleted,
                days=self._keep_days,
            )
        self._deleted = 0
        self._wait(_HOUR)

    def _not_deleted(self, failure: Failure) -> None:
        self._running = False
        if not isinstance(failure.value, DatabaseDownError):
            log.failure("Old call records were not deleted", failure)
        self._wait(_HOUR)
