"""The settings in force: the file, and over it what has been changed at run time, by this node or another.

A change is checked as a whole before it is written, written before it is in force, and in force on this node when its
Deferred fires. While the database is down the settings stay what they are, and changes are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from rustalk.config.model import Settings
from rustalk.config.overlay import CONFIG, Change, Index, all_changed
from rustalk.config.problem import ConfigError, Problem
from rustalk.store.conceal import concealed, kept
from rustalk.store.database import Database
from rustalk.store.overlay import Edit, Items, Overlay, Revision, StaleError
from rustalk.store.session import DatabaseDownError
from rustalk.store.vault import Vault, VaultError

__all__ = ["ConflictError", "Live", "UnknownRevisionError"]

log = Logger()

_TRIES = 5
_COPY_DELAY = 10.0
_OF_THE_FILE = ("server", "database")
"""Sections that are needed before the database can be read."""

Subscriber = Callable[[Settings, Settings], None]


class ConflictError(Exception):
    """Somebody else has changed the item since the caller looked at it."""


class UnknownRevisionError(LookupError):
    """There is no revision of that number."""


class Live:
    """The settings in force and the only way to change them.

    ``base`` are the settings of the file, ``items`` what the database had at the start; None: it could not be asked.
    ``copy`` is a file in which the items are kept for a start without the database. ``problem`` is what was wrong at
    the start. Raises ConfigError when the items do not fit the file.
    """

    def __init__(
        self,
        base: Settings,
        database: Database,
        vault: Vault,
        clock: IReactorTime,
        *,
        items: Items | None = None,
        copy: Path | None = None,
        problem: str = "",
    ) -> None:
        self.overlay = Overlay(database, vault)
        self.settings = base
        self.revision = 0
        self.problem = problem
        self._watchers: list[Callable[[str], None]] = []
        self._database = database
        self._clock = clock
        self._versions: dict[tuple[str, str], int] = {}
        self._subscribers: list[Subscriber] = []
        self._lock = DeferredLock()
        self._copy = copy
        self._copying: IDelayedCall | None = None
        if items is not None:
            self.settings = all_changed(base, items.changes, now=self._moment()) if items.changes else base
            self._note(items)
        self.at_start = self.settings
        database.watch(self._database_changed)

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._clock.seconds(), UTC)

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Call with the new and the old settings after each change; returns a function that ends it."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    def watch(self, callback: Callable[[str], None]) -> None:
        """Call with the text of each new problem, and with an empty text when the settings are those of the database.

        A problem that was there before is told at once.
        """
        self._watchers.append(callback)
        if self.problem:
            callback(self.problem)

    def version(self, collection: str, key: str) -> int:
        """The revision that changed an item last; 0 for one that is as in the file."""
        return self._versions.get((collection, key), 0)

    def tried(self, changes: Iterable[Change]) -> Settings:
        """The settings that these changes would make. Raises ConfigError; nothing is changed."""
        return self._planned(tuple(changes), restores=None)[0]

    async def change(self, change: Change, who: str, *, expected: int | None = None) -> Revision:
        """Make one change; return its revision.

        A secret that the value leaves out stays what it was. ``expected`` is the `version` that the caller has seen.
        Raises ConfigError, ConflictError or DatabaseDownError, and then nothing has changed.
        """
        versions = {} if expected is None else {(change.collection, change.key): expected}
        return (await self._change((change,), who, versions))[0]

    async def change_all(self, changes: Iterable[Change], who: str) -> tuple[Revision, ...]:
        """Make all changes or none; return their revisions. Raises as `change` does."""
        return await self._change(tuple(changes), who, {})

    async def restore(self, revision: int, who: str, *, everything: bool = False) -> tuple[Revision, ...]:
        """Make the item of a revision what it was after it, or ``everything`` what it was then.

        Returns the new revisions, none when nothing differs. Raises UnknownRevisionError beside what `change` raises.
        """
        changes = await self._as_after(revision, everything)
        return await self._change(changes, who, {}, restores=revision)

    async def would_restore(self, revision: int, *, everything: bool = False) -> tuple[Settings, list[Edit]]:
        """The settings that `restore` would make, and the items that it would change; nothing is changed.

        Raises as `restore` does.
        """
        return self._planned(await self._as_after(revision, everything), restores=revision)

    async def _as_after(self, revision: int, everything: bool) -> tuple[Change, ...]:
        """The item of a revision, or all that have changed since, as they were after it."""
        changes = await (self.overlay.as_of(revision) if everything else self.overlay.after(revision))
        if changes is None:
            raise UnknownRevisionError(f"there is no revision {revision}")
        return (changes,) if isinstance(changes, Change) else changes

    def heard(self, payload: str) -> None:
        """Take up what another node has changed; the payload is its revision, empty when that is not known."""
        hearing = Deferred.fromCoroutine(self._hear(int(payload) if payload.isdecimal() else None))
        hearing.addErrback(_log_unheard)

    async def catch_up(self) -> None:
        """Take up what the database has that this node has not seen. Raises DatabaseDownError or ConflictError."""
        await self._hear(None)

    def stop(self) -> None:
        """Bring the copy up to date before the database is closed, and set no more timers."""
        if self._copying is not None:
            self._copying.cancel()
            self._write_copy()

    # Changing.

    async def _change(
        self,
        changes: tuple[Change, ...],
        who: str,
        versions: Mapping[tuple[str, str], int],
        restores: int | None = None,
    ) -> tuple[Revision, ...]:
        await self._lock.acquire()
        try:
            for _ in range(_TRIES):
                if any(self.version(*place) != version for place, version in versions.items()):
                    raise ConflictError("the item was changed by somebody else: read it again")
                new, edits = self._planned(changes, restores)
                if not edits:
                    return ()
                try:
                    done = await self.overlay.write(edits, who, now=self._clock.seconds(), base=self.revision)
                except StaleError:
                    await self._caught_up()
                    continue
                self._adopt(new, done[-1].id, {(each.collection, each.key): each.id for each in done})
                return done
        finally:
            self._lock.release()
        raise ConflictError("other nodes change the configuration all the time: try again")

    def _planned(self, changes: Sequence[Change], restores: int | None) -> tuple[Settings, list[Edit]]:
        """The settings after these changes, and what of them is to be written. Raises ConfigError."""
        before = Index(self.settings)
        realm = self.settings.sip.domain
        if restores is None:
            changes = [_concealed(each, before.find(each.collection, each.key), realm) for each in changes]
        new = all_changed(self.settings, changes, now=self._moment())
        after = Index(new)
        edits = []
        for change in changes:
            name, key = change.collection, change.key
            old, fresh = (kept(name, index.find(name, key), realm) for index in (before, after))
            if restores is None or old != fresh:
                edits.append(Edit(name, key, old, fresh, restores))
        return new, edits

    def _adopt(self, new: Settings, revision: int, versions: Mapping[tuple[str, str], int]) -> None:
        """Put settings in force and tell of them."""
        old, self.settings = self.settings, new
        self.revision = revision
        self._versions.update(versions)
        self._tell("")
        self._keep_copy()
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(new, old)
            except Exception:
                log.failure("A part did not take up the new settings")

    # Other nodes, and the database's absence.

    async def _hear(self, revision: int | None) -> None:
        """Catch up with a revision, or with the newest."""
        await self._lock.acquire()
        try:
            if revision is None or revision > self.revision:
                await self._caught_up()
        finally:
            self._lock.release()

    async def _caught_up(self) -> None:
        items = await self.overlay.items(self.revision)
        if items.revision == self.revision:
            self._tell("")
            return
        if items.revision < self.revision:
            self._tell(
                f"the database is at revision {items.revision}, these settings are at {self.revision}: it is not that "
                "which they were made from; stop the switch, then bring that back or restore a backup (`rustalk db "
                "restore`)"
            )
            raise ConflictError(self.problem)
        try:
            new = all_changed(self.settings, items.changes, now=self._moment())
        except ConfigError as error:
            self._tell(f"revision {items.revision} of another node does not fit the file of this one: {error}")
            raise ConflictError(self.problem) from None
        self._adopt(new, items.revision, items.versions)

    def _tell(self, problem: str) -> None:
        if problem == self.problem:
            return
        self.problem = problem
        if problem:
            log.error("{problem}", problem=problem)
        for watcher in tuple(self._watchers):
            watcher(problem)

    def _note(self, items: Items) -> None:
        self.revision = items.revision
        self._versions.update(items.versions)

    def _database_changed(self, problem: str) -> None:
        if not problem:
            self.heard("")

    def _keep_copy(self) -> None:
        """Bring the copy up to date, for many changes at once."""
        if self._copy is not None and self._copying is None:
            self._copying = self._clock.callLater(_COPY_DELAY, self._write_copy)

    def _write_copy(self) -> None:
        self._copying = None
        self.overlay.items(self.revision, copy=self._copy).addErrback(_log_no_copy)


def _concealed(change: Change, before: Any | None, realm: str) -> Change:
    """A change with hashes instead of passwords. Raises ConfigError for what cannot be changed at run time."""
    if change.collection == CONFIG and change.key in _OF_THE_FILE:
        problem = Problem(f"$.{change.key}", "a change", "none at run time", "change the file and restart")
        raise ConfigError("change", (problem,))
    if change.value is None:
        return change
    return Change(change.collection, change.key, concealed(change.collection, change.value, before, realm))


def _log_unheard(failure: Failure) -> None:
    if not isinstance(failure.value, DatabaseDownError | ConflictError):
        log.failure("The changes of other nodes were not taken up", failure)


def _log_no_copy(failure: Failure) -> None:
    if isinstance(failure.value, DatabaseDownError | VaultError):
        return
    log.failure("The copy of the configuration was not written", failure)
