"""Everything that is kept, opened together: the database, its key, the settings in force, tokens and the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.logger import Logger

from rustalk.config.model import Settings
from rustalk.store.audit import Audit
from rustalk.store.database import Database, DatabaseDownError, backend_of, once, url_of
from rustalk.store.live import Live
from rustalk.store.migrate import upgrade
from rustalk.store.overlay import Items, read_copy, read_items
from rustalk.store.session import Session
from rustalk.store.tokens import Tokens
from rustalk.store.vault import Vault, open_vault

__all__ = ["Store", "make_ready", "open_store"]

log = Logger()

_COPY = "overlay.json"


@dataclass(frozen=True, slots=True)
class Store:
    """The parts of the store that live as long as the process."""

    database: Database
    vault: Vault
    live: Live
    tokens: Tokens
    audit: Audit

    async def stop(self) -> None:
        """Write what waits to be written, then close the database."""
        self.live.stop()
        await self.audit.flush()
        await self.database.close()


def open_store(base: Settings, reactor: Any, environment: Mapping[str, str]) -> Store:
    """Open the database that the settings of the file name, upgrade it, and put what it holds over those settings.

    Blocks, so it is called before the reactor runs. A database that is down is told by `Database.problem` and taken
    up when it is there; until then a node of PostgreSQL goes on with the copy of its last run. Raises SchemaError,
    VaultError, ConfigError, and ValueError for an address that names no database.
    """
    vault = open_vault(base, environment)
    backend = backend_of(url_of(base), connections=base.database.max_connections)
    copy = Path(base.server.state_directory).expanduser() / _COPY if backend.dialect == "postgresql" else None

    def prepare(session: Session) -> None:
        make_ready(session, vault)

    def read(session: Session) -> Items:
        prepare(session)
        return read_items(session, vault, copy=copy)

    database = Database(backend, reactor, prepare=prepare)
    items: Items | None
    try:
        items = once(backend, read)
    except DatabaseDownError as error:
        items = None if copy is None else read_copy(copy, vault)
        log.error(
            "The database cannot be asked at the start: {error}. {what}",
            error=error,
            what="The copy of the last run is used" if items else "The file alone is used until it can",
        )
        database.trouble(error)
    live = Live(base, database, vault, reactor, items=items, copy=copy)
    return Store(database, vault, live, Tokens(database, reactor.seconds), Audit(database, reactor.seconds))


def make_ready(session: Session, vault: Vault) -> None:
    """Bring the schema up to date and see that the key fits. Raises SchemaError or VaultError."""
    upgrade(session)
    vault.claim(session)
