"""Opening everything that is kept, with a database that is there and with one that is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor

from rustalk.config.load import load
from rustalk.config.model import Settings
from rustalk.config.overlay import Change
from rustalk.store.audit import Entry
from rustalk.store.database import DatabaseDownError, backend_of, once
from rustalk.store.migrate import SchemaError
from rustalk.store.store import open_store
from rustalk.store.vault import VaultError
from tests.fakes.postgres import Postgres
from tests.store.waiting import wait_until_well

EXTENSION = Change("extensions", "1001", {"extension": "1001", "password": "CANARY"})


@pytest.fixture
def settings(url: str, tmp_path: Path) -> Settings:
    """Settings that name the database."""
    return of(url, tmp_path)


def of(url: str, directory: Path) -> Settings:
    """Settings with this database and a state directory below that."""
    return load(json.dumps({"server": {"state_directory": str(directory / "state")}, "database": {"url": url}}))


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
    postgres.start()
    await wait_until_well(store.database)
    await store.live.change(EXTENSION, "alice")
    assert store.live.revision == 1
    await store.stop()
