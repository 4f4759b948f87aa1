"""What has been changed at run time, on top of the file: the items as they are now, and every revision of them.

Revisions are numbered without gaps, in the order in which they become visible. A writer says which revision its
settings were made from, and is refused when another node has changed something since. Secrets are sealed.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from rustalk.config.overlay import Change
from rustalk.store.conceal import opened, sealed, shown
from rustalk.store.database import Database
from rustalk.store.owner import give
from rustalk.store.session import DatabaseDownError, Row, Session
from rustalk.store.vault import Vault

__all__ = [
    "CHANNEL",
    "CopyError",
    "Edit",
    "Items",
    "Origin",
    "Overlay",
    "Revision",
    "StaleError",
    "drop_item",
    "read_copy",
    "read_items",
    "read_origins",
    "revision_of_copy",
    "write_copy",
]

log = Logger()

CHANNEL = "rustalk_revisions"
"""Where nodes tell each other that there is a new revision; the payload is its number."""

Value = Mapping[str, Any]

_COLUMNS = "id, time, who, collection, key, before, after, restores"
_ITEMS = "SELECT collection, key, value, revision FROM items"
_IN_ORDER = "ORDER BY created, collection, key"


class CopyError(Exception):
    """There is a copy of the items, and it cannot be read."""


class StaleError(Exception):
    """The settings have changed since the revision that a writer started from; it starts again from the newest."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One item as it was, as it shall be, and the revision that it is restored from; None: there is no such item."""

    collection: str
    key: str
    before: Value | None
    after: Value | None
    restores: int | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """One change of one item: its number, when, by whom, and the item before and after it, secrets left out."""

    id: int
    time: float
    who: str
    collection: str
    key: str
    before: Value | None
    after: Value | None
    restores: int | None = None


@dataclass(frozen=True, slots=True)
class Items:
    """The items that were changed up to a revision, secrets included, in the order in which they were made."""

    revision: int
    changes: tuple[Change, ...]
    versions: Mapping[tuple[str, str], int]
    """The revision that changed each item last."""


@dataclass(frozen=True, slots=True)
class Origin:
    """An item that the database holds over the file: its value without secrets, None where the item is deleted, and the
    revision that it is of, with the time and the author of that."""

    collection: str
    key: str
    value: Value | None
    revision: int
    time: float
    who: str


class Overlay:
    """The overlay in the database. Its Deferreds fail with DatabaseDownError while there is none."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def items(self, since: int = 0, copy: Path | None = None) -> Deferred[Items]:
        """Fires with the items that have changed since a revision; 0: all. ``copy`` is a file to keep all items in."""
        return self._database.read(lambda session: read_items(session, self._vault, since, copy))

    def write(self, edits: Sequence[Edit], who: str, *, now: float, base: int) -> Deferred[tuple[Revision, ...]]:
        """Make the edits, all or none; fires with their revisions.

        Fails with StaleError when ``base`` is not the newest revision.
        """
        return self._database.run(lambda session: _write(session, self._vault, edits, who, now, base))

    def revision(self, id: int) -> Deferred[Revision | None]:
        """Fires with one revision, or None."""
        return self._database.read(lambda session: _one(session, id)).addCallback(_seen)

    def revisions(
        self, limit: int, before: int | None = None, *, collection: str = "", key: str = ""
    ) -> Deferred[list[Revision]]:
        """Fires with the newest revisions older than ``before``, of one collection or item where these are named."""
        wanted = {"collection": collection, "key": key}
        conditions = ["id < ?", *(f"{name} = ?" for name, value in wanted.items() if value)]
        values = [before or 1 << 62, *(value for value in wanted.values() if value), limit]
        sql = f"SELECT {_COLUMNS} FROM revisions WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT ?"
        return self._database.read(lambda s: [_shown(_revision(row)) for row in s.execute(sql, values)])

    def after(self, id: int) -> Deferred[Change | None]:
        """Fires with the item of a revision as it was after it, secrets included; None: there is no such revision."""
        return self._database.read(lambda session: _after(_one(session, id), self._vault))

    def as_of(self, id: int) -> Deferred[tuple[Change, ...] | None]:
        """Fires with each item that has changed since a revision as it was then; None: there is no such revision."""
        return self._database.read(lambda session: _as_of(session, self._vault, id))


def read_items(session: Session, vault: Vault, since: int = 0, copy: Path | None = None) -> Items:
    """The items that have changed since a revision. Raises VaultError."""
    revision = _counter(session)
    if copy is not None and revision >= since:
        write_copy(session, copy)
    rows = session.execute(f"{_ITEMS} WHERE revision > ? {_IN_ORDER}", (since,))
    return _items(revision, rows, vault)


def read_origins(session: Session) -> dict[tuple[str, str], Origin]:
    """What the database holds over the file, by collection and key."""
    rows = session.execute(
        "SELECT items.collection, items.key, items.value, items.revision, revisions.time, revisions.who "
        "FROM items JOIN revisions ON revisions.id = items.revision ORDER BY items.collection, items.key"
    )
    return {
        (collection, key): Origin(collection, key, shown(collection, _load(value)), *rest)
        for collection, key, value, *rest in rows
    }


def drop_item(
    session: Session, vault: Vault, place: tuple[str, str], value: Value | None, *, who: str, now: float
) -> Revision | None:
    """Take an item out, so that the file alone says what it is; return the revision, None where there is none.

    ``value`` is the item as the file has it. Nodes that run would not hear of it: the caller is alone.
    """
    rows = session.execute("DELETE FROM items WHERE collection = ? AND key = ? RETURNING value", place)
    if not rows:
        return None
    [(id,)] = session.execute("UPDATE counters SET value = value + 1 WHERE name = 'revisions' RETURNING value")
    before, after = rows[0][0], _dump(sealed(*place, value, vault))
    session.execute(
        f"INSERT INTO revisions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (id, now, who, *place, before, after, None),
    )
    return _shown(Revision(id, now, who, *place, _load(before), value))


def write_copy(session: Session, path: Path) -> None:
    """Keep all items, sealed as they are, in a file that a start without the database can read.

    Goes on without a copy when the file cannot be written.
    """
    rows = session.execute(f"{_ITEMS} {_IN_ORDER}")
    text = json.dumps({"revision": _counter(session), "items": rows})
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            give(file.fileno(), path.parent)
        draft.replace(path)
    except OSError as error:
        log.warn(
            "The copy {path} of the configuration cannot be written: {error}", path=str(path), error=error.strerror
        )
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def read_copy(path: Path, vault: Vault) -> Items | None:
    """The items of a copy, or None where there is none. Raises CopyError for one that cannot be read, VaultError."""
    found = _copied(path)
    try:
        return None if found is None else _items(found["revision"], [tuple(row) for row in found["items"]], vault)
    except (DatabaseDownError, ValueError, KeyError, TypeError):
        raise CopyError(f"the copy {path} is damaged") from None


def revision_of_copy(path: Path) -> int:
    """The revision up to which a copy goes; 0 where there is none that can be read."""
    try:
        found = _copied(path)
        return int(found["revision"]) if found else 0
    except (CopyError, ValueError, KeyError, TypeError):
        return 0


def _copied(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CopyError(f"the copy {path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise CopyError(f"the copy {path} is damaged") from None


def _items(revision: int, rows: Sequence[Row], vault: Vault) -> Items:
    changes = tuple(
        Change(collection, key, opened(collection, key, _load(value), vault)) for collection, key, value, _ in rows
    )
    return Items(revision, changes, {(collection, key): version for collection, key, _, version in rows})


def _write(
    session: Session, vault: Vault, edits: Sequence[Edit], who: str, now: float, base: int
) -> tuple[Revision, ...]:
    raised = session.execute(
        "UPDATE counters SET value = value + ? WHERE name = 'revisions' RETURNING value", (len(edits),)
    )
    if raised[0][0] != base + len(edits):
        raise StaleError(f"revision {raised[0][0] - len(edits)} is newer than {base}")
    done, revisions, items = [], [], []
    for id, edit in enumerate(edits, base + 1):
        place = (edit.collection, edit.key)
        before, after = (_dump(sealed(*place, value, vault)) for value in (edit.before, edit.after))
        revisions.append((id, now, who, *place, before, after, edit.restores))
        items.append((*place, after, id, id))
        done.append(_shown(Revision(id, now, who, *place, edit.before, edit.after, edit.restores)))
    session.executemany(f"INSERT INTO revisions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", revisions)
    # An item that comes back takes its place after the others, as it does in the settings of the running nodes.
    session.executemany(
        "INSERT INTO items (collection, key, value, created, revision) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (collection, key) DO UPDATE SET value = excluded.value, revision = excluded.revision, "
        "created = CASE WHEN items.value IS NULL THEN excluded.created ELSE items.created END",
        items,
    )
    session.notify(CHANNEL, str(base + len(edits)))
    return tuple(done)


def _after(revision: Revision | None, vault: Vault) -> Change | None:
    if revision is None:
        return None
    place = (revision.collection, revision.key)
    return Change(*place, opened(*place, revision.after, vault))


def _as_of(session: Session, vault: Vault, id: int) -> tuple[Change, ...] | None:
    """Of each item that has changed since, what its first later revision found."""
    if id and _one(session, id) is None:
        return None
    rows = session.execute(
        f"SELECT {_COLUMNS} FROM revisions WHERE id IN "
        "(SELECT MIN(id) FROM revisions WHERE id > ? GROUP BY collection, key) ORDER BY id DESC",
        (id,),
    )
    found = [_revision(row) for row in rows]
    return tuple(
        Change(each.collection, each.key, opened(each.collection, each.key, each.before, vault)) for each in found
    )


def _one(session: Session, id: int) -> Revision | None:
    rows = session.execute(f"SELECT {_COLUMNS} FROM revisions WHERE id = ?", (id,))
    return _revision(rows[0]) if rows else None


def _revision(row: Row) -> Revision:
    id, time, who, collection, key, before, after, restores = row
    return Revision(id, time, who, collection, key, _load(before), _load(after), restores)


def _seen(revision: Revision | None) -> Revision | None:
    return None if revision is None else _shown(revision)


def _shown(revision: Revision) -> Revision:
    before, after = (shown(revision.collection, value) for value in (revision.before, revision.after))
    return Revision(
        revision.id, revision.time, revision.who, revision.collection, revision.key, before, after, revision.restores
    )


def _counter(session: Session) -> int:
    rows = session.execute("SELECT value FROM counters WHERE name = 'revisions'")
    if not rows:
        raise DatabaseDownError("the database is damaged: it does not know its revision")
    return int(rows[0][0])


def _dump(value: Value | None) -> str | None:
    return None if value is None else json.dumps(value)


def _load(text: str | None) -> dict[str, Any] | None:
    try:
        loaded: dict[str, Any] | None = None if text is None else json.loads(text)
    except ValueError:
        raise DatabaseDownError("the database is damaged: an item in it is no JSON") from None
    return loaded
