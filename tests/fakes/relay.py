"""A relay without sockets: it leases ports from a real pool and remembers what it was told to expect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network

from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import implementer

from rustalk.interfaces import IMediaRelay, IMediaStream
from rustalk.media.latch import usable
from rustalk.media.ports import PortPool
from rustalk.rtp.statistics import StreamStatistics
from rustalk.rtp.treatment import IceCredentials, Treatment

ADDRESSES = {4: "203.0.113.10", 6: "2001:db8::10"}


@implementer(IMediaStream)
class MemoryStream:
    """Two leased pairs of ports, and for each side where it wants to receive and what is done to its packets."""

    on_one_way: Callable[[int], None]
    on_silence: Callable[[], None]
    on_digit: Callable[[int, str, int], None]

    def __init__(self, pool: PortPool, families: tuple[int, int], *, treated: bool) -> None:
        self.families = families
        self.treated = treated
        self.treatable = True
        self.treatments: tuple[Treatment, Treatment] | None = None
        self.credentials: list[IceCredentials | None] = [None, None]
        self.dialled: list[tuple[int, str, int]] = []
        self.expected: list[tuple[tuple[str, int] | None, tuple[str, int] | None]] = [(None, None), (None, None)]
        self.within: list[Sequence[IPv4Network | IPv6Network]] = [(), ()]
        self.clock_rates: list[Mapping[int, int]] = [{}, {}]
        self.packets = [0, 0]
        self.watched = self.is_opaque = False
        self.closed = False
        self._pool = pool
        first = pool.lease()
        try:
            self._ports = (first, pool.lease())
        except Exception:
            pool.release(first)
            raise

    def local(self, side: int) -> tuple[str, int, int]:
        return ADDRESSES[self.families[side]], self._ports[side], self._ports[side] + 1

    def expect(
        self,
        side: int,
        rtp: tuple[str, int] | None,
        rtcp: tuple[str, int] | None,
        *,
        within: Sequence[IPv4Network | IPv6Network] = (),
    ) -> None:
        for wanted in (rtp, rtcp):
            if wanted is not None:
                usable(wanted, self.families[side])
        self.expected[side] = (rtp, rtcp)
        self.within[side] = within

    def set_clock_rates(self, side: int, clock_rates: Mapping[int, int]) -> None:
        self.clock_rates[side] = clock_rates

    def watch(self, active: bool) -> None:
        self.watched = active

    def opaque(self, active: bool) -> None:
        self.is_opaque = active

    def treat(self, treatments: tuple[Treatment, Treatment] | None) -> None:
        assert treatments is None or (self.treatable and not self.is_opaque)
        self.treated = self.treated or treatments is not None
        self.treatments = treatments

    def digit(self, side: int, digit: str, milliseconds: int) -> None:
        self.dialled.append((side, digit, milliseconds))

    def ice(self, side: int, credentials: IceCredentials | None) -> None:
        assert self.treatable or credentials is None
        self.treated = self.treated or credentials is not None
        self.credentials[side] = credentials

    def statistics(self, side: int) -> StreamStatistics:
        return StreamStatistics(packets=self.packets[side])

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            for port in self._ports:
                self._pool.release(port)


@implementer(IMediaRelay)
class MemoryRelay:
    """A relay with ports from ``low`` to ``high``; ``streams`` are all that it ever opened.

    A stream is there at once, or, while ``slow`` is a list, when what waits in that list is called. One that was not
    opened ``treated`` can be treated after all unless ``treatable`` is False, as it is with rtpengine.
    """

    treatable = True

    def __init__(self, low: int = 20000, high: int = 20099) -> None:
        self.pool = PortPool(low, high)
        self.streams: list[MemoryStream] = []
        self.slow: list[Callable[[], None]] | None = None

    def open(self, families: tuple[int, int], *, treated: bool = False) -> Deferred[IMediaStream]:
        if self.slow is None:
            return maybeDeferred(self._open, families, treated)
        waiting: Deferred[None] = Deferred()
        self.slow.append(lambda: waiting.callback(None))
        return waiting.addCallback(lambda _: self._open(families, treated))

    def _open(self, families: tuple[int, int], treated: bool) -> MemoryStream:
        stream = MemoryStream(self.pool, families, treated=treated)
        stream.treatable = treated or self.treatable
        self.streams.append(stream)
        return stream
