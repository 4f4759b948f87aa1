"""Each test of the store that takes `url` or `database` runs twice: on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor

from rustalk.store.database import Database
from tests.fakes.postgres import Postgres, postgres

__all__ = ["postgres"]


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the server of PostgreSQL as live, and let one process run all of it."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and _takes_server(item):
            item.add_marker("live")
            item.add_marker(pytest.mark.xdist_group("live"))


def _takes_server(item: pytest.Item) -> bool:
    parameters = getattr(item, "callspec", None)
    return (
        "postgresql" in item.name
        or "postgres" in getattr(item, "fixturenames", ())
        or (parameters is not None and "postgresql" in parameters.params.values())
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite://{tmp_path}/state/rustalk.sqlite3"
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """An empty database, closed at the end."""
    database = Database.open(url, reactor)
    yield database
    pytest_twisted.blockon(database.close())
