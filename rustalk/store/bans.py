"""Bans in the database: they outlive the process, and what one node has learned of an address holds at all of them.

The guard waits for none of it. What has changed is written together, half a second later; other nodes are told and
read what has a higher version than they have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from twisted.internet.defer import Deferred, DeferredLock, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from rustalk.security.bans import Ban
from rustalk.store.database import Database, DatabaseDownError
from rustalk.store.session import Session

__all__ = ["CHANNEL", "Bans", "StoredBans"]

log = Logger()

CHANNEL = "rustalk_bans"
"""Where nodes tell each other that bans have changed; the payload is the node that changed them."""

_DELAY = 0.5
_MOST = 10_000
"""Bans that are kept: those that last the longest."""
_KEPT = 3600.0

_UPSERT = (
    "INSERT INTO bans (source, why, since, until, node, changed_at, version) VALUES (?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (source) DO UPDATE SET why = excluded.why, since = excluded.since, until = excluded.until, "
    "node = excluded.node, changed_at = excluded.changed_at, version = excluded.version"
)
_CUT = (
    "DELETE FROM bans WHERE source IN "
    "(SELECT source FROM bans ORDER BY until DESC, changed_at DESC LIMIT 1000000000 OFFSET ?)"
)


class Bans(Protocol):
    """Who shuts out, such as the guard."""

    saved: Callable[[str, Ban | None], object]
    """Called with each source that is shut out, or let in again."""

    def learn(self, ban: Ban) -> None:
        """Take up a ban from elsewhere; one until 0 was lifted there."""


class StoredBans:
    """Keeps the bans of ``guard``. ``node`` names this process among those that share the database."""

    def __init__(self, database: Database, clock: IReactorTime, guard: Bans, *, node: str) -> None:
        self._database = database
        self._clock = clock
        self._guard = guard
        self._node = node
        self._pending: dict[str, Ban] = {}
        self._writing: Mapping[str, Ban] = {}
        self._lock = DeferredLock()
        self._timer: IDelayedCall | None = None
        self._started = self._stopped = self._reading = self._read_again = False
        self._version: int | None = None
        guard.saved = self.save
        database.watch(self._database_changed)

    def start(self) -> None:
        """Take up the bans that are not over; where the database cannot be asked, when it can."""
        self._started = True
        self.heard("")

    def save(self, source: str, ban: Ban | None) -> None:
        """Keep a ban, or none for this source. Returns at once and never fails."""
        self._pending.pop(source, None)
        self._pending[source] = ban or Ban(source, "", self._clock.seconds(), 0.0)
        if len(self._pending) > _MOST:
            del self._pending[next(iter(self._pending))]
        if self._timer is None and not self._stopped and not self._database.problem:
            self._timer = self._clock.callLater(_DELAY, self._flush)

    def heard(self, payload: str) -> None:
        """Take up what another node has changed; an empty payload means that nobody knows what was missed."""
        if payload == self._node or not self._started:
            return
        if self._reading:
            self._read_again = True
            return
        self._reading = True
        Deferred.fromCoroutine(self._read()).addErrback(_log_unread).addBoth(self._has_read)

    def stop(self) -> Deferred[None]:
        """Write what waits to be written, as far as the database takes it."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return self._lock.run(self._write)

    # Writing.

    def _flush(self) -> None:
        self._timer = None
        self._lock.run(self._write)

    def _write(self) -> Deferred[None]:
        if not self._pending:
            return succeed(None)
        batch, self._pending = self._pending, {}
        self._writing, node, now = batch, self._node, self._clock.seconds()
        written = self._database.run(lambda session: _write(session, batch, node, now))
        return written.addErrback(self._not_written).addBoth(self._has_written)

    def _not_written(self, failure: Failure) -> None:
        """Keep what has not changed again meanwhile, until the database is back."""
        if isinstance(failure.value, DatabaseDownError):
            self._pending = {**self._writing, **self._pending}
        else:
            log.failure("{count} bans were not stored", failure, count=len(self._writing))

    def _has_written(self, result: None) -> None:
        self._writing = {}

    def _database_changed(self, problem: str) -> None:
        if problem:
            return
        if self._pending and self._timer is None and not self._stopped:
            self._flush()
        if self._version is None:
            self.heard("")

    # Reading.

    async def _read(self) -> None:
        since, node, now = self._version, self._node, self._clock.seconds()
        self._version, bans = await self._database.read(lambda session: _news(session, since, node, now))
        for ban in bans:
            if ban.source not in self._pending and ban.source not in self._writing:
                self._guard.learn(ban)
        if since is None and bans:
            log.info("{count} bans were taken up from the database", count=len(bans))

    def _has_read(self, result: object) -> None:
        self._reading = False
        if self._read_again:
            self._read_again = False
            self.heard("")


def _write(session: Session, batch: Mapping[str, Ban], node: str, now: float) -> None:
    [(version,)] = session.execute("UPDATE counters SET value = value + 1 WHERE name = 'bans' RETURNING value")
    rows = [(each.source, each.why, each.since, each.until, node, now, version) for each in batch.values()]
    session.executemany(_UPSERT, rows)
    session.execute("DELETE FROM bans WHERE until <= ? AND changed_at <= ?", (now, now - _KEPT))
    session.execute(_CUT, (_MOST,))
    session.notify(CHANNEL, node)


def _news(session: Session, since: int | None, node: str, now: float) -> tuple[int, list[Ban]]:
    """The version from which on there may be more, and what other nodes have changed since one; or all bans."""
    [(version,)] = session.execute("SELECT value FROM counters WHERE name = 'bans'")
    found = "SELECT source, why, since, until FROM bans"
    if since is None:
        rows = session.execute(f"{found} WHERE until > ? ORDER BY since", (now,))
    else:
        rows = session.execute(f"{found} WHERE version > ? AND node <> ? ORDER BY version", (since, node))
    return version, [Ban(*row) for row in rows]


def _log_unread(failure: Failure) -> None:
    if not isinstance(failure.value, DatabaseDownError):
        log.failure("The bans in the database were not read", failure)
