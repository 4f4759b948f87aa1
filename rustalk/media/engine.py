"""Which engine carries the media: this process, the kernel for what it can carry, or rtpengine on other machines."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any, Protocol, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorFDSet, IReactorTime, IReactorUDP
from zope.interface import implementer

from rustalk.config.model import Media
from rustalk.interfaces import IMediaRelay, IMediaStream

from .kernel import open_kernel
from .nodes import NodeAddress
from .ports import PortPool
from .relay import Relay
from .rtpengine import RtpengineRelay

__all__ = ["Engine", "build_engine"]


class Engine(Protocol):
    """A relay with a life: ``start`` before the first call, ``stop`` after the last one."""

    @property
    def streams(self) -> int:
        """How many streams are open."""

    def start(self) -> Deferred[None]:
        """Take what is needed from the system, or look for other machines."""

    def stop(self) -> Deferred[None]:
        """Give everything back."""

    def open(self, families: tuple[int, int], *, treated: bool = False) -> Deferred[IMediaStream]:
        """As IMediaRelay says."""


@implementer(IMediaRelay)
class _Local:
    """This process, alone or with the kernel."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    @property
    def streams(self) -> int:
        return self._relay.streams

    def start(self) -> Deferred[None]:
        return succeed(None)

    def stop(self) -> Deferred[None]:
        self._relay.close()
        return succeed(None)

    def open(self, families: tuple[int, int], *, treated: bool = False) -> Deferred[IMediaStream]:
        return self._relay.open(families, treated=treated)


@implementer(IMediaRelay)
class _Distant:
    """rtpengine, with this process for what it cannot do."""

    def __init__(self, distant: RtpengineRelay, local: Relay) -> None:
        self._distant = distant
        self._local = local

    @property
    def streams(self) -> int:
        return self._distant.streams + self._local.streams

    def start(self) -> Deferred[None]:
        return self._distant.start()

    def stop(self) -> Deferred[None]:
        return self._distant.stop().addBoth(lambda _: self._local.close())

    def open(self, families: tuple[int, int], *, treated: bool = False) -> Deferred[IMediaStream]:
        return self._distant.open(families, treated=treated)


def build_engine(media: Media, reactor: Any, state: Path) -> Engine:
    """The engine that the configuration asks for. ``state`` is the directory of what is written at run time."""
    clock = cast("IReactorTime", reactor)
    relay = Relay(
        cast("IReactorFDSet", reactor),
        PortPool(*media.ports),
        clock=clock,
        bind_addresses=media.bound,
        advertised_addresses=media.advertised,
        latching=media.latching,
        timeout=media.timeout or None,
        one_way_after=media.one_way_after or None,
        offload=open_kernel(media.bound, clock) if media.relay == "kernel" else None,
    )
    if media.relay != "rtpengine":
        return _Local(relay)
    distant = RtpengineRelay(
        cast("IReactorUDP", reactor),
        [NodeAddress(node.host, node.port, node.weight) for node in media.rtpengine],
        clock=clock,
        resolve=reactor.resolve,
        userspace=relay,
        instance=_instance(state),
        latching=media.latching,
        timeout=media.timeout or None,
        one_way_after=media.one_way_after or None,
    )
    return _Distant(distant, relay)


def _instance(state: Path) -> str:
    """The name of this switch at rtpengine, the same after a restart, so that what a killed one left can be deleted."""
    file = state.expanduser() / "instance"
    try:
        return file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        name = secrets.token_hex(8)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{name}\n", encoding="ascii")
        return name
