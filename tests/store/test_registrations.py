"""Registrations outlive the process, are shared between nodes and cost few transactions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from rustalk.store.database import Database
from rustalk.store.listen import Listener
from rustalk.store.migrate import upgrade
from rustalk.store.registrations import CHANNEL, Registrations, StoredBinding
from rustalk.store.session import Session
from tests.fakes.postgres import Postgres
from tests.store.waiting import wait_until_well

NOW = 1_000_000.0


def binding(extension: str = "1001", contact: str = "sip:1001@192.0.2.7", **rest: object) -> StoredBinding:
    """A binding that is good for ten minutes."""
    return StoredBinding(**{"extension": extension, "contact": contact, "expires_at": NOW + 600, "node": "a", **rest})


@pytest.fixture
def clock() -> Clock:
    """The clock of all nodes."""
    clock = Clock()
    clock.advance(NOW)
    return clock


Told = list[tuple[str, tuple[StoredBinding, ...]]]


@pytest.fixture
def node(database: Database, clock: Clock) -> Callable[..., Registrations]:
    """A node by its name, and what it is told of others."""
    pytest_twisted.blockon(database.run(upgrade))

    def start(name: str, told: Told | None = None) -> Registrations:
        told = [] if told is None else told
        return Registrations(database, clock, node=name, changed=lambda *news: told.append(news))

    return start


async def turn() -> None:
    """Let the reactor do what is due."""
    done: Deferred[None] = Deferred()
    reactor.callLater(0, done.callback, None)
    await done


async def read(registrations: Registrations) -> None:
    """Let a node hear and read."""
    registrations.heard("")
    while registrations._reading:
        await turn()


@pytest_twisted.ensureDeferred
async def test_bindings_survive_a_restart(node) -> None:
    """Every field comes back, and only what has not expired."""
    first = node("a")
    full = binding(
        instance="<urn:uuid:1>", reg_id=1, q=0.5, path=("<sip:p;lr>", "<sip:q;lr>"), profile="phones", transport="TLS",
        host="192.0.2.7", port=5061, user_agent="Phone/1", call_id="c", cseq=2**31 - 1,
        since=NOW - 60.5, refreshed_at=NOW - 1.25,
    )  # fmt: skip
    first.save("1001", [full, binding(contact="sip:x@y", expires_at=NOW - 1)])
    await first.flush()
    assert await node("a").load() == {"1001": (full,)}
    assert await first.last_seen() == {"1001": NOW}


@pytest_twisted.ensureDeferred
async def test_what_is_left_out_is_removed(node) -> None:
    """`save` gives all bindings of an extension; none removes them all."""
    registrations = node("a")
    registrations.save("1001", [binding(contact="sip:a@h"), binding(contact="sip:b@h")])
    await registrations.flush()
    registrations.save("1001", [binding(contact="sip:b@h")])
    await registrations.flush()
    assert await node("a").load() == {"1001": (binding(contact="sip:b@h"),)}
    registrations.save("1001", [])
    await registrations.flush()
    assert await node("a").load() == {}


@pytest_twisted.ensureDeferred
async def test_two_lines_of_one_phone_are_two_bindings(node) -> None:
    """RFC 5626 section 6: the instance tells bindings apart with a reg-id only; without one it is the Contact."""
    registrations = node("a")
    lines = tuple(binding(contact=f"sip:{line}@h", instance="<urn:uuid:1>") for line in "ab")
    registrations.save("1001", lines)
    await registrations.flush()
    assert await node("a").load() == {"1001": lines}


@pytest_twisted.ensureDeferred
async def test_many_changes_are_one_transaction(node, clock: Clock, database: Database) -> None:
    """A thousand registrations within the delay raise the version by one."""
    registrations = node("a")
    await registrations.flush()
    for number in range(1000):
        registrations.save(str(number), [binding(str(number))])
    clock.advance(0.1)
    await registrations.flush()
    assert len(await node("a").load()) == 1000
    version = await database.read(lambda s: s.execute("SELECT value FROM counters WHERE name = 'registrations'"))
    assert version == [(1,)]


@pytest_twisted.ensureDeferred
async def test_another_node_learns_what_changed(node) -> None:
    """New, refreshed and removed bindings, each told once with all bindings of the extension."""
    told: Told = []
    one, other = node("a"), node("b", told)
    await other.load()
    one.save("1001", [binding()])
    await one.flush()
    await read(other)
    fresh = binding(expires_at=NOW + 900)
    one.save("1001", [fresh])
    await one.flush()
    await read(other)
    one.save("1001", [])
    await one.flush()
    await read(other)
    await read(other)
    assert told == [("1001", (binding(),)), ("1001", (fresh,)), ("1001", ())]


@pytest_twisted.ensureDeferred
async def test_a_phone_that_moved_is_not_removed_by_the_node_it_left(node) -> None:
    """Node a lets the old binding expire while b has refreshed it: b's stands."""
    one, other = node("a"), node("b")
    one.save("1001", [binding(instance="<urn:uuid:1>", reg_id=1)])
    await one.flush()
    await other.load()
    moved = binding(instance="<urn:uuid:1>", reg_id=1, node="b", expires_at=NOW + 1200)
    other.save("1001", [moved])
    await other.flush()
    one.save("1001", [])
    await one.flush()
    assert await node("c").load() == {"1001": (moved,)}


class Held:
    """A database whose answers are on their way until they are released: it is frozen, or far away."""

    def __init__(self, database: Database) -> None:
        self.problem, self.watch = "", database.watch
        self._database = database
        self._waiting: dict[str, list[tuple[Any, Deferred[Any]]]] = {"read": [], "run": []}

    def read(self, work: Callable[[Session], Any]) -> Deferred[Any]:
        return self._asked("read", work)

    def run(self, work: Callable[[Session], Any]) -> Deferred[Any]:
        return self._asked("run", work)

    def _asked(self, how: str, work: Callable[[Session], Any]) -> Deferred[Any]:
        arrival: Deferred[Any] = Deferred()
        getattr(self._database, how)(work).addCallback(lambda found: self._waiting[how].append((found, arrival)))
        return arrival

    async def has(self, how: str) -> None:
        """Until the database has answered, though nobody has the answer yet."""
        while not self._waiting[how]:
            await turn()

    async def release(self, how: str) -> None:
        """Let an answer arrive."""
        await self.has(how)
        found, arrival = self._waiting[how].pop()
        arrival.callback(found)


@pytest_twisted.ensureDeferred
async def test_what_was_read_before_a_phone_registered_here_does_not_take_it_away(node, database, clock) -> None:
    """The database was slow: its answer is older than what was written meanwhile, and says nothing new."""
    told: Told = []
    held = Held(database)
    here, there = Registrations(held, clock, node="a", changed=lambda *news: told.append(news)), node("b")
    there.save("1001", [binding(node="b")])
    await there.flush()
    here.heard("b")
    await held.has("read")
    here.save("1001", [binding(node="a", expires_at=NOW + 900)])
    clock.advance(0.1)
    await held.release("run")
    await held.release("read")
    assert told == []
    here.heard("b")
    await held.release("read")
    assert told == []


@pytest_twisted.ensureDeferred
async def test_what_came_while_our_own_was_written_is_not_missed(node, database, clock) -> None:
    """The phone has moved on to the other node before our write was answered: it is there."""
    told: Told = []
    held = Held(database)
    here, there = Registrations(held, clock, node="a", changed=lambda *news: told.append(news)), node("b")
    here.save("1001", [binding(node="a")])
    clock.advance(0.1)
    await held.has("run")
    moved = binding(node="b", expires_at=NOW + 900)
    there.save("1001", [moved])
    await there.flush()
    here.heard("b")
    await held.release("read")
    assert told == []
    await held.release("run")
    await held.release("read")
    assert told == [("1001", (moved,))]


@pytest_twisted.ensureDeferred
async def test_two_devices_of_one_extension_may_be_at_two_nodes(node) -> None:
    """Each node adds its own; neither takes the other's away."""
    told: Told = []
    one, other = node("a"), node("b", told)
    await other.load()
    one.save("1001", [binding(contact="sip:a@h")])
    other.save("1001", [binding(contact="sip:b@h", node="b")])
    await one.flush()
    await other.flush()
    await read(other)
    assert {each.contact for each in (await node("c").load())["1001"]} == {"sip:a@h", "sip:b@h"}
    assert {each.contact for each in told[-1][1]} == {"sip:a@h", "sip:b@h"}


@pytest_twisted.ensureDeferred
async def test_after_a_long_silence_everything_is_read_again(node, clock: Clock, database: Database) -> None:
    """Rows of removed bindings are gone by then; the node finds by itself that their bindings are."""
    told: Told = []
    one, other = node("a"), node("b", told)
    one.save("1001", [binding(expires_at=NOW + 9999)])
    one.save("1002", [binding("1002", expires_at=NOW + 9999)])
    await one.flush()
    await other.load()
    one.save("1001", [])
    await one.flush()
    clock.advance(3601)
    one.save("1002", [binding("1002", expires_at=NOW + 19999)])
    await one.flush()
    assert await database.read(lambda s: s.execute("SELECT extension FROM registrations")) == [("1002",)]
    await read(other)
    assert sorted(told) == [("1001", ()), ("1002", (binding("1002", expires_at=NOW + 19999),))]


@pytest_twisted.ensureDeferred
async def test_texts_that_no_database_takes_do_not_stop_the_others(node) -> None:
    """What phones write into their headers is stored without what cannot be."""
    registrations = node("a")
    registrations.save("1001", [binding(user_agent="a\0b\udcff")])
    registrations.save("1002", [binding("1002")])
    await registrations.flush()
    stored = await node("a").load()
    assert stored["1001"][0].user_agent == "ab?"
    assert len(stored) == 2


@pytest_twisted.ensureDeferred
async def test_registrations_wait_for_a_database_that_is_down(postgres: Postgres, clock: Clock) -> None:
    """F-09: the registrar goes on; what was saved meanwhile is written when the database is back, the newest of it."""
    database = Database.open(postgres.database(), reactor)
    await database.run(upgrade)
    registrations = Registrations(database, clock, node="a", changed=lambda *news: None)
    postgres.stop()
    registrations.save("1001", [binding()])
    await registrations.flush()
    newest = binding(expires_at=NOW + 700)
    registrations.save("1001", [newest])
    registrations.save("1002", [binding("1002")])
    postgres.start()
    await wait_until_well(database)
    await registrations.flush()
    stored = await Registrations(database, clock, node="b", changed=lambda *news: None).load()
    assert stored == {"1001": (newest,), "1002": (binding("1002"),)}
    await database.close()


@pytest_twisted.ensureDeferred
async def test_nodes_on_one_server_hear_of_each_other_at_once(postgres: Postgres, clock: Clock) -> None:
    """By LISTEN and NOTIFY, without asking; also after the server was away."""
    url = postgres.database()
    one, other = Database.open(url, reactor), Database.open(url, reactor)
    await one.run(upgrade)
    heard: list[Deferred[tuple]] = [Deferred(), Deferred()]
    news = iter(heard)
    here = Registrations(one, clock, node="a", changed=lambda *news: None)
    there = Registrations(other, clock, node="b", changed=lambda *what: next(news).callback(what))
    began: Deferred[None] = Deferred()
    lost: Deferred[None] = Deferred()

    def told(payload: str) -> None:
        there.heard(payload)
        if not payload:
            (lost if began.called else began).callback(None)

    listener = Listener(other, reactor, {CHANNEL: told})
    listener.start()
    await began
    here.save("1001", [binding()])
    await here.flush()
    assert await heard[0] == ("1001", (binding(),))
    postgres.stop()
    postgres.start()
    await lost
    here.save("1001", [replace(binding(), q=0.5)])
    await here.flush()
    await wait_until_well(one)
    await here.flush()
    assert await heard[1] == ("1001", (replace(binding(), q=0.5),))
    listener.stop()
    await one.close()
    await other.close()
