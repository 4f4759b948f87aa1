"""The RTP packet (RFC 3550 section 5.1)."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustalk.rtp.packet import HEADER_SIZE, MalformedPacketError, Packet, is_control, parse

PLAIN = bytes.fromhex("80 88 1234 00000140 decafbad") + b"voice"

packets = st.builds(
    Packet,
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=40),
    marker=st.booleans(),
    csrcs=st.lists(st.integers(0, 0xFFFFFFFF), max_size=15).map(tuple),
    extension=st.none() | st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=6).map(lambda word: word * 4)),
)


def test_a_packet_is_read_field_by_field() -> None:
    assert parse(PLAIN) == Packet(8, 0x1234, 320, 0xDECAFBAD, b"voice", marker=True)


@given(packets)
def test_what_is_built_reads_back_the_same(packet: Packet) -> None:
    assert parse(packet.build()) == packet


@given(st.binary(max_size=80))
def test_bytes_from_anywhere_give_a_packet_or_its_error(data: bytes) -> None:
    with suppress(MalformedPacketError):
        assert len(parse(data).payload) <= len(data) - HEADER_SIZE


def test_sequence_and_timestamp_wrap() -> None:
    packet = parse(Packet(0, 0x10001, 0x100000002, 3, b"").build())
    assert (packet.sequence, packet.timestamp) == (1, 2)


def test_padding_is_taken_off() -> None:
    assert parse(b"\xa0" + PLAIN[1:] + b"\0\0\3").payload == b"voice"


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (PLAIN[:11], "too few"),
        (b"\x40" + PLAIN[1:], "version 1"),
        (b"\x8f" + PLAIN[1:], "need more"),
        (b"\x90" + PLAIN[1:12], "inside its header extension"),
        (b"\x90" + PLAIN[1:12] + b"\xbe\xde\0\1", "need more"),
        (b"\xa0" + PLAIN[1:] + b"\0", "its length is 0"),
        (b"\xa0" + PLAIN[1:] + b"\xff", "need more"),
    ],
)
def test_a_malformed_packet_is_refused_with_its_cause(data: bytes, cause: str) -> None:
    with pytest.raises(MalformedPacketError, match=cause):
        parse(data)


def test_rtcp_is_told_from_rtp_by_its_type() -> None:
    """RFC 5761 section 4, with the types that are in use: 200 to 207."""
    assert [second for second in range(256) if is_control(second)] == list(range(200, 208))
