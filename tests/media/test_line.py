"""One media line of a description."""

from __future__ import annotations

import pytest

from rustalk.media.line import Ending, Line, is_opaque, read_line, relayable
from rustalk.media.side import MediaSide
from rustalk.rtp.srtp import KeyMaterial
from rustalk.sdp.errors import SdpError
from rustalk.sdp.model import Media
from rustalk.sdp.parse import parse


def media(line: str, *lines: str, address: str = "192.0.2.1") -> Media:
    text = "\r\n".join(("v=0", f"c=IN IP4 {address}", f"m={line}", *lines, ""))
    return parse(text.encode()).media[0]


CARRIER, SECURE, TEAMS = MediaSide(4), MediaSide(4, srtp="required"), MediaSide(4, inactive_only=True)


@pytest.mark.parametrize(
    ("line", "teams", "secure", "carriers"),
    [
        ("audio 4000 RTP/SAVP 0", True, True, True),
        ("audio 4000 UDP/TLS/RTP/SAVPF 0", True, True, True),
        ("audio 0 RTP/AVP 0", False, False, False),
        ("audio 4000 TCP/RTP/SAVP 0", False, False, False),
        ("video 4000 RTP/AVP 96", False, True, True),
        ("image 4000 udptl t38", False, False, True),
        ("image 4000 UDPTL t38", False, False, True),
        ("image 0 udptl t38", False, False, False),
        ("image 4000 TCP t38", False, False, False),
        ("image 4000 RTP/AVP 98", False, False, False),
        ("application 4000 udptl t38", False, False, False),
    ],
)
def test_what_can_be_relayed(line: str, teams: bool, secure: bool, carriers: bool) -> None:
    """MED-15: video and fax between others than Teams, fax only where nobody requires SRTP."""
    wanted = {TEAMS: teams, SECURE: secure, CARRIER: carriers}
    for side, expected in wanted.items():
        assert relayable(media(line), (CARRIER, side)) is relayable(media(line), (side, CARRIER)) is expected


def test_a_fax_line_is_one_in_use_or_not() -> None:
    assert is_opaque(media("image 0 UDPTL t38"))
    assert not is_opaque(media("audio 4000 RTP/AVP 0"))


def test_fax_has_one_port_and_is_waited_for() -> None:
    """UDPTL has no RTCP; what was known of the audio before it is kept, for that may come back."""
    assert read_line(media("image 4000 udptl t38"), 4, None) == Line(("192.0.2.1", 4000), hold=False, opaque=True)
    plain, secured = Ending(None, {}, {}), Ending(KeyMaterial("AES_CM_128_HMAC_SHA1_80", bytes(30)), {}, {})
    for ending, secure in ((plain, False), (secured, True)):
        read = read_line(media("image 4000 udptl t38"), 4, ending)
        assert (read.ending, read.secure) == (ending, secure)
    assert read_line(media("image 4000 udptl t38", address="0.0.0.0"), 4, None) == Line(opaque=True)


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
