"""Bans outlive the process and hold at every node; the guard waits for nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from rustalk.config.model import Settings
from rustalk.config.security import Security
from rustalk.security.bans import Ban
from rustalk.security.guard import Guard
from rustalk.security.screen import Screen
from rustalk.store.bans import StoredBans
from rustalk.store.database import Database
from rustalk.store.migrate import upgrade
from tests.store.waiting import wait_until_well

NOW = 1_000_000.0
STRANGER, OTHER, OWN = "203.0.113.5", "2001:db8:1:2::/64", "192.0.2.77"
SETTINGS = Settings(security=Security(never_ban=("192.0.2.64/26",)))


class Node:
    """A guard, and its bans in the database."""

    def __init__(self, name: str, database: Database, clock: Clock) -> None:
        self.guard = Guard(Screen(SETTINGS), SETTINGS, now=clock.seconds)
        self.stored = StoredBans(database, clock, self.guard, node=name)

    async def read(self) -> None:
        """Hear that something has changed, and wait until it is read."""
        self.stored.start()
        while self.stored._reading:
            turn: Deferred[None] = Deferred()
            reactor.callLater(0, turn.callback, None)
            await turn

    @property
    def banned(self) -> list[str]:
        """Who is banned here."""
        return [ban.source for ban in self.guard.bans()]


@pytest.fixture
def clock() -> Clock:
    """The clock of all nodes."""
    clock = Clock()
    clock.advance(NOW)
    return clock


@pytest.fixture
def node(database: Database, clock: Clock) -> Callable[[str], Node]:
    """Makes a node by its name."""
    pytest_twisted.blockon(database.run(upgrade))
    return lambda name: Node(name, database, clock)


async def rows(database: Database) -> int:
    """How many bans the database holds, lifted ones too."""
    [(count,)] = await database.read(lambda session: session.execute("SELECT count(*) FROM bans"))
    return int(count)


@pytest_twisted.ensureDeferred
async def test_bans_survive_a_restart(node, clock: Clock) -> None:
    """A6: as they were, in their order, but for those that are over and those of who may not be banned any more."""
    first = node("a")
    for address, seconds in (("203.0.113.9", 5), ("2001:db8:1:2::9", 60), (STRANGER, 600)):
        first.guard.ban(address, seconds, "failed logins")
        clock.advance(1)
    first.stored.save(OWN, Ban(OWN, "failed logins", NOW, NOW + 600))
    await first.stored.stop()
    clock.advance(10)
    second = node("a")
    await second.read()
    assert second.guard.bans() == (
        Ban(OTHER, "failed logins", NOW + 1, NOW + 61),
        Ban(STRANGER, "failed logins", NOW + 2, NOW + 602),
    )


@pytest_twisted.ensureDeferred
async def test_a_ban_and_its_end_reach_the_other_node(node) -> None:
    """What an administrator lifts at one node is lifted at all; nothing is handed back and forth."""
    one, other = node("a"), node("b")
    await one.read()
    await other.read()
    one.guard.ban(STRANGER, 600, "by hand")
    await one.stored.stop()
    await other.read()
    assert other.banned == [STRANGER]
    other.guard.lift(STRANGER)
    await other.stored.stop()
    await one.read()
    assert (one.banned, one.stored._pending, other.stored._pending) == ([], {}, {})
    third = node("c")
    await third.read()
    assert third.banned == []


@pytest_twisted.ensureDeferred
async def test_what_was_banned_here_meanwhile_stays(node) -> None:
    """What waits to be written is newer than what another node has written."""
    one, other = node("a"), node("b")
    await other.read()
    one.guard.ban(STRANGER, 600, "a flood")
    one.guard.lift(STRANGER)
    await one.stored.stop()
    other.guard.ban(STRANGER, 600, "a flood")
    await other.read()
    assert other.banned == [STRANGER]


@pytest_twisted.ensureDeferred
async def test_many_bans_are_one_transaction_and_bounded(node, clock: Clock, database: Database) -> None:
    """A6: forged addresses fill neither the database nor what waits for it; the bans that last the longest are kept."""
    one = node("a")
    for n in range(11_000):
        one.guard.ban(f"198.{18 + (n >> 16)}.{n >> 8 & 255}.{n & 255}", 600, "a flood")
    assert len(one.stored._pending) == 10_000
    one.guard.ban(STRANGER, 6000, "by hand")
    clock.advance(0.5)
    await one.stored.stop()
    version = await database.read(lambda session: session.execute("SELECT value FROM counters WHERE name = 'bans'"))
    assert (version, await rows(database)) == ([(1,)], 10_000)
    for n in range(5):
        one.guard.ban(f"203.0.113.{10 + n}", 6000, "a flood")
    await one.stored.stop()
    assert await rows(database) == 10_000
    clock.advance(3601)
    one.guard.ban("203.0.113.99", 10, "a flood")
    await one.stored.stop()
    assert await rows(database) == 7


@pytest_twisted.ensureDeferred
async def test_the_guard_goes_on_without_the_database(clock: Clock, database: Database) -> None:
    """It bans and lifts; what that was is written when the database is back."""
    down = True

    def prepare(session: object) -> None:
        if down:
            raise RuntimeError("the database is away")
        upgrade(session)

    database = Database(database.backend, reactor, prepare=prepare)
    one = Node("a", database, clock)
    await one.read()
    one.guard.ban(STRANGER, 600, "a flood")
    await one.stored.stop()
    assert (one.banned, bool(database.problem)) == ([STRANGER], True)
    down = False
    await wait_until_well(database)
    await one.stored.stop()
    other = Node("b", database, clock)
    await other.read()
    assert other.banned == [STRANGER]
    await database.close()
