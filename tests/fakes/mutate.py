"""Messages that are nearly SIP: a seeded mutator over a corpus of real ones."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

__all__ = ["Mutator", "corpus"]

_DATA = Path(__file__).parent.parent / "data"

_PIECES = [
    *(b"\r\n", b"\r\n\r\n", b"\r\n ", b"\r\n\t", b"\n", b"\r", b"\0", b"\t", b" ", b"  ", b":", b";", b",", b"=", b'"'),
    *(b"\\", b"<", b">", b"@", b"[", b"]", b"?", b"%", b"%00", b"%0d%0a", b"\x7f", b"\x80", b"\xff", b"\xc0\xaf"),
    *("\u00b2".encode(), "\u0663".encode(), "\u212a".encode(), "\u017f".encode(), b"\xe2\x80\xa8", b"\xc2\x85"),
    *(b"-1", b"+5", b"1_0", b"0x10", b"4294967296", b"99999999999999999999", b"9" * 5000, b"%s%n", b"../"),
    *(
        b"a" * 9000,
        b";a=b" * 500,
        b",<sip:a@b>" * 300,
        b'"' * 200,
        b"\\" * 200,
        b"<" * 200,
        b"[::1]",
        b"[::ffff:1.2.3.4]",
    ),
    *(b"\r\nContent-Length: 0", b"\r\nContent-Length: 4000000000", b"\r\nl: 3", b"\r\nVia: SIP/2.0/UDP x", b"\r\nX :y"),
    *(
        b"sips:",
        b"tel:+1",
        b"sip:",
        b"SIP/2.0",
        b"SIP/3.0",
        b"INVITE",
        b"ACK",
        b"z9hG4bK",
        b";branch=z9hG4bK",
        b";rport",
    ),
]


def corpus() -> list[bytes]:
    """The torture messages and what Teams sends, each as it is on the wire."""
    paths = sorted(p for p in _DATA.glob("*/*") if p.suffix in (".dat", ".sip"))
    return [path.read_bytes() for path in paths]


class Mutator:
    """An endless supply of broken messages, the same for the same seed and corpus."""

    def __init__(self, seed: int, messages: Sequence[bytes]) -> None:
        self._random = random.Random(seed)
        self._messages = list(messages)
        self._mutations = [
            self._flip,
            self._insert,
            self._replace,
            self._delete,
            self._repeat,
            self._splice,
            self._truncate,
            self._swap_lines,
            self._repeat_line,
            self._number,
        ]

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        data = self._random.choice(self._messages)
        for _ in range(self._random.randint(1, 4)):
            data = self._random.choice(self._mutations)(data)
        return data

    def _span(self, data: bytes, longest: int) -> tuple[int, int]:
        start = self._random.randint(0, len(data))
        return start, min(len(data), start + self._random.randint(1, longest))

    def _flip(self, data: bytes) -> bytes:
        if not data:
            return data
        place = self._random.randrange(len(data))
        return data[:place] + bytes((data[place] ^ 1 << self._random.randrange(8),)) + data[place + 1 :]

    def _insert(self, data: bytes) -> bytes:
        place = self._random.randint(0, len(data))
        return data[:place] + self._random.choice(_PIECES) + data[place:]

    def _replace(self, data: bytes) -> bytes:
        start, end = self._span(data, 20)
        return data[:start] + self._random.choice(_PIECES) + data[end:]

    def _delete(self, data: bytes) -> bytes:
        start, end = self._span(data, 60)
        return data[:start] + data[end:]

    def _repeat(self, data: bytes) -> bytes:
        start, end = self._span(data, 60)
        return data[:start] + data[start:end] * self._random.randint(2, 6) + data[end:]

    def _splice(self, data: bytes) -> bytes:
        other = self._random.choice(self._messages)
        return data[: self._random.randint(0, len(data))] + other[self._random.randint(0, len(other)) :]

    def _truncate(self, data: bytes) -> bytes:
        return data[: self._random.randint(0, len(data))]

    def _swap_lines(self, data: bytes) -> bytes:
        lines = data.split(b"\r\n")
        one, two = self._random.randrange(len(lines)), self._random.randrange(len(lines))
        lines[one], lines[two] = lines[two], lines[one]
        return b"\r\n".join(lines)

    def _repeat_line(self, data: bytes) -> bytes:
        lines = data.split(b"\r\n")
        lines.insert(self._random.randrange(len(lines)), self._random.choice(lines))
        return b"\r\n".join(lines)

    def _number(self, data: bytes) -> bytes:
        """Another number in place of the one that stands at or behind a random place."""
        place = self._random.randint(0, len(data))
        digits = [i for i in range(place, min(len(data), place + 80)) if 48 <= data[i] <= 57]
        if not digits:
            return data
        end = digits[0]
        while end < len(data) and 48 <= data[end] <= 57:
            end += 1
        values = (0, 1, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32, 2**63, -1)
        return data[: digits[0]] + str(self._random.choice(values)).encode() + data[end:]
