"""The location service on its database: what phones register outlives the process, and other nodes know of it.

Nothing waits for the database. While it is down phones register and are called; what they change is written when it is
back.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from rustalk.store.database import Database, DatabaseDownError
from rustalk.store.registrations import Registrations, StoredBinding

from .bindings import Binding, FlowKey
from .locate import Locator

__all__ = ["Saved", "restored", "stored"]

log = Logger()

_SAME = tuple(field.name for field in fields(Binding) if field.name != "flow")


class Saved:
    """Keeps the bindings of ``locator`` in a database. ``locator.node`` names this process among its nodes."""

    def __init__(self, database: Database, clock: IReactorTime, locator: Locator) -> None:
        self._database = database
        self._locator = locator
        self._node = locator.node if database.dialect == "sqlite" else ""
        self._registrations = Registrations(database, clock, node=locator.node, changed=self._changed)
        self._has_loaded = False
        self._loading = False
        self._stopped = False
        self.heard = self._registrations.heard
        locator.saved = self._save
        database.watch(self._database_changed)

    def start(self) -> None:
        """Take up what was registered before; where the database cannot be asked, when it can."""
        if not (self._has_loaded or self._loading or self._stopped):
            self._loading = True
            Deferred.fromCoroutine(self._load()).addErrback(_log_not_loaded).addBoth(self._has_tried)

    def stop(self) -> Deferred[None]:
        """Write what waits to be written."""
        self._stopped = True
        return self._registrations.stop()

    async def _load(self) -> None:
        found = await self._registrations.load()
        seen = await self._registrations.last_seen()
        bindings = [restored(each, self._node) for bindings in found.values() for each in bindings]
        self._locator.restore(bindings, seen)
        self._has_loaded = True
        log.info("{count} registrations were taken up from the database", count=len(bindings))

    def _has_tried(self, result: object) -> None:
        self._loading = False

    def _database_changed(self, problem: str) -> None:
        if not problem:
            self.start()

    def _save(self, number: str, bindings: tuple[Binding, ...]) -> None:
        self._registrations.save(number, map(stored, bindings))

    def _changed(self, number: str, bindings: tuple[StoredBinding, ...]) -> None:
        self._locator.learn(number, [restored(each) for each in bindings])


def stored(binding: Binding) -> StoredBinding:
    """A binding as the database keeps it."""
    values: dict[str, Any] = {name: getattr(binding, name) for name in _SAME}
    return StoredBinding(**values, **binding.flow._asdict())


def restored(binding: StoredBinding, node: str = "") -> Binding:
    """A binding as it was, or at this ``node``: what one node alone has stored is its own, whatever it was called."""
    values: dict[str, Any] = {name: getattr(binding, name) for name in _SAME}
    values["node"] = node or binding.node
    return Binding(**values, flow=FlowKey(binding.profile, binding.transport, binding.host, binding.port))


def _log_not_loaded(failure: Failure) -> None:
    if not isinstance(failure.value, DatabaseDownError):
        log.failure("The registrations were not taken up from the database", failure)
