"""The UDP ports of media: an even one for RTP and the odd one above it for RTCP, leased as a pair and given back."""

from __future__ import annotations

import errno
import socket
from collections import deque
from dataclasses import dataclass
from secrets import SystemRandom

__all__ = ["NoFilesError", "NoPorts", "NoPortsError", "PortPair", "PortPool", "open_pair"]

ATTEMPTS = 32
"""How many pairs are tried, when other programs hold their ports, before giving up."""

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


class NoPortsError(Exception):
    """No port pair can be had: the range is used up, or the system refuses sockets. The message names the setting."""


class NoFilesError(NoPortsError):
    """The process may open no more files, and a media socket is one."""


NoPorts = NoPortsError


class PortPool:
    """The even ports from ``low`` to ``high`` whose odd neighbour is in the range too. Every step takes constant time.

    The first round is in random order; after that the port that was given back longest ago comes next, so that late
    packets of a call do not fall into the next one.
    """

    __slots__ = ("_free", "_leased", "high", "low")

    def __init__(self, low: int, high: int) -> None:
        """Raises ValueError when the range holds no pair."""
        ports = list(range(low + low % 2, high, 2))
        if not ports or low < 1 or high > 65535:
            raise ValueError(f"media.ports [{low}, {high}] holds no even port with an odd one above it, 1 to 65535")
        SystemRandom().shuffle(ports)
        self.low, self.high = low, high
        self._free = deque(ports)
        self._leased: set[int] = set()

    @property
    def free(self) -> int:
        """How many pairs are left."""
        return len(self._free)

    @property
    def leased(self) -> int:
        """How many pairs are out."""
        return len(self._leased)

    def lease(self) -> int:
        """Take a pair and return its even port. Raises NoPortsError."""
        if not self._free:
            raise NoPortsError(
                f"all {self.leased} port pairs from {self.low} to {self.high} are in use; widen media.ports"
            )
        port = self._free.popleft()
        self._leased.add(port)
        return port

    def release(self, port: int) -> None:
        """Give a pair back. Raises KeyError for a port that is not out: our own mistake."""
        self._leased.remove(port)
        self._free.append(port)


@dataclass(frozen=True, slots=True)
class PortPair:
    """Two bound sockets that do not block, and the port of the first."""

    port: int
    rtp: socket.socket
    rtcp: socket.socket

    def close(self, pool: PortPool) -> None:
        """Close the sockets and give the ports back."""
        self.rtp.close()
        self.rtcp.close()
        pool.release(self.port)


def open_pair(pool: PortPool, family: int, address: str) -> PortPair:
    """Lease a pair and bind it on ``address`` of IP version ``family``, passing over ports another program holds.

    Raises NoPortsError, and nothing stays leased or open then.
    """
    attempts = min(ATTEMPTS, pool.free) or 1
    for _ in range(attempts):
        port = pool.lease()
        try:
            return PortPair(port, *_bind_both(family, address, port))
        except OSError as error:
            pool.release(port)
            if error.errno != errno.EADDRINUSE:
                raise _refused(error, address, port) from error
    raise NoPortsError(f"other programs hold all of the {attempts} port pairs tried on {address}; move media.ports")


def _bind_both(family: int, address: str, port: int) -> tuple[socket.socket, socket.socket]:
    rtp = _bind(family, address, port)
    try:
        return rtp, _bind(family, address, port + 1)
    except OSError:
        rtp.close()
        raise


def _bind(family: int, address: str, port: int) -> socket.socket:
    opened = socket.socket(_FAMILIES[family], socket.SOCK_DGRAM)
    try:
        if family == 6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.setblocking(False)
        opened.bind((address, port))
    except OSError:
        opened.close()
        raise
    return opened


def _refused(error: OSError, address: str, port: int) -> NoPortsError:
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return NoFilesError(
            "no file descriptor is left for a media socket; raise the open file limit (LimitNOFILE, ulimit -n)"
        )
    return NoPortsError(f"cannot bind {address} port {port} for media: {error.strerror}; check media.bind_address")
