"""Finished records on disk before they are anywhere else: nothing that ended is lost when the database or we go away.

A record is written to the end of a file of JSON lines the moment that it is handed over, so that from then on even
`kill -9` cannot take it; a thread syncs the file a moment later against a loss of power. The `Sender` takes the records
from here into the database and reports what has arrived there, and what has arrived is cut off. After a crash between
the two the same records are sent again: whoever takes them must know them by their ids.

A line is ``{"crc":"0a1b2c3d","id":"...","record":{...}}``; the checksum (CRC-32) is of what follows it. A line that is
torn or damaged is passed over and said, never repaired by guessing. When the disk is full the records stay in memory,
up to a limit, and are written as soon as there is room.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

__all__ = ["Entry", "Journal", "JournalBusyError", "Piece", "line_of", "parse", "synced"]

log = Logger()

_NAME = re.compile(r"records-(\d{8})\.jsonl")
_HEAD = b'{"crc":"'
_SEGMENT = 4 << 20
_PIECE = 256 << 10
_PIECE_HELD = 100
_HELD = 10_000
_SYNC_AFTER = 0.05
_PATIENCE = 1.0
_SLOW = 5.0
_RETRY = 1.0
_READ = 1 << 20
_KEPT_DAMAGE = 1 << 20


class JournalBusyError(Exception):
    """Another process writes its records to the same directory."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One record, a JSON object, under the id that makes it the same record however often it comes."""

    id: str
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some whole lines, oldest first: those from ``start`` on in a file, or those that no file could be given.

    ``size`` is about how much to read, ``limit`` how far the whole lines of the file go.
    """

    path: Path
    start: int = 0
    size: int = 0
    limit: int = 0
    held: tuple[bytes, ...] = ()

    def read(self) -> bytes:
        """Fetch the lines. Blocks, so that it belongs into a thread; raises OSError."""
        if self.held:
            return b"".join(self.held)
        with self.path.open("rb") as file:
            file.seek(self.start)
            lines = file.read(min(self.size, self.limit - self.start))
            return lines + file.readline(self.limit - file.tell()) if file.tell() < self.limit else lines


@dataclass(slots=True)
class _Segment:
    """One file: its whole lines and how many octets of them have been delivered."""

    number: int
    path: Path
    size: int = 0
    delivered: int = 0


def parse(lines: bytes) -> tuple[list[Entry], list[bytes]]:
    """Return the records of some lines, and the lines that are none because they are torn or damaged."""
    entries: list[Entry] = []
    damaged: list[bytes] = []
    for line in lines.splitlines():
        entry = _entry(line)
        if entry is None:
            damaged.append(line)
        else:
            entries.append(entry)
    return entries, damaged


class Journal:
    """The journal in one directory, used in the reactor's thread; `Piece.read` and the syncing run in threads.

    ``in_thread`` runs a function in a thread, as ``deferToThread`` does. ``on_written`` is called, if it is set, when
    there is something new to deliver, ``on_problem`` when there is another ``problem`` than before, or none. Opening
    raises OSError where the directory cannot be used at all, and JournalBusyError where another process uses it; after
    that nothing here raises, whatever the disk does.
    """

    def __init__(
        self, directory: Path, clock: IReactorTime, in_thread: Callable[[Callable[[], None]], Deferred[None]]
    ) -> None:
        self.directory = directory
        self.on_written: Callable[[], None] = lambda: None
        self.on_problem: Callable[[], None] = lambda: None
        self.waiting = 0
        self.lost = 0
        self.damaged = 0
        self._clock = clock
        self._in_thread = in_thread
        self._held: deque[bytes] = deque()
        self._unsynced: list[bytes] = []
        self._dirty: set[Path] = set()
        self._syncing: list[bytes] | None = None
        self._sync_since = 0.0
        self._timer: IDelayedCall | None = None
        self._trouble = ""
        self._told: tuple[object, ...] = ("", False, False, 0)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _locked(directory)
        self._segments: deque[_Segment] = deque(_found(directory))
        self._next = self._segments[-1].number + 1 if self._segments else 1
        for segment in self._segments:
            self.waiting += _measured(segment)
        self._file = -1
        if self.waiting:
            log.info("{count} records wait in {directory} since the last run", count=self.waiting, directory=directory)

    @property
    def held(self) -> int:
        """How many records are only in memory, because the disk does not take them."""
        return len(self._held)

    @property
    def is_stuck(self) -> bool:
        """Whether the disk has been busy for longer than a call may be kept waiting."""
        return self._syncing is not None and self._clock.seconds() - self._sync_since > _PATIENCE

    @property
    def problem(self) -> str:
        """What is wrong with the journal, in words for an alarm; empty when all is well."""
        said = []
        if self._trouble:
            said.append(
                f"call records cannot be written to {self.directory}: {self._trouble}; {len(self._held)} of at most "
                f"{_HELD} are held in memory and would be lost with the process: make room or repair the disk"
            )
        elif self._is_slow:
            said.append(f"the disk of {self.directory} is slow: it has not answered for over {_SLOW:.0f} seconds")
        if self.lost:
            said.append(f"{self.lost} call records were lost, as neither the disk nor the memory had room for them")
        if self.damaged:
            said.append(f"{self.damaged} damaged lines of the journal were put into {self.directory / 'damaged'}")
        return "; ".join(said)

    @property
    def _is_slow(self) -> bool:
        return self._syncing is not None and self._clock.seconds() - self._sync_since > _SLOW

    def _look(self) -> None:
        """Tell of a problem that was not there before, or is not there any more."""
        told, self._told = self._told, (self._trouble, self._is_slow, self.lost > 0, self.damaged)
        if told != self._told:
            self.on_problem()

    def append(self, id: str, record: Mapping[str, Any]) -> None:
        """Keep a record, on disk when this returns unless the disk is in trouble. Never raises, never waits."""
        line = line_of(id, record)
        if len(self._held) >= _HELD:
            self.lost += 1
            self._look()
            return
        self.waiting += 1
        self._held.append(line)
        self._write()
        self._look()
        self.on_written()

    def next(self) -> Piece | None:
        """What is to be delivered now, the oldest first; None when everything is."""
        for segment in self._segments:
            if segment.delivered < segment.size:
                return Piece(segment.path, segment.delivered, _PIECE, segment.size)
        if self._held:
            return Piece(self.directory, held=tuple(islice(self._held, _PIECE_HELD)))
        return None

    def delivered(self, piece: Piece, length: int, lines: int, damaged: Iterable[bytes] = ()) -> None:
        """Forget the first ``length`` octets of a piece, which are ``lines`` whole lines; keep the damaged ones."""
        for line in damaged:
            self.damaged += 1
            log.error("A record in {path} is damaged and was passed over", path=piece.path)
            self._keep(line)
        self._look()
        if piece.held:
            self._release(piece.held[:lines])
            return
        self.waiting -= lines
        for segment in self._segments:
            if segment.path == piece.path:
                segment.delivered = piece.start + length
        self._tidy()

    def _release(self, lines: Iterable[bytes]) -> None:
        """Drop the lines from memory; those that a file has taken meanwhile are delivered again from there."""
        for line in lines:
            if self._held and self._held[0] is line:
                self._held.popleft()
                self.waiting -= 1

    def skip(self, piece: Piece) -> None:
        """Give up a file that cannot be read any more, as far as it was to be delivered."""
        log.error("{path} cannot be read: its records are lost unless the file comes back", path=piece.path)
        for segment in self._segments:
            if segment.path == piece.path:
                segment.delivered = segment.size
        self._tidy()

    def close(self) -> None:
        """Write and sync what is left, and let go of the directory. Waits for the disk."""
        self._syncing = None
        self._write()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self._held:
            log.error("{count} call records are lost: {problem}", count=len(self._held), problem=self.problem)
        if self._file >= 0:
            try:
                os.fsync(self._file)
            except OSError as error:
                log.error("The journal in {directory}: {error}", directory=self.directory, error=error)
            self._leave()
        os.close(self._lock)

    # Writing.

    def _write(self) -> None:
        """Write what is held, unless the disk has been busy for longer than a call may be kept waiting."""
        if self.is_stuck:
            return
        try:
            while self._held:
                self._put(self._held[0])
                self._unsynced.append(self._held.popleft())
        except OSError as error:
            self._failed(error)
            return
        if self._trouble:
            log.info("The journal in {directory} is written again", directory=self.directory)
            self._trouble = ""
        if self._unsynced and self._syncing is None:
            self._later(_SYNC_AFTER)

    def _try(self) -> None:
        """See whether the disk takes something again: what it did not take has been delivered from memory."""
        try:
            if self._file < 0:
                self._begin()
            os.write(self._file, b" ")
            os.ftruncate(self._file, self._segments[-1].size)
        except OSError as error:
            self._failed(error)
            return
        self._write()

    def _put(self, line: bytes) -> None:
        if self._file < 0 or self._segments[-1].size >= _SEGMENT:
            self._begin()
        if os.write(self._file, line) < len(line):
            try:
                os.ftruncate(self._file, self._segments[-1].size)
            except OSError:
                self._leave()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._segments[-1].size += len(line)
        self._dirty.add(self._segments[-1].path)

    def _begin(self) -> None:
        """Go on in a new file."""
        path = self.directory / f"records-{self._next:08}.jsonl"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if self._file >= 0:
            self._leave()
        self._file = file
        self._segments.append(_Segment(self._next, path))
        self._next += 1

    def _leave(self) -> None:
        """Never write to this file again."""
        os.close(self._file)
        self._file = -1

    def _failed(self, error: OSError) -> None:
        trouble = error.strerror or str(error)
        if trouble != self._trouble:
            log.error("The journal in {directory}: {trouble}", directory=self.directory, trouble=trouble)
        self._trouble = trouble
        self._later(_RETRY)

    # Syncing.

    def _later(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = self._clock.callLater(seconds, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._trouble and not self._held:
            self._try()
        elif self._held:
            self._write()
        self._look()
        if self._unsynced and self._syncing is None:
            self._sync()

    def _sync(self) -> None:
        self._syncing, self._unsynced = self._unsynced, []
        self._sync_since = self._clock.seconds()
        paths, self._dirty = self._dirty, set()
        self._in_thread(lambda: synced(paths)).addCallbacks(self._has_synced, self._not_synced)

    def _has_synced(self, result: None) -> None:
        self._syncing = None
        self._write()
        self._look()

    def _not_synced(self, failure: Failure) -> None:
        """Write the same records again, to another file: what the kernel could not store, it may have dropped."""
        if self._syncing is None:
            return
        again = [*self._syncing, *self._unsynced]
        self._syncing, self._unsynced = None, []
        self._held.extendleft(reversed(again))
        self.waiting += len(again)
        if self._file >= 0:
            self._leave()
        error = failure.value
        self._failed(error if isinstance(error, OSError) else OSError(str(error)))
        self._look()

    # Tidying.

    def _tidy(self) -> None:
        """Remove the files that have been delivered; the one that is written to is emptied."""
        try:
            while self._segments and self._segments[0].delivered >= self._segments[0].size:
                if self._file >= 0 and len(self._segments) == 1:
                    self._empty(self._segments[0])
                    return
                self._segments[0].path.unlink(missing_ok=True)
                self._segments.popleft()
        except OSError as error:
            log.error("{directory} cannot be tidied up: {error}", directory=self.directory, error=error)

    def _empty(self, segment: _Segment) -> None:
        os.ftruncate(self._file, 0)
        segment.size = segment.delivered = 0
        self._unsynced = []

    def _keep(self, line: bytes) -> None:
        """Keep a line that is no record, for somebody who knows what was in it."""
        try:
            with (self.directory / "damaged").open("ab") as file:
                if file.tell() < _KEPT_DAMAGE:
                    file.write(line + b"\n")
        except OSError as error:
            log.error("A damaged line could not be kept: {error}", error=error)


def line_of(id: str, record: Mapping[str, Any]) -> bytes:
    """The line of a record, which `parse` reads."""
    rest = json.dumps({"id": id, "record": record}, separators=(",", ":")).encode("ascii")[1:]
    return b'%s%08x",%s\n' % (_HEAD, zlib.crc32(rest), rest)


def _entry(line: bytes) -> Entry | None:
    head = len(_HEAD)
    rest = line[head + 10 :]
    if not line.startswith(_HEAD) or line[head : head + 10] != b'%08x",' % zlib.crc32(rest):
        return None
    try:
        known = json.loads(b"{" + rest)
        return Entry(known["id"], known["record"])
    except (ValueError, KeyError, RecursionError):
        return None


def _locked(directory: Path) -> int:
    """The lock of the directory, held until the process ends, however it does."""
    file = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise JournalBusyError(
            f"another process writes call records to {directory}; give each its own server.state_directory"
        ) from None
    return file


def _found(directory: Path) -> Iterator[_Segment]:
    """The files that an earlier run left, oldest first."""
    for path in sorted(directory.iterdir()):
        if name := _NAME.fullmatch(path.name):
            yield _Segment(int(name[1]), path)


def _measured(segment: _Segment) -> int:
    """Find the end of the last whole line of a file; return how many lines there are."""
    lines = read = 0
    with segment.path.open("rb") as file:
        while block := file.read(_READ):
            lines += block.count(b"\n")
            last = block.rfind(b"\n")
            segment.size = read + last + 1 if last >= 0 else segment.size
            read += len(block)
    if read > segment.size:
        log.warn("The last record in {path} was cut off while it was written", path=segment.path)
    return lines


def synced(paths: Iterable[Path]) -> None:
    """Make files durable, and their names; one that has been delivered and removed meanwhile needs neither."""
    for path in paths:
        _sync(path, os.O_RDONLY)
        _sync(path.parent, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    try:
        file = os.open(path, flags | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.fsync(file)
    finally:
        os.close(file)
