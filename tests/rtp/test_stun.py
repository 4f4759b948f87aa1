"""STUN on a media port (RFC 7983, RFC 8489 section 5)."""

from __future__ import annotations

import pytest

from rustalk.rtp.packet import MalformedPacketError, Packet
from rustalk.rtp.stun import (
    BINDING_REQUEST,
    BINDING_SUCCESS,
    LARGEST,
    MAGIC_COOKIE,
    PRIORITY,
    USERNAME,
    XOR_MAPPED_ADDRESS,
    StunHeader,
    build,
    error_code,
    is_stun,
    parse_header,
    parse_message,
    xor_address,
)

BARE = bytes.fromhex("0001 0000 2112a442 000102030405060708090a0b")

# RFC 5769 sections 2.1 to 2.3
PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt"
TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
SAMPLE_REQUEST = bytes.fromhex(
    "00010058 2112a442 b7e7a701bc34d686fa87dfae 80220010 5354554e207465737420636c69656e74 00240004 6e0001ff"
    "80290008 932ff9b151263b36 00060009 6576746a3a6836765920202000080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004 e57a3bcf"
)
SAMPLE_RESPONSE = bytes.fromhex(
    "0101003c 2112a442 b7e7a701bc34d686fa87dfae 8022000b 7465737420766563746f7220 00200008 0001a147e112a643"
    "00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7 80280004 c07d4c96"
)
SAMPLE_RESPONSE_6 = bytes.fromhex(
    "01010048 2112a442 b7e7a701bc34d686fa87dfae 8022000b 7465737420766563746f7220"
    "00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014 a382954e4be67bf11784c97c8292c275bfe3ed41 80280004 c8fb0b4c"
)


def test_a_binding_request_is_stun() -> None:
    """ICE-07: first two bits 00 and the magic cookie."""
    assert is_stun(BARE)
    assert is_stun(memoryview(BARE))


@pytest.mark.parametrize(
    "data",
    [
        Packet(0, 1, 160, MAGIC_COOKIE, bytes(160)).build(),
        Packet(0, 1, MAGIC_COOKIE, 5, bytes(160)).build(),
        BARE[:19],
        BARE[:4] + bytes(16),
        b"\x16" + BARE[1:],
        b"",
    ],
)
def test_anything_else_is_not_stun(data: bytes) -> None:
    """ICE-07: RTP whose fields happen to hold the cookie, cut or cookieless messages, DTLS."""
    assert not is_stun(data)


def test_the_header_is_read() -> None:
    assert parse_header(BARE) == StunHeader(1, 0, bytes(range(12)))


def test_a_wrong_length_is_refused() -> None:
    with pytest.raises(MalformedPacketError, match="announces 0 after its header"):
        parse_header(BARE + bytes(4))


def test_the_header_of_something_else_is_refused() -> None:
    with pytest.raises(MalformedPacketError, match="not a STUN message"):
        parse_header(bytes(20))


def test_the_sample_request_is_read_and_verifies() -> None:
    """ICE-02, RFC 5769 section 2.1; its padding is of spaces, and counts for the integrity."""
    message = parse_message(SAMPLE_REQUEST)
    assert (message.kind, message.transaction) == (BINDING_REQUEST, TRANSACTION)
    assert (message.get(USERNAME), message.get(PRIORITY)) == (b"evtj:h6vY", bytes.fromhex("6e0001ff"))
    assert message.verifies(PASSWORD)
    assert not message.verifies(PASSWORD[::-1])


@pytest.mark.parametrize(
    ("sample", "host"),
    [(SAMPLE_RESPONSE, "192.0.2.1"), (SAMPLE_RESPONSE_6, "2001:db8:1234:5678:11:2233:4455:6677")],
    ids=["IPv4", "IPv6"],
)
def test_the_sample_responses_are_read_and_their_addresses_made(sample: bytes, host: str) -> None:
    """ICE-02, RFC 5769 sections 2.2 and 2.3."""
    message = parse_message(sample)
    assert message.verifies(PASSWORD)
    assert message.get(XOR_MAPPED_ADDRESS) == xor_address(host, 32853, TRANSACTION)


def test_what_is_built_is_what_the_sample_has() -> None:
    """But for the padding of SOFTWARE, which is ours to choose: so the sample is rebuilt without that attribute."""
    address = (XOR_MAPPED_ADDRESS, xor_address("192.0.2.1", 32853, TRANSACTION))
    built = build(BINDING_SUCCESS, TRANSACTION, [address], password=PASSWORD)
    assert built[20:32] == SAMPLE_RESPONSE[36:48]
    assert parse_message(built).verifies(PASSWORD)
    assert len(built) == 20 + 12 + 24 + 8


def test_without_an_integrity_nothing_verifies() -> None:
    assert not parse_message(build(BINDING_REQUEST, TRANSACTION)).verifies("")


def test_a_changed_message_does_not_verify() -> None:
    """The fingerprint notices it first; without one the integrity does."""
    changed = bytearray(SAMPLE_REQUEST)
    changed[60] ^= 1
    with pytest.raises(MalformedPacketError, match="fingerprint"):
        parse_message(bytes(changed))
    del changed[-8:]
    changed[2:4] = (len(changed) - 20).to_bytes(2, "big")
    assert not parse_message(bytes(changed)).verifies(PASSWORD)


def test_what_stands_behind_the_integrity_is_passed_over() -> None:
    """RFC 5389 section 15.4: anyone could have added it."""
    message = bytearray(build(BINDING_REQUEST, TRANSACTION, [(USERNAME, b"a:b")], password="p")[:-8])
    message += bytes.fromhex("00250000")
    message[2:4] = (len(message) - 20).to_bytes(2, "big")
    assert parse_message(bytes(message)).attributes == ((USERNAME, b"a:b"),)
    assert parse_message(bytes(message)).verifies("p")


def framed(body: str) -> bytes:
    raw = bytes.fromhex(body)
    return BARE[:2] + len(raw).to_bytes(2, "big") + BARE[4:] + raw


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (framed("00060008 61626364"), "announces 8 bytes, 4 came"),
        (framed("0006ffff"), "announces 65535 bytes"),
        (framed("00080004 61626364"), "integrity of 4 bytes"),
        (framed("80280004 00000000"), "fingerprint"),
        (framed("00" * LARGEST), "are read at most"),
        (b"", "not a STUN message"),
    ],
)
def test_a_malformed_message_is_refused(data: bytes, cause: str) -> None:
    """ICE-02: dropped by whoever reads."""
    with pytest.raises(MalformedPacketError, match=cause):
        parse_message(data)


def test_an_error_code_is_class_and_number() -> None:
    assert error_code(420, "Unknown Attribute") == b"\0\0\x04\x14Unknown Attribute"
