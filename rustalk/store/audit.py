"""The audit log: who asked for which change from where, and what came of it. Entries are added, never changed.

The database itself refuses to change or delete them. While it is down entries wait in memory, the newest of them up
to a bound, and each is in the process's log as well.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from rustalk.store.database import Database
from rustalk.store.session import DatabaseDownError, Session

__all__ = ["Audit", "Entry", "write_entries"]

log = Logger()

_WAITING = 10_000
_BATCH = 500
_TEXT = 500
_COLUMNS = ("time", "who", "role", "address", "action", "target", "outcome", "detail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that was done or refused. ``detail`` is a JSON object without secrets; ``id`` 0 is not yet written."""

    who: str
    role: str = ""
    address: str = ""
    action: str
    target: str = ""
    outcome: str = "done"
    detail: Mapping[str, object] = field(default_factory=dict)
    time: float = 0.0
    id: int = 0


class Audit:
    """The audit log in the database."""

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now
        self._waiting: deque[Entry] = deque(maxlen=_WAITING)
        self._writing: Deferred[None] | None = None
        database.watch(self._changed)

    def append(self, entry: Entry) -> None:
        """Add an entry. It is written soon; entries that come close together are written together."""
        if len(self._waiting) == _WAITING:
            log.error("The audit log in memory is full: its oldest entry is lost")
        stamped = Entry(**{**{name: getattr(entry, name) for name in _COLUMNS}, "time": entry.time or self._now()})
        log.info(
            "Audit: {who} ({role}) from {address}: {done}: {outcome}",
            who=_text(stamped.who),
            role=stamped.role,
            address=stamped.address,
            action=stamped.action,
            target=_text(stamped.target),
            done=_done(stamped.action, _text(stamped.target)),
            outcome=stamped.outcome,
        )
        self._waiting.append(stamped)
        if self._writing is None and not self._database.problem:
            self._write()

    def flush(self) -> Deferred[None]:
        """Fires when what has been added is written, or cannot be for now."""
        if self._writing is None:
            return succeed(None)
        again: Deferred[None] = Deferred()
        self._writing.addCallback(lambda _: self.flush().chainDeferred(again))
        return again

    def entries(
        self, limit: int, before: int | None = None, *, who: str = "", action: str = "", target: str = ""
    ) -> Deferred[list[Entry]]:
        """The newest entries, at most ``limit``, older than the one with the number ``before``; empty filters: all."""
        wanted = {"who": who, "action": action, "target": target}
        conditions = ["id < ?", *(f"{name} = ?" for name, value in wanted.items() if value)]
        values = [before or 1 << 62, *(value for value in wanted.values() if value), limit]
        sql = f"SELECT id, {', '.join(_COLUMNS)} FROM audit WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT ?"
        return self._database.read(lambda session: [_entry(row) for row in session.execute(sql, values)])

    def _changed(self, problem: str) -> None:
        if not problem and self._waiting and self._writing is None:
            self._write()

    def _write(self) -> None:
        batch = tuple(islice(self._waiting, _BATCH))
        done: Deferred[None] = Deferred()
        self._writing = done
        for _ in batch:
            self._waiting.popleft()
        written = self._database.run(lambda session: write_entries(session, batch))
        written.addErrback(self._not_written, batch).addBoth(self._has_written, done)

    def _not_written(self, failure: Failure, batch: tuple[Entry, ...]) -> bool:
        """Keep what the database did not take for when it does, and say so; what it can never take is in the log."""
        if isinstance(failure.value, DatabaseDownError):
            room = _WAITING - len(self._waiting)
            self._waiting.extendleft(reversed(batch[len(batch) - min(room, len(batch)) :]))
            return True
        log.failure("{count} entries of the audit log were not written", failure, count=len(batch))
        return False

    def _has_written(self, is_down: bool | None, done: Deferred[None]) -> None:
        self._writing = None
        if self._waiting and not is_down and not self._database.problem:
            self._write()
        done.callback(None)


def write_entries(session: Session, batch: Sequence[Entry]) -> None:
    """Add entries in this transaction; each must have its time."""
    [(last,)] = session.execute(
        "UPDATE counters SET value = value + ? WHERE name = 'audit' RETURNING value", (len(batch),)
    )
    session.executemany(
        f"INSERT INTO audit (id, {', '.join(_COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(last - len(batch) + 1 + at, *_row(entry)) for at, entry in enumerate(batch)],
    )


def _row(entry: Entry) -> tuple[object, ...]:
    texts = (entry.who, entry.role, entry.address, entry.action, entry.target, entry.outcome)
    return (entry.time, *map(_text, texts), json.dumps(entry.detail))


def _done(action: str, target: str) -> str:
    """What was done to what, in one line: of a request the method and its path, which names the item."""
    method, _, path = action.partition(" ")
    return f"{method if path.startswith('/') and target.startswith('/') else action} {target}".rstrip()


def _text(text: str) -> str:
    """A text as both databases take it: no NUL, no stray surrogates, not endless."""
    return text[:_TEXT].replace("\0", "").encode("utf-8", "replace").decode()


def _entry(row: Any) -> Entry:
    id, *values, detail = row
    return Entry(id=id, **dict(zip(_COLUMNS, values, strict=False)), detail=json.loads(detail))
