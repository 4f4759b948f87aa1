"""The real switch with the scene of the catalogue around it, for tests."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor as _reactor
from twisted.internet.defer import maybeDeferred
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogPublisher

from rustalk.app import Rustalk, build
from rustalk.config.load import load
from rustalk.simulator.catalogue.scene import Scene
from rustalk.simulator.catalogue.site import ROLES, Site
from rustalk.simulator.pki import Pki
from rustalk.simulator.sandbox import FQDN, free_ports
from tests.live.meeting import Timeline

__all__ = ["Stand"]

reactor: Any = _reactor

ADDRESSES = {role.id: (f"127.0.0.{9 + number}", 0) for number, role in enumerate(ROLES)}


class Stand:
    """The switch and the scene around it, on a clock that moves on as the reactor turns.

    ``teams`` are settings of the section teams that differ from those of the catalogue.
    """

    def __init__(self, directory: Path, *, bypass: bool = True, **teams: Any) -> None:
        self.directory = directory
        self.teams = teams
        self._previous = signal.getsignal(signal.SIGHUP)
        self.timeline = Timeline()
        self.site = Site(ports=free_ports(), bypass=bypass)
        self.pki = Pki.make([FQDN, f"*.{FQDN}"], key_type="ec")
        self.scene = Scene(reactor, self.site, self.pki, carriers=ADDRESSES, clock=cast(Any, self.timeline))
        self.switch: Rustalk | None = None
        self.faults: list[str] = []

    def _observe(self, event: LogEvent) -> None:
        """Keep what the switch logs of faults of its own."""
        if "log_failure" in event:
            self.faults.append(f"{formatEvent(event)}: {event['log_failure'].getTraceback()}")
        elif event.get("log_level") is LogLevel.critical:
            self.faults.append(formatEvent(event))

    async def open(self) -> None:
        """Start everything, and wait until both sides believe in each other."""
        globalLogPublisher.addObserver(cast(ILogObserver, self._observe))
        self.timeline.start()
        await self.scene.open()
        files = self.pki.write(self.directory)
        site = replace(self.site, carriers=self.scene.places)
        text = site.configuration(self.directory, files, self.scene.teams.hosts, self.scene.teams.sip_proxies)
        settings = json.loads(text)
        settings["api"] = {"enabled": False}
        settings["teams"] |= self.teams
        settings["dns"]["servers"] = ["127.0.0.1:9"]
        self.switch = cast(Rustalk, build(load(json.dumps(settings)), self.timeline))
        self.switch.startService()
        await self.scene.healthy(20.0)

    async def close(self) -> None:
        """Stop everything."""
        if self.switch is not None:
            await maybeDeferred(self.switch.stopService)
        await self.scene.close()
        self.timeline.stop()
        globalLogPublisher.removeObserver(cast(ILogObserver, self._observe))
        signal.signal(signal.SIGHUP, self._previous)
