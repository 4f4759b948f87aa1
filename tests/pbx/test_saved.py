"""Registrations outlive the process, on a database of one node and on one of several."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import Clock, deferLater

from rustalk.pbx.bindings import Binding, FlowKey
from rustalk.pbx.locate import Locator
from rustalk.pbx.saved import Saved, restored, stored
from rustalk.store.database import Database
from rustalk.store.migrate import upgrade

NOW = 1_800_000_000.0
BINDING = Binding(
    "1001", "sip:1001@10.0.0.5;line=1", NOW + 600, FlowKey("inside", "UDP", "198.51.100.7", 5060), "call", 7,
    "<urn:uuid:1>", 0, 0.5, ("<sip:p;lr>",), "Phone/1", NOW - 60, NOW - 1, "a",
)  # fmt: skip


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty file."""
    database = Database.open(f"sqlite://{tmp_path}/db", reactor)
    pytest_twisted.blockon(database.run(upgrade))
    yield database
    pytest_twisted.blockon(database.close())


def located(node: str = "a") -> Locator:
    """A location service that knows of nobody; its UDP flows lead nowhere."""
    return Locator(Clock(), lambda: NOW, node=node, datagrams=lambda *place: None, find=lambda *place: _never())


def _never() -> Any:
    raise AssertionError("nobody is called here")


async def taken_up(saved: Saved) -> None:
    """Let a start come to its end."""
    saved.start()
    while saved._loading:
        await _turn()


async def _turn() -> None:
    await deferLater(reactor, 0, lambda: None)


def clock() -> Clock:
    """The time of the test."""
    clock = Clock()
    clock.rightNow = NOW
    return clock


def test_every_field_is_kept() -> None:
    """There and back."""
    assert restored(stored(BINDING)) == BINDING
    assert restored(stored(BINDING), "b").node == "b"


@pytest_twisted.ensureDeferred
async def test_a_phone_is_found_after_a_restart(database: Database) -> None:
    """With when it was seen, though the file of the node's name was lost: this database has one node."""
    first = located()
    saved = Saved(database, clock(), first)
    await taken_up(saved)
    first.put("1001", (BINDING,))
    await saved.stop()
    again = located("another")
    after = Saved(database, clock(), again)
    await taken_up(after)
    (found,) = again.bindings("1001")
    assert (found.id, found.node, found.flow) == (BINDING.id, "another", BINDING.flow)
    again.put("1001", ())
    assert again.last_seen("1001") == BINDING.refreshed_at
    await after.stop()
    third = located()
    last = Saved(database, clock(), third)
    await taken_up(last)
    assert (third.all("1001"), third.last_seen("1001")) == ((), NOW)
    await last.stop()


@pytest_twisted.ensureDeferred
async def test_what_was_registered_is_taken_up_when_the_database_is_there(database: Database) -> None:
    """It was down at the start; a phone that has registered meanwhile is not lost."""
    before = located()
    saved = Saved(database, clock(), before)
    await taken_up(saved)
    before.put("1001", (BINDING,))
    await saved.stop()
    locator = located()
    late = Saved(database, clock(), locator)
    locator.put("1002", (replace(BINDING, extension="1002"),))
    late._database_changed("it is down")
    assert locator.all("1001") == ()
    late._database_changed("")
    while late._loading:
        await _turn()
    assert locator.all("1001") == (BINDING,)
    assert locator.all("1002") != ()
    await late.stop()


@pytest_twisted.ensureDeferred
async def test_what_other_nodes_change_is_learned(database: Database) -> None:
    """As the locator of this one knows bindings."""
    locator = located("b")
    saved = Saved(database, clock(), locator)
    saved._changed("1001", (stored(BINDING),))
    assert locator.all("1001") == (BINDING,)
    await saved.stop()
