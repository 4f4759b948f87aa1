"""Bencode, in which rtpengine is spoken to: integers, byte strings, lists and dictionaries (BEP 3).

Reading is strict, with one exception: the keys of a dictionary may come in any order, since rtpengine does not sort
them. What comes twice, is nested deeper than DEEPEST, or is longer than a datagram, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

__all__ = ["DEEPEST", "LONGEST", "BencodeError", "Value", "decode", "encode"]

Value: TypeAlias = "int | bytes | list[Value] | dict[bytes, Value]"
"""What is read."""

Encodable: TypeAlias = "int | bytes | str | Sequence[Encodable] | Mapping[str, Encodable]"
"""What is written; text as UTF-8."""

DEEPEST = 16
"""Levels of lists and dictionaries inside each other."""

LONGEST = 65535
"""Bytes of one message: what a datagram can hold."""

_INTEGER = re.compile(rb"i(0|-?[1-9][0-9]{0,19})e")
_LENGTH = re.compile(rb"(0|[1-9][0-9]{0,4}):")


class BencodeError(ValueError):
    """Something is not bencode, or exceeds a limit. The message says what is wrong and at which byte."""


def encode(value: Encodable) -> bytes:
    """The bytes of a value; the keys of dictionaries are sorted, as BEP 3 asks."""
    pieces: list[bytes] = []
    _write(value, pieces)
    return b"".join(pieces)


def _write(value: Encodable, pieces: list[bytes]) -> None:
    if isinstance(value, int):
        pieces.append(b"i%de" % value)
    elif isinstance(value, (bytes, str)):
        text = value.encode() if isinstance(value, str) else value
        pieces.append(b"%d:%b" % (len(text), text))
    elif isinstance(value, Mapping):
        pieces.append(b"d")
        for key in sorted(value, key=str.encode):
            _write(key, pieces)
            _write(value[key], pieces)
        pieces.append(b"e")
    else:
        pieces.append(b"l")
        for element in value:
            _write(element, pieces)
        pieces.append(b"e")


def decode(data: bytes) -> Value:
    """The one value that ``data`` holds. Raises BencodeError, and nothing else whatever the bytes are."""
    if len(data) > LONGEST:
        raise BencodeError(f"{len(data)} bytes are more than the {LONGEST} that are read")
    value, end = _read(data, 0, 0)
    if end != len(data):
        raise BencodeError(f"something follows the value, at byte {end}")
    return value


def _read(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    """The value that begins at ``at``, and where it ends."""
    match data[at : at + 1]:
        case b"i":
            return _read_integer(data, at)
        case b"l" | b"d" if depth == DEEPEST:
            raise BencodeError(f"nested more than {DEEPEST} deep at byte {at}")
        case b"l":
            return _read_list(data, at + 1, depth + 1)
        case b"d":
            return _read_dictionary(data, at + 1, depth + 1)
        case b"":
            raise BencodeError(f"cut off at byte {at}")
        case _:
            return _read_string(data, at)


def _read_integer(data: bytes, at: int) -> tuple[int, int]:
    found = _INTEGER.match(data, at)
    if found is None:
        raise BencodeError(f"no integer of at most 20 digits at byte {at}")
    return int(found[1]), found.end()


def _read_string(data: bytes, at: int) -> tuple[bytes, int]:
    found = _LENGTH.match(data, at)
    if found is None:
        raise BencodeError(f"neither i, l, d nor the length of a string at byte {at}")
    end = found.end() + int(found[1])
    if end > len(data):
        raise BencodeError(f"the string at byte {at} is cut off")
    return data[found.end() : end], end


def _read_list(data: bytes, at: int, depth: int) -> tuple[list[Value], int]:
    elements: list[Value] = []
    while data[at : at + 1] != b"e":
        element, at = _read(data, at, depth)
        elements.append(element)
    return elements, at + 1


def _read_dictionary(data: bytes, at: int, depth: int) -> tuple[dict[bytes, Value], int]:
    entries: dict[bytes, Value] = {}
    while data[at : at + 1] != b"e":
        key, after = _read_string(data, at)
        if key in entries:
            raise BencodeError(f"the key at byte {at} comes twice")
        entries[key], at = _read(data, after, depth)
    return entries, at + 1
