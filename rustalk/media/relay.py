"""The userspace relay: carries RTP and RTCP between the two sides of a call, byte for byte, encrypted or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorFDSet, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from zope.interface import implementer

from rustalk.interfaces import IMediaRelay, IMediaStream
from rustalk.media.channel import LARGEST_DATAGRAM, Channel, RtcpChannel, RtpChannel
from rustalk.media.latch import Address, Latching, Network, UnusableAddressError, learns, usable
from rustalk.media.offload import Offload, Route
from rustalk.media.poll import Poll
from rustalk.media.ports import NoPortsError, PortPair, PortPool, open_pair
from rustalk.media.treat import Ports, Treating
from rustalk.media.treated import TreatedRtcpChannel, TreatedRtpChannel
from rustalk.media.watch import Watch
from rustalk.rtp.statistics import StreamStatistics
from rustalk.rtp.treatment import IceCredentials, Treatment

__all__ = ["Discarded", "Relay", "Stream"]

LOOK_INTERVAL = 1.0
"""Seconds between two looks at who is heard on a stream; one timer serves all streams."""

LOOK_PARTS = 16
"""How many turns of the reactor the looks at all streams are spread over."""


@dataclass(frozen=True, slots=True)
class Discarded:
    """Datagrams of one side that were not relayed.

    ``foreign`` came from others than its source; while a source is held the kernel refuses them uncounted. ``stun`` and
    ``malformed`` came from its source without being RTP or RTCP, ``unverified`` is what SRTP refused: forged, replayed
    or of another key. ``unsent`` is what the system, or SRTP, refused to send to this side.
    """

    foreign: int = 0
    stun: int = 0
    malformed: int = 0
    unsent: int = 0
    unverified: int = 0


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a stream: its ports, the IP version it speaks, and the address that is advertised to it."""

    family: int
    advertised: str
    pair: PortPair
    rtp: RtpChannel
    rtcp: RtcpChannel

    @property
    def channels(self) -> tuple[Channel, Channel]:
        """Both channels."""
        return self.rtp, self.rtcp

    def send_from(self, other: Side, *, muxed: bool) -> None:
        """Let what arrives from ``other`` leave by our ports; RTCP by the RTP port where our side muxes."""
        for channel in other.channels:
            channel.onward = self.rtp
            channel.control_onward = self.rtp if muxed else self.rtcp

    def muxes(self, other: Side) -> bool:
        """Whether RTCP from ``other`` leaves by our RTP port."""
        return other.rtp.control_onward is self.rtp

    def treated(self) -> tuple[Side, Ports]:
        """The same side with ports whose packets can be treated; they have taken over the sockets of the old ones."""
        rtp, rtcp = TreatedRtpChannel(self.rtp), TreatedRtcpChannel(self.rtcp)
        return Side(self.family, self.advertised, self.pair, rtp, rtcp), (rtp, rtcp)


@implementer(IMediaStream)
class Stream:
    """One media line of a call, as IMediaStream promises. Made by Relay.open.

    It carries byte for byte, which is faster, until it is treated for the first time: its ports stay.
    """

    __slots__ = (
        "_clock",
        "_closed",
        "_latching",
        "_offload",
        "_opaque",
        "_release",
        "_sides",
        "_treating",
        "_watch",
        "on_digit",
        "on_one_way",
        "on_silence",
    )

    treatable = True

    def __init__(
        self,
        sides: tuple[Side, Side],
        latching: Latching,
        watch: Watch,
        clock: IReactorTime,
        release: Callable[[Stream], None],
        offload: Offload | None = None,
    ) -> None:
        """``release`` is called once, when the ports can be given back; ``offload`` may carry RTP past us."""
        self._sides = sides
        self._latching = latching
        self._watch = watch
        self._clock = clock
        self._release = release
        self._offload = offload
        self._treating: Treating | None = None
        self._closed = self._opaque = False
        self.on_digit: Callable[[int, str, int], None] = _ignore_digit
        self.on_one_way: Callable[[int], None] = _ignore_side
        self.on_silence: Callable[[], None] = _ignore
        for side in (0, 1):
            sides[side].send_from(sides[1 - side], muxed=False)

    def local(self, side: int) -> tuple[str, int, int]:
        """The address to advertise to this side, with its RTP and its RTCP port."""
        port = self._sides[side].pair.port
        return self._sides[side].advertised, port, port + 1

    def expect(self, side: int, rtp: Address | None, rtcp: Address | None, *, within: Sequence[Network] = ()) -> None:
        """Take up where this side wants to receive. Raises UnusableAddressError, and nothing is changed then."""
        if self._closed:
            return
        ours = self._sides[side]
        rtp = self._check(rtp, ours.family)
        rtcp = self._check(rtcp, ours.family)
        muxed = rtcp is not None and rtcp == rtp
        learning = rtp is not None and learns(self._latching, rtp)
        changed = ours.rtp.expect(rtp, learning=learning, within=within)
        ours.rtcp.expect(None if muxed else rtcp, learning=learning, within=within, anew=changed)
        ours.send_from(self._sides[1 - side], muxed=muxed)
        if self._offload is not None:
            self._offload.moved(self)

    def route(self, side: int) -> Route | None:
        """The way of what this side sends, once it is settled (see Offload)."""
        ours, onward = self._sides[side].rtp, self._sides[1 - side].rtp
        if self._opaque or ours.ends is None or onward.ends is None or onward.push is None:
            return None
        (source, arrival), (target, departure) = ours.ends, onward.ends
        return Route(source, arrival, departure, target)

    def passed(self, side: int, packets: int, size: int) -> None:
        """Count RTP from this side that was carried past us just now (see Offload)."""
        self._sides[side].rtp.arrivals.pass_over(packets, size, self._clock.seconds())

    def _check(self, address: Address | None, family: int) -> Address | None:
        if address is None:
            return None
        checked = usable(address, family)
        for side in (0, 1):
            host, *ports = self.local(side)
            if checked[0] == host and checked[1] in ports:
                raise UnusableAddressError(f"media address {host} port {checked[1]} is the relay's own: a loop")
        return checked

    def set_clock_rates(self, side: int, clock_rates: Mapping[int, int]) -> None:
        """Say the RTP clock rates in Hz by payload type of what this side sends."""
        self._sides[side].rtp.arrivals.set_clock_rates(clock_rates)
        if self._treating is not None:
            self._treating.set_clock_rates(side, clock_rates)

    def watch(self, active: bool) -> None:
        """Begin or cease to expect that both sides are heard; ``on_one_way`` and ``on_silence`` tell of it."""
        if active:
            self._watch.start(self._clock.seconds())
        else:
            self._watch.stop()

    def opaque(self, active: bool) -> None:
        """Say whether the sides speak another protocol than RTP now; nothing carries that past us."""
        if self._closed or active == self._opaque:
            return
        self._opaque = active
        for side in self._sides:
            side.rtp.carry(opaque=active)
        if self._watch.active:  # who has spoken in fax until now is not missing in the audio that begins
            self._watch.stop()
            self._watch.start(self._clock.seconds())
        if self._offload is not None:
            self._offload.moved(self)

    def treat(self, treatments: tuple[Treatment, Treatment] | None) -> None:
        """Say what is done to what each side sends and gets; None: carry it byte for byte.

        Raises rustalk.rtp.srtp.UnusableKeyError, and changes nothing then.
        """
        if not self._closed and (treatments is not None or self._treating is not None):
            self.prepare().treat(treatments)

    def digit(self, side: int, digit: str, milliseconds: int) -> None:
        """Dial towards this side, where the stream is treated. Raises ValueError for what is no digit."""
        if self._treating is not None and not self._closed:
            self._treating.digit(side, digit, milliseconds)

    def ice(self, side: int, credentials: IceCredentials | None) -> None:
        """Answer the connectivity checks of this side with these credentials."""
        if not self._closed and (credentials is not None or self._treating is not None):
            self.prepare().ice(side, credentials)

    def prepare(self) -> Treating:
        """Let other channels read our sockets, whose packets can be treated; nothing carries them past us any more."""
        if self._treating is None:
            if self._offload is not None:
                self._offload.closed(self)
                self._offload = None
            self._treating = self._exchange()
            self._treating.on_digit = self._tell_digit
        return self._treating

    def _exchange(self) -> Treating:
        before = self._sides
        (near, near_ports), (far, far_ports) = before[0].treated(), before[1].treated()
        self._sides = sides = near, far
        treating = Treating((near_ports, far_ports), self._clock)
        for side in (0, 1):
            sides[side].send_from(sides[1 - side], muxed=before[side].muxes(before[1 - side]))
            arrivals = sides[side].rtp.arrivals
            treating.set_clock_rates(side, arrivals.clock_rates)
            if arrivals.ssrc is not None:
                treating.miss(side, arrivals.ssrc, arrivals.rollovers)
        return treating

    def _tell_digit(self, side: int, digit: str, milliseconds: int) -> None:
        self.on_digit(side, digit, milliseconds)

    def statistics(self, side: int) -> StreamStatistics:
        """What has arrived from this side so far, and what it reports of what we send."""
        ours, other = self._sides[side].rtp, self._sides[1 - side].rtp
        return ours.arrivals.snapshot().with_reports(ours.reports, other.arrivals.clock_rate)

    def discarded(self, side: int) -> Discarded:
        """What was not relayed, of this side."""
        rtp, rtcp = self._sides[side].channels
        treating = self._treating
        return Discarded(
            foreign=rtp.foreign + rtcp.foreign,
            stun=rtp.stun + rtcp.stun,
            malformed=rtp.malformed + rtcp.malformed,
            unsent=rtp.unsent + rtcp.unsent + (treating.unsent(side) if treating else 0),
            unverified=treating.unverified(side) if treating else 0,
        )

    def controls(self, side: int) -> int:
        """How many RTCP datagrams have arrived from this side."""
        return sum(channel.controls for channel in self._sides[side].channels)

    def look(self, now: float) -> None:
        """Notice one-way audio and silence. The relay calls it every LOOK_INTERVAL."""
        if self._closed:
            return
        if self._offload is not None:
            self._offload.look(self)
        if self._treating is not None:
            self._treating.look(now, self.statistics)
        if not self._watch.active:
            return
        caller, callee = self._sides
        heard = caller.rtp.arrivals.last_arrival, callee.rtp.arrivals.last_arrival
        missing = None if self._opaque else self._watch.missing(heard, now)
        controls = [channel.control_heard for channel in (caller.rtp, caller.rtcp, callee.rtp, callee.rtcp)]
        if self._watch.fell_silent((*heard, *controls), now):
            self.on_silence()
        elif missing is not None:
            self.on_one_way(missing)

    def close(self) -> None:
        """Return the ports. Closing twice is harmless; the figures stay."""
        if self._closed:
            return
        self._closed = True
        if self._offload is not None:
            self._offload.closed(self)
        if self._treating is not None:
            self._treating.close()
        self._watch.stop()
        for side in self._sides:
            for channel in side.channels:
                channel.close()
        self._release(self)

    def close_ports(self, pool: PortPool) -> None:
        """Close the sockets and give their ports back to the pool they came from."""
        for side in self._sides:
            side.pair.close(pool)


@implementer(IMediaRelay)
class Relay:
    """Opens streams on ports of one pool. ``close`` ends all of them."""

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorFDSet,
        pool: PortPool,
        *,
        clock: IReactorTime,
        bind_addresses: Mapping[int, str],
        advertised_addresses: Mapping[int, str] | None = None,
        latching: Latching = "auto",
        timeout: float | None = 60.0,
        one_way_after: float | None = 5.0,
        offload: Offload | None = None,
    ) -> None:
        """Addresses are given by IP version, 4 or 6; what is not advertised otherwise is advertised as bound.

        ``timeout`` is in seconds of silence; ``offload`` may carry streams that are not treated. Raises ValueError
        where a wildcard would be advertised.
        """
        self._pool = pool
        self._clock = clock
        self._bind_addresses = dict(bind_addresses)
        self._advertised = {**bind_addresses, **(advertised_addresses or {})}
        for family in bind_addresses:
            if ip_address(self._advertised[family]).is_unspecified:
                raise ValueError(f"media.advertised_address is needed with bind address {bind_addresses[family]}")
        self._latching: Latching = latching
        self._timeout, self._one_way_after = timeout, one_way_after
        self._offload = offload
        self._poll = Poll(reactor, clock)
        self._buffer = memoryview(bytearray(LARGEST_DATAGRAM))
        self._streams: set[Stream] = set()
        self._unseen: list[Stream] = []
        self._part = 0
        self._look = LoopingCall(self._look_at_some)
        self._look.clock = clock

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    def open(self, families: tuple[int, int], *, treated: bool = False) -> Deferred[IMediaStream]:
        """Lease a stream whose sides speak these IP versions. Fails with NoPortsError, and nothing stays leased then.

        It is there at once. One that is not ``treated`` is faster, and may be carried past us, until it is treated.
        """
        return maybeDeferred(self._open, families, treated)

    def _open(self, families: tuple[int, int], treated: bool) -> Stream:
        with ExitStack() as undo:
            near, far = (self._open_side(family, undo) for family in families)
            undo.pop_all()
        watch = Watch(self._one_way_after, self._timeout)
        stream = Stream((near, far), self._latching, watch, self._clock, self._release, self._offload)
        if treated:
            stream.prepare()
        self._streams.add(stream)
        if not self._look.running:
            self._look.start(LOOK_INTERVAL / LOOK_PARTS, now=False)
        return stream

    def close(self) -> None:
        """Close every stream and let go of the reactor; nothing can be opened after that."""
        for stream in list(self._streams):
            stream.close()
        if self._offload is not None:
            self._offload.close()
        self._poll.close()

    def _open_side(self, family: int, undo: ExitStack) -> Side:
        pair = self._open_pair(family, undo)
        with _refusals():
            rtp = RtpChannel(pair.rtp, self._poll, self._buffer)
            undo.callback(rtp.close)
            rtcp = RtcpChannel(pair.rtcp, self._poll, self._buffer, rtp.latch)
            undo.callback(rtcp.close)
        rtcp.reports = rtp.reports
        return Side(family, self._advertised[family], pair, rtp, rtcp)

    def _open_pair(self, family: int, undo: ExitStack) -> PortPair:
        if family not in self._bind_addresses:
            raise NoPortsError(f"no IPv{family} address is set for media; add one to media.bind_address")
        pair = open_pair(self._pool, family, self._bind_addresses[family])
        undo.callback(pair.close, self._pool)
        return pair

    def _release(self, stream: Stream) -> None:
        self._streams.discard(stream)
        stream.close_ports(self._pool)
        if not self._streams and self._look.running:
            self._look.stop()
            self._unseen.clear()

    def _look_at_some(self) -> None:
        """Look at one part of the streams, so that many calls do not make one long pause."""
        if not self._unseen:
            self._unseen = list(self._streams)
            self._part = -(-len(self._unseen) // LOOK_PARTS)
        now = self._clock.seconds()
        for _ in range(min(self._part, len(self._unseen))):
            try:
                self._unseen.pop().look(now)
            except Exception:
                self._log.failure("A call could not take the news about its media")


@contextmanager
def _refusals() -> Iterator[None]:
    """Say in our own words that the system takes no more sockets into an epoll set."""
    try:
        yield
    except OSError as error:
        raise NoPortsError(f"the system watches no more media sockets: {error.strerror}") from error


def _ignore() -> None:
    """Nobody asked to be told."""


def _ignore_side(side: int) -> None:
    """Nobody asked to be told."""


def _ignore_digit(side: int, digit: str, milliseconds: int) -> None:
    """Nobody asked to be told."""
