"""Text from the network cannot steer a terminal."""

from __future__ import annotations

import pytest

from rustalk.observe.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\r\nb", "a\\x0d\\x0ab"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("line\u2028end", "line\\u2028end"),
        (b"\xff".decode("utf-8", "surrogateescape"), "\\xff"),
        ("\ud83d", "\\ud83d"),
        ("Jürgen Müller 電話", "Jürgen Müller 電話"),
    ],
)
def test_control_characters_become_visible_and_letters_stay(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_lines_stay_when_asked_for_and_crlf_becomes_one() -> None:
    assert printable("a\r\nb\x1b\rc", lines=True) == "a\nb\\x1b\\x0dc"


def test_no_control_byte_of_all_survives() -> None:
    """A30: raw control bytes printed = 0."""
    shown = printable("".join(map(chr, range(0x300))))
    assert not [c for c in shown if ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0]
