"""What has arrived from one source of RTP: counted as packets come, read as a snapshot (RFC 3550 appendix A).

Only the clear header is read, so the figures are the same for RTP and for SRTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from struct import Struct

from rustalk.rtp.packet import HEADER_SIZE
from rustalk.rtp.reports import Reported, Reports

__all__ = ["CLOCK_RATES", "DEFAULT_CLOCK_RATE", "Arrivals", "StreamStatistics"]

DEFAULT_CLOCK_RATE = 8000

CLOCK_RATES: Mapping[int, int] = {
    6: 16000,
    10: 44100,
    11: 44100,
    16: 11025,
    17: 22050,
    **dict.fromkeys((14, 25, 26, 28, 31, 32, 33, 34), 90000),
}
"""Clock rates of the static payload types that differ from 8000 Hz (RFC 3551 section 6)."""

MAX_DROPOUT = 3000
MAX_MISORDER = 100

_HALF = 1 << 31
_unpack = Struct("!HHII").unpack_from


@dataclass(frozen=True, slots=True)
class StreamStatistics:
    """The figures of one side of a stream at one moment: what arrived from it, and what it reports in RTCP.

    ``bytes`` counts whole RTP packets without UDP and IP. ``lost`` leaves duplicates out, so it is never negative;
    ``bursts`` is how many runs of packets one after the other those were. An engine that only counts packets leaves
    ``lost``, ``reordered``, ``bursts`` and ``jitter_ms`` None, and nothing is rated then. Arrivals are seconds of the
    clock that was handed in, None before the first packet. ``round_trip_ms``, between us and the side, and
    ``reported``, what it says of the packets that we send to it, are None where no RTCP of it could be read.
    """

    packets: int = 0
    bytes: int = 0
    lost: int | None = None
    reordered: int | None = None
    duplicates: int = 0
    jitter_ms: float | None = None
    ssrc: int | None = None
    ssrc_changes: int = 0
    first_arrival: float | None = None
    last_arrival: float | None = None
    bursts: int | None = None
    round_trip_ms: float | None = None
    reported: Reported | None = None

    @property
    def loss_percent(self) -> float | None:
        """How much of what was sent did not arrive; None before the first packet and where losses are not counted."""
        if self.lost is None or not self.packets:
            return None
        return 100 * self.lost / (self.lost + self.packets - self.duplicates)

    @property
    def burst_ratio(self) -> float | None:
        """BurstR of G.107: the mean run of losses, over that of random loss of the same rate; 1 where it is less.

        None where it was not counted.
        """
        loss = self.loss_percent
        if loss is None or self.lost is None or self.bursts is None:
            return None
        return max(1.0, self.lost / max(1, self.bursts) * (1 - loss / 100))

    def with_reports(self, reports: Reports, clock_rate: int) -> StreamStatistics:
        """The same with what this side's RTCP tells; ``clock_rate`` is that of the audio which is sent to it."""
        return replace(self, round_trip_ms=reports.round_trip_ms, reported=reports.reported(clock_rate))


class Arrivals:
    """Counts packets as they arrive: extended sequence numbers after A.1, interarrival jitter after A.8.

    Packets are counted in segments. A segment starts with a new SSRC, or when the sequence numbers jump by
    MAX_DROPOUT and two of them follow each other; what the earlier segments lost stays counted. Within a segment the
    numbers of the last MAX_MISORDER packets that are missing are remembered, so that a late packet is told from a
    duplicate; nothing is remembered while packets come in order.
    """

    __slots__ = (
        "_base",
        "_bursts",
        "_flags",
        "_highest",
        "_jitter",
        "_lost_before",
        "_missing",
        "_passed",
        "_rate",
        "_rates",
        "_resume",
        "_tick",
        "_timed",
        "_timestamp",
        "_timing",
        "_uncounted",
        "_unread",
        "bytes",
        "duplicates",
        "first_arrival",
        "last_arrival",
        "packets",
        "reordered",
        "ssrc",
        "ssrc_changes",
    )

    def __init__(self, clock_rates: Mapping[int, int] = CLOCK_RATES) -> None:
        """Start at zero; ``clock_rates`` is as in set_clock_rates."""
        self.packets = self.bytes = self.reordered = self.duplicates = self.ssrc_changes = 0
        self.ssrc: int | None = None
        self.first_arrival: float | None = None
        self.last_arrival: float | None = None
        self._rates = clock_rates
        self._rate = DEFAULT_CLOCK_RATE
        self._tick = 1 / DEFAULT_CLOCK_RATE
        self._flags = -1  # the first two bytes of the last packet: version, padding and so on, payload type
        self._base = self._highest = 0  # extended sequence numbers of the segment
        self._resume: int | None = None  # the number that would confirm a jump (bad_seq of A.1)
        self._uncounted = 0  # packets that are not part of what the segment should have received
        self._lost_before = 0
        self._bursts = 0  # runs of missing packets
        self._missing: set[int] | None = None
        self._passed = False  # whether packets went past since the last one that was seen
        self._unread = False  # whether any ever did
        self._timing = False  # whether the two below stand for a packet
        self._timestamp = 0
        self._timed = 0.0
        self._jitter = 0.0

    def set_clock_rates(self, clock_rates: Mapping[int, int]) -> None:
        """Say the RTP clock rate in Hz of each payload type, from the session description; others count as 8000."""
        self._rates = {**CLOCK_RATES, **clock_rates}
        self._flags = -1

    @property
    def clock_rate(self) -> int:
        """The RTP clock rate in Hz of what arrived last."""
        return self._rate

    @property
    def clock_rates(self) -> Mapping[int, int]:
        """The RTP clock rates in Hz by payload type, as they were set."""
        return self._rates

    @property
    def rollovers(self) -> int:
        """About how many times the sequence numbers of the source have begun anew."""
        return max(self._highest, self.packets) >> 16

    def add_usual(self, datagram: memoryview, size: int, now: float) -> bool:
        """Count the packet in the first ``size`` bytes if it follows the last one as packets nearly always do.

        That is: same source, payload type and flags, the next sequence number, a later timestamp. For any other one
        False is returned and nothing has changed; ``add`` is for those. Nothing else is as hot as this.
        """
        if size < HEADER_SIZE:
            return False
        flags, sequence, timestamp, ssrc = _unpack(datagram)
        following = self._highest + 1
        step = timestamp - self._timestamp
        if flags != self._flags or sequence != following & 0xFFFF or ssrc != self.ssrc or not 0 < step < _HALF:
            return False
        difference = now - self._timed - step * self._tick
        jitter = self._jitter
        self._jitter = jitter + ((difference if difference > 0 else -difference) - jitter) * 0.0625
        self._highest = following
        self._timestamp = timestamp
        self._timed = self.last_arrival = now
        self.packets += 1
        self.bytes += size
        return True

    def add(self, datagram: memoryview, size: int, now: float) -> None:
        """Count the RTP packet in the first ``size`` bytes, at least HEADER_SIZE, that arrived at ``now`` seconds."""
        flags, sequence, timestamp, ssrc = _unpack(datagram)
        self.packets += 1
        self.bytes += size
        self.last_arrival = now
        if ssrc != self.ssrc:
            self._change_source(sequence, ssrc, now)
        elif self._passed:
            self._start_segment(sequence, sequence)
        elif not self._place(sequence):
            return
        self._flags = flags
        self._change_payload_type(flags & 0x7F)
        self._time(timestamp, now)

    def pass_over(self, packets: int, size: int, now: float) -> None:
        """Count packets of ``size`` bytes in all that the kernel carried and nobody read.

        What was lost among them is not known, nor their jitter: from now on the snapshot has None for them. The next
        packet that is read begins a segment.
        """
        if not packets:
            return
        if self.first_arrival is None:
            self.first_arrival = now
        self.packets += packets
        self._uncounted += packets
        self.bytes += size
        self.last_arrival = now
        self._passed = self._unread = True
        self._flags = -1

    def _time(self, timestamp: int, now: float) -> None:
        """Interarrival jitter, A.8. A telephone event repeats its timestamp, which says nothing (RFC 4733 2.5.1.2)."""
        step = (timestamp - self._timestamp + _HALF & 0xFFFFFFFF) - _HALF
        if self._timing and step:
            difference = now - self._timed - step * self._tick
            self._jitter += (abs(difference) - self._jitter) / 16
        if step or not self._timing:
            self._timestamp, self._timed, self._timing = timestamp, now, True

    def snapshot(self) -> StreamStatistics:
        """The figures as of now."""
        lost = None if self._unread else self._lost_before + self._lost_in_segment(self.packets)
        return StreamStatistics(
            packets=self.packets,
            bytes=self.bytes,
            lost=lost,
            reordered=None if self._unread else self.reordered,
            duplicates=self.duplicates,
            jitter_ms=None if self._unread else self._jitter * 1000,
            ssrc=self.ssrc,
            ssrc_changes=self.ssrc_changes,
            first_arrival=self.first_arrival,
            last_arrival=self.last_arrival,
            bursts=None if lost is None else min(lost, max(1, self._bursts)),
        )

    def _lost_in_segment(self, packets: int) -> int:
        if self.ssrc is None:
            return 0
        return self._highest - self._base + 1 - (packets - self._uncounted)

    def _place(self, sequence: int) -> bool:
        """Find the packet's place in the segment; False when it says nothing about jitter (duplicate, stray)."""
        ahead = (sequence - self._highest) & 0xFFFF
        if 0 < ahead < MAX_DROPOUT:
            self._go_ahead(self._highest + ahead)
        elif ahead == 0 or ahead > 0x10000 - MAX_MISORDER:
            return self._go_back(self._highest - (-ahead & 0xFFFF))
        elif sequence == self._resume:
            self._start_segment(sequence - 1, sequence)
        else:
            self._resume = (sequence + 1) & 0xFFFF
            self._uncounted += 1
            return False
        return True

    def _change_source(self, sequence: int, ssrc: int, now: float) -> None:
        if self.first_arrival is None:
            self.first_arrival = now
        self.ssrc_changes += self.ssrc is not None
        self._start_segment(sequence, sequence)
        self.ssrc = ssrc

    def _start_segment(self, base: int, highest: int) -> None:
        """Begin anew with the packets from base to highest, of which this one is the last."""
        self._lost_before += self._lost_in_segment(self.packets - 1)
        self._uncounted = self.packets - (highest - base + 1)
        self._base, self._highest = base, highest
        self._missing = self._resume = None
        self._timing = self._passed = False

    def _go_ahead(self, extended: int) -> None:
        oldest = extended - MAX_MISORDER
        if extended > self._highest + 1:
            missing = {number for number in self._missing or () if number > oldest}
            missing.update(range(max(self._highest, oldest) + 1, extended))
            self._missing = missing
            self._bursts += 1
        self._highest = extended

    def _go_back(self, extended: int) -> bool:
        if extended < self._base:
            self._missing = {*(self._missing or ()), *range(extended + 1, self._base)}
            self._bursts += extended + 1 < self._base
            self._base = extended
        elif self._missing and extended in self._missing:
            self._missing.discard(extended)
            # The run that it was missing from is gone, shorter, or two runs now.
            self._bursts += (extended - 1 in self._missing) + (extended + 1 in self._missing) - 1
        else:
            self.duplicates += 1
            self._uncounted += 1
            return False
        self.reordered += 1
        return True

    def _change_payload_type(self, payload_type: int) -> None:
        rate = self._rates.get(payload_type, DEFAULT_CLOCK_RATE)
        if rate != self._rate:
            self._rate, self._tick = rate, 1 / rate
            self._timing = False
