"""The real switch: `twistd -n rustalk -c FILE` as a child process, with its log, its API and its sockets."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["ROOT", "Running", "udp_ports", "until"]

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0

_FAULTS = re.compile(r"Unhandled|Traceback| critical (?!RusTalk cannot start)")


def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """What the condition returns as soon as that is true. Fails, saying what was waited for, when it never is."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds:g} s in vain for {what}")


def udp_ports(pid: int) -> set[int]:
    """The UDP ports that a process has open now."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(os.readlink(descriptor).removeprefix("socket:[").removesuffix("]"))
        except FileNotFoundError:
            continue
    rows = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
    return {int(row[1].partition(":")[2], 16) for row in rows if row[9] in inodes}


class Running:
    """One switch and what it has written. ``settings`` None starts it without a configuration file.

    Everything that it writes lies in ``directory``, which is its home directory too. ``prefix`` is a command to run it
    under.
    """

    def __init__(self, directory: Path, settings: Mapping[str, Any] | None, prefix: Sequence[str] = ()) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.settings = settings or {}
        self._log = directory / "log.txt"
        self._command = [*prefix, str(Path(sys.executable).with_name("twistd")), "-n", "rustalk"]
        if settings is not None:
            file = directory / "rustalk.json"
            file.write_text(json.dumps({"server": {"state_directory": str(directory / "state")}, **settings}))
            self._command += ["-c", str(file)]
        self._process: subprocess.Popen[bytes] | None = None

    # Life.

    def launch(self) -> None:
        """Start the process, and wait for nothing."""
        environment = {**os.environ, "HOME": str(self.directory), "PYTHONPATH": str(ROOT)}
        environment.pop("RUSTALK_LOG_FORMAT", None)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self.directory, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def start(self) -> None:
        """Start the process and wait until it takes calls."""
        self.launch()
        until(lambda: self.ready or not self.alive, "the switch to be ready")
        assert self.alive, f"the switch did not start:\n{self.log}"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process, running or not."""
        assert self._process is not None
        return self._process

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self, seconds: float = PATIENCE) -> int:
        """The exit code, once the process has ended."""
        return self.process.wait(seconds)

    def stop(self) -> int:
        """End the process as a supervisor does; the exit code. One that does not obey is killed: exit code -9."""
        if self.alive:
            self.signal(signal.SIGTERM)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.wait()

    # What it says.

    @property
    def log(self) -> str:
        """All that was written to standard output and standard error, by each start of this switch."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    @property
    def faults(self) -> list[str]:
        """The lines of the log that tell of a fault of ours."""
        return [line for line in self.log.splitlines() if _FAULTS.search(line)]

    def get(self, path: str) -> Any:
        """The answer of the API, whatever its status. Raises OSError while nobody listens."""
        address = f"http://127.0.0.1:{self.settings['api']['port']}{path}"
        try:
            with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    @property
    def ready(self) -> bool:
        """Whether the switch says that it takes calls."""
        try:
            return bool(self.get("/ready")["ready"])
        except OSError:
            return False

    @property
    def stats(self) -> dict[str, Any]:
        """The figures since the start."""
        figures: dict[str, Any] = self.get("/api/v1/stats")
        return figures

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The calls, newest first."""
        calls: list[dict[str, Any]] = self.get("/api/v1/calls")["calls"]
        return calls

    # What it holds.

    @property
    def port(self) -> int:
        """The port of the first SIP profile."""
        return int(self.settings["sip_profiles"][0]["bind_port"])

    @property
    def udp_ports(self) -> set[int]:
        """The UDP ports that the process has open now, those of SIP and those of media."""
        return udp_ports(self.process.pid)

    @property
    def media_ports(self) -> set[int]:
        """The UDP ports that calls hold now."""
        return self.udp_ports - {profile["bind_port"] for profile in self.settings["sip_profiles"]}

    @property
    def memory(self) -> int:
        """Resident bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024
