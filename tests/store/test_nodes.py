"""Nodes tell each other through the database that they live, and where they are called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from rustalk.store.database import Database
from rustalk.store.migrate import upgrade
from rustalk.store.nodes import BEAT, SILENCE, Node, Nodes, node_id
from rustalk.store.session import Session
from tests.fakes.postgres import Postgres
from tests.store.waiting import wait_until_well


def member(database: Database, name: str, clock: Clock | None = None) -> Nodes:
    """A node that has not said anything yet."""
    return Nodes(database, clock or Clock(), id=name, key=b"k" * 32)


def place(address: str = "192.0.2.1", transport: str = "TCP", family: int = 4) -> Node:
    """Where a node is called."""
    return Node("", address, 5060, transport, family)


async def started(node: Nodes, own: Node) -> Nodes:
    """A node that has given its first sign of life, and gives no other by itself."""
    node.start(own)
    await node.beat()
    return node


def test_a_node_has_the_same_name_at_each_start(tmp_path: Path) -> None:
    """Another directory is another node, also on this host; what is no name is replaced."""
    name = node_id(tmp_path / "one")
    assert node_id(tmp_path / "one") == name
    assert node_id(tmp_path / "other") != name
    (tmp_path / "one" / "node.id").write_text("; DROP TABLE\n")
    assert node_id(tmp_path / "one") not in (name, "; DROP TABLE")


@pytest_twisted.ensureDeferred
async def test_nodes_find_each_other(database: Database) -> None:
    """With the place where they are called, after one look each."""
    await database.run(upgrade)
    one, other = await started(member(database, "a"), place()), await started(member(database, "b"), place("192.0.2.2"))
    await one.beat()
    assert one.alive == {"b": Node("b", "192.0.2.2", 5060, "TCP")}
    assert other.find("a") == Node("a", "192.0.2.1", 5060, "TCP")
    assert (one.find("a"), one.is_at("192.0.2.2"), one.is_at("192.0.2.1")) == (None, True, False)
    for node in (one, other):
        await node.stop()


@pytest_twisted.ensureDeferred
async def test_a_node_that_is_silent_is_dead_until_it_is_heard(database: Database) -> None:
    """By what changes in the database, whatever the clocks of the hosts say."""
    await database.run(upgrade)
    clock = Clock()
    one = await started(member(database, "a", clock), place())
    other = await started(member(database, "b"), place("192.0.2.2"))
    await one.beat()
    clock.rightNow += SILENCE
    await one.beat()
    assert one.alive == {}
    await other.beat()
    await one.beat()
    assert list(one.alive) == ["b"]
    for node in (one, other):
        await node.stop()


class Frozen:
    """A database that stands still for some seconds, as under SIGSTOP, and then answers as if nothing had been."""

    def __init__(self, database: Database, clock: Clock, seconds: float) -> None:
        self._database = database
        self._clock = clock
        self._seconds = seconds

    def run(self, work: Callable[[Session], Any]) -> Deferred[Any]:
        return self._database.run(work).addCallback(self._late)

    def _late(self, found: Any) -> Any:
        self._clock.rightNow += self._seconds
        return found


@pytest_twisted.ensureDeferred
async def test_while_the_database_stands_still_nobody_dies(database: Database) -> None:
    """The others could not say anything either; who is silent behind it is dead in time."""
    await database.run(upgrade)
    clock = Clock()
    one = await started(member(database, "a", clock), place())
    other = await started(member(database, "b"), place("192.0.2.2"))
    await one.beat()
    one._database = Frozen(database, clock, SILENCE)
    await one.beat()
    assert list(one.alive) == ["b"]
    one._database = database
    clock.rightNow += SILENCE
    await one.beat()
    assert one.alive == {}
    for node in (one, other):
        await node.stop()


@pytest_twisted.ensureDeferred
async def test_a_node_that_stops_takes_leave(database: Database) -> None:
    """Nobody waits for its silence."""
    await database.run(upgrade)
    one, other = await started(member(database, "a"), place()), await started(member(database, "b"), place())
    await one.beat()
    await other.stop()
    await one.beat()
    assert one.alive == {}
    await one.stop()


@pytest_twisted.ensureDeferred
async def test_a_node_that_takes_no_call_is_doubted_until_its_next_sign(database: Database) -> None:
    """What others see of it matters less than that nothing comes through."""
    await database.run(upgrade)
    clock = Clock()
    one, other = await started(member(database, "a", clock), place()), await started(member(database, "b"), place())
    await one.beat()
    await other.beat()  # not read before the node died
    clock.rightNow += 1
    one.doubt("b", "refused")
    assert one.find("b") is None
    await one.beat()
    assert one.find("b") is None
    clock.rightNow += 1
    await other.beat()
    await one.beat()
    assert one.find("b") is not None
    for node in (one, other):
        await node.stop()


@pytest_twisted.ensureDeferred
async def test_a_node_on_all_addresses_is_where_the_database_sees_it(database: Database) -> None:
    """Over a socket of this machine that is the loopback; without a profile nobody calls it."""
    await database.run(upgrade)
    wide = await started(member(database, "a"), place(""))
    mute = await started(member(database, "b"), Node("b"))
    six = await started(member(database, "c"), place("", family=6))
    await wide.beat()
    assert (wide.own.address, six.own.address) == ("127.0.0.1", "::1")
    assert (wide.find("b"), mute.find("c")) == (None, None)
    assert wide.find("c") == Node("c", "::1", 5060, "TCP")
    wide.move(place("192.0.2.9", "UDP"))
    await wide.beat()
    await six.beat()
    assert six.find("a") == Node("a", "192.0.2.9", 5060, "UDP")
    for node in (wide, mute, six):
        await node.stop()


@pytest_twisted.ensureDeferred
async def test_a_copied_name_is_told(database: Database) -> None:
    """Two machines from one image would take each other's phones for their own."""
    lines: list[str] = []

    def observe(event: LogEvent) -> None:
        lines.append(formatEvent(event))

    await database.run(upgrade)
    globalLogPublisher.addObserver(observe)
    one, twin = await started(member(database, "a"), place()), await started(member(database, "a"), place())
    for node in (one, twin) * 5:  # the clock of SQLite knows milliseconds only
        await node.beat()
    globalLogPublisher.removeObserver(observe)
    assert any("Another node calls itself a, too" in line for line in lines)
    for node in (one, twin):
        await node.stop()


@pytest_twisted.ensureDeferred
async def test_while_the_database_is_down_nobody_dies(postgres: Postgres) -> None:
    """F-09: nothing can be heard then; afterwards everybody has time to say something."""
    database = Database.open(postgres.database(), reactor)
    await database.run(upgrade)
    clock = Clock()
    one, other = await started(member(database, "a", clock), place()), await started(member(database, "b"), place())
    await one.beat()
    postgres.stop()
    await one.beat()
    clock.rightNow += 10 * SILENCE
    await one.beat()
    assert list(one.alive) == ["b"]
    postgres.start()
    await wait_until_well(database)
    await one.beat()
    assert list(one.alive) == ["b"]
    clock.rightNow += SILENCE
    await one.beat()
    assert one.alive == {}
    await one.stop()
    await other.stop()
    await database.close()


@pytest_twisted.ensureDeferred
async def test_signs_come_by_themselves(database: Database) -> None:
    """One every two seconds, as long as the node lives."""
    await database.run(upgrade)
    clock = Clock()
    one = await started(member(database, "a", clock), place())
    (before,) = await database.read(lambda session: session.execute("SELECT seen_at FROM nodes"))
    clock.advance(BEAT)
    await one.beat()
    (after,) = await database.read(lambda session: session.execute("SELECT seen_at FROM nodes"))
    assert after > before
    await one.stop()
    assert clock.getDelayedCalls() == []
