"""The schema is brought up to date, by one node at a time, and never taken back."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.defer import gatherResults

from rustalk.store.database import Database
from rustalk.store.migrate import Migration, SchemaError, migrations, schema, upgrade


def test_steps_have_numbers_of_their_own() -> None:
    """Two files with one number would leave open which comes first."""
    numbers = [migration.number for migration in migrations()]
    assert numbers == sorted(set(numbers))


def test_a_statement_can_be_for_one_database_only() -> None:
    """Statements end with a semicolon at the end of a line; comments are not sent."""
    step = Migration(
        1, "x", "-- why\nCREATE a;\n-- only sqlite\nBEGIN x; END;\n\n-- only postgresql\nCREATE c\nAS d;\n"
    )
    assert list(step.statements("sqlite")) == ["CREATE a", "BEGIN x; END"]
    assert list(step.statements("postgresql")) == ["CREATE a", "CREATE c\nAS d"]


@pytest_twisted.ensureDeferred
async def test_an_upgrade_takes_every_step_once(database: Database) -> None:
    """The first upgrade takes all steps, the second none."""
    first = await database.run(upgrade)
    assert first == migrations()
    assert await database.run(upgrade) == ()
    assert await database.read(schema) == {each.number for each in migrations()}


@pytest_twisted.ensureDeferred
async def test_an_older_database_takes_what_is_missing(database: Database) -> None:
    """One that had only the first step gets the others."""
    await database.run(lambda session: upgrade(session, only=frozenset({1})))
    assert [each.number for each in await database.run(upgrade)] == [each.number for each in migrations()][1:]


@pytest_twisted.ensureDeferred
async def test_nodes_that_start_together_take_turns(database: Database, url: str) -> None:
    """One of them upgrades, the other finds it done."""
    other = Database.open(url, database._reactor)
    done = await gatherResults([database.run(upgrade), other.run(upgrade)])
    assert sorted(map(len, done)) == [0, len(migrations())]
    await other.close()


@pytest_twisted.ensureDeferred
async def test_a_database_of_a_later_version_is_refused(database: Database) -> None:
    """An older program would not know what it must not break."""
    await database.run(upgrade)
    await database.run(lambda session: session.execute("INSERT INTO migrations VALUES (9999, 'later', 0)"))
    with pytest.raises(SchemaError, match="later version of RusTalk"):
        await database.run(upgrade)


@pytest.mark.parametrize("table", ["audit", "revisions"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET who = 'x'", "DELETE FROM {}"])
@pytest_twisted.ensureDeferred
async def test_what_was_recorded_cannot_be_changed(database: Database, table: str, statement: str) -> None:
    """The database itself refuses, whoever asks."""
    await database.run(upgrade)
    names = {"audit": "id, time, who, role, address, action, target, outcome, detail", "revisions": "id, time, who"}
    values = {"audit": "1, 0, 'w', '', '', '', '', '', ''", "revisions": "1, 0, 'w', 'c', 'k', NULL, NULL, NULL"}
    columns = f"({names[table]})" if table == "audit" else ""
    await database.run(lambda session: session.execute(f"INSERT INTO {table} {columns} VALUES ({values[table]})"))
    with pytest.raises(Exception, match="append-only"):
        await database.run(lambda session: session.execute(statement.format(table)))
