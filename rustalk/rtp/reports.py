"""What one side of a stream tells in RTCP: the round trip to it, and how our packets reach it (RFC 3550 section 6.4).

A relay is not the source of the sender reports that it passes on, yet it can time them. Between the moment when a
report of one side left towards the other and the moment when that one's report block names it (LSR), less the time that
it lay there (DLSR), the packet went from us to that side and back.

SRTCP is encrypted behind its first eight bytes (RFC 3711 section 3.4), so there is nothing to read where the relay has
no key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from rustalk.rtp.packet import MalformedPacketError
from rustalk.rtp.rtcp import ReceiverReport, ReportBlock, SenderReport, middle_of, parse_reports

__all__ = ["Reported", "Reports"]

LARGEST = 1500
"""Octets of a datagram that is read; reports are far smaller, and a larger one would only cost time."""

PACKETS_READ = 16
"""How many packets of a compound packet are looked at; one that means it has five or so."""

SENT_KEPT = 8
"""How many sender reports are remembered for a side, to be recognised in its answer."""

SOURCES_KEPT = 8
"""About how many sources the last report block of a side is remembered."""

LONGEST_ROUND_TRIP = 10.0
"""Seconds; what seems to take longer comes from a clock that was set, or from a report that does not tell the truth."""

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

_CYCLE = 1 << 32
_TICK = 1 / 65536  # the unit of DLSR in seconds


@dataclass(frozen=True, slots=True)
class Reported:
    """How a side says that it receives us.

    ``packets`` have reached it and ``lost`` have not, both between its first and its last report, with what the first
    one tells of the time before it. ``loss_percent`` is of the same packets and ``jitter_ms`` that of the last report.
    """

    packets: int
    lost: int
    loss_percent: float
    jitter_ms: float


class Reports:
    """Reads the RTCP that one side of a stream sends, and what is sent to it. One for each side.

    Whoever carries the stream calls ``control`` with each RTCP datagram that comes from the side, once it is decrypted
    and verified, and ``forwarded`` with each that is sent to the side, before it is encrypted: those of the other side,
    and our own. ``now`` is in seconds of one clock for both. Neither raises, whatever the bytes are; a datagram that
    cannot be read changes nothing, and SRTCP cannot, so a stream that is carried as it is may be fed in unseen. What is
    remembered, and the work for one datagram, is bounded.
    """

    __slots__ = ("_expected", "_jitter", "_last", "_lost", "_round_trips", "_sent", "_total")

    def __init__(self) -> None:
        """Begin without any report."""
        self._sent: dict[tuple[int, int], float] = {}  # source and LSR of what we sent there, oldest first
        self._last: dict[int, ReportBlock] = {}  # by source
        self._expected = self._lost = 0
        self._jitter: int | None = None  # of the last block, in units of the RTP clock
        self._round_trips = 0
        self._total = 0.0  # seconds, of all round trips

    def forwarded(self, packet: bytes, now: float) -> None:
        """Take note of the sender reports in a compound packet that leaves towards this side."""
        for report in _reports(packet):
            if isinstance(report, SenderReport):
                _keep(self._sent, (report.ssrc, middle_of(report.ntp)), now, SENT_KEPT)

    def control(self, packet: bytes, now: float) -> None:
        """Read the report blocks of a compound packet that came from this side."""
        for report in _reports(packet):
            for block in report.blocks:
                self._take(block, now)

    @property
    def round_trip_ms(self) -> float | None:
        """The mean time from us to this side and back; None until it was measured."""
        return self._total / self._round_trips * 1000 if self._round_trips else None

    def reported(self, clock_rate: int) -> Reported | None:
        """What this side says of our packets, whose RTP clock runs at this rate in Hz; None before its first report."""
        if self._jitter is None:
            return None
        lost = min(max(0, self._lost), self._expected)
        percent = 100 * lost / self._expected if self._expected else 0.0
        return Reported(self._expected - lost, lost, percent, self._jitter / clock_rate * 1000)

    def _take(self, block: ReportBlock, now: float) -> None:
        last = self._last.get(block.ssrc)
        if block == last:
            return  # a datagram that came twice would make the round trip longer
        _keep(self._last, block.ssrc, block, SOURCES_KEPT)
        self._jitter = block.jitter
        self._measure(block, now)
        if last is not None:
            self._count(block.lost - last.lost, (block.highest - last.highest) % _CYCLE)
        elif block.fraction_lost and block.lost > 0:
            self._count(block.lost, round(block.lost * 256 / block.fraction_lost))

    def _measure(self, block: ReportBlock, now: float) -> None:
        """A - LSR - DLSR of 6.4.1, where A - LSR is read from our clock alone."""
        sent = self._sent.get((block.ssrc, block.last_report))
        if sent is None or not block.last_report:
            return
        seconds = now - sent - block.delay * _TICK
        if -0.001 <= seconds <= LONGEST_ROUND_TRIP:
            self._total += max(0.0, seconds)
            self._round_trips += 1

    def _count(self, lost: int, expected: int) -> None:
        """Add what happened between two reports; numbers that went back are a new beginning, which tells nothing."""
        if expected < _CYCLE // 2:
            self._expected += expected
            self._lost += lost


def _reports(packet: bytes) -> tuple[SenderReport | ReceiverReport, ...]:
    if len(packet) > LARGEST:
        return ()
    try:
        return parse_reports(packet, PACKETS_READ)
    except MalformedPacketError:
        return ()


def _keep(memory: dict[_Key, _Value], key: _Key, value: _Value, most: int) -> None:
    """Remember the value as the newest, and forget the oldest where there are too many."""
    memory.pop(key, None)
    memory[key] = value
    if len(memory) > most:
        del memory[next(iter(memory))]
