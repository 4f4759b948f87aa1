"""The whole database as one file, and back: onto an empty host, from an older version, from SQLite to PostgreSQL.

The file is lines of JSON: a header with the steps of the schema that it was written at, then rows in bundles, then a
footer with counts and a checksum over all before it. A restore makes the schema of the header first, fills it, and
then takes the later steps, so that a backup is changed by the same migrations as a database of its age. Secrets are
in it as they are in the database, sealed: without the key file they stay shut.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import islice
from typing import IO, Any

from rustalk import __version__
from rustalk.store.migrate import SchemaError, migrations, schema, upgrade
from rustalk.store.session import Backend, Session, once
from rustalk.store.vault import Vault

__all__ = ["BackupError", "backup", "restore"]

_FORMAT = 1
_BUNDLE = 500
_LINE = 64 << 20
_OCTETS = "$octets"


class BackupError(Exception):
    """The file is no whole backup, or the database is not one to restore into. Says what to do."""


def backup(session: Session, out: IO[bytes]) -> dict[str, int]:
    """Write all tables to ``out``; return how many rows of each. Raises SchemaError for a database without a schema.

    It is one state of the database, that of the moment when this transaction began.
    """
    if session.dialect == "postgresql":
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        session.execute("SET LOCAL statement_timeout = 0")
    steps = schema(session)
    if not steps:
        raise SchemaError("there is nothing to save: this database was never used; `rustalk db upgrade` prepares it")
    digest = hashlib.sha256()
    tables = {name: _columns(session, name) for name in _tables(session)}

    def write(value: object) -> None:
        line = json.dumps(value, default=_plain, separators=(",", ":")).encode() + b"\n"
        digest.update(line)
        out.write(line)

    write(
        {
            "backup": _FORMAT,
            "version": __version__,
            "made_at": time.time(),
            "steps": sorted(steps),
            "vault": [row[0] for row in session.execute("SELECT fingerprint FROM vault")],
            "tables": tables,
        }
    )
    counts = dict.fromkeys(tables, 0)
    for name, columns in tables.items():
        for rows in session.stream(f"SELECT {', '.join(columns)} FROM {name}", (), _BUNDLE):
            write({"table": name, "rows": rows})
            counts[name] += len(rows)
    checksum = digest.hexdigest()
    write({"rows": counts, "sha256": checksum})
    return counts


def restore(backend: Backend, file: IO[bytes], key: Callable[[], Vault], *, replace: bool = False) -> dict[str, int]:
    """Fill the database with a backup and bring it up to date; return how many rows of each table.

    The file is read twice, the first time to see that it is whole, so it must be one that can be wound back. ``key`` is
    asked for the vault where secrets are sealed. With ``replace`` what the database holds is deleted; without, it must
    hold nothing. Raises BackupError, SchemaError for a backup of a later version, VaultError for one with secrets of
    another key, InUseError while a switch runs on the database; then nothing has changed.
    """
    file.seek(0)
    header, counts = _checked(file)
    steps = frozenset(header["steps"])
    if later := steps - {migration.number for migration in migrations()}:
        raise SchemaError(
            f"the backup was made by a later version of RusTalk ({header['version']}, step {max(later):04}): restore "
            "it with that version"
        )
    for fingerprint in header.get("vault", ()):
        key().answer(fingerprint)

    def work(session: Session) -> None:
        _make_room(session, replace=replace)
        _restore(session, file, header)

    with backend.alone():
        if backend.exists() and not replace:
            once(backend, lambda session: _make_room(session, replace=False), read_only=True)
        backend.anew(work)
    return counts


def _make_room(session: Session, *, replace: bool) -> None:
    if schema(session):
        if not replace:
            raise BackupError("the database is not empty: name an empty one, or say --replace to delete what it holds")
        _drop(session)


def _restore(session: Session, file: IO[bytes], header: dict[str, Any]) -> None:
    """Fill an empty database."""
    upgrade(session, only=frozenset(header["steps"]))
    tables = {name: _columns(session, name) for name in _tables(session)}
    _clear(session, tables)
    file.seek(0)
    for _, line in islice(_parsed(file), 1, None):
        if "table" not in line:
            break
        _fill(session, line, header["tables"], tables)
    upgrade(session)


def _checked(file: IO[bytes]) -> tuple[dict[str, Any], dict[str, int]]:
    """The header and the counts of a backup that is whole. Raises BackupError."""
    digest, counts = hashlib.sha256(), dict[str, int]()
    header: dict[str, Any] = {}
    footer: dict[str, Any] = {}
    for number, (raw, line) in enumerate(_parsed(file)):
        if number == 0:
            header = line
            if header.get("backup") != _FORMAT:
                raise BackupError("this is no backup of RusTalk, or one of a later kind")
        elif "table" in line:
            counts[line["table"]] = counts.get(line["table"], 0) + len(line["rows"])
        else:
            footer = line
            break
        digest.update(raw)
    if not footer:
        raise BackupError("the backup is not whole: its end is missing. Use another copy")
    if footer.get("sha256") != digest.hexdigest() or any(
        counts.get(table, 0) != count for table, count in footer["rows"].items()
    ):
        raise BackupError("the backup is damaged: its checksum does not fit. Use another copy")
    return header, footer["rows"]


def _parsed(file: IO[bytes]) -> Iterator[tuple[bytes, dict[str, Any]]]:
    while raw := file.readline(_LINE):
        try:
            line = json.loads(raw, object_hook=_rich)
        except ValueError:
            line = None
        if not isinstance(line, dict):
            raise BackupError("the backup is damaged: it has a line that is no JSON object. Use another copy")
        yield raw, line


def _fill(
    session: Session, line: dict[str, Any], written: dict[str, list[str]], tables: dict[str, tuple[str, ...]]
) -> None:
    """Insert one bundle of rows. Names come from the database, never from the file (A28)."""
    name = line["table"]
    columns = written.get(name, [])
    if name not in tables or not set(columns) <= set(tables[name]):
        raise BackupError(f"the backup has a table {name!r} that its version did not have. Use another copy")
    known = [column for column in tables[name] if column in columns]
    places = [columns.index(column) for column in known]
    session.executemany(
        f"INSERT INTO {name} ({', '.join(known)}) VALUES ({', '.join('?' * len(known))})",
        [tuple(row[place] for place in places) for row in line["rows"]],
    )


def _tables(session: Session) -> tuple[str, ...]:
    """The tables of the database but that of the migrations, which a restore makes anew."""
    if session.dialect == "sqlite":
        sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
    else:
        sql = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    return tuple(sorted(name for (name,) in session.execute(sql) if name != "migrations"))


def _columns(session: Session, table: str) -> tuple[str, ...]:
    if session.dialect == "sqlite":
        sql = "SELECT name FROM pragma_table_info(?) ORDER BY cid"
    else:
        sql = (
            "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() "
            "AND table_name = ? ORDER BY ordinal_position"
        )
    return tuple(name for (name,) in session.execute(sql, (table,)))


def _clear(session: Session, tables: Iterable[str]) -> None:
    """Take out the rows that the migrations themselves have put in."""
    for name in tables:
        if session.execute(f"SELECT 1 FROM {name} LIMIT 1"):
            session.execute(f"DELETE FROM {name}")


def _drop(session: Session) -> None:
    for name in (*_tables(session), "migrations"):
        session.execute(f"DROP TABLE {name}{'' if session.dialect == 'sqlite' else ' CASCADE'}")
    if session.dialect == "postgresql":
        session.execute("DROP FUNCTION IF EXISTS rustalk_append_only")


def _plain(value: object) -> object:
    """A value that JSON has no form for."""
    if isinstance(value, bytes | bytearray | memoryview):
        return {_OCTETS: base64.b64encode(bytes(value)).decode()}
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"a {type(value).__name__} cannot be saved")


def _rich(found: dict[str, Any]) -> Any:
    return base64.b64decode(found[_OCTETS]) if found.keys() == {_OCTETS} else found
