"""A DNS server in a process of its own (Twisted's), so that it can be asked over the wire and can die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.live.layout import SWITCH, vacant
from tests.live.running import until

__all__ = ["NameServer", "address", "pointer", "service"]

TTL = 1

_ORIGIN = "example"
_SOA = f"SOA({_ORIGIN!r}, mname='ns.example', rname='hostmaster.example', serial=1, minimum={TTL})"


def address(name: str, ip: str) -> str:
    """An A record of the zone `example`."""
    return f"A({name!r}, {ip!r}, ttl={TTL})"


def service(name: str, priority: int, port: int, target: str) -> str:
    """An SRV record (RFC 2782)."""
    return f"SRV({name!r}, {priority}, 1, {port}, {target!r}, ttl={TTL})"


def pointer(name: str, service_field: str, replacement: str) -> str:
    """A NAPTR record as SIP uses it (RFC 3263 section 4.1)."""
    return f"NAPTR({name!r}, 10, 10, b's', {service_field.encode()!r}, b'', {replacement!r}, ttl={TTL})"


class NameServer:
    """Serves these records until it is killed; each may be remembered for a second."""

    def __init__(self, directory: Path, records: Sequence[str]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        zone = directory / "zone.py"
        zone.write_text("zone = [\n" + "".join(f"    {record},\n" for record in (_SOA, *records)) + "]\n")
        self._log = directory / "log.txt"
        self.place = f"{SWITCH}:{vacant(SWITCH)}"
        host, port = self.place.split(":")
        twistd = Path(sys.executable).with_name("twistd")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [twistd, "-n", "--pidfile=", "dns", "--interface", host, "--port", port, "--pyzone", zone],
                cwd=directory,
                env={**os.environ, "PYTHONPATH": ""},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until(lambda: f"DNSDatagramProtocol starting on {port}" in self.log, "the name server")

    @property
    def log(self) -> str:
        """What it wrote."""
        return self._log.read_text(errors="replace")

    def die(self) -> None:
        """Be gone at once."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
