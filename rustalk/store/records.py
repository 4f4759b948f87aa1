"""Call records in the database: taken from the journal, found by what is known of a call, given out page by page.

Every query is bounded, however many records there are. A page is read along one index, that of the condition which the
fewest records fulfil; the other conditions are looked at on the way, for a limited number of records. When that limit
comes first, the page is shorter than asked for, or empty, and its cursor goes on from there. Records are in the order
of the calls' beginnings, newest first.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred

from rustalk.observe.printable import printable
from rustalk.store.journal import Entry
from rustalk.store.record import CALL_COLUMNS, LEG_COLUMNS, CallRecord, LegRecord
from rustalk.store.session import Row, Session

__all__ = ["CursorError", "Filter", "Page", "Records", "discard", "insert"]

T = TypeVar("T")

_KEY_BITS = 20
_SCANNED = 2_000
_COUNTED = 10_000
_PROBED = 1_000
_LAST_KEY = (1 << 63) - 1
_LONGEST_CALL = 1e9
_LONGEST_BAND = 32
_CURSOR = struct.Struct(">qq?4sx")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SEARCHED = (
    "id",
    "caller",
    "called",
    "original_caller",
    "original_called",
    "caller_name",
    "source",
    "destination",
    "route",
    "reason",
    "said",
)

_CALLS = ", ".join(CALL_COLUMNS)
_LEGS = ", ".join(LEG_COLUMNS)
_INSERT_CALL = f"INSERT INTO call_records (key, {_CALLS}) VALUES (?{', ?' * len(CALL_COLUMNS)}) ON CONFLICT DO NOTHING"
_INSERT_LEG = f"INSERT INTO call_legs (call, {_LEGS}) VALUES (?{', ?' * len(LEG_COLUMNS)}) ON CONFLICT DO NOTHING"


class Reader(Protocol):
    """As much of a database as is needed here."""

    def read(self, work: Callable[[Session], T]) -> Deferred[T]:
        """Run work that only reads, in a thread."""


class CursorError(ValueError):
    """The cursor of a page is none of ours, or belongs to another filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is asked of a record; what is left out is not asked. All that is asked must be so.

    A call is within ``start_date`` and ``end_date`` by its beginning, the end not included. ``number`` is that of
    either side, before or after rewriting, with or without ``+``; ``caller`` and ``called`` are that of one side.
    ``trunk`` and ``extension`` are on either side too. ``call_id`` is that of a call with all its parts at other nodes.
    ``min_duration`` is in seconds. ``text`` is looked for, in any
    case of letters, in ids, numbers, names and reasons.
    """

    start_date: datetime | None = None
    end_date: datetime | None = None
    status: str = ""
    number: str = ""
    caller: str = ""
    called: str = ""
    trunk: str = ""
    extension: str = ""
    reason: str = ""
    min_duration: float | None = None
    sip_call_id: str = ""
    call_id: str = ""
    text: str = ""

    @property
    def digest(self) -> bytes:
        """Tells this filter from others."""
        return hashlib.blake2b(repr(self).encode(errors="backslashreplace"), digest_size=4).digest()


@dataclass(frozen=True, slots=True)
class Page:
    """Some records out of ``total``, which is a number that there are at least unless it is ``exact``.

    ``next`` is the cursor of the page behind this one, None behind the last one.
    """

    records: tuple[CallRecord, ...]
    total: int
    exact: bool
    next: str | None


class Records:
    """The call records of one database."""

    def __init__(self, database: Reader) -> None:
        self._database = database

    async def page(self, filter: Filter, limit: int = 50, cursor: str | None = None) -> Page:
        """At most ``limit`` records. Raises CursorError, and fails with DatabaseDownError."""
        filter = _printable(filter)
        start = None if cursor is None else _read_cursor(cursor, filter)
        return await self._database.read(lambda session: _page(session, filter, limit, start))

    async def find(self, id: str) -> tuple[CallRecord, tuple[LegRecord, ...]] | None:
        """One record with its legs."""
        return await self._database.read(lambda session: _find(session, printable(id)))

    async def batches(
        self, filter: Filter, shape: Callable[[Sequence[CallRecord]], T], size: int = 500
    ) -> AsyncIterator[T]:
        """All records of a filter, at most ``size`` at a time, as what ``shape`` makes of them in a thread.

        Nothing is read before it is asked for. Fails with DatabaseDownError.
        """
        filter = _printable(filter)
        below: int | None = _LAST_KEY
        while below is not None:
            work = partial(_shaped, filter=filter, shape=shape, size=size, below=below)
            some, below = await self._database.read(work)
            for shaped in some:
                yield shaped


def insert(session: Session, entries: Sequence[Entry]) -> None:
    """Put records into the tables, each once, however often it comes, and as it came first. For the `Sender`."""
    calls = {entry.id: entry.record for entry in reversed(entries)}
    keys = {id: _key(id, record["started"]) for id, record in calls.items()}
    taken: dict[str, int] = {}
    known = _keys_of(session, tuple(calls))
    missing = new = tuple(id for id in calls if id not in known)
    while missing:
        session.executemany(
            _INSERT_CALL, [(keys[id], *(calls[id].get(name) for name in CALL_COLUMNS)) for id in missing]
        )
        taken |= _keys_of(session, missing)
        missing = tuple(id for id in missing if id not in taken)
        keys = {id: key + 1 for id, key in keys.items()}
    session.executemany(
        _INSERT_LEG,
        [(taken[id], *(leg.get(name) for name in LEG_COLUMNS)) for id in new for leg in calls[id].get("legs", ())],
    )
    session.execute("UPDATE counters SET value = value + ? WHERE name = 'call_records'", (len(new),))


def discard(session: Session, before: float, most: int) -> int:
    """Delete the oldest ``most`` of the calls that began before this moment, in seconds since 1970; how many it was."""
    oldest = "SELECT key FROM call_records WHERE key < ? ORDER BY key LIMIT ?"
    limit = max(0, round(before * 1000)) << _KEY_BITS
    gone = session.execute(f"DELETE FROM call_records WHERE key IN ({oldest}) RETURNING key", (limit, most))
    if gone:
        keys = [key for (key,) in gone]
        session.execute(f"DELETE FROM call_legs WHERE call IN ({', '.join('?' * len(keys))})", keys)
        session.execute("UPDATE counters SET value = value - ? WHERE name = 'call_records'", (len(keys),))
    return len(gone)


def _keys_of(session: Session, ids: Sequence[str]) -> dict[str, int]:
    marks = ", ".join("?" * len(ids))
    return dict(session.execute(f"SELECT id, key FROM call_records WHERE id IN ({marks})", ids))


def _printable(filter: Filter) -> Filter:
    """The filter with its texts as records have them, and so without any character that a database refuses."""
    asked = ((field.name, getattr(filter, field.name)) for field in fields(filter))
    texts: dict[str, Any] = {name: printable(value) for name, value in asked if isinstance(value, str)}
    return replace(filter, **texts)


# Plans.


@dataclass(frozen=True, slots=True)
class _Way:
    """A condition that an index fulfils: all records where ``column`` has ``value``, in the order of their keys.

    ``least`` is the duration that has to be looked at too, in milliseconds.
    """

    column: str
    value: object
    least: int | None = None

    def rows(self, dialect: str, above: int, below: int) -> tuple[str, list[object], str]:
        """From where, which and in what order: the records with keys from ``above`` on and less than ``below``.

        Neither database is left to guess the index: statistics may say that a value which nobody has is common, and
        all records would be looked at for it.
        """
        if self.column == "key":
            return "call_records WHERE key = ? AND key >= ? AND key < ?", [self.value, above, below], "key DESC"
        if dialect == "sqlite":
            source = f"call_records INDEXED BY call_records_by_{self.column}"
            return f"{source} WHERE {self.column} = ? AND key >= ? AND key < ?", [self.value, above, below], "key DESC"
        pair = f"({self.column}, key)"
        return (
            f"call_records WHERE {self.column} IS NOT NULL AND {pair} >= (?, ?) AND {pair} < (?, ?)",
            [self.value, above, self.value, below],
            f"{self.column} DESC, key DESC",
        )


@dataclass(frozen=True, slots=True)
class _Condition:
    """One thing that is asked: as SQL, and as the ways of which each such record is on at least one."""

    sql: str
    values: tuple[object, ...]
    ways: tuple[_Way, ...] = ()


@dataclass(frozen=True, slots=True)
class _Plan:
    """The ways to go along, all records where there is none, and what to look at on the way."""

    ways: tuple[_Way | None, ...]
    conditions: tuple[_Condition, ...]
    dialect: str

    def rows(self, way: _Way | None, above: int, below: int, *, filtered: bool = True) -> tuple[str, list[object], str]:
        """As `_Way.rows`; only what fulfils the conditions too, unless it is to be not ``filtered``."""
        values: list[object] = [above, below]
        source, order = "call_records WHERE key >= ? AND key < ?", "key DESC"
        if way is not None:
            source, values, order = way.rows(self.dialect, above, below)
            if way.least is not None and filtered:
                source, values = f"{source} AND duration >= ?", [*values, way.least]
        for condition in self.conditions if filtered else ():
            source, values = f"{source} AND ({condition.sql})", [*values, *condition.values]
        return source, values, order


def _conditions(session: Session, filter: Filter) -> Iterable[_Condition]:
    """What the filter asks, the dates aside."""
    if filter.number:
        yield _any(("caller", "called", "original_caller", "original_called"), _spellings(filter.number))
    if filter.caller:
        yield _any(("caller", "original_caller"), _spellings(filter.caller))
    if filter.called:
        yield _any(("called", "original_called"), _spellings(filter.called))
    if filter.extension:
        yield _any(("source", "destination"), (f"extension:{filter.extension}",))
    if filter.trunk:
        yield _any(("source", "destination"), (filter.trunk,))
    if filter.reason:
        yield _any(("reason",), (filter.reason,))
    if filter.status:
        yield _any(("status",), (filter.status,))
    if filter.min_duration is not None:
        least = round(1000 * min(max(0.0, filter.min_duration), _LONGEST_CALL))
        lowest = (least // 1000).bit_length()
        ways = (_Way("band", lowest, least), *(_Way("band", band) for band in range(lowest + 1, _LONGEST_BAND)))
        yield _Condition("duration >= ?", (least,), ways)
    if filter.sip_call_id:
        sql = "SELECT call FROM call_legs WHERE sip_call_id = ? ORDER BY call DESC LIMIT 100"
        yield _any(("key",), [key for (key,) in session.execute(sql, (filter.sip_call_id,))] or [-1])
    if filter.call_id:
        sql = "SELECT key FROM call_records WHERE id = ? OR part_of = ? ORDER BY key DESC LIMIT 100"
        found = session.execute(sql, (filter.call_id, filter.call_id))
        yield _any(("key",), [key for (key,) in found] or [-1])
    if filter.text:
        yield _containing(filter.text, session.dialect)


def _any(columns: Sequence[str], values: Sequence[object]) -> _Condition:
    marks = ", ".join("?" * len(values))
    sql = " OR ".join(f"{column} IN ({marks})" for column in columns)
    ways = tuple(_Way(column, value) for column in columns for value in values)
    return _Condition(sql, tuple(values) * len(columns), ways)


def _containing(text: str, dialect: str) -> _Condition:
    """``text`` anywhere in what is searched; LIKE knows no case of ASCII letters in SQLite."""
    sign = "LIKE" if dialect == "sqlite" else "ILIKE"
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    whole = " || ' ' || ".join(f"COALESCE({column}, '')" for column in _SEARCHED)
    return _Condition(f"({whole}) {sign} ? ESCAPE '\\'", (f"%{escaped}%",))


def _spellings(number: str) -> tuple[str, str]:
    return number, number[1:] if number.startswith("+") else f"+{number}"


def _planned(session: Session, filter: Filter, above: int, below: int) -> _Plan:
    """Go the way on which the fewest records are."""
    conditions = tuple(_conditions(session, filter))
    choices = [condition for condition in conditions if condition.ways]
    if not choices:
        return _Plan((None,), conditions, session.dialect)
    best = choices[0]
    if len(choices) > 1:
        bare = _Plan((), (), session.dialect)
        counts = [
            sum(_count(session, bare, way, above, below, _PROBED) for way in condition.ways) for condition in choices
        ]
        best = choices[counts.index(min(counts))]
    return _Plan(best.ways, tuple(each for each in conditions if each is not best), session.dialect)


# Queries.


def _page(session: Session, filter: Filter, limit: int, start: _Place | None) -> Page:
    above, below = _span(filter)
    plan = _planned(session, filter, above, below)
    if start is not None:
        below, total, exact = min(below, start.below), start.total, start.exact
        keys, following = _keys(session, plan, limit, above, below)
    elif plan.conditions:
        keys, following = _keys(session, plan, _COUNTED, above, below)
        total, exact = len(keys), following is None
        keys, following = keys[:limit], keys[limit - 1] if total > limit else following
    else:
        total, exact = _total(session, plan, above, below)
        keys, following = _keys(session, plan, limit, above, below)
    cursor = None if following is None else _cursor(_Place(following, total, exact), filter)
    return Page(tuple(_records(session, keys)), total, exact, cursor)


def _shaped(
    session: Session, filter: Filter, shape: Callable[[Sequence[CallRecord]], T], size: int, below: int
) -> tuple[tuple[T, ...], int | None]:
    above, end = _span(filter)
    plan = _planned(session, filter, above, min(end, below))
    keys, following = _keys(session, plan, size, above, min(end, below))
    return ((shape(tuple(_records(session, keys))),) if keys else ()), following


def _keys(session: Session, plan: _Plan, limit: int, above: int, below: int) -> tuple[list[int], int | None]:
    """The keys of at most ``limit`` records, newest first, and the key below which to go on; None at the end."""
    floor = _floor(session, plan, above, below)
    found: set[int] = set()
    for way in plan.ways:
        source, values, order = plan.rows(way, floor, below)
        sql = f"SELECT key FROM {source} ORDER BY {order} LIMIT ?"
        found.update(key for (key,) in session.execute(sql, [*values, limit + 1]))
    keys = sorted(found, reverse=True)
    if len(keys) > limit:
        return keys[:limit], keys[limit - 1]
    return keys, floor if floor > above else None


def _floor(session: Session, plan: _Plan, above: int, below: int) -> int:
    """The key down to which records are looked at, as one way has no more of them allowed; ``above`` when none has."""
    floor = above
    for way in plan.ways:
        if plan.conditions or (way is not None and way.least is not None):
            source, values, order = plan.rows(way, floor, below, filtered=False)
            sql = f"SELECT key FROM {source} ORDER BY {order} LIMIT 1 OFFSET {_SCANNED}"
            for (key,) in session.execute(sql, values):
                floor = key
    return floor


def _total(session: Session, plan: _Plan, above: int, below: int) -> tuple[int, bool]:
    """How many records there are on the ways of a plan without conditions, and whether that is all of them."""
    floor = _floor(session, plan, above, below)
    if plan.ways == (None,) and (above, below) == (0, _LAST_KEY):
        return int(session.execute("SELECT value FROM counters WHERE name = 'call_records'")[0][0]), True
    total = 0
    found: set[int] = set()
    apart = len({way and way.column for way in plan.ways}) == 1
    for way in plan.ways:
        if total >= _COUNTED:
            break
        if apart:
            total += _count(session, plan, way, floor, below, _COUNTED - total)
        else:
            source, values, _ = plan.rows(way, floor, below)
            sql = f"SELECT key FROM {source} LIMIT {_COUNTED}"
            found.update(key for (key,) in session.execute(sql, values))
            total = min(len(found), _COUNTED)
    return total, total < _COUNTED and floor == above


def _count(session: Session, plan: _Plan, way: _Way | None, above: int, below: int, most: int) -> int:
    source, values, _ = plan.rows(way, above, below)
    sql = f"SELECT COUNT(*) FROM (SELECT 1 FROM {source} LIMIT {most}) AS bounded"
    return int(session.execute(sql, values)[0][0])


def _records(session: Session, keys: Sequence[int]) -> Iterable[CallRecord]:
    for some in (keys[start : start + 500] for start in range(0, len(keys), 500)):
        marks = ", ".join("?" * len(some))
        sql = f"SELECT {_CALLS} FROM call_records WHERE key IN ({marks}) ORDER BY key DESC"
        yield from map(_record, session.execute(sql, some))


def _find(session: Session, id: str) -> tuple[CallRecord, tuple[LegRecord, ...]] | None:
    found = session.execute(f"SELECT {_CALLS}, key FROM call_records WHERE id = ?", (id,))
    if not found:
        return None
    *call, key = found[0]
    legs = session.execute(f"SELECT {_LEGS} FROM call_legs WHERE call = ? ORDER BY number", (key,))
    return _record(call), tuple(LegRecord(**dict(zip(LEG_COLUMNS, leg, strict=True))) for leg in legs)


def _record(row: Row | Sequence[object]) -> CallRecord:
    return CallRecord(**dict(zip(CALL_COLUMNS, row, strict=True)))


# Keys and cursors.


def _key(id: str, started: int) -> int:
    """Where a call stands among all: by its beginning, and within one millisecond by its id."""
    spread = int.from_bytes(hashlib.blake2b(id.encode(), digest_size=4).digest(), "big") >> (32 - _KEY_BITS)
    return started << _KEY_BITS | spread


def _span(filter: Filter) -> tuple[int, int]:
    """The keys of the dates: from the first one on, and less than the second one."""
    start = 0 if filter.start_date is None else _first_key(filter.start_date)
    return start, _LAST_KEY if filter.end_date is None else _first_key(filter.end_date)


def _first_key(time: datetime) -> int:
    milliseconds = -((_EPOCH - time) // timedelta(milliseconds=1))
    return min(max(0, milliseconds << _KEY_BITS), _LAST_KEY)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page begins, and what was counted when the first one was read."""

    below: int
    total: int
    exact: bool


def _cursor(place: _Place, filter: Filter) -> str:
    packed = _CURSOR.pack(place.below, place.total, place.exact, filter.digest)
    return base64.urlsafe_b64encode(packed).decode("ascii")


def _read_cursor(cursor: str, filter: Filter) -> _Place:
    try:
        below, total, exact, digest = _CURSOR.unpack(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (ValueError, struct.error):
        raise CursorError("this is no cursor that a page of call records has given as its next") from None
    if digest != filter.digest or min(below, total) < 0:
        raise CursorError("this cursor is of another filter: leave it out, and begin with the first page")
    return _Place(below, total, exact)
