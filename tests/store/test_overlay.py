"""Items and revisions as they stand in the database, and the copy that a start without it reads."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_twisted

from rustalk.config.overlay import Change
from rustalk.store.database import Database
from rustalk.store.migrate import upgrade
from rustalk.store.overlay import (
    CopyError,
    Edit,
    Overlay,
    StaleError,
    drop_item,
    read_copy,
    read_items,
    read_origins,
    revision_of_copy,
)
from rustalk.store.vault import Vault

VAULT = Vault(b"k" * 32)
TRUNK = {"id": "a", "host": "192.0.2.1", "password": "CANARY"}


@pytest.fixture
def overlay(database: Database) -> Overlay:
    """An empty overlay."""
    pytest_twisted.blockon(database.run(upgrade))
    return Overlay(database, VAULT)


def made(key: str, value: dict[str, object] | None, before: dict[str, object] | None = None) -> Edit:
    """An edit of a trunk."""
    return Edit("trunks", key, before, value)


@pytest_twisted.ensureDeferred
async def test_revisions_have_numbers_without_gaps(overlay: Overlay) -> None:
    """Edits that are written together have one time and numbers in a row."""
    first = await overlay.write([made("a", TRUNK), made("b", {"id": "b"})], "alice", now=5.0, base=0)
    second = await overlay.write([made("b", None, {"id": "b"})], "bob", now=6.0, base=2)
    assert [(each.id, each.time, each.who) for each in first + second] == [
        (1, 5.0, "alice"),
        (2, 5.0, "alice"),
        (3, 6.0, "bob"),
    ]


@pytest_twisted.ensureDeferred
async def test_a_writer_who_has_not_seen_the_newest_is_refused(overlay: Overlay) -> None:
    """And then nothing is written; the number is not used up."""
    await overlay.write([made("a", TRUNK)], "alice", now=5.0, base=0)
    with pytest.raises(StaleError):
        await overlay.write([made("b", {"id": "b"})], "bob", now=6.0, base=0)
    assert (await overlay.write([made("b", {"id": "b"})], "bob", now=6.0, base=1))[0].id == 2


@pytest_twisted.ensureDeferred
async def test_items_come_in_the_order_in_which_they_were_made(overlay: Overlay) -> None:
    """One that is changed keeps its place; one that was deleted and comes back is the last."""
    await overlay.write([made(key, {"id": key}) for key in "abc"], "alice", now=5.0, base=0)
    await overlay.write([made("a", TRUNK)], "alice", now=6.0, base=3)
    await overlay.write([made("b", None)], "alice", now=6.0, base=4)
    await overlay.write([made("b", {"id": "b"})], "alice", now=6.0, base=5)
    items = await overlay.items()
    assert [change.key for change in items.changes] == ["a", "c", "b"]
    assert items.changes[0] == Change("trunks", "a", TRUNK)
    assert (items.revision, items.versions["trunks", "b"]) == (6, 6)
    assert [change.key for change in (await overlay.items(4)).changes] == ["b"]


@pytest_twisted.ensureDeferred
async def test_revisions_show_no_secret(overlay: Overlay) -> None:
    """Nor does the database hold it in clear; what is restored has it."""
    [revision] = await overlay.write([made("a", TRUNK, TRUNK)], "alice", now=5.0, base=0)
    shown = {"id": "a", "host": "192.0.2.1"}
    assert revision.before == revision.after == shown
    assert (await overlay.revision(1)).after == shown
    assert [each.before for each in await overlay.revisions(5)] == [shown]
    assert await overlay.after(1) == Change("trunks", "a", TRUNK)
    assert await overlay.as_of(0) == (Change("trunks", "a", TRUNK),)
    assert (await overlay.after(2), await overlay.as_of(2)) == (None, None)


@pytest_twisted.ensureDeferred
async def test_a_copy_is_sealed_and_read_again(overlay: Overlay, tmp_path: Path) -> None:
    """What cannot be read is no copy that was never there; what cannot be written is done without."""
    await overlay.write([made("a", TRUNK)], "alice", now=5.0, base=0)
    copy = tmp_path / "state" / "copy.json"
    items = await overlay.items(copy=copy)
    assert read_copy(copy, VAULT) == items
    assert revision_of_copy(copy) == 1
    assert "CANARY" not in copy.read_text()
    copy.write_text(copy.read_text()[:-9])
    assert revision_of_copy(copy) == 0
    with pytest.raises(CopyError, match="is damaged"):
        read_copy(copy, VAULT)
    assert read_copy(tmp_path / "nowhere", VAULT) is None
    assert await overlay.items(copy=copy / "below") == items


@pytest_twisted.ensureDeferred
async def test_a_command_reads_the_items_too(overlay: Overlay, database: Database) -> None:
    """In a transaction of its own."""
    await overlay.write([made("a", TRUNK)], "alice", now=5.0, base=0)
    assert await database.read(lambda session: read_items(session, VAULT)) == await overlay.items()


@pytest_twisted.ensureDeferred
async def test_an_item_is_taken_out_by_a_revision(overlay: Overlay, database: Database) -> None:
    """What it was stays to be seen and restored; what the file says is what it is after that."""
    await overlay.write([made("a", TRUNK), made("b", None)], "alice", now=5.0, base=0)
    told = await database.read(read_origins)
    assert [(each.key, each.value, each.who) for each in told.values()] == [
        ("a", {"id": "a", "host": "192.0.2.1"}, "alice"),
        ("b", None, "alice"),
    ]
    value = {"id": "a", "host": "192.0.2.9", "password": "CANARY"}
    dropped = await database.run(lambda s: drop_item(s, VAULT, ("trunks", "a"), value, who="bob", now=6.0))
    assert (dropped.id, dropped.before["host"], dropped.after["host"]) == (3, "192.0.2.1", "192.0.2.9")
    assert [change.key for change in (await overlay.items()).changes] == ["b"]
    assert await overlay.after(3) == Change("trunks", "a", value)
    assert await database.run(lambda s: drop_item(s, VAULT, ("trunks", "a"), None, who="bob", now=7.0)) is None
