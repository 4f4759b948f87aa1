"""What work on a database is written against, whichever database it is, and how a database says that it is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol, TypeVar

__all__ = [
    "Backend",
    "Connectable",
    "Connection",
    "DatabaseDownError",
    "Dialect",
    "Ears",
    "InUseError",
    "Row",
    "Session",
    "once",
]

Dialect = Literal["sqlite", "postgresql"]
Row = tuple[Any, ...]

T = TypeVar("T")


class DatabaseDownError(Exception):
    """The database cannot be used now: lost, locked, full, read-only or overloaded.

    Nothing of the work was kept, except that a connection lost during the commit leaves that open: work that is tried
    again must be one that can be done twice. ``gone`` is true when the database could not be reached, ``again`` when
    the same work may well succeed at once on a new connection.
    """

    def __init__(self, message: str, *, gone: bool = False, again: bool = False) -> None:
        super().__init__(message)
        self.gone = gone
        self.again = again


class InUseError(Exception):
    """Somebody else uses the database in a way that does not go together with this. Says who and what to do."""


class Session(Protocol):
    """One transaction. SQL has ``?`` for each value on both databases; a literal ``?`` may stand in quotes only."""

    @property
    def dialect(self) -> Dialect:
        """Which database this is, for the few statements that cannot be the same on both."""

    def execute(self, sql: str, params: Sequence[object] = ()) -> list[Row]:
        """Run one statement; return all its rows, none for a statement that has no result."""

    def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement for each of the rows."""

    def stream(self, sql: str, params: Sequence[object] = (), size: int = 1000) -> Iterator[list[Row]]:
        """Run a query and yield its rows in lists of at most ``size``, without holding them all."""

    def notify(self, channel: str, payload: str) -> None:
        """Tell every node that listens, once the transaction is committed. Does nothing where there is one node."""


class Connection(Protocol):
    """One connection, used by one thread."""

    @property
    def lost(self) -> bool:
        """Whether this connection can never be used again."""

    def transact(self, work: Callable[[Session], T]) -> T:
        """Run ``work`` in a transaction of its own; raises DatabaseDownError, or what the work raises."""

    def close(self) -> None:
        """Give the connection back; never raises."""


class Ears(Protocol):
    """A connection that hears what `Session.notify` tells. Used in the reactor's thread; nothing of it blocks."""

    def fileno(self) -> int:
        """The socket, which is readable when there is something to hear."""

    def hear(self) -> list[tuple[str, str]]:
        """The channels and payloads that have come. Raises DatabaseDownError when the connection is lost."""

    def close(self) -> None:
        """Stop listening; never raises."""


class Connectable(Protocol):
    """What can be connected to."""

    @property
    def dialect(self) -> Dialect:
        """Which kind."""

    @property
    def threads(self) -> tuple[int, int]:
        """How many threads write, and how many read."""

    def connect(self, *, read_only: bool) -> Connection:
        """Return a new connection, in the thread that will use it. Raises DatabaseDownError."""

    def probe(self, session: Session) -> None:
        """Find out whether the database takes writes again; leaves nothing behind."""

    def listen(self, channels: Sequence[str]) -> Ears | None:
        """Open ears for these channels; None where there is nobody to hear. Blocks; raises DatabaseDownError."""


class Backend(Connectable, Protocol):
    """One kind of database at one address."""

    def exists(self) -> bool:
        """Whether there may be something in it already; False only where there is surely nothing. Changes nothing."""

    def hold(self) -> Callable[[], None]:
        """Keep the database from being replaced until the function that this returns is called.

        Raises InUseError while it is being replaced, DatabaseDownError where that cannot be said.
        """

    def alone(self) -> AbstractContextManager[None]:
        """Be the only one to use the database, as far as switches go.

        Raises InUseError where one holds it, DatabaseDownError where that cannot be said.
        """

    def anew(self, work: Callable[[Session], T]) -> T:
        """Run ``work`` that makes the database anew, in one transaction; when it raises, all is as it was before.

        A database that is damaged is no obstacle, where it is a file. The caller is `alone`.
        """


def once(backend: Connectable, work: Callable[[Session], T], *, read_only: bool = False) -> T:
    """Connect, run ``work`` in one transaction and close; for commands that have no reactor. Blocks."""
    connection = backend.connect(read_only=read_only)
    try:
        return connection.transact(work)
    finally:
        connection.close()
