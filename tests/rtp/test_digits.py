"""Telephone-events (RFC 4733)."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from rustalk.rtp.digits import DIGITS, GIVE_UP, EventListener, TelephoneEvent, event_frames, parse_event
from rustalk.rtp.packet import MalformedPacketError

RATE = 8000
Heard = tuple[TelephoneEvent, int]


def run_of(digit: str, milliseconds: int, start: int, rate: int = RATE) -> list[Heard]:
    """The packets of one digit that begins at this timestamp."""
    frames = event_frames(digit, milliseconds, 101, rate)
    return [(parse_event(frame.payload), start) for frame in frames if frame is not None]


def told(packets: Iterable[Heard], rate: int = RATE) -> list[tuple[str, int]]:
    """What a listener tells of these packets, one every 20 ms, and of the silence after them."""
    digits: list[tuple[str, int]] = []
    listener = EventListener(lambda digit, milliseconds: digits.append((digit, milliseconds)))
    now = 0.0
    for event, timestamp in packets:
        listener.hear(event, timestamp, rate, now)
        now += 0.02
    listener.look(now + GIVE_UP)
    return digits


def test_a_payload_is_read_and_built() -> None:
    """RFC 4733 section 2.3: event 11 (#), end, volume 10, duration 800."""
    event = TelephoneEvent(11, 800, end=True)
    assert event.build() == bytes.fromhex("0b8a0320")
    assert parse_event(event.build() + b"more") == event


def test_a_payload_that_is_cut_short_is_refused() -> None:
    with pytest.raises(MalformedPacketError, match="needs 4 bytes, 3 came"):
        parse_event(b"\x01\x02\x03")


@pytest.mark.parametrize("digit", DIGITS)
def test_a_digit_is_told_once_with_its_length(digit: str) -> None:
    assert told(run_of(digit, 120, 5000)) == [(digit, 120)]


def test_the_packets_of_a_digit_are_those_of_the_rfc() -> None:
    """One marker, one timestamp, a growing duration, three ends, and a pause."""
    frames = list(event_frames("5", 100, 96, RATE))
    sent = [frame for frame in frames if frame is not None]
    assert [parse_event(frame.payload).duration for frame in sent] == [160, 320, 480, 640, 800, 800, 800]
    assert [frame.marker for frame in sent] == [True] + [False] * 6
    assert [parse_event(frame.payload).end for frame in sent] == [False] * 4 + [True] * 3
    assert {(frame.payload_type, frame.offset) for frame in sent} == {(96, 0)}
    assert frames[-3:] == [None, None, None]


@pytest.mark.parametrize(("asked", "given"), [(0, 40), (100, 100), (10**9, 8180)])
def test_a_digit_is_neither_too_short_nor_longer_than_its_duration_can_say(asked: int, given: int) -> None:
    assert told(run_of("1", asked, 0)) == [("1", given)]


def test_a_wide_band_clock_has_its_own_durations() -> None:
    """MED-08: telephone-event/48000."""
    assert told(run_of("1", 100, 0, 48000), 48000) == [("1", 100)]


def test_the_same_digit_twice_is_two_digits() -> None:
    assert told(run_of("7", 100, 0) + run_of("7", 60, 1600)) == [("7", 100), ("7", 60)]


@pytest.mark.parametrize("lost", [slice(0, 2), slice(0, 6), slice(3, 5)])
def test_a_lost_start_or_middle_changes_nothing(lost: slice) -> None:
    packets = run_of("9", 100, 800)
    del packets[lost]
    assert told(packets) == [("9", 100)]


def test_a_lost_end_ends_with_the_next_digit_or_with_silence() -> None:
    assert told(run_of("1", 100, 0)[:4] + run_of("2", 100, 4000)[:4]) == [("1", 80), ("2", 80)]


def test_the_same_digit_after_a_lost_end_is_another_one() -> None:
    assert told(run_of("1", 100, 0)[:4] + run_of("1", 100, 4000)) == [("1", 80), ("1", 100)]


def test_a_digit_of_which_one_packet_came_counts_for_the_shortest() -> None:
    assert told([(TelephoneEvent(3, 0), 0)]) == [("3", 40)]


def test_reordered_and_late_packets_tell_nothing_twice() -> None:
    first, second = run_of("1", 100, 0), run_of("2", 100, 2400)
    assert told([*reversed(first), *first]) == [("1", 100)]
    assert told([*first[:-1], *second[:2], first[-1], *second[2:], first[2]]) == [("1", 100), ("2", 100)]


def test_an_old_timestamp_is_no_bar_for_ever() -> None:
    """A source may begin anew at any timestamp."""
    assert told(run_of("1", 100, 500_000) + run_of("2", 100, 100)) == [("1", 100), ("2", 100)]


def test_the_timestamp_may_wrap_between_digits() -> None:
    assert told(run_of("1", 100, 0xFFFFFF00) + run_of("1", 100, 0x1000)) == [("1", 100), ("1", 100)]


def test_a_long_digit_goes_on_in_segments() -> None:
    """RFC 4733 section 2.5.1.3: the next segment begins where the 16 bits of the first ended."""
    first = [(TelephoneEvent(5, duration), 0) for duration in (*range(160, 65535, 160), 65535)]
    second = [(TelephoneEvent(5, duration), 65535) for duration in range(160, 8001, 160)]
    assert told([*first, *second, (TelephoneEvent(5, 8000, end=True), 65535)]) == [("5", 9192)]


def test_a_long_digit_goes_on_where_the_last_packet_of_a_segment_was_lost() -> None:
    packets = [(TelephoneEvent(5, 65440), 0), (TelephoneEvent(5, 160, end=True), 65535)]
    assert told(packets) == [("5", 8212)]


def test_a_duration_that_wraps_goes_on_counting() -> None:
    durations = [*range(160, 65536, 160), *(count * 160 - 65536 for count in range(410, 420))]
    packets = [(TelephoneEvent(5, duration), 0) for duration in durations]
    assert told([*packets, (TelephoneEvent(5, durations[-1], end=True), 0)]) == [("5", 419 * 20)]


def test_what_is_no_digit_is_not_told() -> None:
    """Event 16 is a hook flash, 32 and above are fax tones."""
    assert told([(TelephoneEvent(code, 800, end=True), code * 1000) for code in (16, 32, 255)]) == []
