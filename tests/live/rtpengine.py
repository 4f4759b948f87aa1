"""The real rtpengine as a child process, in userspace mode on loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

from rustalk.media.nodes import NodeAddress
from tests.live.running import until

__all__ = ["Rtpengine"]


class Rtpengine:
    """One daemon with its own NG port, loopback address and range of media ports; it can be killed and started again.

    ``host`` is where its NG protocol and its IPv4 media are; IPv6 media are at ::1.
    """

    def __init__(self, program: str, directory: Path, host: str, ports: tuple[int, int], *arguments: str) -> None:
        """Nothing runs yet. ``arguments`` are further ones for the command line."""
        directory.mkdir(parents=True)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind((host, 0))
            self.port = int(free.getsockname()[1])
        self.host = host
        self._log = directory / "log.txt"
        self._command = [
            program,
            "--config-file=none",
            "--foreground",
            "--log-stderr",
            "--table=-1",
            "--num-threads=1",  # more of them put the packets of a burst out of order
            f"--pidfile={directory / 'pid'}",
            f"--interface={host}",
            "--interface=::1",
            f"--listen-ng={host}:{self.port}",
            f"--port-min={ports[0]}",
            f"--port-max={ports[1]}",
            *arguments,
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """What it wrote."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def address(self, weight: int = 1) -> NodeAddress:
        """Where its NG protocol is spoken."""
        return NodeAddress(self.host, self.port, weight)

    def start(self) -> Rtpengine:
        """Start the process and wait until it answers a ping."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(self._answers, f"rtpengine to answer:\n{self.log}")
        return self

    def hang(self) -> None:
        """Stop it where it is; done when each of its threads stands still, which on a busy machine takes a while."""
        os.kill(self._pid, signal.SIGSTOP)
        tasks = Path(f"/proc/{self._pid}/task")
        until(lambda: all(_stands_still(task) for task in tasks.iterdir()), "rtpengine to stand still")

    def go_on(self) -> None:
        """Let it run again after ``hang``."""
        os.kill(self._pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, without a farewell."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def _pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"rtpengine ended:\n{self.log}"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(0.2)
            asking.connect((self.host, self.port))
            try:
                asking.send(b"1 d7:command4:pinge")
                return asking.recv(100) == b"1 d6:result4:ponge"
            except OSError:
                return False


def _stands_still(task: Path) -> bool:
    """Whether a thread is stopped by a signal (proc(5), stat: the state behind the name)."""
    return (task / "stat").read_text().rpartition(")")[2].split()[0] == "T"
