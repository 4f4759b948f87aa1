"""Our ICE credentials; whole descriptions are in tests/media/test_session_ice.py."""

from __future__ import annotations

from itertools import count

import pytest

from rustalk.media.bypass import greet, meet
from rustalk.media.side import MediaSide
from rustalk.rtp.treatment import IceCredentials
from rustalk.sdp.model import Session
from rustalk.sdp.parse import parse

OURS = IceCredentials("ours", "password", "AAAA", "x" * 22)
NEW = IceCredentials("AAAAAAAA", "AQEBAQEBAQEBAQEBAQEBAQEB", "BBBB", "x" * 22)


def described(ufrag: str) -> Session:
    """A description with this user fragment, or without ICE."""
    lines = f"a=ice-ufrag:{ufrag}\r\na=ice-pwd:{'x' * 22}\r\n" if ufrag else ""
    return parse(f"v=0\r\nm=audio 4000 RTP/SAVP 0\r\n{lines}".encode())


@pytest.mark.parametrize(
    ("ufrag", "offer", "ours"),
    [
        ("AAAA", True, OURS),
        ("BBBB", True, NEW),
        ("BBBB", False, IceCredentials("ours", "password", "BBBB", "x" * 22)),
        ("", True, None),
    ],
)
def test_ours_change_when_an_offer_restarts(ufrag: str, offer: bool, ours: IceCredentials | None) -> None:
    """ICE-05, RNG-06."""
    numbers = count()
    found = meet((None, OURS), described(ufrag), 1, lambda size: bytes([next(numbers)]) * size, offer=offer)
    assert found == (None, ours)


def test_who_does_ice_is_greeted_once() -> None:
    """ICE-01; nobody else is, and nobody who has answered without ICE."""
    bypass = MediaSide(4, ice=True)
    first = greet((None, None), 1, bypass, bytes, spoken=False)
    assert first[1] is not None
    assert greet(first, 1, bypass, bytes, spoken=True) == first
    assert greet((None, None), 1, bypass, bytes, spoken=True) == (None, None)
    assert greet(first, 1, MediaSide(4), bytes, spoken=False) == (None, None)
