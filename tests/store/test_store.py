"""Opening everything that is kept, with a database that is there and with one that is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from rustalk.config.load import load
from rustalk.config.model import Settings
from rustalk.config.overlay import Change
from rustalk.store.audit import Entry
from rustalk.store.database import DatabaseDownError, backend_of, once
from rustalk.store.migrate import SchemaError
from rustalk.store.session import InUseError
from rustalk.store.store import StoreError, copy_of, open_store
from rustalk.store.vault import VaultError
from tests.fakes.postgres import Postgres
from tests.store.waiting import wait_until_well

EXTENSION = Change("extensions", "1001", {"extension": "1001", "password": "CANARY"})


@pytest.fixture
def settings(url: str, tmp_path: Path) -> Settings:
    """Settings that name the database."""
    return of(url, tmp_path)


def of(url: str, directory: Path, **sections: object) -> Settings:
    """Settings with this database and a state directory below that."""
    file = {"server": {"state_directory": str(directory / "state")}, "database": {"url": url}, **sections}
    return load(json.dumps(file))


async def fired(settings: Settings) -> Path:
    """A run in which the only extension of the file is deleted; returns the file of the database."""
    store = open_store(settings, reactor, {})
    await store.live.change(Change("extensions", "1001", None), "alice")
    await store.stop()
    return Path(settings.database.url.reveal().removeprefix("sqlite://"))


@pytest.fixture
def one(tmp_path: Path) -> Settings:
    """Settings with an extension in the file and a database that is a file."""
    return of(f"sqlite://{tmp_path}/state/rustalk.sqlite3", tmp_path, extensions=[{"extension": "1001"}])


@pytest_twisted.ensureDeferred
async def test_what_was_changed_is_there_at_the_next_start(settings: Settings) -> None:
    """The first start makes schema and key; all parts work on one database."""
    first = open_store(settings, reactor, {})
    await first.live.change(EXTENSION, "alice")
    _, token = await first.tokens.create(name="ci", role="viewer", who="alice")
    first.audit.append(Entry(who="alice", action="create"))
    await first.stop()
    second = open_store(settings, reactor, {})
    assert [each.extension for each in second.live.settings.extensions] == ["1001"]
    assert (await second.tokens.find(token)).name == "ci"
    assert [each.who for each in await second.audit.entries(5)] == ["alice"]
    await second.stop()


@pytest_twisted.ensureDeferred
async def test_a_start_that_cannot_be_right_is_refused(settings: Settings, tmp_path: Path) -> None:
    """A key that is not the one of the secrets, or a schema of a later version: going on would do harm."""
    await open_store(settings, reactor, {}).stop()
    backend = backend_of(settings.database.url.reveal())
    (tmp_path / "state" / "vault.key").write_text("ab" * 32)
    with pytest.raises(VaultError, match="copy the key file"):
        open_store(settings, reactor, {})
    once(backend, lambda session: session.execute("INSERT INTO migrations VALUES (9999, 'later', 0)"))
    with pytest.raises(SchemaError):
        open_store(settings, reactor, {})


@pytest_twisted.ensureDeferred
async def test_a_start_without_the_server_goes_on_from_the_copy(postgres: Postgres, tmp_path: Path) -> None:
    """F-09: phones that were known are known; when the server is there, the node has it and can change things."""
    settings = of(postgres.database(), tmp_path)
    first = open_store(settings, reactor, {})
    await first.live.change(EXTENSION, "alice")
    await first.stop()
    await open_store(settings, reactor, {}).stop()
    postgres.stop()
    second = open_store(settings, reactor, {})
    assert second.live.settings.extensions[0].ha1_sha256.reveal()
    assert second.database.problem.startswith("PostgreSQL cannot be reached")
    assert "the copy of the last run is in force" in second.live.problem
    with pytest.raises(DatabaseDownError):
        await second.live.change(EXTENSION, "alice")
    postgres.start()
    await wait_until_well(second.database)
    await second.live.change(Change("extensions", "1002", {"extension": "1002"}), "alice")
    await second.stop()


@pytest_twisted.ensureDeferred
async def test_a_first_start_without_the_server_uses_the_file(postgres: Postgres, tmp_path: Path) -> None:
    """F-09: the schema is made when the server is there, and then what other nodes changed is taken up."""
    settings = of(postgres.database(), tmp_path)
    postgres.stop()
    store = open_store(settings, reactor, {})
    assert store.live.settings == settings
    assert "the file alone is in force" in store.live.problem
    postgres.start()
    await wait_until_well(store.database)
    await store.live.catch_up()
    assert not store.live.problem
    await store.live.change(EXTENSION, "alice")
    assert store.live.revision == 1
    await store.stop()


@pytest_twisted.ensureDeferred
async def test_a_damaged_file_brings_nobody_back(one: Settings) -> None:
    """F-09: the copy of the last run is used, which is up to date when the switch was stopped, and it is said."""
    (await fired(one)).write_bytes(b"damaged" * 1000)
    store = open_store(one, reactor, {})
    assert store.live.settings.extensions == ()
    assert "rustalk db restore --replace" in store.live.problem
    assert "file is not a database" in store.database.problem
    with pytest.raises(DatabaseDownError):
        await store.live.change(EXTENSION, "alice")
    await store.stop()


@pytest.mark.parametrize("damage", ["DELETE FROM counters", "UPDATE items SET value = '{'"])
@pytest_twisted.ensureDeferred
async def test_a_database_that_is_damaged_in_part_stays_away(settings: Settings, damage: str) -> None:
    """It takes writes, but its items cannot be read: it is not taken for well until they can."""
    store = open_store(settings, reactor, {})
    await store.live.change(EXTENSION, "alice")
    await store.stop()
    once(backend_of(settings.database.url.reveal()), lambda session: session.execute(damage))
    store = open_store(settings, reactor, {})
    assert store.live.settings.extensions[0].ha1_sha256
    for _ in range(2):
        with pytest.raises(DatabaseDownError, match="the database is damaged"):
            await store.database.read(lambda session: None)
    await store.stop()


@pytest_twisted.ensureDeferred
async def test_a_damaged_file_that_is_moved_away_is_not_made_anew(one: Settings) -> None:
    """By a switch that runs on the copy, and would write its records to an empty database."""
    file = await fired(one)
    file.write_bytes(b"damaged" * 1000)
    store = open_store(one, reactor, {})
    file.unlink()
    told: Deferred[str] = Deferred()
    store.database.watch(told.callback)
    assert "the database is empty, or was never changed, but the last run was at revision 1" in await told
    await store.stop()


@pytest.mark.parametrize("copy", [None, "{", '{"revision": 1}', "[]"])
@pytest_twisted.ensureDeferred
async def test_without_database_and_copy_there_is_no_start(one: Settings, copy: str | None) -> None:
    """F-09: the file alone would bring the deleted extension back; what to do is said, and nothing is made."""
    (await fired(one)).write_bytes(b"damaged" * 1000)
    copy_of(one).unlink()
    if copy is not None:
        copy_of(one).write_text(copy)
    with pytest.raises(StoreError, match="rustalk db restore"):
        open_store(one, reactor, {})


@pytest_twisted.ensureDeferred
async def test_a_database_that_has_gone_is_not_begun_anew(one: Settings) -> None:
    """It was moved, or its disk is not there; only who moves the copy away, too, begins anew."""
    file = await fired(one)
    file.unlink()
    with pytest.raises(StoreError, match="at revision 1"):
        open_store(one, reactor, {})
    assert not file.exists()
    copy_of(one).unlink()
    store = open_store(one, reactor, {})
    assert len(store.live.settings.extensions) == 1
    await store.stop()


@pytest_twisted.ensureDeferred
async def test_a_database_that_has_gone_before_the_first_change_is_not_begun_anew(one: Settings) -> None:
    """It holds records, tokens and bans all the same."""
    await open_store(one, reactor, {}).stop()
    file = Path(one.server.state_directory) / "rustalk.sqlite3"
    file.unlink()
    with pytest.raises(StoreError, match="at revision 0"):
        open_store(one, reactor, {})
    assert not file.exists()


@pytest_twisted.ensureDeferred
async def test_another_server_that_is_empty_is_refused(settings: Settings) -> None:
    """The address was changed and nothing was restored there, or it lost all that it held."""
    await fired(settings)
    backend = backend_of(settings.database.url.reveal())
    once(backend, lambda session: session.execute("UPDATE counters SET value = 0 WHERE name = 'revisions'"))
    with pytest.raises(StoreError, match="the database is empty"):
        open_store(settings, reactor, {})


@pytest_twisted.ensureDeferred
async def test_an_older_database_is_told(settings: Settings) -> None:
    """Somebody has brought back an old file; the next change makes it the newest."""
    await fired(settings)
    copy_of(settings).write_text('{"revision": 7, "items": []}')
    store = open_store(settings, reactor, {})
    assert "at revision 1 and the last run was at 7" in store.live.problem
    await store.live.change(EXTENSION, "alice")
    assert not store.live.problem
    await store.stop()


@pytest_twisted.ensureDeferred
async def test_no_second_key_is_made_for_a_sealed_database(settings: Settings, tmp_path: Path) -> None:
    """The refusal comes first, also for the copy of a database that is down; nothing is left behind."""
    await fired(settings)
    (tmp_path / "state" / "vault.key").unlink()
    with pytest.raises(VaultError, match=r"vault\.key is missing"):
        open_store(settings, reactor, {})
    assert not (tmp_path / "state" / "vault.key").exists()


@pytest_twisted.ensureDeferred
async def test_no_second_key_is_made_for_a_copy(one: Settings, tmp_path: Path) -> None:
    """With a damaged database it is the copy that needs the key."""
    (await fired(one)).write_bytes(b"damaged" * 1000)
    (tmp_path / "state" / "vault.key").unlink()
    with pytest.raises(VaultError, match=r"vault\.key is missing"):
        open_store(one, reactor, {})
    assert not (tmp_path / "state" / "vault.key").exists()


@pytest_twisted.ensureDeferred
async def test_a_file_in_use_is_not_replaced(one: Settings) -> None:
    """Until the switch has stopped; and none starts while it is being replaced."""
    backend = backend_of(one.database.url.reveal())
    store = open_store(one, reactor, {})
    with pytest.raises(InUseError, match="stop the switch"), backend.alone():
        pass
    await store.stop()
    with backend.alone(), pytest.raises(InUseError, match="being restored"):
        open_store(one, reactor, {})
    await open_store(one, reactor, {}).stop()
