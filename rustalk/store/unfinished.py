"""The calls that are up, on disk beside the journal, so that one that is cut short by `kill -9` leaves its record too.

A quarter of a second after a call was answered, what its record would be is written to the end of a file, and that it
is over when the journal has its record; a call that is over sooner costs nothing. The file begins with the moment when
we were last known to live, which is written anew each second as long as there is a call. What the next run finds is
what calls were up, and until when they were for certain. A call may be found although its record was written just
before: whoever takes records must know them by their ids, and keep the first.

The calls in memory are what counts. What the disk does not take is written when it does, all of it to a new file, as it
is when most of the file is of calls that are over.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from rustalk.store.journal import Entry, Journal, line_of, parse, synced

__all__ = ["BEAT", "Unfinished"]

log = Logger()

BEAT = 1.0
"""Seconds between two notes of being alive: a call that is cut short may have lasted so much longer."""

_MOMENT = 0.25
_FILE = "unfinished"
_SYNC = 5.0
_PATIENCE = 1.0
_SPARE = 1 << 20
_STAMP = ""
"""The id of the first line, which says when we lived; always of the same length, so that it can be written over."""


class Unfinished:
    """Takes calls when they are answered and their records when they are over, which go on to ``journal``.

    ``in_thread`` runs a function in a thread, as ``deferToThread`` does. A call is noted ``moment`` seconds after its
    answer. Opening reads what the last run has left, and raises OSError where that cannot be read; after that nothing
    here raises, whatever the disk does. Nothing is written before `recover`.
    """

    def __init__(
        self,
        journal: Journal,
        clock: IReactorTime,
        in_thread: Callable[[Callable[[], None]], Deferred[None]],
        *,
        moment: float = _MOMENT,
    ) -> None:
        self.on_problem: Callable[[], None] = lambda: None
        self._journal = journal
        self._clock = clock
        self._moment = moment
        self._in_thread = in_thread
        self._path = journal.directory / _FILE
        self._left, alive = _read(self._path)
        self._alive = min(alive, clock.seconds())
        self._answered: dict[str, Callable[[], Mapping[str, Any]]] = {}
        self._lines: dict[str, bytes] = {}
        self._live = 0
        self._over: list[str] = []
        self._file = -1
        self._size = 0
        self._is_stale = self._is_old = True
        self._trouble = ""
        self._syncing_since: float | None = None
        self._synced_at = clock.seconds()
        self._timer: IDelayedCall | None = None
        self._noting: IDelayedCall | None = None

    @property
    def problem(self) -> str:
        """What is wrong, in words for an alarm; empty when all is well."""
        if not self._trouble:
            return ""
        return (
            f"calls in progress cannot be written to {self._path}: {self._trouble}; those answered since would leave "
            "no record if the process were killed: make room or repair the disk"
        )

    def recover(self, record: Callable[[Mapping[str, Any], float], Mapping[str, Any]]) -> None:
        """Put into the journal what ``record`` makes of each call that the last run has left, and begin a new file.

        It is given what was kept at the answer, and when the last run was known to live, in seconds since 1970.
        """
        for entry in self._left:
            self._keep(entry.id, line_of(entry.id, entry.record))
            self.append(entry.id, record(entry.record, self._alive))
        if self._left:
            log.warn(
                "{count} calls were up when the last run was cut short; their records end with what is certain",
                count=len(self._left),
            )
        self._left = ()
        self._rewrite()
        self._go_on()

    def begin(self, id: str, record: Callable[[], Mapping[str, Any]]) -> None:
        """A call is answered; ``record`` will give what is known of it. Never raises, never waits."""
        self._answered[id] = record
        if self._noting is None:
            self._noting = self._clock.callLater(self._moment, self._note)

    def append(self, id: str, record: Mapping[str, Any]) -> None:
        """A call is over, answered or not. Never raises, never waits."""
        self._journal.append(id, record)
        self._answered.pop(id, None)
        if id in self._lines:
            self._over.append(id)
            self._strike()

    def close(self) -> None:
        """Write what is not written, and no more. To be called before the journal is closed."""
        if self._noting is not None:
            self._noting.cancel()
        self._note()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._strike()
        if self._is_stale:
            self._rewrite()
        self._leave()

    def _note(self) -> None:
        """Write down the calls that were answered a moment ago."""
        self._noting = None
        answered, self._answered = self._answered, {}
        for id, record in answered.items():
            line = line_of(id, record())
            self._keep(id, line)
            self._write(line)
        self._go_on()

    def _keep(self, id: str, line: bytes) -> None:
        self._forget(id)
        self._lines[id] = line
        self._live += len(line)

    def _forget(self, id: str) -> None:
        self._live -= len(self._lines.pop(id, b""))

    def _strike(self) -> None:
        """Strike out the calls that are over, once the journal has their records on disk."""
        if self._journal.held:
            return
        over, self._over = self._over, []
        for id in over:
            self._forget(id)
            self._write(line_of(id, {}))

    # Life.

    def _go_on(self) -> None:
        if self._timer is None and (self._lines or self._trouble):
            self._timer = self._clock.callLater(BEAT, self._beat)

    def _beat(self) -> None:
        self._timer = None
        self._strike()
        if not self._is_stale:
            self._put(self._stamp(), 0)
        elif not self._is_stuck:
            self._rewrite()
        if self._syncing_since is None and self._clock.seconds() - self._synced_at >= _SYNC:
            self._sync()
        self._go_on()

    def _stamp(self) -> bytes:
        return line_of(_STAMP, {"alive": f"{self._clock.seconds():016.3f}"})

    @property
    def _is_stuck(self) -> bool:
        """Whether the disk has been busy for longer than a call may be kept waiting."""
        since = self._syncing_since
        return self._journal.is_stuck or (since is not None and self._clock.seconds() - since > _PATIENCE)

    # Writing.

    def _write(self, line: bytes) -> None:
        if not self._is_stale:
            self._put(line, self._size)
        if not self._is_stale:
            self._size += len(line)
            if self._size > 2 * self._live + _SPARE:
                self._rewrite()

    def _put(self, octets: bytes, place: int) -> None:
        """Write in the file, which is stale from now on where that does not succeed."""
        if self._is_stuck:
            self._is_stale = True
            return
        try:
            if os.pwrite(self._file, octets, place) < len(octets):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._failed(error)

    def _rewrite(self) -> None:
        """Write all there is to a new file; not over what the last run left, before the journal has taken that."""
        if self._is_old and (self._left or self._journal.held):
            return
        new = self._path.with_suffix(".new")
        try:
            file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        except OSError as error:
            self._failed(error)
            return
        text = b"".join((self._stamp(), *self._lines.values()))
        try:
            if os.write(file, text) < len(text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            new.replace(self._path)
        except OSError as error:
            os.close(file)
            self._failed(error)
            return
        self._leave()
        self._file, self._size = file, len(text)
        self._is_stale = self._is_old = False
        self._has_trouble("")

    def _leave(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _failed(self, error: OSError) -> None:
        self._is_stale = True
        self._has_trouble(error.strerror or str(error))

    def _has_trouble(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            if trouble:
                log.error("{problem}", problem=self.problem)
            self.on_problem()

    # Syncing.

    def _sync(self) -> None:
        self._syncing_since = self._synced_at = self._clock.seconds()
        self._in_thread(lambda: synced([self._path])).addBoth(self._has_synced)

    def _has_synced(self, result: object) -> None:
        """The file is durable; where it is not, all is written again, to a new one."""
        self._syncing_since = None
        if result is not None:
            self._is_stale = True


def _read(path: Path) -> tuple[tuple[Entry, ...], float]:
    """The calls of a file that are not over, and when its writer was last known to live: 0 where nothing says so."""
    try:
        entries, damaged = parse(path.read_bytes())
    except FileNotFoundError:
        return (), 0.0
    if damaged:
        log.warn("{count} lines of {path} are damaged and were passed over", count=len(damaged), path=path)
    alive = 0.0
    found: dict[str, Entry] = {}
    for entry in entries:
        if entry.id == _STAMP:
            alive = float(entry.record["alive"])
        elif entry.record:
            found[entry.id] = entry
        else:
            found.pop(entry.id, None)
    return tuple(found.values()), alive
