"""Reception statistics (RFC 3550 appendix A.1, A.3 and A.8)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustalk.rtp.packet import Packet
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
    assert Arrivals().snapshot() == StreamStatistics()


def test_packets_in_order_are_all_there_is_to_say() -> None:
    snapshot = counted(range(100), start=5.0)
    assert snapshot.jitter_ms == pytest.approx(0, abs=1e-6)
    assert (snapshot.packets, snapshot.bytes, snapshot.lost) == (100, 17200, 0)
    assert (snapshot.first_arrival, snapshot.last_arrival) == (5.0, pytest.approx(5.0 + 99 * FRAME))
    assert (snapshot.ssrc, snapshot.ssrc_changes, snapshot.mos) == (7, 0, None)


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
