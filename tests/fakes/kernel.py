"""A relay whose plain streams the kernel engine carries, as soon as both peers are known, with a table in memory."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Any, cast

from twisted.internet.interfaces import IReactorTime

from rustalk.media.kernel import Kernel
from rustalk.media.offload import Route
from rustalk.media.ports import PortPool
from tests.fakes.relay import MemoryStream
from tests.media.test_kernel import MemoryTable

__all__ = ["CarriedStream", "memory_kernel"]

_ROUTE = struct.Struct("=8BI")
_UNICAST, _LOCAL = 1, 2
_INTERFACE = struct.pack("=HHI", 8, 4, 2)


class _Routing:
    """The routes of a host whose peers are all elsewhere but for 127/8."""

    def ask(self, messages: Sequence[tuple[int, int, bytes]]) -> list[bytes]:
        local = messages[0][2][-4] == 127
        return [_ROUTE.pack(2, 32, 0, 0, 0, 0, 0, _LOCAL if local else _UNICAST, 0) + _INTERFACE]

    def close(self) -> None:
        """Nothing is open."""


def memory_kernel(table: MemoryTable, clock: IReactorTime) -> Kernel:
    """The engine for IPv4."""
    return Kernel(cast(Any, table), cast(Any, _Routing()), {4}, clock)


class CarriedStream(MemoryStream):
    """A stream that tells a kernel of what it expects."""

    def __init__(self, pool: PortPool, families: tuple[int, int], *, treated: bool, kernel: Kernel) -> None:
        super().__init__(pool, families, treated=treated)
        self._kernel = kernel

    def expect(
        self,
        side: int,
        rtp: tuple[str, int] | None,
        rtcp: tuple[str, int] | None,
        *,
        within: Sequence[IPv4Network | IPv6Network] = (),
    ) -> None:
        super().expect(side, rtp, rtcp, within=within)
        if not self.treated:
            self._kernel.moved(self)
            self._kernel.look(self)

    def route(self, side: int) -> Route | None:
        """As if the peers sent from where they receive."""
        source, target = self.expected[side][0], self.expected[1 - side][0]
        if source is None or target is None:
            return None
        return Route(source, self.local(side)[:2], self.local(1 - side)[:2], target)

    def passed(self, side: int, packets: int, size: int) -> None:
        """The kernel has carried so much."""
        self.packets[side] += packets

    def close(self) -> None:
        if not self.closed:
            self._kernel.closed(self)
        super().close()
