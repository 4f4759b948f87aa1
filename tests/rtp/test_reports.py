"""What a side tells in RTCP (RFC 3550 section 6.4)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from rustalk.rtp.reports import LARGEST, LONGEST_ROUND_TRIP, SENT_KEPT, SOURCES_KEPT, Reported, Reports
from rustalk.rtp.rtcp import Goodbye, OtherPacket, ReceiverReport, ReportBlock, SenderReport, build_compound

OURS, THEIRS = 7, 8
RATE = 8000


def told(*blocks: ReportBlock) -> Reports:
    """What is known after a side has sent these blocks, one after the other."""
    reports = Reports()
    for number, block in enumerate(blocks):
        reports.control(ReceiverReport(THEIRS, (block,)).build(), 5.0 * number)
    return reports


def block(highest: int, lost: int = 0, fraction: int = 0, *, jitter: int = 0) -> ReportBlock:
    return ReportBlock(OURS, fraction_lost=fraction, lost=lost, highest=highest, jitter=jitter)


def answer(last_report: int, delay: float, *, ssrc: int = OURS) -> bytes:
    """A receiver report that names the sender report it had ``delay`` seconds before."""
    return ReceiverReport(THEIRS, (ReportBlock(ssrc, last_report=last_report, delay=round(delay * 65536)),)).build()


def sender(ntp: int, *, ssrc: int = OURS) -> bytes:
    return SenderReport(ssrc, ntp << 16, 0, 0, 0).build()


def test_the_round_trip_is_that_of_the_example_in_the_standard() -> None:
    """RFC 3550 section 6.4.1, figure 2: A = b710:8000, DLSR = 0005:4000, LSR = b705:2000; 6.125 s are left."""
    reports = Reports()
    reports.forwarded(SenderReport(OURS, 0xB44DB705_20000000, 0, 0, 0).build(), 0xB7052000 / 65536)
    reports.control(
        ReceiverReport(THEIRS, (ReportBlock(OURS, last_report=0xB7052000, delay=0x00054000),)).build(),
        0xB7108000 / 65536,
    )
    assert reports.round_trip_ms == 6125


def test_each_half_of_a_relayed_call_has_its_own_round_trip() -> None:
    """The caller is 20 ms away and the callee 60 ms: two-way traffic, each side answers in its sender reports."""
    caller, callee = Reports(), Reports()
    from_caller = SenderReport(1, 10 << 16, 0, 0, 0)
    caller.control(from_caller.build(), 0.010)
    callee.forwarded(from_caller.build(), 0.010)
    from_callee = SenderReport(2, 20 << 16, 0, 0, 0, (ReportBlock(1, last_report=10, delay=65536),))
    callee.control(from_callee.build(), 1.070)
    caller.forwarded(from_callee.build(), 1.070)
    caller.control(ReceiverReport(1, (ReportBlock(2, last_report=20, delay=2 * 65536),)).build(), 3.090)
    assert callee.round_trip_ms == pytest.approx(60)
    assert caller.round_trip_ms == pytest.approx(20)


def test_the_round_trip_is_the_mean_of_all() -> None:
    reports = Reports()
    for number, seconds in enumerate((0.1, 0.3), start=1):
        reports.forwarded(sender(number), 10.0 * number)
        reports.control(answer(number, 1.0), 10.0 * number + 1 + seconds)
    assert reports.round_trip_ms == pytest.approx(200)


def test_an_answer_that_comes_twice_counts_once() -> None:
    reports = Reports()
    reports.forwarded(sender(1), 0.0)
    reports.control(answer(1, 1.0), 1.1)
    reports.control(answer(1, 1.0), 1.9)
    assert reports.round_trip_ms == pytest.approx(100)


@pytest.mark.parametrize(
    ("packet", "now"),
    [
        (answer(0, 0.0), 0.1),
        (answer(2, 0.0), 0.1),
        (answer(1, 0.0, ssrc=THEIRS), 0.1),
        (answer(1, 5.0), 0.1),
        (answer(1, 0.0), LONGEST_ROUND_TRIP + 0.1),
        (Goodbye((OURS,)).build(), 0.1),
    ],
    ids=["before any", "another one", "of another source", "before it was sent", "too long", "no report"],
)
def test_an_answer_that_cannot_be_true_measures_nothing(packet: bytes, now: float) -> None:
    reports = Reports()
    reports.forwarded(sender(1), 0.0)
    reports.control(packet, now)
    assert reports.round_trip_ms is None


def test_a_receiver_report_of_ours_is_nothing_to_wait_for() -> None:
    """What the relay itself sends on hold (MED-11) has no NTP time that could be named."""
    reports = Reports()
    reports.forwarded(ReceiverReport(OURS).build(), 0.0)
    reports.control(answer(1, 0.0), 0.1)
    assert reports.round_trip_ms is None


def test_a_report_of_a_source_without_a_clock_is_never_recognised() -> None:
    """Section 6.4.1: a sender may use NTP time 0, and LSR 0 says that there was no sender report."""
    reports = Reports()
    reports.forwarded(sender(0), 0.0)
    reports.control(answer(0, 0.0), 0.1)
    assert reports.round_trip_ms is None


def test_a_round_trip_shorter_than_the_unit_of_the_delay_is_zero() -> None:
    reports = Reports()
    reports.forwarded(sender(1), 0.0)
    reports.control(answer(1, 1.0001), 1.0)
    assert reports.round_trip_ms == 0


def test_nothing_is_said_before_the_first_report() -> None:
    reports = Reports()
    reports.control(SenderReport(THEIRS, 1, 0, 0, 0).build(), 0.0)
    assert (reports.reported(RATE), reports.round_trip_ms) == (None, None)


def test_loss_is_counted_from_report_to_report() -> None:
    """1000 expected and 20 lost, then 1000 and 30; the jitter of the last is 80 units of 8000 Hz."""
    reports = told(block(5000), block(6000, 20), block(7000, 50, jitter=80))
    assert reports.reported(RATE) == Reported(packets=1950, lost=50, loss_percent=2.5, jitter_ms=10)


def test_the_first_report_tells_its_interval_by_its_fraction() -> None:
    """A quarter lost, and that was 50: 200 were expected."""
    assert told(block(70000, 50, 64)).reported(RATE) == Reported(150, 50, 25, 0)


def test_sequence_numbers_may_wrap() -> None:
    reported = told(block(0xFFFFFF00), block(0x100, 128)).reported(RATE)
    assert reported == Reported(packets=384, lost=128, loss_percent=25, jitter_ms=0)


def test_a_new_beginning_of_the_numbers_is_no_loss() -> None:
    reported = told(block(5000, 10), block(100, 0), block(200, 5)).reported(RATE)
    assert reported == Reported(95, 5, 5, 0)


def test_duplicates_make_no_negative_loss() -> None:
    """The cumulative number is signed (section 6.4.1)."""
    assert told(block(100), block(200, -20)).reported(RATE) == Reported(100, 0, 0, 0)


def test_more_cannot_be_lost_than_was_expected() -> None:
    assert told(block(100), block(110, 5000)).reported(RATE) == Reported(0, 10, 100, 0)


def test_sources_do_not_disturb_each_other() -> None:
    """After a fork was answered, a receiver may still report on the first one."""
    other = ReportBlock(9, highest=90000)
    reports = Reports()
    for old, new in [(block(100), other), (block(200, 10), replace(other, highest=90100))]:
        reports.control(ReceiverReport(THEIRS, (old, new)).build(), 0.0)
    assert reports.reported(RATE) == Reported(190, 10, 5, 0)


def test_what_is_remembered_stays_small() -> None:
    reports = Reports()
    for number in range(1, 100):
        reports.forwarded(sender(number), float(number))
        reports.control(answer(number, 0.0, ssrc=number), float(number))
    assert (len(reports._sent), len(reports._last)) == (SENT_KEPT, SOURCES_KEPT)


@pytest.mark.parametrize(
    ("profile", "size"), [(Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30), (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44)]
)
def test_nothing_is_read_from_what_is_encrypted(profile: int, size: int) -> None:
    """RFC 3711 section 3.4: header and SSRC of the first packet are in the clear, all else would be nonsense."""
    session = Session(Policy(key=bytes(range(size)), ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
    compound = build_compound([SenderReport(THEIRS, 1 << 16, 0, 0, 0, (block(70000, 50, 64),))])
    reports = Reports()
    for number in range(500):
        reports.control(session.protect_rtcp(compound), float(number))
        reports.forwarded(session.protect_rtcp(compound), float(number))
    assert (reports.reported(RATE), reports.round_trip_ms, reports._sent) == (None, None, {})


def test_a_datagram_that_is_larger_than_any_report_is_not_read() -> None:
    padding = OtherPacket(204, 0, bytes(LARGEST))
    reports = Reports()
    reports.control(build_compound([ReceiverReport(THEIRS, (block(1),)), padding]), 0.0)
    assert reports.reported(RATE) is None


@given(st.binary(max_size=80) | st.binary(max_size=80).map(lambda tail: b"\x81\xc9\0\x07" + tail))
def test_bytes_from_anywhere_never_raise(data: bytes) -> None:
    reports = Reports()
    reports.forwarded(data, 0.0)
    reports.control(data, 0.0)
    assert reports.round_trip_ms is None


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(-(2**23), 2**23 - 1), st.integers(0, 255))))
def test_no_reports_make_an_impossible_figure(blocks: list[tuple[int, int, int]]) -> None:
    reported = told(*(block(*each) for each in blocks)).reported(RATE)
    if reported is not None:
        assert min(reported.packets, reported.lost) >= 0
        assert 0 <= reported.loss_percent <= 100
