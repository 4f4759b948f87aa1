"""Sections that are taken and kept."""

from __future__ import annotations

from rustalk.config.secret import Secret
from rustalk.config.unused import Acme, Database


def test_the_defaults_are_those_of_rustalk() -> None:
    """A file that names a section but not its keys means what it meant there."""
    assert (Database().max_connections, Database().min_connections) == (10, 2)
    assert (Acme().cert_dir, Acme().challenge_type, Acme().auto_renew_days) == ("/etc/rustalk/certs", "http-01", 30)
    assert not Acme().enabled


def test_the_address_of_the_database_is_a_secret() -> None:
    """It holds a password."""
    assert "hunter2" not in repr(Database(url=Secret("postgresql://rustalk:hunter2@localhost/rustalk")))
