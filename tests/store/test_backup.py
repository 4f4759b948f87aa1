"""A backup is whole or refused, and comes back on an empty host, from an older version and in the other database."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from rustalk.store.audit import Entry, write_entries
from rustalk.store.backup import BackupError, backup, restore
from rustalk.store.database import Session, backend_of, once
from rustalk.store.migrate import SchemaError, migrations, schema, upgrade
from rustalk.store.overlay import read_items
from rustalk.store.session import Backend, DatabaseDownError, InUseError
from rustalk.store.tokens import create_token, list_tokens
from rustalk.store.vault import Vault, VaultError
from tests.fakes.postgres import Postgres

VAULT = Vault(bytes(32))
DATA = Path(__file__).parent.parent / "data" / "backup"


def key() -> Vault:
    """The key that sealed what is in the backups."""
    return VAULT


def fill(session: Session) -> None:
    """A database as one that has been used."""
    upgrade(session)
    VAULT.claim(session)
    create_token(session, name="ci", role="viewer", who="alice", now=5.0)
    write_entries(session, [Entry(who="alice", action="create", time=5.0)])
    sealed = VAULT.seal("CANARY", "trunks/a/password")
    value = json.dumps({"id": "a", "host": "192.0.2.1", "password": sealed})
    session.execute("INSERT INTO items VALUES ('trunks', 'a', ?, 1, 1)", (value,))
    session.execute("INSERT INTO revisions VALUES (1, 5.0, 'alice', 'trunks', 'a', NULL, ?, NULL)", (value,))
    session.execute("UPDATE counters SET value = 1 WHERE name = 'revisions'")


def everything(session: Session) -> list[list[tuple[object, ...]]]:
    """What a restore must bring back."""
    tables = ("items", "revisions", "tokens", "audit", "counters", "vault")
    return [sorted(session.execute(f"SELECT * FROM {table}")) for table in tables]


@pytest.fixture
def database(url: str) -> Backend:
    """A database that has been used."""
    database = backend_of(url)
    once(database, fill)
    return database


@pytest.fixture
def saved(database: Backend) -> io.BytesIO:
    """Its backup."""
    file = io.BytesIO()
    once(database, lambda session: backup(session, file), read_only=True)
    file.seek(0)
    return file


@pytest.fixture
def empty(tmp_path: Path) -> Backend:
    """A database that was never used."""
    return backend_of(f"sqlite://{tmp_path}/other")


def test_a_backup_comes_back_on_an_empty_host(database: Backend, saved: io.BytesIO, empty: Backend) -> None:
    """F-18: every table is equal, also when the other database is of the other kind."""
    counts = restore(empty, saved, key)
    assert (counts["items"], counts["tokens"], counts["audit"]) == (1, 1, 1)
    assert once(empty, everything) == once(database, everything)
    assert once(empty, lambda session: read_items(session, VAULT)).changes[0].value["password"] == "CANARY"


def test_a_backup_moves_to_postgresql(saved: io.BytesIO, database: Backend, postgres: Postgres) -> None:
    """From SQLite, when one node is no longer enough."""
    other = backend_of(postgres.database())
    restore(other, saved, key)
    assert once(other, everything) == once(database, everything)


def test_a_database_in_use_is_replaced_only_on_request(database: Backend, saved: io.BytesIO) -> None:
    """Append-only tables are no obstacle then; what came since is gone."""
    before = once(database, everything)
    once(database, lambda session: create_token(session, name="new", role="admin", who="bob", now=6.0))
    with pytest.raises(BackupError, match="--replace"):
        restore(database, saved, key)
    restore(database, saved, key, replace=True)
    assert once(database, everything) == before
    with pytest.raises(Exception, match="append-only"):
        once(database, lambda session: session.execute("DELETE FROM audit"))


def test_a_backup_of_an_older_version_is_migrated(url: str) -> None:
    """F-18: one that the first steps of the schema wrote; the later steps are taken on what it brings."""
    database = backend_of(url)
    with (DATA / "steps-1-2.jsonl").open("rb") as file:
        restore(database, file, key)
    assert once(database, schema) == {each.number for each in migrations()}
    assert [token.name for token in once(database, list_tokens)] == ["ci"]
    assert once(database, lambda session: read_items(session, VAULT)).changes[0].key == "a"
    assert once(database, lambda session: session.execute("SELECT COUNT(*) FROM registrations")) == [(0,)]


def test_a_backup_of_a_later_version_is_refused(saved: io.BytesIO, empty: Backend) -> None:
    """F-18: with the version that made it; nothing is changed."""
    lines = rewritten(saved, steps=[1, 2, 9999], version="9.0")
    with pytest.raises(SchemaError, match=r"later version of RusTalk \(9\.0, step 9999\)"):
        restore(empty, lines, key)
    assert once(empty, schema) == frozenset()


def test_secrets_need_the_key_that_sealed_them(saved: io.BytesIO, empty: Backend) -> None:
    """F-18: a host without it would start with trunks that cannot register; it is told to bring the key."""
    with pytest.raises(VaultError, match="copy the key file"):
        restore(empty, saved, lambda: Vault(b"other" * 6 + b"ab"))
    assert once(empty, schema) == frozenset()


def rewritten(saved: io.BytesIO, **header: object) -> io.BytesIO:
    """The backup with another header, and a checksum that fits."""
    import hashlib

    first, *rest, last = saved.getvalue().splitlines(keepends=True)
    body = json.dumps({**json.loads(first), **header}).encode() + b"\n" + b"".join(rest)
    footer = {**json.loads(last), "sha256": hashlib.sha256(body).hexdigest()}
    return io.BytesIO(body + json.dumps(footer).encode() + b"\n")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: data[:-20], "no JSON object"),
        (lambda data: data[: data.rindex(b"\n", 0, -1) + 1], "its end is missing"),
        (lambda data: data.replace(b"alice", b"mallo"), "checksum"),
        (lambda data: b"", "its end is missing"),
        (lambda data: b"PK\x03\x04", "no JSON object"),
        (lambda data: b"{}\n" + data, "no backup of RusTalk"),
        (lambda data: b"\xff" + data, "no JSON object"),
    ],
)
def test_a_damaged_backup_is_refused(saved: io.BytesIO, empty: Backend, damage, said: str) -> None:
    """F-18: before anything is changed, with what to do."""
    broken = io.BytesIO(damage(saved.getvalue()))
    with pytest.raises(BackupError, match=said):
        restore(empty, broken, key)
    assert once(empty, schema) == frozenset()


def test_a_refused_restore_leaves_nothing_behind(saved: io.BytesIO, tmp_path: Path) -> None:
    """On a new host that has no key yet: neither a database nor a key."""

    def missing() -> Vault:
        raise VaultError("the key file is missing")

    with pytest.raises(VaultError):
        restore(backend_of(f"sqlite://{tmp_path}/new/db"), saved, missing)
    assert not (tmp_path / "new").exists()


def test_nobody_restores_under_a_switch(database: Backend, saved: io.BytesIO) -> None:
    """The refusal says to stop it."""
    with database.alone(), pytest.raises(InUseError, match="stop the switch"):
        restore(database, saved, key, replace=True)


def test_a_damaged_database_is_replaced(saved: io.BytesIO, tmp_path: Path) -> None:
    """F-18: which is what a backup is for."""
    (tmp_path / "db").write_bytes(b"damaged" * 1000)
    damaged = backend_of(f"sqlite://{tmp_path}/db")
    with pytest.raises(DatabaseDownError, match="not a database"):
        restore(damaged, saved, key)
    assert restore(damaged, saved, key, replace=True)["items"] == 1


def test_names_in_a_backup_are_never_sql(saved: io.BytesIO, empty: Backend) -> None:
    """A28: a table or column that the version did not have is refused, whatever its name would do."""
    tables = json.loads(saved.getvalue().splitlines()[0])["tables"]
    evil = rewritten(saved, tables={**tables, "items": ["collection", "key) SELECT 1; DROP TABLE items --"]})
    with pytest.raises(BackupError, match="table 'items'"):
        restore(empty, evil, key)


def test_an_unused_database_has_nothing_to_save(empty: Backend) -> None:
    """The error names the command that prepares it."""
    with pytest.raises(SchemaError, match="rustalk db upgrade"):
        once(empty, lambda session: backup(session, io.BytesIO()))


def test_nothing_is_saved_in_clear(saved: io.BytesIO) -> None:
    """Whoever finds the file has no password."""
    assert b"CANARY" not in saved.getvalue()
