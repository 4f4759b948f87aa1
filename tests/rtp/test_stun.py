"""STUN on a media port (RFC 7983, RFC 8489 section 5)."""

from __future__ import annotations

import pytest

from rustalk.rtp.packet import MalformedPacketError, Packet
from rustalk.rtp.stun import MAGIC_COOKIE, StunHeader, is_stun, parse_header

BINDING_REQUEST = bytes.fromhex("0001 0000 2112a442 000102030405060708090a0b")


def test_a_binding_request_is_stun() -> None:
    """ICE-07: first two bits 00 and the magic cookie."""
    assert is_stun(BINDING_REQUEST)
    assert is_stun(memoryview(BINDING_REQUEST))


@pytest.mark.parametrize(
    "data",
    [
        Packet(0, 1, 160, MAGIC_COOKIE, bytes(160)).build(),
        Packet(0, 1, MAGIC_COOKIE, 5, bytes(160)).build(),
        BINDING_REQUEST[:19],
        BINDING_REQUEST[:4] + bytes(16),
        b"\x16" + BINDING_REQUEST[1:],
        b"",
    ],
)
def test_anything_else_is_not_stun(data: bytes) -> None:
    """ICE-07: RTP whose fields happen to hold the cookie, cut or cookieless messages, DTLS."""
    assert not is_stun(data)


def test_the_header_is_read() -> None:
    assert parse_header(BINDING_REQUEST) == StunHeader(1, 0, bytes(range(12)))


def test_a_wrong_length_is_refused() -> None:
    with pytest.raises(MalformedPacketError, match="announces 0 after its header"):
        parse_header(BINDING_REQUEST + bytes(4))


def test_the_header_of_something_else_is_refused() -> None:
    with pytest.raises(MalformedPacketError, match="not a STUN message"):
        parse_header(bytes(20))
