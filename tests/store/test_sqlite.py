"""The file of SQLite: whose it is, and what may be wrong with it."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor

from rustalk.store.database import Database, DatabaseDownError, backend_of, once
from rustalk.store.session import Session
from rustalk.store.sqlite import Sqlite
from tests.store.numbers import insert, make, numbers
from tests.store.waiting import wait_until_well


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """The directory that is made has mode 0700, the files of SQLite 0600, also one that was more open before."""
    path = tmp_path / "state" / "db"
    work = backend_of(f"sqlite://{path}")
    once(work, make)
    path.chmod(0o644)
    once(work, insert(1))
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path.parent, path)] == [0o700, 0o600]


@pytest_twisted.ensureDeferred
async def test_a_locked_file_is_a_problem_that_passes(tmp_path: Path) -> None:
    """F-09: another process that holds the lock longer than we wait."""
    backend = Sqlite(tmp_path / "db", busy=0.05)
    database = Database(backend, reactor)
    other = backend.connect(read_only=False)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseDownError, match="locked"):
        await database.run(lambda session: None)
    other.execute("COMMIT")
    other.close()
    await wait_until_well(database)
    await database.close()


@pytest_twisted.ensureDeferred
async def test_a_full_disk_is_told_until_there_is_room(tmp_path: Path) -> None:
    """F-10: writing fails as DatabaseDownError, the transaction leaves nothing, and room ends the problem."""
    database = Database.open(f"sqlite://{tmp_path}/db", reactor)
    await database.run(make)
    await database.run(lambda session: session.execute("PRAGMA max_page_count = 2"))
    with pytest.raises(DatabaseDownError, match="full"):
        await database.run(insert(*range(10_000)))
    await database.run(lambda session: session.execute("PRAGMA max_page_count = 1000000"))
    await wait_until_well(database)
    assert await database.read(numbers) == []
    await database.close()


@pytest_twisted.ensureDeferred
async def test_a_file_that_cannot_be_opened_is_told_and_tried_again(tmp_path: Path) -> None:
    """F-09: the problem names the file; when it can be opened, the database is back by itself."""
    (tmp_path / "state").write_text("a file where the directory should be")
    database = Database.open(f"sqlite://{tmp_path}/state/db", reactor)
    with pytest.raises(DatabaseDownError, match="state/db cannot be opened"):
        await database.run(lambda session: None)
    assert "state/db" in database.problem
    with pytest.raises(DatabaseDownError):
        await database.run(lambda session: None)
    (tmp_path / "state").unlink()
    await wait_until_well(database)
    assert await database.run(lambda session: session.execute("SELECT 1")) == [(1,)]
    await database.close()


@pytest_twisted.ensureDeferred
async def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    """F-09: it is left as it is."""
    (tmp_path / "db").write_text("something of somebody's, long enough to be looked at as a header of a database file")
    database = Database.open(f"sqlite://{tmp_path}/db", reactor)
    with pytest.raises(DatabaseDownError, match="not a database"):
        await database.run(make)
    assert (tmp_path / "db").read_text().startswith("something")
    await database.close()


@pytest_twisted.ensureDeferred
async def test_readers_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    """WAL: what is committed can be read while another transaction is open."""
    backend = Sqlite(tmp_path / "db", busy=0.05)
    once(backend, make)
    writer = backend.connect(read_only=False)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO t (n) VALUES (1)")
    assert once(backend, numbers, read_only=True) == []
    writer.execute("COMMIT")
    writer.close()


def test_another_process_leaves_the_log_of_this_one_alone(tmp_path: Path) -> None:
    """A token made, or a backup, while the switch runs: what the switch writes after that is not lost."""
    path = tmp_path / "db"
    backend = Sqlite(path)
    first = backend.connect(read_only=False)
    first.execute("CREATE TABLE kept (number INTEGER)")
    second = backend.connect(read_only=True)
    other = "import sys; from rustalk.store.sqlite import Sqlite; from pathlib import Path; "
    other += "Sqlite(Path(sys.argv[1])).connect(read_only=False).close()"
    subprocess.run([sys.executable, "-c", other, str(path)], check=True, timeout=60)
    first.execute("INSERT INTO kept VALUES (1)")
    count = (
        "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM kept').fetchone()[0])"
    )
    told = subprocess.run(
        [sys.executable, "-c", count, str(path)], check=True, timeout=60, capture_output=True, text=True
    )
    assert told.stdout.strip() == "1"
    first.close()
    second.close()


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    """And a file that is whole is replaced with what belongs to it; nothing else is left but the lock."""
    path = tmp_path / "db"
    path.write_bytes(b"damaged" * 1000)
    for value in (1, 2):
        Sqlite(path).anew(lambda session, value=value: (make(session), insert(value)(session)))
        assert once(Sqlite(path), numbers) == [value]
    assert [each.name for each in tmp_path.iterdir()] == ["db"]


def test_what_cannot_be_made_anew_stays(tmp_path: Path) -> None:
    """A file that is not there is not made either."""

    def fail(session: Session) -> None:
        make(session)
        raise KeyError

    with pytest.raises(KeyError):
        Sqlite(tmp_path / "db").anew(fail)
    assert list(tmp_path.iterdir()) == []
    assert not Sqlite(tmp_path / "db").exists()


def test_a_place_that_takes_no_lock_is_told(tmp_path: Path) -> None:
    """As a database that is down."""
    (tmp_path / "file").write_text("")
    backend = Sqlite(tmp_path / "file" / "db")
    with pytest.raises(DatabaseDownError, match=r"db\.lock cannot be opened"):
        backend.hold()
    assert backend.exists()
