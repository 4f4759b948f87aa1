"""Everything that is kept, opened together: the database, its key, the settings in force, tokens and the audit log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.logger import Logger

from rustalk.config.model import Settings
from rustalk.config.problem import ConfigError
from rustalk.store.audit import Audit
from rustalk.store.database import Database, DatabaseDownError, backend_of, once, url_of
from rustalk.store.fit import explained
from rustalk.store.live import Live
from rustalk.store.migrate import schema, upgrade
from rustalk.store.overlay import CopyError, Items, read_copy, read_items, read_origins, revision_of_copy, write_copy
from rustalk.store.session import Backend, Session
from rustalk.store.tokens import Tokens
from rustalk.store.vault import Vault, is_sealed, open_vault

__all__ = ["Store", "StoreError", "copy_of", "make_ready", "open_store"]

log = Logger()

_COPY = "overlay.json"
_RESTORE = "restore a backup with `rustalk db restore --replace -c FILE BACKUP`"


class StoreError(Exception):
    """What was changed at run time is lost to this start, which would bring back what was deleted. Says what to do."""


def _nothing() -> None:
    """Nobody is kept out."""


@dataclass(frozen=True, slots=True)
class Store:
    """The parts of the store that live as long as the process."""

    database: Database
    vault: Vault
    live: Live
    tokens: Tokens
    audit: Audit
    release: Callable[[], None] = _nothing

    async def stop(self) -> None:
        """Write what waits to be written, then close the database and let others have it."""
        self.live.stop()
        await self.audit.flush()
        await self.database.close()
        self.release()


def copy_of(settings: Settings) -> Path:
    """The file in which a switch keeps what the database holds over the file, for a start without the database."""
    return Path(settings.server.state_directory).expanduser() / _COPY


def open_store(base: Settings, reactor: Any, environment: Mapping[str, str]) -> Store:
    """Open the database that the settings of the file name, upgrade it, and put what it holds over those settings.

    Blocks, so it is called before the reactor runs. A database that is down or damaged is told by `Database.problem`
    and taken up when it is there; until then the copy of the last run is used. Raises StoreError where the file alone
    would be left of more, InUseError, SchemaError, VaultError, ConfigError, and ValueError for an address that names no
    database. What it refuses it leaves as it was.
    """
    backend = backend_of(url_of(base), connections=base.database.max_connections)
    copy, down, problem = copy_of(base), None, ""
    last = revision_of_copy(copy)

    def read(session: Session) -> tuple[Vault, Items]:
        if not schema(session):
            _see_that_it_may_be_new(copy)
        vault = open_vault(base, environment, make=not is_sealed(session))
        make_ready(session, vault)
        items = read_items(session, vault)
        if last and not items.revision:
            _see_that_it_may_be_new(copy)
        write_copy(session, copy)
        return vault, items

    if not backend.exists():
        _see_that_it_may_be_new(copy)
    with ExitStack() as held:
        vault: Vault
        items: Items | None
        try:
            held.callback(backend.hold())
            vault, items = once(backend, read)
            problem = _older(items.revision, last)
        except DatabaseDownError as error:
            down = error
            vault, items = _without_database(base, environment, backend, copy, error)
            problem = _instead(items)
        prepare = _prepare if down is None else _look_again
        database = Database(backend, reactor, prepare=lambda session: prepare(session, vault, copy))
        try:
            live = Live(base, database, vault, reactor, items=items, copy=copy, problem=problem)
        except ConfigError as error:
            origins = once(backend, read_origins, read_only=True) if down is None else {}
            raise (explained(error, items, origins) if items else error) from None
        if down is not None:
            database.trouble(down)
        if problem:
            log.error("At the start {problem}", problem=problem)
        tokens, audit = Tokens(database, reactor.seconds), Audit(database, reactor.seconds)
        return Store(database, vault, live, tokens, audit, held.pop_all().close)


def make_ready(session: Session, vault: Vault) -> None:
    """Bring the schema up to date and see that the key fits. Raises SchemaError or VaultError."""
    upgrade(session)
    vault.claim(session)


def _prepare(session: Session, vault: Vault, copy: Path) -> None:
    """Make it ready; a file that was moved away meanwhile is not made anew."""
    if not schema(session):
        _see_that_it_may_be_new(copy)
    make_ready(session, vault)


def _look_again(session: Session, vault: Vault, copy: Path) -> None:
    """Make ready what was down at the start, once all items can be read: damage may be in some of them only."""
    _prepare(session, vault, copy)
    read_items(session, vault)


def _see_that_it_may_be_new(copy: Path) -> None:
    """An empty database is not the one that was there before."""
    if copy.exists():
        raise StoreError(
            f"the database is empty, or was never changed, but the last run was at revision {revision_of_copy(copy)}, "
            f"as {copy} says. Bring the database back, or {_RESTORE}; to begin anew with the file alone, move {copy} "
            "away"
        )


def _without_database(
    base: Settings, environment: Mapping[str, str], backend: Backend, copy: Path, error: DatabaseDownError
) -> tuple[Vault, Items | None]:
    """The key and the copy of the last run; None on the first start of a node whose server is not there yet."""
    is_first = not copy.exists()
    if is_first and not backend.exists():
        raise StoreError(f"{error}; check server.state_directory, or the path of database.url, and who may write there")
    if is_first and backend.dialect == "sqlite":
        raise StoreError(
            f"{error}. There is no copy of what it held either ({copy}), and the file alone would bring back what was "
            f"deleted. Mend that, or {_RESTORE}; to begin anew with the file alone, move the database away"
        )
    vault = open_vault(base, environment, make=is_first)
    try:
        return vault, read_copy(copy, vault)
    except CopyError as damage:
        raise StoreError(
            f"{error}. And {damage}; the file alone would bring back what was deleted. Mend either, or {_RESTORE}; to "
            f"begin anew with the file alone, move both away"
        ) from None


def _instead(items: Items | None) -> str:
    """What is used instead of the database."""
    if items is None:
        return "the file alone is in force until the database can be asked: what was changed by the API is not"
    return (
        f"the copy of the last run is in force, at revision {items.revision}, until the database can be asked. If it "
        f"is damaged, stop the switch and {_RESTORE}"
    )


def _older(revision: int, last: int) -> str:
    """What there is to say of a database that is behind the last run."""
    if revision >= last:
        return ""
    return (
        f"the database is at revision {revision} and the last run was at {last}: an older state of it came back, and "
        "what was changed since is not in force"
    )
