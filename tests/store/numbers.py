"""A table of numbers, as small as work for a database can be."""

from __future__ import annotations

from collections.abc import Callable

from rustalk.store.session import Session

__all__ = ["insert", "make", "numbers"]


def make(session: Session) -> None:
    """Make the table `t`."""
    session.execute("CREATE TABLE t (n INTEGER)")


def numbers(session: Session) -> list[int]:
    """What the table of these tests holds."""
    return [row[0] for row in session.execute("SELECT n FROM t ORDER BY n")]


def insert(*values: int) -> Callable[[Session], None]:
    """Work that puts these numbers into the table."""
    return lambda session: session.executemany("INSERT INTO t (n) VALUES (?)", [(each,) for each in values])
