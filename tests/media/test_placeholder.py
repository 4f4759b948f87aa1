"""The session descriptions for rtpengine, and what is read out of its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from rustalk.media.placeholder import Opened, UnreadablePortsError, describe, read_ports
from rustalk.sdp.parse import parse

OPENED = b"v=0\r\no=- 1 1 IN IP4 192.0.2.77\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0\r\n"


def test_a_side_that_receives_nowhere_has_the_unspecified_address() -> None:
    (media,) = parse(describe(6, None, None)).media
    assert media.connection is not None
    assert (media.connection.address, media.connection.unspecified) == ("::", True)


def test_rtp_and_rtcp_are_described_where_they_are() -> None:
    """MED-10: the a=rtcp port need not be the one above the RTP port."""
    (media,) = parse(describe(4, ("192.0.2.5", 4000), ("192.0.2.6", 4999))).media
    assert media.connection is not None
    assert media.rtcp is not None
    assert media.rtcp.connection is not None
    assert (media.connection.address, media.port) == ("192.0.2.5", 4000)
    assert (media.rtcp.connection.address, media.rtcp.port, media.rtcp_mux) == ("192.0.2.6", 4999, False)


def test_one_port_for_both_is_described_as_multiplexed() -> None:
    (media,) = parse(describe(4, ("192.0.2.5", 4000), ("192.0.2.5", 4000))).media
    assert (media.rtcp, media.rtcp_mux) == (None, True)


def test_what_is_no_rtp_is_described_as_fax() -> None:
    (media,) = parse(describe(4, ("192.0.2.5", 4000), None, opaque=True)).media
    assert (media.kind, media.port, media.proto, media.rtcp) == ("image", 4000, "udptl", None)


def test_rtcp_that_is_not_wanted_stays_on_the_node() -> None:
    (media,) = parse(describe(4, ("192.0.2.5", 4000), None)).media
    assert media.rtcp is not None
    assert media.rtcp.connection is not None
    assert (media.rtcp.connection.address, media.rtcp.port) == ("127.0.0.1", 9)


def test_the_opened_ports_are_read_with_the_address_of_the_origin() -> None:
    """c= is the unspecified address as long as the other side receives nowhere."""
    assert read_ports(OPENED, 4) == Opened("192.0.2.77", 30000, 30001)
    assert read_ports(OPENED + b"a=rtcp:31000\r\n", 4) == Opened("192.0.2.77", 30000, 31000)


def test_an_address_of_the_other_kind_is_refused_with_what_to_do() -> None:
    with pytest.raises(UnreadablePortsError, match="no IPv6 address; add an --interface"):
        read_ports(OPENED, 6)
    with pytest.raises(UnreadablePortsError, match="no IPv4 address"):
        read_ports(OPENED.replace(b"192.0.2.77", b"0.0.0.0"), 4)


@pytest.mark.parametrize(
    "description", [None, 5, b"", b"v=0\r\n", OPENED.replace(b"30000", b"0"), OPENED.replace(b"o=", b"x=")]
)
def test_a_description_without_ports_is_refused(description: object) -> None:
    with pytest.raises(UnreadablePortsError, match="session description"):
        read_ports(description, 4)


@given(some.integers(0, len(OPENED) - 1), some.binary(max_size=4))
def test_a_damaged_description_is_read_or_refused(at: int, damage: bytes) -> None:
    try:
        assert read_ports(OPENED[:at] + damage + OPENED[at + 1 :], 4).rtp > 0
    except UnreadablePortsError:
        return
