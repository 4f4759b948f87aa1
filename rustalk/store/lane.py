"""Threads that take work for a database from one queue."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from rustalk.store.session import Connectable, Connection, DatabaseDownError, Session

__all__ = ["Lane"]

T = TypeVar("T")

_WAITING = 5000
"""Most pieces of work that one lane holds; more is refused, as the database is too slow to ever catch up."""


_TRIES = 3
"""A transaction that was ended for a deadlock may meet the same other one once more."""


class _Job(Generic[T]):
    """One piece of work and where its result goes."""

    __slots__ = ("result", "since", "work")

    def __init__(self, work: Callable[[Session], T], since: float) -> None:
        self.work = work
        self.since = since
        self.result: Deferred[T] = Deferred()


class Lane:
    """One queue and its threads, which start with the first work. Its methods are called in the reactor's thread."""

    def __init__(self, backend: Connectable, threads: int, reactor: Any, *, read_only: bool) -> None:
        self._backend = backend
        self._reactor = reactor
        self._read_only = read_only
        self._queue: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._jobs: dict[_Job[Any], None] = {}
        self._most = threads
        self._running = 0
        self._closing = threading.Event()
        self._given_up = False
        self._ended: Deferred[None] = Deferred()

    @property
    def oldest(self) -> float | None:
        """Since when the oldest work waits, by the reactor's clock; None when there is none."""
        return next(iter(self._jobs)).since if self._jobs else None

    def submit(self, work: Callable[[Session], T]) -> Deferred[T]:
        """Queue work; fires in the reactor's thread. Fails with DatabaseDownError when too much waits already."""
        if len(self._jobs) >= _WAITING:
            return fail(DatabaseDownError(f"the database is too slow: {_WAITING} transactions wait for it"))
        job = _Job(work, self._reactor.seconds())
        self._jobs[job] = None
        if self._running < min(self._most, len(self._jobs)):
            self._running += 1
            threading.Thread(target=self._live, name="database", daemon=True).start()
        self._queue.put(job)
        return job.result

    def close(self) -> Deferred[None]:
        """End the threads once the work that waits is done; what then finds no connection fails."""
        self._closing.set()
        for _ in range(self._running):
            self._queue.put(None)
        if not self._running:
            self._ended.callback(None)
        return self._ended

    def _live(self) -> None:
        """The life of one thread."""
        worker = _Worker(self._connect)
        while (job := self._queue.get()) is not None:
            self._reactor.callFromThread(self._done, job, _outcome(worker, job))
        worker.close()
        self._reactor.callFromThread(self._thread_ended)

    def _connect(self) -> Connection:
        if self._given_up:
            raise DatabaseDownError("the database is being closed and cannot be reached")
        try:
            return self._backend.connect(read_only=self._read_only)
        except DatabaseDownError:
            self._given_up = self._closing.is_set()
            raise

    def _done(self, job: _Job[Any], outcome: Any) -> None:
        self._jobs.pop(job, None)
        job.result.callback(outcome)

    def _thread_ended(self) -> None:
        self._running -= 1
        if not self._running and not self._ended.called:
            self._ended.callback(None)


def _outcome(worker: _Worker, job: _Job[T]) -> T | Failure:
    """The result of the work, or the failure that it ended in, which holds no frames alive."""
    try:
        return worker.transact(job.work)
    except BaseException as error:
        untyped: Any = Failure
        failure = untyped(error)
        failure.cleanFailure()
        return cast("Failure", failure)


class _Worker:
    """One thread's connection: made when it is needed, and made again when it has died."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._connection: Connection | None = None

    def transact(self, work: Callable[[Session], T]) -> T:
        """Run the work, again where the connection is found dead or the database had to end a deadlock."""
        for _ in range(_TRIES - 1):
            try:
                return self._attempt(work)
            except DatabaseDownError as error:
                if not error.again:
                    raise
        return self._attempt(work)

    def _attempt(self, work: Callable[[Session], T]) -> T:
        if self._connection is None:
            self._connection = self._connect()
        try:
            return self._connection.transact(work)
        finally:
            if self._connection.lost:
                self.close()

    def close(self) -> None:
        """Close what is open."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
