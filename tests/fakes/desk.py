"""The API over a fake switch and a real store, on a real loopback socket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread

from rustalk.api.service import ApiService
from rustalk.config.load import load
from rustalk.config.model import Settings
from rustalk.observe.events import Events
from rustalk.store.audit import Audit
from rustalk.store.database import Database, backend_of, once, url_of
from rustalk.store.live import Live
from rustalk.store.store import Store, make_ready, open_store
from rustalk.store.tokens import Tokens
from rustalk.store.vault import Vault, open_vault
from tests.fakes.http import Reply
from tests.fakes.switch import FakeSwitch, make_call


def settings_in(folder: Path, settings: Mapping[str, Any] | None = None) -> Settings:
    """Settings of a switch that keeps what it writes in a folder."""
    return load(json.dumps({"server": {"state_directory": str(folder)}, **(settings or {})}))


@cache
def _empty() -> tuple[bytes, bytes]:
    """A database with a schema but nothing in it, and its key; made once, since each table is a write to the disk."""
    with TemporaryDirectory() as folder:
        settings = settings_in(Path(folder))
        vault = open_vault(settings, {})
        once(backend_of(url_of(settings)), lambda session: make_ready(session, vault))
        return Path(folder, "rustalk.sqlite3").read_bytes(), Path(folder, "vault.key").read_bytes()


def store_in(folder: Path, settings: Mapping[str, Any] | None = None) -> Store:
    """A store on SQLite in a folder; ``settings`` are those of the file."""
    if not Path(folder, "rustalk.sqlite3").exists():
        for name, content in zip(("rustalk.sqlite3", "vault.key"), _empty(), strict=True):
            Path(folder, name).write_bytes(content)
            Path(folder, name).chmod(0o600)
    return open_store(settings_in(folder, settings), reactor, {})


def store_unopened(folder: Path, clock: Clock) -> Store:
    """A store whose database is not opened before somebody asks it something."""
    settings, vault = settings_in(folder), Vault(b"k" * 32)
    database = Database.open(f"sqlite://{folder}/rustalk.sqlite3", reactor)
    live = Live(settings, database, vault, clock)
    return Store(database, vault, live, Tokens(database, clock.seconds), Audit(database, clock.seconds))


class Desk:
    """One API. Questions go over a connection of their own, from a thread, since they block."""

    def __init__(
        self, folder: Path, settings: Mapping[str, Any] | None = None, *, auth: str = "off", **rest: Any
    ) -> None:
        self.switch = FakeSwitch(make_call())
        self.store = store_in(folder, settings)
        self.live = self.store.live
        self.events = Events(reactor.seconds)
        self.token = ""
        self.service = ApiService(
            reactor, reactor, self.switch, store=self.store, events=self.events, port=0, auth=auth, **rest
        )
        self.service.startService()

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> Reply:
        """Ask; ``body`` is sent as JSON unless it is bytes.

        ``path`` is that behind ``/api/v1``, or after ``/..`` any.
        """
        return await deferToThread(self.blocking, method, path, body, headers, token)

    def blocking(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> Reply:
        """The same for a thread."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        shown = self.token if token is None else token
        fields = {
            **({} if data is None else {"Content-Type": "application/json"}),
            **({"Authorization": f"Bearer {shown}"} if shown else {}),
            **(headers or {}),
        }
        connection = HTTPConnection("127.0.0.1", self.service.port or 0, timeout=20)
        try:
            connection.request(
                method, path.removeprefix("/..") if path.startswith("/..") else f"/api/v1{path}", data, fields
            )
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read())
        finally:
            connection.close()

    def stop(self) -> Deferred[None]:
        """Close everything."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        stopped = self.service.stopService()
        if stopped is not None:
            await stopped
        await self.store.stop()
