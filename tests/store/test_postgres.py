"""The server of PostgreSQL: when it goes, comes back, says no, or has to end a deadlock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from select import select

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import gatherResults

from rustalk.store.database import Database, DatabaseDownError, Session
from rustalk.store.postgres import Postgres as Backend
from rustalk.store.session import InUseError
from tests.fakes.postgres import Postgres
from tests.store.numbers import insert, make, numbers
from tests.store.waiting import wait_until_well


@pytest_twisted.ensureDeferred
async def test_a_server_that_was_restarted_is_not_noticed_by_work(postgres: Postgres) -> None:
    """A connection that died since its last use is replaced and the work done on the new one."""
    database = Database.open(postgres.database(), reactor)
    await database.run(make)
    postgres.stop()
    postgres.start()
    await database.run(insert(1))
    assert await database.read(numbers) == [1]
    assert database.problem == ""
    await database.close()


@pytest_twisted.ensureDeferred
async def test_a_server_that_is_gone_is_told_and_found_again(postgres: Postgres) -> None:
    """F-09: while it is gone work fails at once; watchers hear of both."""
    database = Database.open(postgres.database(), reactor)
    told: list[str] = []
    database.watch(told.append)
    await database.run(make)
    postgres.stop()
    with pytest.raises(DatabaseDownError):
        await database.run(insert(1))
    with pytest.raises(DatabaseDownError):
        await database.run(insert(2))
    postgres.start()
    await wait_until_well(database)
    await database.run(insert(3))
    assert await database.read(numbers) == [3]
    assert told[0].startswith("PostgreSQL cannot be reached")
    assert told[-1] == ""
    await database.close()


@pytest_twisted.ensureDeferred
async def test_a_wrong_password_is_not_in_the_error(postgres: Postgres) -> None:
    """The error says what the server said, without the password of the address."""
    database = Database.open(postgres.url("CANARY").replace("user=rustalk", "user=rustalk&password=CANARY"), reactor)
    with pytest.raises(DatabaseDownError, match="does not exist") as raised:
        await database.run(lambda session: None)
    assert "CANARY" not in str(raised.value) + database.problem
    await database.close()


@pytest_twisted.ensureDeferred
async def test_a_deadlock_is_resolved_by_a_second_try(postgres: Postgres) -> None:
    """PostgreSQL ends one of two transactions that wait for each other; it is run again."""
    database = Database.open(postgres.database(), reactor)
    await database.run(lambda session: session.execute("CREATE TABLE t (n INTEGER, v INTEGER)"))
    await database.run(lambda session: session.execute("INSERT INTO t VALUES (1, 0), (2, 0)"))
    meeting = threading.Barrier(2)

    def work(first: int, second: int) -> Callable[[Session], None]:
        tries: list[int] = []

        def update(session: Session) -> None:
            session.execute("UPDATE t SET v = v + 1 WHERE n = ?", (first,))
            if not tries:
                tries.append(first)
                meeting.wait(10)
            session.execute("UPDATE t SET v = v + 1 WHERE n = ?", (second,))

        return update

    await gatherResults([database.run(work(1, 2)), database.run(work(2, 1))])
    assert await database.read(lambda session: session.execute("SELECT v FROM t")) == [(2,), (2,)]
    await database.close()


@pytest.mark.parametrize("url", ["postgresql://[", "postgresql://h/d?nonsense=1"])
def test_an_address_that_libpq_does_not_know_is_refused(url: str) -> None:
    """Before anything connects, and without repeating the address."""
    with pytest.raises(ValueError, match="postgresql://user:password@host/database"):
        Backend(url)


def test_what_the_address_says_comes_before_our_own_limits() -> None:
    """Nothing waits for ever, but the operator may know better."""
    assert Backend("postgresql://h/d").parameters["connect_timeout"] == 5
    assert Backend("postgresql://h/d?connect_timeout=60").parameters["connect_timeout"] == "60"
    assert Backend("postgresql://h/d", connections=10).threads == (5, 5)


@pytest_twisted.ensureDeferred
async def test_a_statement_that_takes_too_long_is_given_up(postgres: Postgres) -> None:
    """F-09: the server ends it, and the connection is used again."""
    url = postgres.database() + "&options=-c%20statement_timeout%3D50ms"
    database = Database.open(url, reactor)
    with pytest.raises(DatabaseDownError, match="statement timeout"):
        await database.run(lambda session: session.execute("SELECT pg_sleep(5)"))
    await wait_until_well(database)
    assert await database.run(lambda session: session.execute("SELECT 1")) == [(1,)]
    await database.close()


@pytest_twisted.ensureDeferred
async def test_what_is_told_is_heard_once_it_is_committed(postgres: Postgres) -> None:
    """A transaction that is rolled back tells nothing."""
    database = Database.open(postgres.database(), reactor)

    def tell_and_fail(session: Session) -> None:
        session.notify("news", "never")
        raise KeyError

    ears = await database.read(lambda session: database.backend.listen(["news"]))
    with pytest.raises(KeyError):
        await database.run(tell_and_fail)
    await database.run(lambda session: session.notify("news", "it's so"))
    select([ears.fileno()], [], [], 10)
    assert ears.hear() == [("news", "it's so")]
    ears.close()
    await database.close()


@pytest_twisted.ensureDeferred
async def test_who_listens_holds_the_database(postgres: Postgres) -> None:
    """Several may; while one does nobody can be alone, and who is alone is not disturbed."""
    url = postgres.database()
    database, backend = Database.open(url, reactor), Backend(url)
    ears = [await database.read(lambda session: database.backend.listen(["news"])) for _ in range(2)]
    with pytest.raises(InUseError, match="on every node"), backend.alone():
        pass
    for each in ears:
        each.close()
    with backend.alone(), pytest.raises(DatabaseDownError, match="no switch may run beside"):
        await database.read(lambda session: database.backend.listen(["news"]))
    await database.close()
