"""SQLite as the database: one file, one writer, readers that are never in its way (WAL)."""

from __future__ import annotations

import fcntl
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar, cast

from rustalk.store.owner import give
from rustalk.store.session import DatabaseDownError, Dialect, InUseError, Row, Session

__all__ = ["Sqlite"]

T = TypeVar("T")

_BUSY = 5.0
"""How long another process may hold the lock before the database counts as down, in seconds."""

_GONE = frozenset(
    (
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
    )
)
_PASSING = frozenset(
    (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    )
)


class Sqlite:
    """The database in the file ``path``. Directory and file are made, for their owner only, when they are not there."""

    dialect: Dialect = "sqlite"
    threads = (1, 2)

    def __init__(self, path: Path, *, busy: float = _BUSY) -> None:
        self._path = path
        self._busy = busy

    def connect(self, *, read_only: bool) -> SqliteConnection:
        """Open the file. Raises DatabaseDownError."""
        try:
            if not read_only:
                _make(self._path)
            return SqliteConnection(_open(self._path, self._busy, read_only), self._path, read_only)
        except (OSError, sqlite3.Error) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise DatabaseDownError(f"{self._path} cannot be opened: {reason}", gone=True) from None

    def probe(self, session: Session) -> None:
        """Write to the header of the file, which a full or read-only disk refuses."""
        session.execute(f"PRAGMA user_version = {int(time.monotonic()) % 1_000_000}")

    def listen(self, channels: Sequence[str]) -> None:
        """Return nothing: a file has one node."""

    def exists(self) -> bool:
        """Whether there is a file that is not empty, or one that cannot be looked at."""
        try:
            return self._path.stat().st_size > 0
        except FileNotFoundError:
            return False
        except OSError:
            return True

    def hold(self) -> Callable[[], None]:
        """Keep the file from being replaced, by a lock on a file beside it."""
        file = self._locked(fcntl.LOCK_SH, "its backup is being restored: start again when that is done")
        return lambda: os.close(file)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only one; the file beside the database that is locked for it stays."""
        file = self._locked(fcntl.LOCK_EX, "a switch runs on it: stop the switch first")
        try:
            yield
        finally:
            os.close(file)

    def anew(self, work: Callable[[Session], T]) -> T:
        """Let ``work`` fill a new file, which takes the place of this one."""
        draft = self._beside(f".{secrets.token_hex(4)}")
        try:
            result = Sqlite(draft, busy=self._busy)._filled(work)
            for rest in ("-wal", "-shm"):
                self._beside(rest).unlink(missing_ok=True)
            draft.replace(self._path)
        except OSError as error:
            raise DatabaseDownError(f"{self._path} cannot be replaced: {error.strerror}", gone=True) from None
        finally:
            for rest in ("", "-wal", "-shm"):
                draft.with_name(f"{draft.name}{rest}").unlink(missing_ok=True)
        return result

    def _filled(self, work: Callable[[Session], T]) -> T:
        """Run work, then see that all is in the file itself."""
        connection = self.connect(read_only=False)
        try:
            result = connection.transact(work)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()
        return result

    def _locked(self, how: int, otherwise: str) -> int:
        """The lock file, locked until it is closed. The system ends the lock with the process, however that ends."""
        path = self._beside(".lock")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DatabaseDownError(f"{path} cannot be opened: {error.strerror}", gone=True) from None
        try:
            give(file, path.parent)
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except OSError as error:
            os.close(file)
            if isinstance(error, BlockingIOError):
                raise InUseError(f"the database {self._path} is in use: {otherwise}") from None
            raise DatabaseDownError(f"{path} cannot be locked: {error.strerror}", gone=True) from None
        return file

    def _beside(self, suffix: str) -> Path:
        return self._path.with_name(f"{self._path.name}{suffix}")


class SqliteConnection:
    """One connection to the file, used by the thread that made it."""

    dialect: Dialect = "sqlite"

    def __init__(self, raw: sqlite3.Connection, path: Path, read_only: bool) -> None:
        self._raw = raw
        self._path = path
        self._begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"
        self.lost = False

    def transact(self, work: Callable[[Session], T]) -> T:
        """Run ``work`` between BEGIN and COMMIT; raises DatabaseDownError, or what the work raises."""
        try:
            self._raw.execute(self._begin)
            result = work(cast("Session", self))
            self._raw.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise self._translated(error) from error
        except BaseException:
            self._roll_back()
            raise
        return result

    def execute(self, sql: str, params: Sequence[object] = ()) -> list[Row]:
        """Run one statement; return all its rows."""
        return self._raw.execute(sql, tuple(params)).fetchall()

    def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement for each of the rows."""
        self._raw.executemany(sql, rows)

    def stream(self, sql: str, params: Sequence[object] = (), size: int = 1000) -> Iterator[list[Row]]:
        """Run a query and yield its rows in lists of at most ``size``."""
        cursor = self._raw.execute(sql, tuple(params))
        while rows := cursor.fetchmany(size):
            yield rows

    def notify(self, channel: str, payload: str) -> None:
        """Do nothing: a file has one node."""

    def close(self) -> None:
        """Close the file; never raises."""
        try:
            self._raw.close()
        except sqlite3.Error:
            self.lost = True

    def _roll_back(self) -> None:
        try:
            if self._raw.in_transaction:
                self._raw.execute("ROLLBACK")
        except sqlite3.Error:
            self.lost = True

    def _translated(self, error: sqlite3.Error) -> Exception:
        """The error as DatabaseDownError where the file is to blame; one in the SQL stays what it is."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code not in _GONE and code not in _PASSING:
            return error
        self.lost = self.lost or code in _GONE
        return DatabaseDownError(f"{self._path}: {error}", gone=code in _GONE)


def _make(path: Path) -> None:
    """Make directory and file, or see that nobody else can read the file; SQLite gives its other files that mode.

    A file that is there is never opened here: to close it would end the locks of every connection that this process has
    to it (POSIX), and another process would take the write-ahead log for its own to delete.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        return
    try:
        give(file, path.parent)
    finally:
        os.close(file)


def _open(path: Path, busy: float, read_only: bool) -> sqlite3.Connection:
    raw = sqlite3.connect(path, timeout=busy, isolation_level=None)
    try:
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("PRAGMA synchronous = FULL")
        raw.execute("PRAGMA foreign_keys = ON")
        if read_only:
            raw.execute("PRAGMA query_only = ON")
    except sqlite3.Error:
        raw.close()
        raise
    return raw
