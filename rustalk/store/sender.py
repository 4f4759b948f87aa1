"""Records from the journal into the database, in order: what the database has taken is cut off the journal.

While the database is away the records stay where they are, and nobody waits for them. A record may come twice, after a
crash or a commit whose answer was lost, so what takes them has to know a record by its id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from rustalk.store.journal import Entry, Journal, Piece, parse
from rustalk.store.session import DatabaseDownError, Session

__all__ = ["Sender"]

log = Logger()

T = TypeVar("T")

_GATHER = 0.2
_GOODBYE = 5.0
_FIRST_RETRY, _LAST_RETRY = 1.0, 30.0


class Writer(Protocol):
    """As much of a database as is needed here."""

    def run(self, work: Callable[[Session], T]) -> Deferred[T]:
        """Run work in one transaction, in a thread."""

    def watch(self, callback: Callable[[str], None]) -> None:
        """Call with each new problem, and with an empty text when all is well again."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """How much of a piece the database has, and the lines of it that were no records."""

    length: int
    lines: int
    damaged: Sequence[bytes]


class Sender:
    """Takes what the journal has to the database, by ``insert``, which runs in a transaction in a thread.

    Records are gathered for ``gather`` seconds, so that there is one transaction for many. One that the database will
    not have, whatever is tried, is put aside with the damaged ones, so that it does not hold up those behind it.
    """

    def __init__(
        self,
        journal: Journal,
        database: Writer,
        insert: Callable[[Session, Sequence[Entry]], None],
        clock: IReactorTime,
        *,
        gather: float = _GATHER,
    ) -> None:
        self._journal = journal
        self._database = database
        self._insert = insert
        self._clock = clock
        self._gather = gather
        self._timer: IDelayedCall | None = None
        self._pause = _FIRST_RETRY
        self._running: Deferred[None] | None = None
        self._alone = 0
        self._stopped = False

    def start(self) -> None:
        """Send what an earlier run left, and from now on all that comes."""
        self._journal.on_written = self._written
        self._database.watch(self._database_told)
        self._written()

    def stop(self) -> Deferred[None]:
        """Send what there is if the database takes it, then close the journal; what is left waits for the next run."""
        self._stopped = True
        self._journal.on_written = lambda: None
        running = self._running or self._send()
        return running.addTimeout(_GOODBYE, self._clock).addBoth(lambda _: self._journal.close())

    def _written(self) -> None:
        if self._timer is None and self._running is None and not self._stopped and self._journal.waiting:
            self._timer = self._clock.callLater(self._gather, self._send)

    def _database_told(self, problem: str) -> None:
        if not problem and self._timer is not None:
            self._timer.reset(self._gather)

    def _send(self) -> Deferred[None]:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._running = running = Deferred.fromCoroutine(self._send_all())
        return running.addBoth(self._ended)

    def _ended(self, result: T) -> T:
        self._running = None
        return result

    async def _send_all(self) -> None:
        try:
            while (piece := self._journal.next()) is not None:
                await self._send_piece(piece)
                self._pause = _FIRST_RETRY
        except (DatabaseDownError, OSError) as error:
            log.warn("{count} call records wait in the journal: {error}", count=self._journal.waiting, error=str(error))
            self._retry()
        except CancelledError:
            raise
        except Exception:
            log.failure("Call records cannot be sent to the database")
            self._retry()

    async def _send_piece(self, piece: Piece) -> None:
        """Send one piece, or only its first line when there is one among them that the database refuses."""
        alone = self._alone > 0
        self._alone -= alone
        try:
            sent = await self._database.run(lambda session: self._work(session, piece, alone))
        except (DatabaseDownError, CancelledError):
            raise
        except FileNotFoundError:
            self._journal.skip(piece)
        except OSError:
            raise
        except Exception as error:
            if not alone:
                self._alone = piece.read().count(b"\n")
                return
            log.error("The database refuses a call record, which is put aside: {error}", error=str(error))
            line = _first(piece.read())
            self._journal.delivered(piece, len(line), 1, [line])
        else:
            self._journal.delivered(piece, sent.length, sent.lines, sent.damaged)

    def _work(self, session: Session, piece: Piece, alone: bool) -> _Sent:
        """Read and insert, in a thread."""
        lines = _first(piece.read()) if alone else piece.read()
        entries, damaged = parse(lines)
        if entries:
            self._insert(session, entries)
        return _Sent(len(lines), lines.count(b"\n"), damaged)

    def _retry(self) -> None:
        if not self._stopped:
            self._timer = self._clock.callLater(self._pause, self._send)
            self._pause = min(2 * self._pause, _LAST_RETRY)


def _first(lines: bytes) -> bytes:
    return lines[: lines.find(b"\n") + 1]
