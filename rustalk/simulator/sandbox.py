"""A switch in a sandbox: its configuration for meeting the simulator on loopback, and its process."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IProcessTransport, IReactorProcess, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

import rustalk

from .pki import PkiFiles

__all__ = ["FQDN", "Ports", "SwitchProcess", "configuration", "free_ports", "settings"]

FQDN = "sbc.demo.example"
LINES_KEPT = 60
GRACE = 5.0


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of the switch in the sandbox, all on 127.0.0.1."""

    teams: int
    carrier: int
    api: int


def free_ports(address: str = "127.0.0.1") -> Ports:
    """Three ports that are free now: TCP for TLS and the API, UDP for the carrier."""
    kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_STREAM)
    sockets = [socket.socket(socket.AF_INET, kind) for kind in kinds]
    try:
        for one in sockets:
            one.bind((address, 0))
        teams, carrier, api = (int(one.getsockname()[1]) for one in sockets)
    finally:
        for one in sockets:
            one.close()
    return Ports(teams, carrier, api)


def configuration(
    directory: Path, files: PkiFiles, ports: Ports, hosts: dict[str, str], proxies: list[str], carrier: tuple[str, int]
) -> str:
    """The switch's configuration as JSON: one Teams profile, one carrier trunk, a route each way."""
    return json.dumps(settings(directory, files, ports, hosts, proxies, carrier), indent=2)


def settings(
    directory: Path,
    files: PkiFiles,
    ports: Ports,
    hosts: dict[str, str],
    proxies: list[str],
    carrier: tuple[str, int],
    fqdn: str = FQDN,
    address: str = "127.0.0.1",
) -> dict[str, Any]:
    """The same as sections; ``address`` is the switch's own for SIP and audio, the API stays on 127.0.0.1."""
    return {
        "server": {"state_directory": str(directory / "state"), "shutdown_timeout": 2},
        "sip": {"domain": fqdn},
        "sip_profiles": [
            {
                "id": "teams", "bind_address": address, "bind_port": ports.teams, "protocols": ["tls"],
                "domain": fqdn, "tls_cert": str(files.certificate), "tls_key": str(files.key),
                "tls_ca": str(files.teams_root), "require_client_cert": True,
            },
            {
                "id": "carrier", "bind_address": address, "bind_port": ports.carrier, "protocols": ["udp"],
                "domain": fqdn,
            },
        ],
        "teams": {
            "enabled": True, "sbc_fqdn": fqdn, "profile": "teams", "sip_proxies": proxies,
            "mtls_cert_path": str(files.certificate), "mtls_key_path": str(files.key),
            "ca_path": str(files.teams_root), "networks": ["127.0.0.0/8"],
        },
        "trunks": [
            {"id": "carrier", "host": carrier[0], "port": carrier[1], "protocol": "udp", "profile": "carrier"},
        ],
        "routing": {
            "routes": [
                {
                    "id": "help", "pattern": "^\\+?(112|911)$", "source": "teams", "emergency": True, "priority": 1,
                    "destination": {"type": "Trunk", "value": "carrier"},
                },
                {
                    "id": "to-teams", "pattern": "^\\+44\\d+$", "source": "carrier", "priority": 10,
                    "destination": {"type": "Trunk", "value": "teams"},
                },
                {
                    "id": "to-carrier", "pattern": "^\\+1\\d+$", "source": "teams", "priority": 20,
                    "destination": {"type": "Trunk", "value": "carrier"},
                },
            ]
        },
        "media": {"bind_address": address, "ports": [45000, 45999]},
        "dns": {"hosts": hosts},
        "api": {"bind_address": "127.0.0.1", "port": ports.api, "auth": "off"},
    }  # fmt: skip


class SwitchProcess(ProcessProtocol):
    """The switch as a child of this process. ``ended`` is its exit in words once it is over, '' before."""

    def __init__(self, clock: IReactorTime, show: Callable[[str], None] = lambda line: None) -> None:
        self.ended = ""
        self._clock = clock
        self._show = show
        self._rest = b""
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._over: Deferred[None] = Deferred()

    def start(self, reactor: IReactorProcess, config: Path) -> None:
        """Start ``rustalk start -c`` with this Python and this copy of the package."""
        root = str(Path(rustalk.__file__).parent.parent)
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(paths), PYTHONUNBUFFERED="1")
        arguments = [sys.executable, "-m", "rustalk", "start", "-c", str(config)]
        reactor.spawnProcess(self, sys.executable, arguments, environment, str(config.parent))

    @property
    def last_words(self) -> str:
        """The end of what the switch has printed."""
        return "\n".join(self._lines)

    async def stop(self) -> None:
        """Ask it to end, and kill it when it does not within a few seconds."""
        if self.transport is None or self.ended:
            return
        self._signal("TERM")
        killer = self._clock.callLater(GRACE, self._signal, "KILL")
        await self._over
        if killer.active():
            killer.cancel()

    def outReceived(self, data: bytes) -> None:
        self._take(data)

    def errReceived(self, data: bytes) -> None:
        self._take(data)

    def processEnded(self, reason: Failure) -> None:
        self.ended = reason.getErrorMessage()
        self._over.callback(None)

    def _take(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace")
            self._lines.append(text)
            self._show(text)

    def _signal(self, name: str) -> None:
        try:
            cast(IProcessTransport, self.transport).signalProcess(name)
        except ProcessExitedAlready:
            return
