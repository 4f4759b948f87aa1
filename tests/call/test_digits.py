"""Digits in INFO."""

from __future__ import annotations

import pytest

from rustalk.call.digits import Digit, compose, read
from rustalk.sip.message import Request


def info(kind: str, body: bytes) -> Request:
    """An INFO with this body."""
    return Request("INFO", "sip:x@example.com", [("Content-Type", kind)], body)


@pytest.mark.parametrize(
    ("kind", "body", "digit"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", Digit("5", 160)),
        ("application/dtmf-relay", b"Signal= *\nDuration= 250", Digit("*", 250)),
        ("Application/DTMF-Relay", b"duration=90\r\nsignal=d\r\n", Digit("D", 90)),
        ("application/dtmf-relay", b"Signal=#", Digit("#", 100)),
        ("application/dtmf-relay", b"Signal=1\r\nDuration=99999\r\n", Digit("1", 8000)),
        ("application/dtmf-relay", b"Signal=1\r\nDuration=1\r\n", Digit("1", 40)),
        ("application/dtmf", b" 7\r\n", Digit("7", 100)),
        ("application/dtmf", b"77", None),
        ("application/dtmf-relay", b"Signal=12\r\n", None),
        ("application/dtmf-relay", b"", None),
        ("application/media_control+xml", b"Signal=5", None),
    ],
)
def test_what_an_info_dials(kind: str, body: bytes, digit: Digit | None) -> None:
    """White space and case do not matter; durations are kept within reason; anything else is no digit."""
    assert read(info(kind, body)) == digit


def test_what_we_send_is_what_we_read() -> None:
    """In the form that carries a duration."""
    fields, body = compose(Digit("A", 120))
    assert read(info(fields[0][1], body)) == Digit("A", 120)
