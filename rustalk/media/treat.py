"""What is done to the packets of a stream: SRTP ends here, payload types change, digits are heard and dialled.

The Treating of a stream hands its treatments to the ports (rustalk.media.treated) and does what time asks for: digits
that are sent packet by packet, and reports to a side that would get none.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from rustalk.media.treated import TreatedRtcpChannel, TreatedRtpChannel
from rustalk.media.way import Way
from rustalk.rtp.rtcp import CNAME, ReceiverReport, ReportBlock, SourceDescription, build_compound
from rustalk.rtp.statistics import StreamStatistics
from rustalk.rtp.translator import FRAME, Translator
from rustalk.rtp.treatment import IceCredentials, Treatment

__all__ = ["REPORT_AFTER", "Ports", "Treating"]

REPORT_AFTER = 5.0
"""Seconds without RTCP towards a side after which it gets a report of our own (MED-11)."""

Ports: TypeAlias = tuple[TreatedRtpChannel, TreatedRtcpChannel]


class Treating:
    """The treatment of one stream. ``on_digit`` is called with side, digit and milliseconds."""

    _log = Logger()

    __slots__ = ("_active", "_clock", "_cname", "_dialling", "_lost", "_ports", "_ssrc", "_ways", "on_digit")

    def __init__(self, ports: tuple[Ports, Ports], clock: IReactorTime) -> None:
        """Carry byte for byte, until ``treat`` says otherwise. ``ports`` are those of side 0 and of side 1."""
        self.on_digit: Callable[[int, str, int], None] = _ignore
        self._ports = ports
        self._clock = clock
        translators = Translator(), Translator()
        self._ways = Way(translators[0], translators[1]), Way(translators[1], translators[0])
        self._dialling: tuple[LoopingCall, ...] = self._make_dialling(0), self._make_dialling(1)
        for side in (0, 1):
            translators[side].on_digit = partial(self._tell, side)
        self._active = False
        self._ssrc = secrets.randbits(32)
        self._cname = secrets.token_urlsafe(12).encode("ascii")
        self._lost = [(0, 0), (0, 0)]

    def treat(self, treatments: tuple[Treatment, Treatment] | None) -> None:
        """Say what is done; None: carry byte for byte. Raises UnusableKeyError, and changes nothing then."""
        if treatments is not None:
            before = [way.translator.treatments for way in self._ways]
            try:
                for side in (0, 1):
                    self._ways[side].translator.treat(treatments[side], treatments[1 - side])
            except ValueError:
                for way, pair in zip(self._ways, before, strict=True):
                    way.translator.treat(*pair)
                raise
        self._active = treatments is not None
        for ports, way in zip(self._ports, self._ways, strict=True):
            for port in ports:
                port.way = way if self._active else None

    def set_clock_rates(self, side: int, clock_rates: Mapping[int, int]) -> None:
        """Say the RTP clock rates in Hz by payload type of what this side sends."""
        self._ways[side].translator.set_clock_rates(clock_rates)

    def miss(self, side: int, ssrc: int, rollovers: int) -> None:
        """Say before ``treat`` what this side has been sending, byte for byte (see rustalk.rtp.srtp.Receiver.miss)."""
        self._ways[side].translator.miss(ssrc, rollovers)

    def digit(self, side: int, digit: str, milliseconds: int) -> None:
        """Dial towards this side, if the stream is treated now. Raises ValueError for what is no digit."""
        if not self._active:
            return
        translator, dialling = self._ways[1 - side].translator, self._dialling[1 - side]
        translator.dial(digit, milliseconds, self._clock.seconds())
        if translator.dialling and not dialling.running:
            dialling.start(FRAME)

    def ice(self, side: int, credentials: IceCredentials | None) -> None:
        """Answer the connectivity checks of this side, on both of its ports."""
        for port in self._ports[side]:
            port.check(credentials)

    def unverified(self, side: int) -> int:
        """How many packets of this side SRTP has refused."""
        return self._ways[side].unverified

    def unsent(self, side: int) -> int:
        """How many packets for this side could not be encrypted."""
        return self._ways[1 - side].unsent

    def look(self, now: float, statistics: Callable[[int], StreamStatistics]) -> None:
        """Notice the ends of digits, and send reports that are due; ``statistics`` gives those of a side."""
        for way in self._ways:
            way.translator.look(now)
        for side in (0, 1):
            self._look_at_reports(side, now, statistics)

    def close(self) -> None:
        """Stop dialling and forget the keys; what was counted stays. The ports are to be closed at once."""
        for dialling in self._dialling:
            if dialling.running:
                dialling.stop()
        self._dialling = ()  # they know us: without this our memory, and libsrtp's, would wait for the collector
        self.on_digit = _ignore
        self._active = False
        for ports, way in zip(self._ports, self._ways, strict=True):
            way.translator.close()
            for port in ports:
                port.way = None

    def _make_dialling(self, side: int) -> LoopingCall:
        call = LoopingCall(self._dial, side)
        call.clock = self._clock
        return call

    def _dial(self, side: int) -> None:
        """Send the next packet of the digits that go on from this side, to the other one."""
        way = self._ways[side]
        packet = way.translator.dialled(self._clock.seconds())
        if packet is not None and self._active:
            way.send_rtp(packet, self._ports[side][0].onward)
        if not way.translator.dialling:
            self._dialling[side].stop()

    def _look_at_reports(self, side: int, now: float, statistics: Callable[[int], StreamStatistics]) -> None:
        """Send this side a report if it expects RTCP and has had none for REPORT_AFTER."""
        way, onward = self._ways[1 - side], self._ports[1 - side][0].control_onward
        if not self._active or onward.push is None:
            way.told = None
        elif way.told is None:
            way.told = now
        elif now - way.told >= REPORT_AFTER:
            way.send_control(self._report(side, statistics(side), now), onward, now)

    def _report(self, side: int, found: StreamStatistics, now: float) -> bytes:
        """A receiver report about what this side sends, in the name of the source that it hears from us, if any."""
        ssrc = self._ways[1 - side].translator.ssrc
        ssrc = self._ssrc if ssrc is None else ssrc
        blocks = () if found.ssrc is None else (self._block(side, found.ssrc, found, now),)
        name = SourceDescription(((ssrc, ((CNAME, self._cname),)),))
        return build_compound([ReceiverReport(ssrc, blocks), name])

    def _block(self, side: int, ssrc: int, found: StreamStatistics, now: float) -> ReportBlock:
        way = self._ways[side]
        lost = found.lost or 0
        lost_before, packets_before = self._lost[side]
        self._lost[side] = lost, found.packets
        lost_now = max(0, lost - lost_before)
        expected = lost_now + max(0, found.packets - packets_before)
        middle, came = way.report or (0, now)
        return ReportBlock(
            ssrc,
            fraction_lost=min(255, 256 * lost_now // expected) if expected else 0,
            lost=min(lost, 0x7FFFFF),
            highest=way.translator.highest & 0xFFFFFFFF,
            jitter=round((found.jitter_ms or 0.0) * self._ports[side][0].arrivals.clock_rate / 1000),
            last_report=middle,
            delay=min(0xFFFFFFFF, round((now - came) * 65536)),
        )

    def _tell(self, side: int, digit: str, milliseconds: int) -> None:
        try:
            self.on_digit(side, digit, milliseconds)
        except Exception:
            self._log.failure("A call could not take the news of a digit")


def _ignore(side: int, digit: str, milliseconds: int) -> None:
    """Nobody asked to be told."""
