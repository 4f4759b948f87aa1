"""RTCP (RFC 3550 section 6)."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustalk.rtp.packet import MalformedPacketError
from rustalk.rtp.rtcp import (
    CNAME,
    Goodbye,
    OtherPacket,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    SourceDescription,
    build_compound,
    middle_of,
    ntp_time,
    parse_compound,
    parse_reports,
)

BLOCK = ReportBlock(0xDECAFBAD, fraction_lost=25, lost=-3, highest=70000, jitter=12, last_report=9, delay=65536)
COMPOUND = (
    SenderReport(1, ntp_time(0.5), 160, 10, 1600, (BLOCK, ReportBlock(7))),
    ReceiverReport(2, (BLOCK,)),
    SourceDescription(((1, ((CNAME, b"sbc@example.com"), (2, b""))), (2, ()))),
    OtherPacket(204, 3, b"\0\0\0\1name"),
    Goodbye((1, 2), b"hang up"),
)


def test_a_compound_packet_reads_back_the_same() -> None:
    assert parse_compound(build_compound(COMPOUND)) == COMPOUND


def test_a_receiver_report_is_written_as_the_figure_shows() -> None:
    """RFC 3550 section 6.4.2."""
    expected = "81c90007 00000002 decafbad 19fffffd 00011170 0000000c 00000009 00010000"
    assert ReceiverReport(2, (BLOCK,)).build() == bytes.fromhex(expected)


def test_ntp_time_starts_in_1900() -> None:
    assert ntp_time(0.5) == 2208988800 << 32 | 1 << 31


def test_the_middle_of_an_ntp_time_is_what_a_block_names() -> None:
    """The figures of RFC 3550 section 6.4.1, figure 2."""
    assert middle_of(0xB44DB705_20000000) == 0xB7052000


def test_reports_are_read_and_all_else_is_passed_over() -> None:
    assert parse_reports(build_compound(COMPOUND), 9) == COMPOUND[:2]
    assert parse_reports(b"", 9) == ()


def test_no_more_packets_than_asked_for_are_read() -> None:
    assert parse_reports(build_compound(COMPOUND), 1) == COMPOUND[:1]


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda tail: b"\x81\xc8\0\x0c" + tail))
def test_reports_are_read_wherever_the_whole_can_be(data: bytes) -> None:
    with suppress(MalformedPacketError):
        reports = tuple(each for each in parse_compound(data) if isinstance(each, SenderReport | ReceiverReport))
        assert parse_reports(data, 99) == reports


@pytest.mark.parametrize("data", ["81c90001 00000002", "80c80001 00000002", "80c9", "80c90001", "80000000", "80e00000"])
def test_a_malformed_report_is_refused(data: str) -> None:
    with pytest.raises(MalformedPacketError):
        parse_reports(bytes.fromhex(data), 9)


def test_each_packet_fills_whole_words() -> None:
    assert all(len(packet.build()) % 4 == 0 for packet in COMPOUND)


def test_padding_is_taken_off() -> None:
    padded = bytes.fromhex("a0c90002 00000002 00000004")
    assert parse_compound(padded) == (ReceiverReport(2),)


@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda tail: b"\x81\xca\0\7" + tail))
def test_bytes_from_anywhere_give_packets_or_their_error(data: bytes) -> None:
    with suppress(MalformedPacketError):
        assert parse_compound(data)


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        ("", "empty"),
        ("80c9", "too few"),
        ("40c90000", "version 1"),
        ("80c90001", "announces 8 bytes, 4 came"),
        ("a0c90001 00000000", "padding"),
        ("81c90001 00000002", "receiver report needs"),
        ("80c80001 00000002", "sender report needs"),
        ("81ca0002 00000001 01ff0000", "source description needs"),
        ("81ca0001 00000001", "source description needs"),
        ("82cb0001 00000001", "goodbye needs"),
        ("80cb0001 05000000", "goodbye needs"),
    ],
)
def test_a_malformed_packet_is_refused_with_its_cause(data: str, cause: str) -> None:
    with pytest.raises(MalformedPacketError, match=cause):
        parse_compound(bytes.fromhex(data))
