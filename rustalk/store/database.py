"""A database behind threads: work runs there, each in one transaction, and the reactor waits for no disk or network.

Writers and readers have lanes of their own, so that a long export delays no change. When the database is gone,
`Database.problem` says so at once, work is refused with DatabaseDownError instead of piling up, and the database is
tried again, more and more rarely, until it answers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import unquote, urlsplit

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from rustalk.config.model import Settings
from rustalk.store.lane import Lane
from rustalk.store.session import Backend, Connectable, Connection, DatabaseDownError, Dialect, Session, once
from rustalk.store.sqlite import Sqlite

__all__ = ["Database", "DatabaseDownError", "Session", "backend_of", "once", "url_of"]

log = Logger()

T = TypeVar("T")

_SLOW = 5.0
"""A write that takes longer than this, in seconds, is told as a problem."""

_FIRST_RETRY, _LAST_RETRY = 0.25, 10.0
_GOODBYE = 10.0
_FILE = "rustalk.sqlite3"


def url_of(settings: Settings) -> str:
    """The address of the database that the settings name: the file in `server.state_directory` when they name none."""
    named = settings.database.url.reveal() if settings.database else ""
    return named or f"sqlite://{Path(settings.server.state_directory).expanduser().absolute() / _FILE}"


def backend_of(url: str, *, connections: int = 4) -> Backend:
    """The database at an address. Raises ValueError, without the address, which may hold a password."""
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        path = unquote(urlsplit(url).path)
        if not url.startswith("sqlite:///") or path.endswith("/"):
            raise ValueError("an address with the absolute path of a file, such as sqlite:///var/lib/rustalk/db")
        return Sqlite(Path(path))
    if scheme not in {"postgresql", "postgres"}:
        raise ValueError("an address that begins with sqlite:/// or postgresql://")
    try:
        from rustalk.store.postgres import Postgres
    except ImportError:
        raise ValueError("PostgreSQL needs psycopg: install it with `pip install 'rustalk[postgresql]'`") from None
    return Postgres(url, connections=connections)


class Database:
    """One database for the whole process. Its methods are called in the reactor's thread.

    Nothing is opened before the first work, and before that ``prepare`` is run once, in a transaction of its own: what
    it raises is a problem of the database, and it is tried again. Work gets a `Session` and must touch nothing else
    that the reactor uses: it runs in another thread, and a second time when its connection is found dead.
    """

    def __init__(
        self, backend: Connectable, reactor: Any, *, prepare: Callable[[Session], object] = lambda session: None
    ) -> None:
        self.backend: Connectable = _Prepared(backend, prepare)
        self.problem = ""
        self._reactor = reactor
        self._watchers: list[Callable[[str], None]] = []
        self._pause = _FIRST_RETRY
        self._retry: IDelayedCall | None = None
        self._slow: IDelayedCall | None = None
        self._gone = False
        self._closed: Deferred[None] | None = None
        writers, readers = backend.threads
        self._writing = Lane(self.backend, writers, reactor, read_only=False)
        self._reading = Lane(self.backend, readers, reactor, read_only=True)

    @classmethod
    def open(cls, url: str, reactor: Any, *, connections: int = 4) -> Database:
        """The database at this address. Raises ValueError for an address that names none."""
        return cls(backend_of(url, connections=connections), reactor)

    @property
    def dialect(self) -> Dialect:
        """Which kind of database it is."""
        return self.backend.dialect

    def run(self, work: Callable[[Session], T]) -> Deferred[T]:
        """Run ``work`` in a transaction that is committed when it returns; fires with its result.

        Fails with DatabaseDownError, or with what the work raised, and then nothing of it is kept. Work is run in
        the order of the calls on SQLite; on PostgreSQL two may run at once.
        """
        result = self._submit(self._writing, work)
        if self._slow is None and self._writing.oldest is not None:
            self._slow = self._reactor.callLater(_SLOW, self._look_for_slowness)
        return result

    def read(self, work: Callable[[Session], T], *, patience: float | None = None) -> Deferred[T]:
        """Run ``work`` that only reads, beside the writers. Fails as `run` does, or after ``patience`` seconds.

        On SQLite it sees one state of the database, on PostgreSQL each statement sees what is committed by then.
        """
        result = self._submit(self._reading, work)
        return result if patience is None else result.addTimeout(patience, self._reactor, _too_late)

    def watch(self, callback: Callable[[str], None]) -> None:
        """Call with the text of each new problem, and with an empty text when all is well again."""
        self._watchers.append(callback)

    def close(self) -> Deferred[None]:
        """Let the work that waits be done, then end the threads; fires when they have ended, or after ten seconds."""
        if self._closed is None:
            for timer in (self._retry, self._slow):
                if timer is not None and timer.active():
                    timer.cancel()
            self._retry = self._slow = None
            self._closed = Deferred()
            lanes = [self._writing.close(), self._reading.close()]
            lanes[0].addCallback(lambda _: lanes[1]).addTimeout(_GOODBYE, self._reactor, lambda result, timeout: None)
            lanes[0].addBoth(self._has_closed)
        waiter: Deferred[None] = Deferred()
        if self._closed.called:
            waiter.callback(None)
        else:
            self._closed.addCallback(lambda _: waiter.callback(None))
        return waiter

    def _has_closed(self, result: object) -> None:
        if self._closed is not None:
            self._closed.callback(None)

    def _submit(self, lane: Lane, work: Callable[[Session], T]) -> Deferred[T]:
        if self._closed is not None:
            return fail(DatabaseDownError("the database is closed"))
        if self._gone:
            return fail(DatabaseDownError(self.problem, gone=True))
        return lane.submit(work).addCallbacks(self._worked, self._failed)

    def _worked(self, result: T) -> T:
        if self.problem and self._retry is None:
            self._tell("")
        return result

    def _failed(self, failure: Failure) -> Failure:
        if isinstance(failure.value, DatabaseDownError):
            self.trouble(failure.value)
        return failure

    def trouble(self, error: DatabaseDownError) -> None:
        """Take note of a problem that was found elsewhere, too, and see to it that the database is tried again."""
        self._gone = self._gone or error.gone
        self._tell(str(error))
        if self._retry is None and self._closed is None:
            self._retry = self._reactor.callLater(self._pause, self._probe)
            self._pause = min(2 * self._pause, _LAST_RETRY)

    def _probe(self) -> None:
        self._writing.submit(self.backend.probe).addCallbacks(self._recovered, self._still_down)

    def _recovered(self, result: None) -> None:
        self._retry, self._gone, self._pause = None, False, _FIRST_RETRY
        self._tell("")

    def _still_down(self, failure: Failure) -> None:
        self._retry = None
        error = failure.value
        self.trouble(error if isinstance(error, DatabaseDownError) else DatabaseDownError(str(error)))

    def _look_for_slowness(self) -> None:
        """Tell when the oldest write has waited too long; look again as long as there are writes."""
        self._slow = None
        oldest = self._writing.oldest
        if oldest is None:
            return
        waited = self._reactor.seconds() - oldest
        if waited >= _SLOW and not self.problem:
            self._tell(f"the database has not answered for {waited:.0f} seconds")
        self._slow = self._reactor.callLater(_SLOW, self._look_for_slowness)

    def _tell(self, problem: str) -> None:
        if problem == self.problem:
            return
        if problem:
            log.error("The database is in trouble: {problem}", problem=problem)
        else:
            log.info("The database works again")
        self.problem = problem
        for watcher in tuple(self._watchers):
            watcher(problem)


def _too_late(result: object, patience: float) -> NoReturn:
    raise DatabaseDownError(f"the database has not answered for {patience:g} seconds")


class _Prepared:
    """A database that is made ready by the first thread that connects to it, while the others wait."""

    def __init__(self, backend: Connectable, prepare: Callable[[Session], object]) -> None:
        self.dialect = backend.dialect
        self.threads = backend.threads
        self.probe = backend.probe
        self.listen = backend.listen
        self._backend = backend
        self._prepare = prepare
        self._ready = False
        self._lock = threading.Lock()

    def connect(self, *, read_only: bool) -> Connection:
        """Connect, after it has been made ready. Raises DatabaseDownError."""
        with self._lock:
            if not self._ready:
                self._make_ready()
        return self._backend.connect(read_only=read_only)

    def _make_ready(self) -> None:
        try:
            once(self._backend, self._prepare)
        except DatabaseDownError:
            raise
        except Exception as error:
            raise DatabaseDownError(str(error), gone=True) from error
        self._ready = True
