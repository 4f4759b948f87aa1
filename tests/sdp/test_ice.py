"""What descriptions say of ICE."""

from __future__ import annotations

from pathlib import Path

from rustalk.sdp import ice
from rustalk.sdp.parse import parse

OFFER = (Path(__file__).parent.parent / "data" / "sdp" / "bypass_offer.sdp").read_bytes()


def test_credentials_of_the_line_then_of_the_session() -> None:
    session = parse(OFFER)
    assert ice.read(session, session.media[0]) == ("4ZcD", "2/1muCWoOi3uLifh0NuRHlV6")
    lifted = parse(b"v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=audio 1 RTP/SAVP 0\r\n")
    assert ice.read(lifted, lifted.media[0]) == ("abcd", "0123456789012345678901")


def test_half_of_the_credentials_or_endless_ones_are_none() -> None:
    for lines in (b"a=ice-ufrag:abcd\r\n", b"a=ice-ufrag:" + b"a" * 300 + b"\r\na=ice-pwd:0123456789012345678901\r\n"):
        session = parse(b"v=0\r\n" + lines + b"m=audio 1 RTP/SAVP 0\r\n")
        assert ice.read(session, session.media[0]) is None


def test_we_have_exactly_one_candidate() -> None:
    """ICE-01: component 1, host, where we are."""
    assert ice.lines("u", "p", "203.0.113.10", 20000) == (
        b"a=ice-ufrag:u",
        b"a=ice-pwd:p",
        b"a=candidate:1 1 UDP 2130706431 203.0.113.10 20000 typ host",
    )
