"""The schema of the database, brought up to date by numbered files of SQL.

A file of `migrations` is called ``NNNN_name.sql``. Its statements end with a semicolon at the end of a line, and run
on both databases; one that follows a line ``-- only sqlite`` or ``-- only postgresql`` runs on that one. A file that
has been released is never changed. All of an upgrade is one transaction, in which nodes that start together take turns.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from rustalk.store.session import Session

__all__ = ["Migration", "SchemaError", "migrations", "schema", "upgrade"]

_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_ONLY = re.compile(r"^--[ ]only[ ](sqlite|postgresql)(?=\n|\Z)", re.MULTILINE)
_COMMENT = re.compile(r"^--.*\n?", re.MULTILINE)
_END = re.compile(r";[ ]*(?:\n|\Z)")
_LOCK = 0x52757354


class SchemaError(Exception):
    """The database and this version of the program do not fit. Says which is older and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema."""

    number: int
    name: str
    text: str

    def statements(self, dialect: str) -> Iterator[str]:
        """The statements for one database, in their order."""
        for part in _END.split(self.text):
            only = _ONLY.search(part)
            statement = _COMMENT.sub("", part).strip()
            if statement and (only is None or only[1] == dialect):
                yield statement


@cache
def migrations() -> tuple[Migration, ...]:
    """All steps that this version knows, by number."""
    found = []
    for file in resources.files("rustalk.store").joinpath("migrations").iterdir():
        if name := _NAME.fullmatch(file.name):
            found.append(Migration(int(name[1]), name[2], file.read_text(encoding="utf-8")))
    return tuple(sorted(found, key=lambda migration: migration.number))


def schema(session: Session) -> frozenset[int]:
    """The numbers of the steps that this database has had; none for an empty one."""
    table = (
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'migrations'"
        if session.dialect == "sqlite"
        else "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'migrations'"
    )
    if not session.execute(table):
        return frozenset()
    return frozenset(number for (number,) in session.execute("SELECT number FROM migrations"))


def upgrade(session: Session, only: frozenset[int] | None = None) -> tuple[Migration, ...]:
    """Take the steps that are missing, or those of ``only``, and return them.

    Raises SchemaError for a database that a later version has changed.
    """
    if session.dialect == "postgresql":
        session.execute("SET LOCAL statement_timeout = 0")
        session.execute("SET LOCAL lock_timeout = 0")
        session.execute("SELECT pg_advisory_xact_lock(?)", (_LOCK,))
    done = schema(session)
    known = {migration.number for migration in migrations()}
    if later := done - known:
        raise SchemaError(
            f"the database was changed by a later version of RusTalk (step {max(later):04}, this version knows up to "
            f"{max(known):04}): install that version, or restore a backup of this one"
        )
    if not done:
        session.execute(
            "CREATE TABLE IF NOT EXISTS migrations "
            "(number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at DOUBLE PRECISION NOT NULL)"
        )
    missing = [each for each in migrations() if each.number not in done and (only is None or each.number in only)]
    for migration in missing:
        for statement in migration.statements(session.dialect):
            session.execute(statement)
        session.execute(
            "INSERT INTO migrations (number, name, applied_at) VALUES (?, ?, ?)",
            (migration.number, migration.name, time.time()),
        )
    return tuple(missing)
