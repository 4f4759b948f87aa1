"""Waiting for what happens by itself, without looking again and again."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from rustalk.store.database import Database


async def wait_until_well(database: Database) -> None:
    """Wait for the database to tell that it works again."""
    if database.problem:
        well: Deferred[str] = Deferred()
        database.watch(lambda problem: None if problem or well.called else well.callback(problem))
        await well
