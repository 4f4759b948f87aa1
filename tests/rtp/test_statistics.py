"""Reception statistics (RFC 3550 appendix A.1, A.3 and A.8)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustalk.rtp.packet import Packet
from rustalk.rtp.reports import Reported, Reports
from rustalk.rtp.rtcp import ReceiverReport, ReportBlock
from rustalk.rtp.statistics import MAX_DROPOUT, MAX_MISORDER, Arrivals, StreamStatistics

PCMU, EVENT, WIDE = 0, 101, 103
FRAME = 0.02


def count(arrivals: Arrivals, packet: Packet, now: float) -> None:
    """As the relay does it."""
    data = memoryview(packet.build())
    if not arrivals.add_usual(data, len(data), now):
        arrivals.add(data, len(data), now)


def counted(sequences: Iterable[int], *, ssrc: int = 7, start: float = 0.0) -> StreamStatistics:
    """The figures after packets with these sequence numbers, 20 ms apart."""
    arrivals = Arrivals()
    for index, sequence in enumerate(sequences):
        count(arrivals, Packet(PCMU, sequence, sequence * 160, ssrc, bytes(160)), start + index * FRAME)
    return arrivals.snapshot()


def figures(sequences: Iterable[int]) -> tuple[int, int, int]:
    """Lost, reordered, duplicates."""
    snapshot = counted(sequences)
    return snapshot.lost, snapshot.reordered, snapshot.duplicates


def test_nothing_has_arrived_at_first() -> None:
    assert Arrivals().snapshot() == StreamStatistics(lost=0, reordered=0, jitter_ms=0, bursts=0)


def test_packets_in_order_are_all_there_is_to_say() -> None:
    snapshot = counted(range(100), start=5.0)
    assert snapshot.jitter_ms == pytest.approx(0, abs=1e-6)
    assert (snapshot.packets, snapshot.bytes, snapshot.lost) == (100, 17200, 0)
    assert (snapshot.first_arrival, snapshot.last_arrival) == (5.0, pytest.approx(5.0 + 99 * FRAME))
    assert (snapshot.ssrc, snapshot.ssrc_changes, snapshot.loss_percent) == (7, 0, 0)


@pytest.mark.parametrize(
    ("sequences", "expected"),
    [
        ([1, 2, 4, 5], (1, 0, 0)),
        ([1, 2, 4, 3, 5], (0, 1, 0)),
        ([1, 2, 2, 3], (0, 0, 1)),
        ([1, 3, 2, 2], (0, 1, 1)),
        ([5, 3, 6], (1, 1, 0)),
        ([5, 3, 4, 3], (0, 2, 1)),
        ([65534, 65535, 0, 1], (0, 0, 0)),
        ([65534, 1, 65535], (1, 1, 0)),
        ([1, 1 + MAX_DROPOUT - 1], (MAX_DROPOUT - 2, 0, 0)),
        ([*range(200), 150], (0, 0, 1)),
    ],
)
def test_loss_reordering_and_duplicates_are_told_apart(sequences: list[int], expected: tuple[int, int, int]) -> None:
    assert figures(sequences) == expected


def test_a_long_stream_wraps_without_loss() -> None:
    assert figures(number & 0xFFFF for number in range(65000, 65000 + 70000)) == (0, 0, 0)


def test_a_restart_of_the_numbers_is_no_loss() -> None:
    """A.1: a jump counts when the next packet confirms it."""
    assert figures([1, 2, 4, 30000, 30001, 30002]) == (1, 0, 0)


def test_a_stray_number_is_no_loss() -> None:
    assert figures([1, 2, 30000, 3, 4]) == (0, 0, 0)


def test_loss_before_a_new_source_stays_counted() -> None:
    arrivals = Arrivals()
    for ssrc, sequence in [(7, 1), (7, 3), (8, 900), (8, 902), (8, 902)]:
        count(arrivals, Packet(PCMU, sequence, 0, ssrc, b""), 0.0)
    snapshot = arrivals.snapshot()
    assert (snapshot.lost, snapshot.duplicates) == (2, 1)
    assert (snapshot.ssrc, snapshot.ssrc_changes, snapshot.packets) == (8, 1, 5)


@given(st.integers(0, 0xFFFF), st.lists(st.integers(0, 40), min_size=1, max_size=60))
def test_the_figures_agree_with_counting_what_is_there(base: int, offsets: list[int]) -> None:
    """Within MAX_MISORDER of each other: expected is last minus first plus one, received the different numbers."""
    lost, reordered, duplicates = figures((base + offset) & 0xFFFF for offset in offsets)
    assert lost == max(offsets) - min(offsets) + 1 - len(set(offsets))
    assert duplicates == len(offsets) - len(set(offsets))
    assert reordered == sum(
        offset not in offsets[:i] and offset < max(offsets[:i], default=-1) for i, offset in enumerate(offsets)
    )


@given(st.lists(st.integers(0, 0xFFFF), max_size=300))
def test_no_order_of_numbers_makes_a_negative_figure(sequences: list[int]) -> None:
    snapshot = counted(sequences)
    assert snapshot.packets == len(sequences)
    assert min(snapshot.lost, snapshot.reordered, snapshot.duplicates) >= 0


@pytest.mark.parametrize(
    ("sequences", "bursts"),
    [
        ([1, 2, 3], 0),
        ([1, 3, 5], 2),
        ([1, 5], 1),
        ([1, 5, 3], 2),
        ([1, 5, 2, 4], 1),
        ([1, 3, 2], 0),
        ([5, 3, 6], 1),
        ([5, 3, 4], 0),
    ],
)
def test_losses_are_counted_in_runs(sequences: list[int], bursts: int) -> None:
    """A late packet ends a run, shortens it or makes two of it."""
    assert counted(sequences).bursts == bursts


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60))
def test_the_runs_agree_with_counting_what_is_there(offsets: list[int]) -> None:
    there = set(offsets)
    expected = sum(number not in there and number - 1 in there for number in range(min(there), max(there)))
    assert counted(offset + 1000 for offset in offsets).bursts == expected


def test_loss_is_a_share_of_what_was_sent() -> None:
    """RFC 3550 A.3: lost of expected; a duplicate is no packet of its own."""
    assert counted([1, 2, 2, 4, 5]).loss_percent == 20
    assert StreamStatistics().loss_percent is None


def test_the_burst_ratio_is_one_for_single_losses_and_the_length_of_runs_else() -> None:
    """G.107 section 7.5: the mean run over that of random loss, 1 / (1 - p)."""
    assert counted(number for number in range(101) if number % 10 != 5).burst_ratio == 1
    assert counted(number for number in range(100) if not 50 <= number < 60).burst_ratio == pytest.approx(9)


def test_an_engine_that_only_counts_packets_measures_no_loss() -> None:
    only_counts = StreamStatistics(packets=100, bytes=17200)
    assert (only_counts.loss_percent, only_counts.burst_ratio) == (None, None)


def test_packets_that_nobody_read_are_counted_and_their_losses_are_not_known() -> None:
    """What went past in the kernel may have had gaps, so the gaps before and behind it are not the whole truth."""
    arrivals = Arrivals()
    arrivals.pass_over(0, 0, 1.0)
    assert arrivals.snapshot().lost == 0
    arrivals.pass_over(40, 6880, 2.0)
    for sequence in (5, 6, 8):
        count(arrivals, Packet(PCMU, sequence, sequence * 160, 7, bytes(160)), 3.0)
    snapshot = arrivals.snapshot()
    assert (snapshot.packets, snapshot.bytes) == (43, 7396)
    assert (snapshot.first_arrival, snapshot.last_arrival) == (2.0, 3.0)
    assert (snapshot.lost, snapshot.reordered, snapshot.bursts, snapshot.jitter_ms) == (None, None, None, None)


def test_a_packet_that_is_read_after_others_went_past_is_no_jump() -> None:
    arrivals = Arrivals()
    count(arrivals, Packet(PCMU, 5, 0, 7, b""), 0.0)
    arrivals.pass_over(50, 600, 1.0)
    count(arrivals, Packet(PCMU, 56, 0, 7, b""), 1.1)
    assert arrivals.snapshot().packets == 52
    assert (arrivals._lost_before, arrivals._base, arrivals._highest) == (0, 56, 56)


def test_the_figures_take_up_what_the_side_reports() -> None:
    reports = Reports()
    reports.control(ReceiverReport(1, (ReportBlock(7, jitter=160),)).build(), 0.0)
    snapshot = counted(range(3)).with_reports(reports, clock_rate=16000)
    assert (snapshot.packets, snapshot.round_trip_ms) == (3, None)
    assert snapshot.reported == Reported(0, 0, 0.0, jitter_ms=10)


def test_the_clock_rate_is_that_of_the_last_packet() -> None:
    arrivals = Arrivals({WIDE: 16000})
    count(arrivals, Packet(WIDE, 1, 0, 7, b""), 0.0)
    assert arrivals.clock_rate == 16000


def test_what_is_remembered_stays_small() -> None:
    arrivals = Arrivals()
    for number in range(0, 100 * MAX_DROPOUT, MAX_DROPOUT - 1):
        count(arrivals, Packet(PCMU, number, 0, 7, b""), 0.0)
    assert len(arrivals._missing or ()) <= MAX_MISORDER


def reference_jitter(arrivals: list[tuple[float, int]], rate: int) -> float:
    """A.8 as it stands there, in timestamp units; arrivals are seconds and timestamps."""
    jitter = 0.0
    transits = [now * rate - timestamp for now, timestamp in arrivals]
    for last, transit in pairwise(transits):
        jitter += (abs(transit - last) - jitter) / 16
    return jitter


@given(st.lists(st.floats(0, 0.2), min_size=2, max_size=50))
def test_jitter_is_that_of_the_standard(delays: list[float]) -> None:
    arrivals = Arrivals()
    times = [(index * FRAME + delay, index * 160) for index, delay in enumerate(delays)]
    for index, (now, timestamp) in enumerate(times):
        count(arrivals, Packet(PCMU, index, timestamp, 7, b""), now)
    assert arrivals.snapshot().jitter_ms == pytest.approx(reference_jitter(times, 8000) / 8, abs=1e-6)


def test_the_timestamp_may_wrap() -> None:
    arrivals = Arrivals()
    for index in range(4):
        count(arrivals, Packet(PCMU, index, 0xFFFFFFFF - 200 + index * 160, 7, b""), index * FRAME)
    assert arrivals.snapshot().jitter_ms == pytest.approx(0, abs=1e-6)


def test_a_held_telephone_event_is_no_jitter() -> None:
    """RFC 4733 section 2.5.1.2: all packets of an event carry the timestamp of its start."""
    arrivals = Arrivals()
    stamps = [0, 160, 320, 320, 320, 320, 960]
    for index, stamp in enumerate(stamps):
        count(arrivals, Packet(EVENT, index, stamp, 7, b""), index * FRAME)
    assert arrivals.snapshot().jitter_ms == pytest.approx(0, abs=1e-6)


def test_the_clock_rate_of_the_payload_type_counts() -> None:
    arrivals = Arrivals()
    arrivals.set_clock_rates({WIDE: 16000})
    for index in range(50):
        count(arrivals, Packet(WIDE, index, index * 320, 7, b""), index * FRAME)
    assert arrivals.snapshot().jitter_ms == pytest.approx(0, abs=1e-6)


def test_a_change_of_clock_rate_is_no_jitter() -> None:
    arrivals = Arrivals()
    count(arrivals, Packet(PCMU, 0, 0, 7, b""), 0.0)
    arrivals.set_clock_rates({WIDE: 16000})
    for index in range(1, 50):
        count(arrivals, Packet(WIDE, index, 90000 + index * 320, 7, b""), index * FRAME)
    assert arrivals.snapshot().jitter_ms == pytest.approx(0, abs=1e-6)


def test_a_shorter_datagram_than_a_header_is_not_the_usual_packet() -> None:
    arrivals = Arrivals()
    count(arrivals, Packet(PCMU, 1, 160, 7, b""), 0.0)
    following = memoryview(Packet(PCMU, 2, 320, 7, b"").build())
    assert not arrivals.add_usual(following, 11, 0.02)
    assert arrivals.snapshot().packets == 1


def test_how_often_the_numbers_began_anew() -> None:
    """Also where packets went past us: by how many they were."""
    seen, passed = Arrivals(), Arrivals()
    for sequence in range(0, 0x30000, 0x800):
        count(seen, Packet(0, sequence & 0xFFFF, sequence, 7, b""), 0.0)
    count(passed, Packet(0, 1, 1, 7, b""), 0.0)
    passed.pass_over(0x20000, 0x20000, 1.0)
    assert (seen.rollovers, passed.rollovers) == (2, 2)


def test_the_clock_rates_can_be_asked_for() -> None:
    arrivals = Arrivals()
    arrivals.set_clock_rates({96: 48000})
    assert arrivals.clock_rates[96] == 48000
