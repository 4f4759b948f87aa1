"""PostgreSQL as the database, by psycopg: shared between nodes, and told about by NOTIFY."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar, cast

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from rustalk.store.session import DatabaseDownError, Dialect, InUseError, Row, Session, once

__all__ = ["Postgres"]

T = TypeVar("T")

_DEFAULTS: Mapping[str, Any] = {
    "application_name": "rustalk",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15000,
    "options": "-c statement_timeout=30s -c lock_timeout=5s -c idle_in_transaction_session_timeout=60s",
}
"""Nothing waits for ever for a server that does not answer. What the address names itself comes first."""

_DOWN = ("08", "25006", "53", "57", "58", "XX")
"""Classes and codes of errors that are the server's: connection, read-only, resources, operator, system, internal."""

_AGAIN = frozenset(("40001", "40P01"))
_LOCK = "55P03"
_IN_USE = 0x52757355
"""The advisory lock that each switch shares, by the connection on which it listens."""

_TOKEN = re.compile(r"'(?:[^']|'')*'|\?|%")


class Postgres:
    """The database at ``url``, a postgresql:// address. Its password appears in no error."""

    dialect: Dialect = "postgresql"

    def __init__(self, url: str, *, connections: int = 4) -> None:
        """Raises ValueError for an address that libpq does not understand."""
        try:
            given = {key: value for key, value in conninfo_to_dict(url).items() if value is not None}
        except psycopg.Error:
            raise ValueError("an address such as postgresql://user:password@host/database") from None
        self.parameters: Mapping[str, Any] = {**_DEFAULTS, **given}
        writers = max(1, connections // 2)
        self.threads = (writers, max(1, connections - writers))

    def connect(self, *, read_only: bool) -> PostgresConnection:
        """Connect. Raises DatabaseDownError."""
        return PostgresConnection(self._connect(autocommit=False), self._clean, read_only)

    def listen(self, channels: Sequence[str]) -> PostgresEars:
        """Open a connection that hears these channels, and holds the database. Raises DatabaseDownError."""
        raw = self._connect(autocommit=True)
        try:
            if raw.execute("SELECT pg_try_advisory_lock_shared(%s)", (_IN_USE,)).fetchone() != (True,):
                raise DatabaseDownError("PostgreSQL: a command works on the database that no switch may run beside")
            for channel in channels:
                raw.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        except DatabaseDownError:
            raw.close()
            raise
        except psycopg.Error as error:
            raw.close()
            raise DatabaseDownError(f"PostgreSQL cannot be listened to: {self._clean(error)}", gone=True) from None
        return PostgresEars(raw)

    def exists(self) -> bool:
        """There is a server, and a database is not made by us."""
        return True

    def hold(self) -> Callable[[], None]:
        """Return at once: the connection that listens holds the database."""
        return lambda: None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only one, by a connection of its own. One who has just gone is waited for."""
        raw = self._connect(autocommit=True)
        try:
            self._lock_alone(raw)
            yield
        finally:
            raw.close()

    def anew(self, work: Callable[[Session], T]) -> T:
        """Run ``work`` in a transaction."""
        return once(self, work)

    def _connect(self, *, autocommit: bool) -> psycopg.Connection[Row]:
        try:
            return cast("psycopg.Connection[Row]", psycopg.connect(**self.parameters, autocommit=autocommit))
        except psycopg.Error as error:
            raise DatabaseDownError(f"PostgreSQL cannot be reached: {self._clean(error)}", gone=True) from None

    def _lock_alone(self, raw: psycopg.Connection[Row]) -> None:
        try:
            raw.execute("SET lock_timeout = '1s'")
            raw.execute("SELECT pg_advisory_lock(%s)", (_IN_USE,))
        except psycopg.errors.LockNotAvailable:
            raise InUseError(
                "the database is in use: a switch runs on it: stop the switch first, on every node"
            ) from None
        except psycopg.Error as error:
            raise DatabaseDownError(f"PostgreSQL: {self._clean(error)}", gone=True) from None

    def probe(self, session: Session) -> None:
        """A server that stands by takes no writes."""
        if session.execute("SELECT pg_is_in_recovery()")[0][0]:
            raise DatabaseDownError("PostgreSQL is a standby server and takes no writes")

    def _clean(self, error: Exception) -> str:
        """The text of an error in one line, and surely without the password."""
        text = " ".join(str(error).split()) or type(error).__name__
        password = self.parameters.get("password")
        return text.replace(str(password), "***") if password else text


class PostgresConnection:
    """One connection to the server, used by one thread."""

    dialect: Dialect = "postgresql"

    def __init__(self, raw: psycopg.Connection[Row], clean: Callable[[Exception], str], read_only: bool) -> None:
        self._raw = raw
        self._clean = clean
        raw.read_only = read_only
        self._cursors = 0

    @property
    def lost(self) -> bool:
        """Whether the server has gone or closed this connection."""
        return self._raw.closed

    def transact(self, work: Callable[[Session], T]) -> T:
        """Run ``work`` in a transaction; raises DatabaseDownError, or what the work raises."""
        committing = False
        try:
            result = work(cast("Session", self))
            committing = True
            self._raw.commit()
        except psycopg.Error as error:
            self._roll_back()
            raise self._translated(error, committing) from error
        except BaseException:
            self._roll_back()
            raise
        return result

    def execute(self, text: str, params: Sequence[object] = ()) -> list[Row]:
        """Run one statement; return all its rows."""
        cursor = self._raw.execute(_placeholders(text), tuple(params))
        return cursor.fetchall() if cursor.description else []

    def executemany(self, text: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement for each of the rows."""
        with self._raw.cursor() as cursor:
            cursor.executemany(_placeholders(text), rows)

    def stream(self, text: str, params: Sequence[object] = (), size: int = 1000) -> Iterator[list[Row]]:
        """Run a query and yield its rows in lists of at most ``size``, by a cursor of the server."""
        self._cursors += 1
        with self._raw.cursor(name=f"rustalk_{self._cursors}") as cursor:
            cursor.execute(_placeholders(text), tuple(params))
            while rows := cursor.fetchmany(size):
                yield rows

    def notify(self, channel: str, payload: str) -> None:
        """Tell the nodes that listen to ``channel`` when this transaction is committed."""
        self.execute("SELECT pg_notify(?, ?)", (channel, payload))

    def close(self) -> None:
        """Close the connection; never raises."""
        self._raw.close()

    def _roll_back(self) -> None:
        try:
            self._raw.rollback()
        except psycopg.Error:
            self._raw.close()

    def _translated(self, error: psycopg.Error, committing: bool) -> Exception:
        """The error as DatabaseDownError where the server is to blame; one in the SQL or its values stays."""
        code = error.sqlstate
        if code in _AGAIN:
            return DatabaseDownError(f"PostgreSQL: {self._clean(error)}", again=True)
        if self.lost or code is None or code == _LOCK or code.startswith(_DOWN):
            if code is None and not isinstance(error, psycopg.OperationalError) and not self.lost:
                return error
            return DatabaseDownError(
                f"PostgreSQL: {self._clean(error)}", gone=self.lost, again=self.lost and not committing
            )
        return error


class PostgresEars:
    """A connection that hears notifications."""

    def __init__(self, raw: psycopg.Connection[Row]) -> None:
        self._raw = raw
        # A copy, since libpq closes its own as soon as the server is gone, and the reactor must be told before that.
        self._socket = os.dup(raw.fileno())

    def fileno(self) -> int:
        """The socket."""
        return self._socket

    def hear(self) -> list[tuple[str, str]]:
        """The channels and payloads that have come. Raises DatabaseDownError when the connection is lost."""
        found = []
        try:
            self._raw.pgconn.consume_input()
            while notification := self._raw.pgconn.notifies():
                found.append((notification.relname.decode(), notification.extra.decode()))
        except psycopg.Error:
            raise DatabaseDownError("the connection that listens to PostgreSQL is lost", gone=True) from None
        return found

    def close(self) -> None:
        """Close the connection."""
        if self._socket >= 0:
            os.close(self._socket)
            self._socket = -1
        self._raw.close()


@lru_cache(maxsize=1024)
def _placeholders(text: str) -> Any:
    """SQL with ``?`` as psycopg wants it, with ``%s``; what is in quotes stays, and a percent sign is doubled."""
    return _TOKEN.sub(_placeholder, text)


def _placeholder(match: re.Match[str]) -> str:
    token = match[0]
    return "%s" if token == "?" else token.replace("%", "%%")
