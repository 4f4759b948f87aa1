"""One media line of a description."""

from __future__ import annotations

import pytest

from rustalk.media.line import Line, read_line, relayable
from rustalk.sdp.errors import SdpError
from rustalk.sdp.model import Media
from rustalk.sdp.parse import parse


def media(line: str, *lines: str, address: str = "192.0.2.1") -> Media:
    text = "\r\n".join(("v=0", f"c=IN IP4 {address}", f"m={line}", *lines, ""))
    return parse(text.encode()).media[0]


@pytest.mark.parametrize(
    ("line", "audio_only", "with_video"),
    [
        ("audio 4000 RTP/SAVP 0", True, True),
        ("audio 4000 UDP/TLS/RTP/SAVPF 0", True, True),
        ("audio 0 RTP/AVP 0", False, False),
        ("audio 4000 TCP/RTP/SAVP 0", False, False),
        ("video 4000 RTP/AVP 96", False, True),
        ("image 4000 udptl t38", False, False),
    ],
)
def test_what_can_be_relayed(line: str, audio_only: bool, with_video: bool) -> None:
    """MED-15: video between others than Teams, fax nowhere."""
    assert [relayable(media(line), video=video) for video in (False, True)] == [audio_only, with_video]


def test_where_a_side_receives() -> None:
    read = read_line(media("audio 4000 RTP/SAVP 0", "a=rtcp:5000 IN IP4 192.0.2.9"), 4, None)
    assert read == Line(("192.0.2.1", 4000), ("192.0.2.9", 5000), hold=False, secure=True)


def test_a_side_that_names_no_address_receives_nothing() -> None:
    """HLD-02."""
    assert read_line(media("audio 4000 RTP/AVP 0", address="0.0.0.0"), 4, None).rtp is None


def test_nobody_waits_for_video() -> None:
    assert read_line(media("video 4000 RTP/AVP 96"), 4, None).hold


def test_an_address_of_the_other_family_is_refused() -> None:
    with pytest.raises(SdpError, match="unicast IPv6"):
        read_line(media("audio 4000 RTP/AVP 0"), 6, None)
