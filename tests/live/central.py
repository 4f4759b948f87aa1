"""The whole switch with one media engine, and around it the peers of the call catalogue; time is that of the wall.

On loopback, or in three networks of their own: Teams in one, the carriers in another, the switch between them.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor as _reactor
from twisted.internet.defer import maybeDeferred
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogPublisher

from rustalk.app import Rustalk, build
from rustalk.config.load import load
from rustalk.simulator.call import Call
from rustalk.simulator.catalogue.play import play
from rustalk.simulator.catalogue.scene import Scene
from rustalk.simulator.catalogue.site import ROLES, Site
from rustalk.simulator.catalogue.story import STORIES
from rustalk.simulator.pki import Pki
from rustalk.simulator.sandbox import FQDN, free_ports
from rustalk.simulator.teams import Addresses
from tests.live.networks import CALLEE, CALLER, SWITCH, Network, Wired

__all__ = ["LOOPBACK", "Central", "Place", "apart"]

reactor: Any = _reactor

PING_WITHIN = 15.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where everybody lives: ``network`` opens the sockets of the peers, Teams speaks from ``teams_network``."""

    switch: str
    teams: Addresses
    carriers: Mapping[str, tuple[str, int]]
    teams_network: str
    network: Any = reactor


def _in_a_row(prefix: str, first: int) -> dict[str, tuple[str, int]]:
    return {role.id: (f"{prefix}.{first + number}", 0) for number, role in enumerate(ROLES)}


LOOPBACK = Place("127.0.0.1", Addresses(), _in_a_row("127.0.0", 9), "127.0.0.0/8")


class _Apart:
    """Twisted's reactor, which makes each socket in the network that has its address."""

    def __init__(self, networks: Mapping[str, Network]) -> None:
        """``networks`` by the first three numbers of their addresses."""
        self._networks = networks

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)

    def _of(self, address: str) -> Network:
        return self._networks[address.rpartition(".")[0]]

    def listenUDP(self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192) -> Any:
        """Part of IReactorUDP."""
        with self._of(interface):
            return reactor.listenUDP(port, protocol, interface, maxPacketSize)

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """Part of IReactorTCP."""
        with self._of(interface):
            return reactor.listenTCP(port, factory, backlog, interface)

    def connectTCP(self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: Any = None) -> Any:
        """Part of IReactorTCP."""
        with self._of(bindAddress[0]):
            return reactor.connectTCP(host, port, factory, timeout, bindAddress)


def apart(networks: Wired) -> Place:
    """Teams where the callers are, the carriers where the callees are. More addresses are given to both."""
    teams, carriers = CALLER[4].rpartition(".")[0], CALLEE[4].rpartition(".")[0]
    for network, prefix in ((networks.caller, teams), (networks.callee, carriers)):
        network.run("\n".join(f"ip addr add {prefix}.{number}/24 dev net" for number in range(10, 20)))
    return Place(
        SWITCH[4],
        Addresses(
            proxies=(f"{teams}.10", f"{teams}.11", f"{teams}.12"),
            in_dialog=(CALLER[4], 0),
            trap=(f"{teams}.14", 0),
            unlisted=f"{teams}.15",
        ),
        _in_a_row(carriers, 10),
        f"{teams}.0/24",
        _Apart({teams: networks.caller, carriers: networks.callee}),
    )


@dataclass(slots=True)
class _Log:
    """What the switch logs: ``warnings`` and worse as sentences, ``faults`` those that tell of a fault of ours."""

    warnings: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __call__(self, event: LogEvent) -> None:
        if event.get("log_level") in (LogLevel.warn, LogLevel.error):
            self.warnings.append(formatEvent(event))
        if "log_failure" in event:
            self.faults.append(f"{formatEvent(event)}: {event['log_failure'].getTraceback()}")
        elif event.get("log_level") is LogLevel.critical:
            self.faults.append(formatEvent(event))


class Central:
    """The switch and the scene around it. ``media`` are the settings of its media section, bar address and ports."""

    def __init__(self, directory: Path, media: Mapping[str, Any], place: Place = LOOPBACK) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.log = _Log()
        self._place = place
        self._media = media
        self._site = Site(
            address=place.switch, inside=place.switch, ports=free_ports(place.switch), carriers={}, bypass=False
        )
        self._pki = Pki.make([FQDN, f"*.{FQDN}"], key_type="ec")
        self.scene = Scene(place.network, self._site, self._pki, addresses=place.teams, carriers=place.carriers)
        self._switch: Rustalk | None = None
        self._previous: Any = signal.getsignal(signal.SIGHUP)

    @property
    def switch(self) -> Rustalk:
        """The switch, once it is open."""
        assert self._switch is not None
        return self._switch

    async def open(self) -> None:
        """Start everything in this process, and wait until both sides believe in each other."""
        globalLogPublisher.addObserver(cast(ILogObserver, self.log))
        settings = await self.open_peers()
        self._switch = cast(Rustalk, build(load(json.dumps(settings)), reactor))
        self._switch.startService()
        await self.ready()

    async def open_peers(self) -> dict[str, Any]:
        """Start the peers alone; the configuration of a switch between them."""
        await self.scene.open()
        files = self._pki.write(self.directory)
        site, teams = replace(self._site, carriers=self.scene.places), self.scene.teams
        settings: dict[str, Any] = json.loads(site.configuration(self.directory, files, teams.hosts, teams.sip_proxies))
        settings["api"] = {"enabled": False}
        settings["dns"]["servers"] = ["127.0.0.1:9"]
        settings["teams"]["networks"] = [self._place.teams_network]
        settings["media"] |= self._media
        return settings

    async def ready(self) -> None:
        """Wait for OPTIONS with all proxies, and begin."""
        await self.scene.healthy(PING_WITHIN)
        self.scene.begin()

    async def close(self) -> None:
        """Hang up what is left and stop everything; of the calls nothing may be left, and nobody may complain."""
        try:
            await self.scene.end()
            if self._switch is not None:
                await self.scene.until(lambda: not len(self.switch.calls), "the end of every call")
                assert self.switch.engine.streams == 0
        finally:
            if self._switch is not None:
                await maybeDeferred(self._switch.stopService)
                globalLogPublisher.removeObserver(cast(ILogObserver, self.log))
                signal.signal(signal.SIGHUP, self._previous)
            await self.scene.close()
        assert self.log.faults == []

    async def tell(self, story: str) -> None:
        """Play a story of the catalogue to its end."""
        verdict = await play(self.scene, STORIES[story])
        assert verdict.cause == "", verdict.line

    async def hang_up(self, *calls: Call) -> None:
        """End calls, and wait until the switch has none."""
        for call in calls:
            assert await call.hang_up() == 200
        await self.scene.until(lambda: not len(self.switch.calls), "the end of every call")
