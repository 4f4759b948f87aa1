"""Ports that nobody uses, and that the system gives to nobody meanwhile."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from random import SystemRandom

__all__ = ["is_vacant", "vacant"]

_KINDS = (socket.SOCK_STREAM, socket.SOCK_DGRAM)
_PROCESS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PROCESSES = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def vacant(*addresses: str) -> int:
    """A port that is free on all these addresses of IPv4, for UDP as well as for TCP.

    It lies above those that the system chooses by itself: the connections of other tests cannot take it before it is
    opened. Processes that share the tests choose among different ones.
    """
    last = int(_RANGE.read_text(encoding="ascii").split()[1])
    candidates = list(range(last + 1 + _PROCESS, 65536, _PROCESSES))
    SystemRandom().shuffle(candidates)
    for port in candidates:
        if all(is_vacant(address, port, kind) for address in addresses for kind in _KINDS):
            return port
    raise OSError(f"no port above {last} is free on {', '.join(addresses)}; see {_RANGE}")


def is_vacant(address: str, port: int, kind: int) -> bool:
    """Whether this port is free for sockets of this ``kind``, SOCK_STREAM or SOCK_DGRAM."""
    with socket.socket(type=kind) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
