"""The nodes that share a database: who they are, where they take each other's calls, and which of them live.

Each node says every two seconds that it is there, and reads who else did. Who has not for seven seconds is dead, and
who stops takes leave. While the database is down, or stands still, nobody is declared dead: that nothing is heard
is not their fault.
"""

from __future__ import annotations

import math
import os
import re
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from rustalk.store.database import Database
from rustalk.store.owner import give
from rustalk.store.session import DatabaseDownError, Row, Session

__all__ = ["BEAT", "CHANNEL", "SILENCE", "Node", "Nodes", "node_id"]

log = Logger()

CHANNEL = "rustalk_nodes"
"""Where a node tells that it has come or goes; the payload is its id."""

BEAT = 2.0
"""Seconds between two signs of life."""
SILENCE = 7.0
"""After so many seconds without one a node is dead."""

_FILE = "node.id"
_ID = re.compile(r"[a-z0-9-]{1,40}-[0-9a-f]{8}")
_FORGOTTEN = 86400.0


@dataclass(frozen=True, slots=True)
class Node:
    """One process and where it takes calls for its phones. ``address`` '' : the one that the database sees it at.

    ``transport`` is UDP or TCP, '' for a node that takes no calls of others.
    """

    id: str
    address: str = ""
    port: int = 0
    transport: str = ""
    family: int = 4


@dataclass(frozen=True, slots=True)
class _Heard:
    """What was read of another node: its sign of life, when it gave it by our clock, and when it was last doubted."""

    seen_at: float
    at: float
    doubted: float = -math.inf

    def lives(self, now: float) -> bool:
        """Whether it has given a sign lately, and since it was doubted."""
        return now - self.at < SILENCE and self.at > self.doubted


def node_id(directory: Path) -> str:
    """The name of this node, the same at each start: the host's with something that no other has.

    Kept in a file of ``directory``, which is made when there is none or it holds no name. Raises OSError.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / _FILE
    if path.exists():
        known = path.read_text(encoding="ascii", errors="replace").strip()
        if _ID.fullmatch(known):
            return known
    host = re.sub(r"[^a-z0-9-]", "-", socket.gethostname().partition(".")[0].lower())[:40] or "node"
    made = f"{host}-{secrets.token_hex(4)}"
    draft = path.with_suffix(".new")
    with draft.open("w", encoding="ascii") as file:
        file.write(made + "\n")
        file.flush()
        os.fsync(file.fileno())
        give(file.fileno(), directory)
    draft.replace(path)
    return made


class Nodes:
    """The other nodes, as far as the database tells. ``key`` is a secret that all of them have, and nobody else."""

    def __init__(self, database: Database, clock: IReactorTime, *, id: str, key: bytes) -> None:
        self.own = Node(id)
        self.key = key
        self.alive: Mapping[str, Node] = {}
        self._database = database
        self._clock = clock
        self._heard: dict[str, _Heard] = {}
        self._addresses: frozenset[str] = frozenset()
        self._last: float | None = None
        self._was_down = False
        self._waiting: list[Deferred[None]] = []
        self._loop = LoopingCall(self.beat)
        self._loop.clock = clock

    @property
    def id(self) -> str:
        """The name of this node."""
        return self.own.id

    def find(self, id: str) -> Node | None:
        """A node that lives and takes calls; None for this one."""
        found = self.alive.get(id)
        return found if found is not None and found.address and found.transport else None

    def is_at(self, address: str) -> bool:
        """Whether a living node has this address."""
        return address in self._addresses

    def doubt(self, id: str, why: str) -> None:
        """A node has not taken a call: it is dead until its next sign of life."""
        known = self._heard.get(id)
        if known is not None and id in self.alive:
            self._heard[id] = replace(known, doubted=self._clock.seconds())
            self._live({each: node for each, node in self.alive.items() if each != id}, {id: why})

    def start(self, own: Node) -> None:
        """Begin to give signs of life; others call the phones of this node at ``own``."""
        self.own = replace(own, id=self.id)
        if not own.transport:
            log.warn("Other nodes cannot call the phones of this one: no SIP profile but that of Teams has UDP or TCP")
        self._loop.start(BEAT).addErrback(lambda reason: log.failure("The signs of life stopped", reason))

    def move(self, own: Node) -> None:
        """Be called elsewhere from now on."""
        if replace(own, id=self.id) != replace(self.own, id=self.id):
            self.own = replace(own, id=self.id)
            self.heard("")

    def heard(self, payload: str) -> None:
        """A node has come or gone, or nobody knows what was missed: look now."""
        if payload != self.id and self._loop.running:
            self.beat()

    def beat(self) -> Deferred[None]:
        """Say that we live, and read who else does; never fails."""
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        if len(self._waiting) == 1:
            Deferred.fromCoroutine(self._beat()).addErrback(self._not_beaten).addBoth(self._has_beaten)
        return waiter

    def stop(self) -> Deferred[None]:
        """Take leave of the others."""
        if not self._loop.running:
            return succeed(None)
        self._loop.stop()
        return Deferred.fromCoroutine(self._leave())

    async def _beat(self) -> None:
        own, last, began = self.own, self._last, self._clock.seconds()
        address, now, before, rows = await self._database.run(lambda session: _beaten(session, own, first=last is None))
        if last is not None and before is not None and before != last:
            log.error(
                "Another node calls itself {id}, too: stop one of them, remove {file} in its state directory and start "
                "it again",
                id=self.id,
                file=_FILE,
            )
        self._last = now
        if self._clock.seconds() - began > BEAT:  # it stood still, for the others too
            self._was_down = True
        if own is self.own:
            self._settle(own, address)
        self._take(rows, now)
        self._was_down = False

    def _settle(self, own: Node, address: str) -> None:
        if not address and own.transport:
            log.warn(
                "Other nodes cannot call the phones of this one: give the SIP profile an address instead of all, since "
                "the database sees this node at none of IPv{family}",
                family=own.family,
            )
        self.own = replace(own, address=address, transport=own.transport if address else "")

    def _take(self, rows: list[Row], now: float) -> None:
        """Who of these lives; ``now`` is by the clock of their signs of life."""
        here, alive, heard = self._clock.seconds(), dict[str, Node](), dict[str, _Heard]()
        for id, address, port, transport, seen_at in rows:
            known = self._heard.get(id) or _Heard(math.nan, 0.0)
            if self._was_down and id in self.alive:  # it could not be heard, either
                known = replace(known, seen_at=seen_at, at=here)
            elif known.seen_at != seen_at:
                known = replace(known, seen_at=seen_at, at=here - (now - seen_at))
            heard[id] = known
            if known.lives(here):
                alive[id] = Node(id, address, port, transport)
        self._heard = heard
        self._live(alive, dict.fromkeys(heard, "it is silent"))

    def _live(self, alive: Mapping[str, Node], why: Mapping[str, str]) -> None:
        """These live; ``why`` says why another does not, unless it took leave."""
        for id in alive.keys() - self.alive.keys():
            node = alive[id]
            log.info("Node {id} is there, at {address} port {port}", id=id, address=node.address, port=node.port)
        for id in self.alive.keys() - alive.keys():
            log.warn("Node {id} is gone: {why}", id=id, why=why.get(id, "it took leave"))
        self.alive = alive
        self._addresses = frozenset(each.address for each in alive.values() if each.address)

    def _not_beaten(self, failure: Failure) -> None:
        self._was_down = True
        if not isinstance(failure.value, DatabaseDownError):
            log.failure("No sign of life could be given", failure)

    def _has_beaten(self, result: object) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)

    async def _leave(self) -> None:
        if self._waiting:
            await self.beat()
        id = self.id
        try:
            await self._database.run(lambda session: _left(session, id))
        except DatabaseDownError:
            log.info("Took no leave of the other nodes: the database is down")


def _beaten(session: Session, own: Node, *, first: bool) -> tuple[str, float, float | None, list[Row]]:
    """Write our row; return our address, the time, our former sign of life and the rows of the others."""
    seen = None
    if session.dialect == "postgresql":
        now, seen = session.execute("SELECT extract(epoch FROM clock_timestamp())::float8, host(inet_client_addr())")[0]
    else:
        now = session.execute("SELECT (julianday('now') - 2440587.5) * 86400.0")[0][0]
    address = own.address or _usable(seen, own.family)
    before = session.execute("SELECT seen_at FROM nodes WHERE id = ?", (own.id,))
    session.execute(
        "INSERT INTO nodes (id, address, port, transport, seen_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE "
        "SET address = excluded.address, port = excluded.port, transport = excluded.transport, "
        "seen_at = excluded.seen_at",
        (own.id, address, own.port, own.transport if address else "", now),
    )
    session.execute("DELETE FROM nodes WHERE seen_at < ?", (now - _FORGOTTEN,))
    others = "SELECT id, address, port, transport, seen_at FROM nodes WHERE id <> ?"
    rows = session.execute(others, (own.id,))
    if first:
        session.notify(CHANNEL, own.id)
    return address, now, before[0][0] if before else None, rows


def _usable(seen: str | None, family: int) -> str:
    """The address that the database sees us at; one on the same machine sees none."""
    if seen is None:
        return "127.0.0.1" if family == 4 else "::1"
    return seen if ip_address(seen).version == family else ""


def _left(session: Session, id: str) -> None:
    session.execute("DELETE FROM nodes WHERE id = ?", (id,))
    session.notify(CHANNEL, id)
