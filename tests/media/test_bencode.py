"""Bencode: what rtpengine writes is read, everything else is refused, and nothing else ever happens."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as some

from rustalk.media.bencode import DEEPEST, LONGEST, BencodeError, decode, encode

VALUES = some.recursive(
    some.integers(-(10**19), 10**19) | some.binary(max_size=40),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def as_read(value: object) -> object:
    """The value as it comes back: keys are bytes."""
    if isinstance(value, dict):
        return {key.encode(): as_read(entry) for key, entry in value.items()}
    return [as_read(element) for element in value] if isinstance(value, list) else value


@given(VALUES)
def test_what_is_written_is_read_again(value: object) -> None:
    assert decode(encode(value)) == as_read(value)


@given(some.binary(max_size=80) | some.text("ilde:-0123456789x", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Whatever the network sends, nothing but BencodeError is raised."""
    with suppress(BencodeError):
        decode(data)


@given(VALUES, some.data())
def test_a_damaged_message_is_read_or_refused(value: object, data: some.DataObject) -> None:
    written = bytearray(encode(value))
    written[data.draw(some.integers(0, len(written) - 1))] = data.draw(some.integers(0, 255))
    with suppress(BencodeError):
        decode(bytes(written))


def test_keys_are_written_in_order_and_text_as_utf_8() -> None:
    assert encode({"b": "\u00e9", "a": [1, -2]}) == b"d1:ali1ei-2ee1:b2:\xc3\xa9e"


def test_keys_are_read_in_any_order() -> None:
    """rtpengine does not sort them."""
    assert decode(b"d6:result4:pong1:ai1ee") == {b"result": b"pong", b"a": 1}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "cut off at byte 0"),
        (b"i01e", "no integer of at most 20 digits at byte 0"),
        (b"i-0e", "no integer of at most 20 digits at byte 0"),
        (b"i" + b"9" * 5000 + b"e", "no integer of at most 20 digits at byte 0"),
        (b"i1", "no integer of at most 20 digits at byte 0"),
        (b"03:abc", "neither i, l, d nor the length of a string at byte 0"),
        (b"-1:a", "neither i, l, d nor the length of a string at byte 0"),
        (b"5:abcd", "the string at byte 0 is cut off"),
        (b"li1e", "cut off at byte 4"),
        (b"d1:ae", "neither i, l, d nor the length of a string at byte 4"),
        (b"di1ei2ee", "neither i, l, d nor the length of a string at byte 1"),
        (b"d1:ai1e1:ai2ee", "the key at byte 7 comes twice"),
        (b"i1ei2e", "something follows the value, at byte 3"),
    ],
)
def test_what_is_not_bencode_is_refused_with_its_place(data: bytes, reason: str) -> None:
    with pytest.raises(BencodeError, match=f"^{reason}$"):
        decode(data)


def test_nesting_has_a_limit() -> None:
    assert decode(b"l" * DEEPEST + b"e" * DEEPEST)
    with pytest.raises(BencodeError, match="nested more than 16 deep at byte 16"):
        decode(b"l" * 60000)


def test_length_has_a_limit() -> None:
    with pytest.raises(BencodeError, match="more than the 65535"):
        decode(b"%d:" % LONGEST + bytes(LONGEST))
