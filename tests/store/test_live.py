"""The settings in force: file and overlay, checked before they are written and written before they are in force."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import Clock

from rustalk.config.load import load
from rustalk.config.model import Settings
from rustalk.config.overlay import Change
from rustalk.config.problem import ConfigError
from rustalk.store.database import Database, DatabaseDownError
from rustalk.store.listen import Listener
from rustalk.store.live import ConflictError, Live, UnknownRevisionError
from rustalk.store.migrate import upgrade
from rustalk.store.overlay import CHANNEL, read_items, revision_of_copy
from rustalk.store.vault import Vault
from tests.fakes.postgres import Postgres

VAULT = Vault(b"k" * 32)
FILE = """{
    "extensions": [{"extension": "1001", "password": "CANARY-FILE", "display_name": "Alice"}],
    "trunks": [{"id": "carrier", "host": "192.0.2.1", "username": "u", "password": "CANARY-FILE"}]
}"""


def extension(number: str, **rest: Any) -> Change:
    """An extension as the API is given it."""
    return Change("extensions", number, {"extension": number, **rest})


def numbers(settings: Settings) -> list[str]:
    """The extensions in force."""
    return [each.extension for each in settings.extensions]


Start = Callable[..., Awaitable[Live]]


@pytest.fixture
def start(database: Database) -> Start:
    """Starts a node on the database."""

    async def start(file: str = FILE) -> Live:
        await database.run(upgrade)
        items = await database.read(lambda session: read_items(session, VAULT))
        return Live(load(file), database, VAULT, Clock(), items=items)

    return start


@pytest_twisted.ensureDeferred
async def test_a_change_is_in_force_at_once_and_after_a_restart(start: Start) -> None:
    """Subscribers hear the new and the old settings; the file stays below."""
    live = await start()
    told: list[tuple[list[str], list[str]]] = []
    live.subscribe(lambda new, old: told.append((numbers(new), numbers(old))))
    revision = await live.change(extension("1002"), "alice")
    assert (revision.id, revision.who, revision.before) == (1, "alice", None)
    assert revision.after["extension"] == "1002"
    assert told == [(["1001", "1002"], ["1001"])]
    assert (await start()).settings == live.settings


@pytest_twisted.ensureDeferred
async def test_a_change_that_does_not_fit_changes_nothing(start: Start) -> None:
    """The error names the place; nothing is written."""
    live = await start()
    before = live.settings
    with pytest.raises(ConfigError, match=r'\["1002"\]'):
        await live.change(extension("1002", max_concurrent_calls="many"), "alice")
    assert live.settings is before
    assert await live.overlay.revisions(10) == []


@pytest_twisted.ensureDeferred
async def test_a_change_can_be_tried(start: Start) -> None:
    """The dry run gives the settings that would be, or the error."""
    live = await start()
    assert numbers(live.tried([extension("1002")])) == ["1001", "1002"]
    assert numbers(live.settings) == ["1001"]
    with pytest.raises(ConfigError):
        live.tried([extension("x y")])


@pytest_twisted.ensureDeferred
async def test_no_secret_is_in_the_database_or_shown(start: Start, database: Database, url: str) -> None:
    """Neither in items nor in revisions, before or after; yet they are in force, also after a restart."""
    live = await start()
    await live.change(extension("1001", display_name="Alice Archer"), "alice")
    await live.change(extension("1002", password="CANARY-API"), "alice")
    trunk = {"id": "carrier", "host": "192.0.2.2", "username": "u"}
    revision = await live.change(Change("trunks", "carrier", trunk), "alice")
    rows = await database.read(
        lambda s: s.execute("SELECT value FROM items") + s.execute("SELECT before, after FROM revisions")
    )
    assert "CANARY" not in repr(rows)
    assert live.settings.extensions[1].ha1_sha256.reveal() not in repr(rows)
    assert "password" not in revision.before
    assert "password" not in revision.after
    again = (await start()).settings
    assert again.trunks[0].password.reveal() == "CANARY-FILE"
    assert again.extensions == live.settings.extensions


@pytest_twisted.ensureDeferred
async def test_an_item_of_the_file_can_be_deleted(start: Start) -> None:
    """It stays away after a restart, and comes back by restoring what was before."""
    live = await start()
    deleted = await live.change(Change("extensions", "1001", None), "alice")
    assert deleted.after is None
    assert numbers((await start()).settings) == []
    await live.restore(0, "bob", everything=True)
    assert live.settings.extensions[0].display_name == "Alice"
    assert live.settings.extensions[0].ha1_sha256


@pytest_twisted.ensureDeferred
async def test_many_changes_are_made_together_or_not_at_all(start: Start) -> None:
    """One wrong item refuses all; one check is made for all of them."""
    live = await start()
    with pytest.raises(ConfigError):
        await live.change_all([extension("1002"), extension("1003", codecs=7)], "alice")
    assert numbers(live.settings) == ["1001"]
    done = await live.change_all([extension("1002"), extension("1003")], "alice")
    assert [each.id for each in done] == [1, 2]
    assert numbers((await start()).settings) == ["1001", "1002", "1003"]


@pytest_twisted.ensureDeferred
async def test_revisions_are_listed_newest_first(start: Start) -> None:
    """All of them, of one collection, of one item, and page by page."""
    live = await start()
    await live.change(extension("1002"), "alice")
    await live.change(Change("trunks", "b", {"id": "b", "host": "192.0.2.9"}), "bob")
    await live.change(extension("1002", department="Sales"), "bob")
    overlay = live.overlay
    assert [each.id for each in await overlay.revisions(10)] == [3, 2, 1]
    assert [each.id for each in await overlay.revisions(1, 3)] == [2]
    assert [each.id for each in await overlay.revisions(10, collection="extensions", key="1002")] == [3, 1]
    assert (await overlay.revision(3)).after["department"] == "Sales"
    assert await overlay.revision(4) is None


@pytest_twisted.ensureDeferred
async def test_an_item_is_restored_as_it_was_after_a_revision(start: Start) -> None:
    """With its password, which no longer stands anywhere in clear; others stay as they are."""
    live = await start()
    await live.change(extension("1002", password="first"), "alice")
    first = live.settings.extensions[1]
    await live.change(extension("1002", password="second", department="Sales"), "alice")
    await live.change(extension("1003"), "alice")
    [restored] = await live.restore(1, "bob")
    assert live.settings.extensions[1] == first
    assert (restored.id, restored.restores, restored.who) == (4, 1, "bob")
    assert numbers(live.settings) == ["1001", "1002", "1003"]
    assert await live.restore(1, "bob") == ()
    with pytest.raises(UnknownRevisionError, match="77"):
        await live.restore(77, "bob")


@pytest_twisted.ensureDeferred
async def test_everything_is_restored_as_it_was_at_a_revision(start: Start) -> None:
    """What was made since is gone, what was deleted is back; restoring is a revision like others."""
    live = await start()
    await live.change(extension("1002"), "alice")
    then = live.settings
    await live.change(extension("1003"), "alice")
    await live.change(Change("extensions", "1002", None), "alice")
    await live.change(extension("1001", display_name="Other"), "alice")
    await live.restore(1, "bob", everything=True)
    assert {each.extension: each.display_name for each in live.settings.extensions} == {
        each.extension: each.display_name for each in then.extensions
    }
    assert (await start()).settings.extensions == live.settings.extensions


@pytest_twisted.ensureDeferred
async def test_a_reader_who_is_late_is_told(start: Start) -> None:
    """Each item has the revision that changed it last; a change that expects another one is refused."""
    live = await start()
    assert live.version("extensions", "1001") == 0
    await live.change(extension("1001", department="Sales"), "alice", expected=0)
    assert live.version("extensions", "1001") == 1
    with pytest.raises(ConflictError):
        await live.change(extension("1001", department="Support"), "bob", expected=0)
    assert (await start()).version("extensions", "1001") == 1


@pytest_twisted.ensureDeferred
async def test_what_the_database_is_read_by_is_changed_in_the_file(start: Start) -> None:
    """A change of the database's address that lies in the database would never be found."""
    live = await start()
    with pytest.raises(ConfigError, match="change the file and restart"):
        await live.change(Change("config", "database", {}), "alice")
    await live.change(Change("config", "limits", {"max_calls": 7}), "alice")
    assert (await start()).settings.limits.max_calls == 7


@pytest_twisted.ensureDeferred
async def test_two_nodes_change_at_once_and_neither_is_lost(start: Start) -> None:
    """Whoever is second takes up the first one's change, checks again and writes after it."""
    one, other = await start(), await start()
    await gatherResults(
        [
            Deferred.fromCoroutine(node.change(extension(number), "alice"))
            for node, number in ((one, "1002"), (other, "1003"), (one, "1004"), (other, "1005"))
        ]
    )
    await one.catch_up()
    await other.catch_up()
    assert sorted(numbers(one.settings)) == ["1001", "1002", "1003", "1004", "1005"]
    assert numbers(one.settings) == numbers(other.settings) == numbers((await start()).settings)


@pytest_twisted.ensureDeferred
async def test_a_change_that_another_node_made_impossible_is_refused(start: Start) -> None:
    """The check is made against what is in the database by then: no two extensions have one number."""
    one, other = await start(), await start()
    await one.change(Change("extensions", "a", {"id": "a", "extension": "2000"}), "alice")
    with pytest.raises(ConfigError):
        await other.change(Change("extensions", "b", {"id": "b", "extension": "2000"}), "bob")
    assert numbers(other.settings) == ["1001", "2000"]


@pytest_twisted.ensureDeferred
async def test_a_node_whose_file_does_not_fit_says_so(start: Start) -> None:
    """It keeps the settings that it has."""
    one = await start()
    other = await start('{"extensions": [{"id": "x", "extension": "1002"}]}')
    await one.change(extension("1002"), "alice")
    with pytest.raises(ConflictError, match="revision 1 of another node"):
        await other.catch_up()
    assert numbers(other.settings) == ["1002"]
    assert "does not fit" in other.problem


@pytest_twisted.ensureDeferred
async def test_a_part_that_fails_to_take_up_settings_keeps_no_other_from_it(start: Start) -> None:
    """The change is made and the others are told."""
    live = await start()
    told: list[list[str]] = []

    def broken(new: Settings, old: Settings) -> None:
        raise RuntimeError("mine")

    live.subscribe(broken)
    end = live.subscribe(lambda new, old: told.append(numbers(new)))
    await live.change(extension("1002"), "alice")
    end()
    await live.change(extension("1003"), "alice")
    assert told == [["1001", "1002"]]


@pytest_twisted.ensureDeferred
async def test_nodes_hear_of_changes_and_of_what_they_missed(postgres: Postgres) -> None:
    """By NOTIFY at once; F-09: while the server is away settings stay and changes are refused, and it is caught up."""
    url = postgres.database()
    one, other = Database.open(url, reactor), Database.open(url, reactor)
    await one.run(upgrade)
    here, there = (Live(load(FILE), each, VAULT, reactor) for each in (one, other))
    listener = Listener(other, reactor, {CHANNEL: there.heard})
    listener.start()

    def next_change(live: Live) -> Deferred[list[str]]:
        change: Deferred[list[str]] = Deferred()
        end = live.subscribe(lambda new, old: (end(), change.callback(numbers(new))))
        return change

    heard = next_change(there)
    await here.change(extension("1002"), "alice")
    assert await heard == ["1001", "1002"]
    postgres.stop()
    with pytest.raises(DatabaseDownError):
        await here.change(extension("1003"), "alice")
    assert numbers(here.settings) == ["1001", "1002"]
    postgres.start()
    heard = next_change(there)
    late = Live(load(FILE), Database.open(url, reactor), VAULT, reactor)
    await late.change(extension("1004"), "carol")
    assert await heard == ["1001", "1002", "1004"]
    await here.catch_up()
    assert numbers(here.settings) == ["1001", "1002", "1004"]
    listener.stop()
    await gatherResults([each.close() for each in (one, other, late._database)])


@pytest_twisted.ensureDeferred
async def test_what_is_as_by_default_is_not_kept(start: Start, database: Database) -> None:
    """So an item takes up the defaults of a later version."""
    live = await start()
    await live.change(extension("1002", department="Sales", dtmf_mode="rfc4733"), "alice")
    [(text,)] = await database.read(lambda session: session.execute("SELECT value FROM items"))
    assert json.loads(text) == {"id": "1002", "extension": "1002", "department": "Sales"}


@pytest_twisted.ensureDeferred
async def test_a_database_that_was_exchanged_is_told_and_not_taken_up(start: Start, database: Database) -> None:
    """An older or empty one under a running switch: nobody comes back, nothing is written to it, the copy stays."""
    live = await start()
    await live.change(Change("extensions", "1001", None), "alice")
    told: list[str] = []
    live.watch(told.append)
    await database.run(lambda session: session.execute("UPDATE counters SET value = 0 WHERE name = 'revisions'"))
    for attempt in (live.catch_up(), live.change(extension("1002"), "alice")):
        with pytest.raises(ConflictError):
            await attempt
    assert (numbers(live.settings), live.revision) == ([], 1)
    assert [text[:28] for text in told] == ["the database is at revision 0"[:28]]


@pytest_twisted.ensureDeferred
async def test_the_copy_is_up_to_date_when_the_switch_stops(database: Database, tmp_path: Path) -> None:
    """Also of a change a moment before."""
    await database.run(upgrade)
    copy = tmp_path / "copy.json"
    live = Live(load(FILE), database, VAULT, Clock(), copy=copy)
    await live.change(extension("1002"), "alice")
    live.stop()
    await database.close()
    assert revision_of_copy(copy) == 1
