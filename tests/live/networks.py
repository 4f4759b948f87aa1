"""Three hosts in one process: network namespaces of a caller, of the switch in the middle, and of a callee.

A socket belongs to the namespace in which it was made, so one process can hold sockets of all three. They are gone
with the process.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["CALLEE", "CALLER", "SWITCH", "Network", "Wired", "root_only", "wired"]

root_only = pytest.mark.skipif(
    os.geteuid() != 0 and not os.environ.get("CI"),
    reason="only root makes network namespaces as this test does; with CI set it runs all the same",
)

CALLER = {4: "192.0.2.2", 6: "2001:db8:a::2"}
CALLEE = {4: "198.51.100.2", 6: "2001:db8:b::2"}
SWITCH = {4: "203.0.113.1", 6: "2001:db8:c::1"}

_NEW_NETWORK = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)
_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"

_SWITCH = """
ip link set lo up
ip addr add 203.0.113.1/32 dev lo && ip addr add 2001:db8:c::1/128 dev lo
ip link add caller address 02:00:00:00:01:01 type veth peer name net address 02:00:00:00:01:02 netns {caller}
ip link add callee address 02:00:00:00:02:01 type veth peer name net address 02:00:00:00:02:02 netns {callee}
ip addr add 192.0.2.1/24 dev caller && ip addr add 198.51.100.1/24 dev callee
ip addr add 2001:db8:a::1/64 dev caller nodad && ip addr add 2001:db8:b::1/64 dev callee nodad
ip link set caller up && ip link set callee up
ip neigh add 192.0.2.2 dev caller lladdr 02:00:00:00:01:02
ip neigh add 198.51.100.2 dev callee lladdr 02:00:00:00:02:02
ip neigh add 2001:db8:a::2 dev caller lladdr 02:00:00:00:01:02
ip neigh add 2001:db8:b::2 dev callee lladdr 02:00:00:00:02:02
"""
_PEER = """
ip link set lo up && ip link set net up
ip addr add {v4}/24 dev net && ip addr add {v6}/64 dev net nodad
ip neigh add {gateway4} dev net lladdr {switch} && ip neigh add {gateway6} dev net lladdr {switch}
ip route add default via {gateway4} && ip -6 route add default via {gateway6}
"""


class Network:
    """One namespace; in a ``with`` block the process makes its sockets, and starts its children, in there."""

    def __init__(self) -> None:
        """Make it, with nothing in it. Raises OSError for who may not."""
        outside = _here()
        _check(_LIBC.unshare(_NEW_NETWORK))
        self._descriptor = _here()
        _check(_LIBC.setns(outside, _NEW_NETWORK))
        os.close(outside)

    @property
    def path(self) -> str:
        """A name of it for ip(8)."""
        return f"/proc/{os.getpid()}/fd/{self._descriptor}"

    def __enter__(self) -> Network:
        self._outside = _here()
        _check(_LIBC.setns(self._descriptor, _NEW_NETWORK))
        return self

    def __exit__(self, *_: object) -> None:
        _check(_LIBC.setns(self._outside, _NEW_NETWORK))
        os.close(self._outside)

    def run(self, script: str) -> str:
        """Run shell commands inside; what they print. Fails with the first that fails."""
        with self:
            command = ["sh", "-ec", script]
            done = subprocess.run(command, capture_output=True, text=True, timeout=30, env={"PATH": _PATH})
        assert done.returncode == 0, f"{script.strip()}: {done.stderr}"
        return done.stdout

    def forward(self, on: bool) -> None:
        """Let it forward packets, or not."""
        with self:
            for family in (4, 6):
                Path(f"/proc/sys/net/ipv{family}/conf/all/forwarding").write_text(str(int(on)))

    def close(self) -> None:
        """Let go of it."""
        os.close(self._descriptor)


@dataclass(frozen=True, slots=True)
class Wired:
    """The three networks; the switch has a wire to each of the others, which reach each other through it only."""

    caller: Network
    switch: Network
    callee: Network


@contextmanager
def wired() -> Iterator[Wired]:
    """Make the three and let the one in the middle forward."""
    caller, switch, callee = networks = Network(), Network(), Network()
    try:
        switch.run(_SWITCH.format(caller=caller.path, callee=callee.path))
        caller.run(_peer(CALLER, "192.0.2.1", "2001:db8:a::1", "02:00:00:00:01:01"))
        callee.run(_peer(CALLEE, "198.51.100.1", "2001:db8:b::1", "02:00:00:00:02:01"))
        switch.forward(True)
        yield Wired(caller, switch, callee)
    finally:
        for network in networks:
            network.close()


def _peer(address: dict[int, str], gateway4: str, gateway6: str, switch: str) -> str:
    return _PEER.format(v4=address[4], v6=address[6], gateway4=gateway4, gateway6=gateway6, switch=switch)


def _here() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _check(result: int) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, f"no network namespace: {os.strerror(code)}")
