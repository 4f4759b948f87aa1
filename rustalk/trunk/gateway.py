"""One host of a trunk: how to reach it, how it is, and an INVITE for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from rustalk.interfaces import IFlow
from rustalk.media.session import MediaSide
from rustalk.sip.message import Request
from rustalk.sip.uri import Uri, format_host
from rustalk.ua.outgoing import Invitation
from rustalk.ua.route import Path, Routed, Router
from rustalk.ua.subject import Subject

from .health import Health, State
from .limit import Limit

__all__ = ["Gateway", "Network"]

log = Logger()


class Network(Protocol):
    """The trunk that a gateway belongs to."""

    id: str
    router: Router
    media: MediaSide
    limit: Limit

    def invitation(self, gateway: Gateway, subject: Subject, body: bytes, flow: IFlow) -> Invitation:
        """The INVITE in the trunk's own manner."""

    def options(self, gateway: Gateway, flow: IFlow, call_id: str, tag: str) -> Request:
        """The OPTIONS in the trunk's own manner."""

    def moves_on(self, status: int, progressed: bool) -> bool:
        """Whether another gateway is tried after this outcome."""

    def is_usable(self, status: int) -> bool:
        """Whether a gateway that answers OPTIONS with this status takes calls."""


def _nobody(gateway: Gateway, before: State) -> None:
    """Nobody but the log is told."""


class Gateway:
    """One host. ``port`` 0 leaves it to DNS (RFC 3263). ``told`` hears of its health, with the state that it was in."""

    within: float | None = None

    __slots__ = ("_uri", "health", "host", "network", "port", "priority", "protocol", "told", "weight")

    def __init__(
        self,
        network: Network,
        host: str,
        port: int,
        protocol: str,
        clock: IReactorTime,
        *,
        priority: int = 0,
        weight: int = 1,
    ) -> None:
        self.network = network
        self.host = host
        self.port = port
        self.protocol = protocol
        self.priority = priority
        self.weight = weight
        self._uri = Uri("sip", None, host, port or None, (("transport", protocol.lower()),))
        self.health = Health(clock.seconds, self._health_changed)
        self.told: Callable[[Gateway, State], None] = _nobody

    @property
    def trunk(self) -> str:
        """The id of its trunk."""
        return self.network.id

    @property
    def media(self) -> MediaSide:
        """How the media of its trunk are treated."""
        return self.network.media

    @property
    def limit(self) -> Limit:
        """How many calls its trunk takes."""
        return self.network.limit

    @property
    def authority(self) -> str:
        """Host and port as they stand in a URI."""
        host = format_host(self.host)
        return f"{host}:{self.port}" if self.port else host

    def reach(self) -> Deferred[IFlow]:
        """A flow to it; its name is resolved each time, since Teams moves (NET-04)."""
        flow = self.network.router.known(self._uri, None)
        return self.network.router.find(self._uri) if flow is None else succeed(flow)

    def path(self, flow: IFlow) -> Path:
        """Where later requests of a dialog made here go (FO-10)."""
        return Routed(self.network.router, flow)

    def invite(self, subject: Subject, body: bytes, flow: IFlow) -> Invitation:
        """The INVITE in the trunk's own manner."""
        return self.network.invitation(self, subject, body, flow)

    def moves_on(self, status: int, progressed: bool) -> bool:
        """Whether another gateway is tried after this outcome."""
        return self.network.moves_on(status, progressed)

    def worked(self) -> None:
        """A call got an answer here."""
        self.health.answered("a call was answered")

    def failed(self, why: str) -> None:
        """A call got none here."""
        self.health.failed(why)

    def _health_changed(self, before: State, after: State, why: str) -> None:
        report = log.warn if after in (State.SUSPECT, State.DOWN) else log.info
        report(
            "Gateway {gateway} of trunk {trunk} is {after}, was {before}: {why}",
            gateway=self.authority,
            trunk=self.trunk,
            after=str(after),
            before=str(before),
            why=why,
        )
        self.told(self, before)
