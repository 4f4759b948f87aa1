"""The section of the database."""

from __future__ import annotations

import pytest

from rustalk.config.database import Database
from rustalk.config.secret import Secret
from tests.config.findings import faults, paths


def test_the_defaults_are_those_of_rustalk() -> None:
    """No address: a file in the state directory."""
    assert (Database().url.reveal(), Database().max_connections, Database().min_connections) == ("", 10, 2)


def test_the_address_of_the_database_is_a_secret() -> None:
    """It holds a password, which no fault shows either (A40)."""
    assert "hunter2" not in repr(Database(url=Secret("postgresql://rustalk:hunter2@localhost/rustalk")))
    (fault,) = faults(database={"url": "mysql://rustalk:hunter2@localhost/rustalk"})
    assert fault.path == "$.database.url"
    assert "hunter2" not in str(fault)


@pytest.mark.parametrize("url", ["sqlite:////var/lib/rustalk/db", "postgresql://a@b/c", "postgres:///c"])
def test_two_kinds_of_databases_are_known(url: str) -> None:
    """SQLite needs a path, PostgreSQL a name."""
    assert paths(database={"url": url}) == []
    assert paths(database={"url": "sqlite:///"}) == ["$.database.url"]
