"""Bindings of phones in the database: they survive a restart, and every node knows those of the others.

Written behind the registrar, all that has changed in a tenth of a second as one transaction; what changes twice
before it is written is written once. Other nodes are told and read what has a higher version than they have seen.
A binding that is removed leaves a row for an hour, so that a node which did not hear of it finds it when it asks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from itertools import islice
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from rustalk.store.database import Database
from rustalk.store.session import DatabaseDownError, Row, Session

__all__ = ["CHANNEL", "Registrations", "StoredBinding"]

log = Logger()

CHANNEL = "rustalk_registrations"
"""Where nodes tell each other that registrations have changed; the payload is the node that changed them."""

_DELAY = 0.1
_BATCH = 2000
_KEPT = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBinding:
    """One way to one phone, as plain values. Times are in seconds since 1970, ``path`` is nearest to us first."""

    extension: str
    contact: str
    expires_at: float
    instance: str = ""
    reg_id: int = 0
    q: float = 1.0
    path: tuple[str, ...] = ()
    profile: str = ""
    transport: str = ""
    host: str = ""
    port: int = 0
    user_agent: str = ""
    call_id: str = ""
    cseq: int = 0
    since: float = 0.0
    refreshed_at: float = 0.0
    node: str = ""

    @property
    def key(self) -> str:
        """What makes this binding another one than the others of its extension (RFC 5626 section 6, else contact)."""
        return f"{self.instance};{self.reg_id}" if self.reg_id else self.contact


_FIELDS = tuple(field.name for field in fields(StoredBinding))
_COLUMNS = (*_FIELDS, "key", "changed_at", "version")
_UPSERT = (
    f"INSERT INTO registrations ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "
    f"ON CONFLICT (extension, key) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name not in {"extension", "key"})
)
_REMOVE = (
    "UPDATE registrations SET expires_at = 0, node = ?, changed_at = ?, version = ? "
    "WHERE extension = ? AND key = ? AND expires_at <= ?"
)
_SEEN = "INSERT INTO last_seen (extension, at) VALUES (?, ?) ON CONFLICT (extension) DO UPDATE SET at = excluded.at"

_Known = dict[str, dict[str, StoredBinding]]
_Place = tuple[str, str]
_Change = tuple[int, StoredBinding]
"""A binding as it was written last, and the version of that."""


@dataclass(frozen=True, slots=True)
class _Edit:
    """A binding that is to be written, or removed."""

    binding: StoredBinding
    removed: bool = False


class Registrations:
    """The bindings of all nodes.

    ``changed`` is called with an extension and all its bindings when another node has changed them. ``node`` names
    this process among those that share the database.
    """

    def __init__(
        self,
        database: Database,
        clock: IReactorTime,
        *,
        node: str,
        changed: Callable[[str, tuple[StoredBinding, ...]], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._node = node
        self._changed = changed
        self._known: _Known = {}
        self._pending: dict[_Place, _Edit] = {}
        self._writing: dict[_Place, _Edit] = {}
        self._timer: IDelayedCall | None = None
        self._flushing: Deferred[None] | None = None
        self._reading = self._read_again = self._missed = False
        self._newer: dict[_Place, int] = {}
        self._version = 0
        self._read_at = self._purged_at = clock.seconds()
        database.watch(self._database_changed)

    async def load(self) -> Mapping[str, tuple[StoredBinding, ...]]:
        """Read the bindings of all extensions that have not expired. Raises DatabaseDownError."""
        now = self._clock.seconds()
        self._version, rows = await self._database.read(lambda session: _everything(session, now))
        for _, binding in rows:
            self._known.setdefault(binding.extension, {}).setdefault(binding.key, binding)
        self._read_at = now
        return {extension: tuple(bindings.values()) for extension, bindings in self._known.items()}

    def save(self, extension: str, bindings: Iterable[StoredBinding]) -> None:
        """Keep these as all the bindings of an extension. Returns at once and never fails."""
        new = {binding.key: binding for binding in bindings}
        old = self._known.get(extension, {})
        for key, binding in new.items():
            if old.get(key) != binding:
                self._pending[extension, key] = _Edit(binding)
        for key in old.keys() - new.keys():
            self._pending[extension, key] = _Edit(old[key], removed=True)
        if new:
            self._known[extension] = new
        else:
            self._known.pop(extension, None)
        if self._pending and self._timer is None and self._flushing is None and not self._database.problem:
            self._timer = self._clock.callLater(_DELAY, self._flush)

    def heard(self, payload: str) -> None:
        """Take up what another node has changed; an empty payload means that nobody knows what was missed."""
        if payload == self._node:
            return
        if self._reading:
            self._read_again = True
            return
        self._reading = True
        Deferred.fromCoroutine(self._read()).addErrback(_log_unread).addBoth(self._has_read)

    async def last_seen(self) -> dict[str, float]:
        """When each extension last registered, in seconds since 1970. Raises DatabaseDownError."""
        rows = await self._database.read(lambda session: session.execute("SELECT extension, at FROM last_seen"))
        return dict(rows)

    async def flush(self) -> None:
        """Write what waits to be written, as far as the database takes it."""
        while self._flushing is not None or (self._pending and not self._database.problem):
            if self._flushing is None:
                self._flush()
            waiter: Deferred[None] = Deferred()
            if self._flushing is not None:
                self._flushing.addCallback(waiter.callback)
                await waiter

    def stop(self) -> Deferred[None]:
        """Write what waits, and set no more timers."""
        return Deferred.fromCoroutine(self.flush()).addBoth(lambda _: self._cancel())

    # Writing.

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _database_changed(self, problem: str) -> None:
        if not problem and self._pending and self._flushing is None and self._timer is None:
            self._flush()

    def _flush(self) -> None:
        """Write a batch; the rest follows when it is written."""
        self._cancel_fired()
        self._flushing = Deferred()
        self._writing = batch = dict(islice(self._pending.items(), _BATCH))
        for place in batch:
            del self._pending[place]
        now, node = self._clock.seconds(), self._node
        purge = now - self._purged_at >= _KEPT
        if purge:
            self._purged_at = now
        written = self._database.run(lambda session: _write(session, batch.values(), node, now, purge=purge))
        written.addCallbacks(self._has_stored, self._not_written).addBoth(self._has_written)

    def _cancel_fired(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _has_stored(self, version: int) -> None:
        """What is being read may be older than what was written meanwhile; what was passed over may be newer."""
        if self._reading:
            self._newer.update(dict.fromkeys(self._writing, version))
        if self._missed:
            self._missed = False
            self.heard("")

    def _not_written(self, failure: Failure) -> None:
        """Keep what has not changed again meanwhile, until the database is back."""
        if isinstance(failure.value, DatabaseDownError):
            self._pending = {**self._writing, **self._pending}
        else:
            log.failure("{count} registrations were not stored", failure, count=len(self._writing))

    def _has_written(self, result: object) -> None:
        done, self._flushing = self._flushing, None
        self._writing = {}
        if self._pending and not self._database.problem:
            self._flush()
        if done is not None:
            done.callback(None)

    # Reading.

    async def _read(self) -> None:
        now = self._clock.seconds()
        if now - self._read_at > _KEPT / 2:
            self._version, rows = await self._database.read(lambda session: _everything(session, now))
            found = {(each.extension, each.key) for _, each in rows}
            gone = [
                (self._version, replace(binding, expires_at=0.0))
                for bindings in self._known.values()
                for binding in bindings.values()
                if binding.node != self._node and (binding.extension, binding.key) not in found
            ]
            rows = [row for row in rows if row[1].node != self._node] + gone
        else:
            since, node = self._version, self._node
            self._version, rows = await self._database.read(lambda session: _news(session, since, node))
        self._read_at = now
        self._take(rows, now)

    def _take(self, rows: Iterable[_Change], now: float) -> None:
        """Bring what is known up to date and tell of the extensions that are concerned.

        What we are about to write stands until it is written. Then it is clear what came first, by the versions.
        """
        touched: set[str] = set()
        for version, binding in rows:
            place = (binding.extension, binding.key)
            if place in self._pending or place in self._writing:
                self._missed = True
                self._version = min(self._version, version - 1)
                continue
            bindings = self._known.setdefault(binding.extension, {})
            if version < self._newer.get(place, 0) or bindings.get(binding.key) == binding:
                continue
            if binding.expires_at > now:
                bindings[binding.key] = binding
            elif bindings.pop(binding.key, None) is None:
                continue
            touched.add(binding.extension)
        for extension in touched:
            self._changed(extension, tuple(self._known[extension].values()))
            if not self._known[extension]:
                del self._known[extension]

    def _has_read(self, result: object) -> None:
        self._reading = False
        self._newer = {}
        if self._read_again:
            self._read_again = False
            self.heard("")


def _write(session: Session, edits: Iterable[_Edit], node: str, now: float, *, purge: bool) -> int:
    """Write and remove bindings, except those that another node has refreshed since; return the version of it."""
    raised = session.execute("UPDATE counters SET value = value + 1 WHERE name = 'registrations' RETURNING value")
    version = int(raised[0][0])
    kept = [edit.binding for edit in edits if not edit.removed]
    removed = [edit.binding for edit in edits if edit.removed]
    session.executemany(_UPSERT, [(*_row(each), now, version) for each in kept])
    session.executemany(
        _REMOVE, [(node, now, version, each.extension, _text(each.key), each.expires_at) for each in removed]
    )
    session.executemany(_SEEN, [(extension, now) for extension in sorted({each.extension for each in kept})])
    if purge:
        session.execute("DELETE FROM registrations WHERE expires_at < ? AND changed_at < ?", (now, now - _KEPT))
    session.notify(CHANNEL, node)
    return version


def _everything(session: Session, now: float) -> tuple[int, list[_Change]]:
    """The version from which on there may be more, and all bindings that have not expired."""
    version = _version(session)
    sql = f"SELECT version, {', '.join(_FIELDS)} FROM registrations WHERE expires_at > ? ORDER BY version"
    return version, [_change(row) for rows in session.stream(sql, (now,)) for row in rows]


def _news(session: Session, since: int, node: str) -> tuple[int, list[_Change]]:
    """The version from which on there may be more, and what other nodes have changed since a version."""
    version = _version(session)
    sql = f"SELECT version, {', '.join(_FIELDS)} FROM registrations WHERE version > ? AND node <> ? ORDER BY version"
    return version, [_change(row) for row in session.execute(sql, (since, node))]


def _version(session: Session) -> int:
    rows = session.execute("SELECT value FROM counters WHERE name = 'registrations'")
    return int(rows[0][0])


def _row(binding: StoredBinding) -> tuple[object, ...]:
    values: list[Any] = [getattr(binding, name) for name in _FIELDS]
    values[_FIELDS.index("path")] = json.dumps(binding.path)
    return tuple(_text(value) if isinstance(value, str) else value for value in (*values, binding.key))


def _text(text: str) -> str:
    """A text as both databases take it: no NUL, no stray surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _change(row: Row) -> _Change:
    version, *fields = row
    values = dict(zip(_FIELDS, fields, strict=True))
    return version, StoredBinding(**{**values, "path": tuple(json.loads(values["path"]))})


def _log_unread(failure: Failure) -> None:
    if not isinstance(failure.value, DatabaseDownError):
        log.failure("The registrations of other nodes were not read", failure)
