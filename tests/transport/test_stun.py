"""STUN on the SIP port (RFC 5626 section 8, RFC 5389)."""

from __future__ import annotations

import random

import pytest

from rustalk.rtp.stun import (
    BINDING_ERROR,
    BINDING_INDICATION,
    BINDING_REQUEST,
    BINDING_SUCCESS,
    ERROR_CODE,
    PRIORITY,
    UNKNOWN_ATTRIBUTES,
    USERNAME,
    XOR_MAPPED_ADDRESS,
    build,
    build_plain,
    parse_message,
    xor_address,
)
from rustalk.transport.stun import answer

TRANSACTION = bytes(range(12))
ASKED = build_plain(BINDING_REQUEST, TRANSACTION)


@pytest.mark.parametrize(("host", "size"), [("203.0.113.7", 32), ("2001:db8::7", 44)])
def test_a_phone_learns_how_it_is_seen(host: str, size: int) -> None:
    """A38: XOR-MAPPED-ADDRESS and nothing else, so that the answer is as short as it can be."""
    response = answer(ASKED, host, 40_000)
    assert response is not None
    assert len(response) == size
    message = parse_message(response)
    assert (message.kind, message.transaction) == (BINDING_SUCCESS, TRANSACTION)
    assert message.attributes == ((XOR_MAPPED_ADDRESS, xor_address(host, 40_000, TRANSACTION)),)


def test_credentials_and_fingerprint_are_passed_over() -> None:
    """Nobody has to show anything; a fingerprint that is wrong makes it no message."""
    shown = build(BINDING_REQUEST, TRANSACTION, [(USERNAME, b"somebody")], password="of theirs")
    assert answer(shown, "203.0.113.7", 1) == answer(ASKED, "203.0.113.7", 1)
    assert answer(shown[:-1] + bytes([shown[-1] ^ 1]), "203.0.113.7", 1) is None


def test_what_must_be_understood_and_is_not_is_named() -> None:
    """RFC 5389 section 7.3.1: 420 with the attributes; those above 0x8000 may be passed over."""
    asked = build_plain(BINDING_REQUEST, TRANSACTION, [(PRIORITY, bytes(4)), (0x8022, b"a phone")])
    response = answer(asked, "203.0.113.7", 1)
    assert response is not None
    message = parse_message(response)
    assert (message.kind, message.get(ERROR_CODE)) == (BINDING_ERROR, b"\0\0\4\x14")
    assert message.get(UNKNOWN_ATTRIBUTES) == PRIORITY.to_bytes(2, "big")


def test_nothing_else_is_answered_and_nothing_is_raised() -> None:
    """Answers, indications and 20,000 messages with bytes changed: bytes or silence."""
    for kind in (BINDING_INDICATION, BINDING_SUCCESS, BINDING_ERROR):
        assert answer(build_plain(kind, TRANSACTION), "203.0.113.7", 1) is None
    dice = random.Random(5626)
    whole = build(BINDING_REQUEST, TRANSACTION, [(USERNAME, b"somebody")], password="x")
    for _ in range(20_000):
        broken = bytearray(whole[: dice.randint(0, len(whole))])
        for _ in range(min(3, len(broken))):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        response = answer(bytes(broken), "203.0.113.7", 1)
        assert response is None or len(response) <= 3 * len(broken)
