"""The rtpengine nodes: which of them answer, and which one the next stream goes to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime, IReactorUDP
from twisted.logger import Logger
from twisted.python.failure import Failure

from rustalk.media.ng import NgClient, NgSilentError

__all__ = ["GONE_AFTER", "PING_INTERVAL", "Node", "NodeAddress", "Nodes", "Resolve"]

Resolve: TypeAlias = Callable[[str], Deferred[str]]
"""Gives an IP address for a host name, and an IP address as it is: ``resolve`` of the reactor."""

PING_INTERVAL = 2.0
"""Seconds between an answer to a ping, or its absence, and the next ping."""

GONE_AFTER = 300.0
"""Seconds of silence after which a node, and what it carries, counts as gone.

It is long because a node that cannot be reached may well go on to carry the calls that it has.
"""


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """Where the NG protocol of a node is spoken: a host name or an IP address, and a port.

    A node of weight 2 gets two streams where one of weight 1 gets one.
    """

    host: str
    port: int
    weight: int = 1


class Node:
    """One node: it is up from its first answer to a ping until it falls silent, and again from the next answer on."""

    _log = Logger()

    def __init__(self, address: NodeAddress, clock: IReactorTime) -> None:
        """Raises ValueError where the weight is less than 1."""
        if address.weight < 1:
            raise ValueError(f"media.rtpengine weight {address.weight} of {address.host} is not a positive number")
        self.address = address
        self.up = False
        self.streams = 0
        self.on_up: Callable[[Node], None] = _ignore
        self._clock = clock
        self._silent_since: float | None = None
        self._said_silent = False
        self._pinging: IDelayedCall | None = None
        self._stopped = False
        self.client = NgClient(clock, on_silent=self._fell_silent)

    def __str__(self) -> str:
        """As the log names it."""
        host = self.address.host
        return f"[{host}]:{self.address.port}" if ":" in host else f"{host}:{self.address.port}"

    @property
    def load(self) -> float:
        """Streams for each unit of weight, with one more."""
        return (self.streams + 1) / self.address.weight

    @property
    def gone(self) -> bool:
        """Whether it has been silent for so long that it will hardly come back with its calls."""
        since = self._silent_since
        return since is not None and self._clock.seconds() - since >= GONE_AFTER

    def ping(self, reactor: IReactorUDP, resolve: Resolve) -> Deferred[None]:
        """Ask whether it is there, now and every PING_INTERVAL; fires when that is known for the first time.

        A host name is looked up until that succeeds once.
        """
        self._pinging = None
        asked = Deferred.fromCoroutine(self._ping(reactor, resolve))
        return asked.addErrback(self._unanswered).addBoth(lambda _: self._ping_later(reactor, resolve))

    async def _ping(self, reactor: IReactorUDP, resolve: Resolve) -> None:
        if not self.client.listening:
            host = await resolve(self.address.host)
            if self._stopped:
                return
            self.client.listen(reactor, host, self.address.port)
        await self.client.request("ping")
        self._answered()

    def stop(self) -> Deferred[None] | None:
        """Ask no more and close the socket."""
        self._stopped = True
        self.up = False
        if self._pinging is not None:
            self._pinging.cancel()
            self._pinging = None
        return self.client.close()

    def _ping_later(self, reactor: IReactorUDP, resolve: Resolve) -> None:
        if not self._stopped:
            self._pinging = self._clock.callLater(PING_INTERVAL, self.ping, reactor, resolve)

    def _answered(self) -> None:
        if self.up or self._stopped:
            return
        self.up, self._said_silent, self._silent_since = True, False, None
        self._log.info("Media node {node} answers", node=str(self))
        self.on_up(self)

    def _unanswered(self, failure: Failure) -> None:
        """Silence was reported by ``_fell_silent`` already; who refuses pings or has no address is no better."""
        if not isinstance(failure.value, NgSilentError):
            self._fell_silent(failure.getErrorMessage())

    def _fell_silent(self, reason: str) -> None:
        self.up = False
        if self._said_silent or self._stopped:
            return
        self._said_silent, self._silent_since = True, self._clock.seconds()
        self._log.warn(
            "Media node {node} does not answer: {reason}. Its {streams} streams go on if it still runs; new ones go"
            " elsewhere. Check that rtpengine runs there with --listen-ng={node}, and the firewall between",
            node=str(self),
            reason=reason,
            streams=self.streams,
        )


class Nodes:
    """All nodes. One that does not answer is passed over until it does."""

    def __init__(self, addresses: Sequence[NodeAddress], clock: IReactorTime) -> None:
        """Raises ValueError where there is none, or one that cannot be used."""
        if not addresses:
            raise ValueError("media.relay is rtpengine, but media.rtpengine names no node")
        self.all = tuple(Node(address, clock) for address in addresses)

    def start(self, reactor: IReactorUDP, resolve: Resolve) -> Deferred[list[None]]:
        """Begin to ping; fires when it is known of each node whether it answers."""
        return gatherResults([node.ping(reactor, resolve) for node in self.all])

    def stop(self) -> Deferred[list[None]]:
        """Close all sockets."""
        return gatherResults([node.stop() or succeed(None) for node in self.all])

    def in_turn(self) -> list[Node]:
        """The nodes that answer, the one to be taken first in front: that with the fewest streams for its weight."""
        return sorted((node for node in self.all if node.up), key=lambda node: node.load)


def _ignore(node: Node) -> None:
    """Nobody asked to be told."""
