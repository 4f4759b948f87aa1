"""Keys that pass, keys that end here."""

from __future__ import annotations

from base64 import b64encode

import pytest

from rustalk.media.security import InsecureError, Own, accept, admit, chosen, create, ends, passed, profile
from rustalk.media.side import MediaSide, SrtpPolicy
from rustalk.rtp.srtp import KeyMaterial
from rustalk.sdp.errors import SdpError
from rustalk.sdp.model import Media
from rustalk.sdp.parse import parse

_80, _32, GCM = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_256_GCM"
KEY = b64encode(bytes(30)).decode()


def media(proto: str, *cryptos: str) -> Media:
    lines = "".join(f"a=crypto:{each}\r\n" for each in cryptos)
    return parse(f"v=0\r\nm=audio 4000 {proto} 0\r\n{lines}".encode()).media[0]


def line(tag: int, suite: str, more: str = "") -> str:
    return f"{tag} {suite} inline:{KEY}{more}"


@pytest.mark.parametrize(
    ("proto", "srtp", "error", "cause"),
    [
        ("RTP/AVP", "required", InsecureError, "SRTP is required"),
        ("RTP/SAVP", "off", SdpError, "SRTP is switched off"),
        ("RTP/SAVP", "preferred", None, ""),
        ("RTP/AVP", "preferred", None, ""),
        ("RTP/AVP", "off", None, ""),
        ("RTP/SAVP", "required", None, ""),
    ],
)
def test_what_is_taken_from_a_side(proto: str, srtp: SrtpPolicy, error: type | None, cause: str) -> None:
    """MED-01."""
    came = media(proto, *([line(1, _80)] if "S" in proto else []))
    session = parse(b"v=0\r\n")
    if error is None:
        admit(session, came, MediaSide(4, srtp=srtp))
    else:
        with pytest.raises(error, match=cause):
            admit(session, came, MediaSide(4, srtp=srtp))


def test_keys_by_dtls_are_refused_with_the_reason() -> None:
    """MED-01: SDES is what Teams speaks."""
    session = parse(b"v=0\r\na=fingerprint:sha-256 AB\r\nm=audio 1 UDP/TLS/RTP/SAVP 0\r\n")
    with pytest.raises(SdpError, match="keys by DTLS"):
        admit(session, session.media[0], MediaSide(4))


@pytest.mark.parametrize(
    ("proto", "srtp", "ended"),
    [
        ("RTP/SAVP", "required", False),
        ("RTP/SAVP", "preferred", False),
        ("RTP/SAVP", "off", True),
        ("RTP/AVP", "required", True),
        ("RTP/AVP", "preferred", False),
        ("RTP/AVP", "off", False),
    ],
)
def test_where_srtp_ends(proto: str, srtp: SrtpPolicy, ended: bool) -> None:
    assert ends(media(proto, line(1, _80)), MediaSide(4, srtp=srtp, suites=(_80,))) is ended


def test_only_acceptable_suites_pass_and_they_pass_untouched() -> None:
    """MED-04."""
    came = media("RTP/SAVP", line(1, GCM), line(2, _80, "|2^31|1:1"))
    assert passed(came, MediaSide(4, suites=(_80, _32))) == (f"a=crypto:{line(2, _80, '|2^31|1:1')}".encode(),)
    assert passed(came, MediaSide(4)) is None
    assert ends(came, MediaSide(4, suites=(_32,)))


def test_the_line_to_end_is_80_without_mki() -> None:
    """MED-03: whatever stands first."""
    came = media("RTP/SAVP", line(0, _32), line(2, _80, "|2^31|1:1"), line(3, _80, "|2^31"))
    tag, key = chosen(came, MediaSide(4))
    assert (tag, key.suite) == (3, _80)


@pytest.mark.parametrize("more", ["|2^31|1:1", " UNENCRYPTED_SRTP"])
def test_a_line_that_cannot_be_used_is_none(more: str) -> None:
    with pytest.raises(SdpError, match="no a=crypto line with a suite"):
        chosen(media("RTP/SAVP", line(1, _80, more)), MediaSide(4))


def test_the_answer_to_our_line() -> None:
    """MED-03: the line with our tag, else the first without MKI; never another suite."""
    own = Own(1, KeyMaterial(_80, bytes(30)))
    assert accept(media("RTP/SAVP", line(7, _80), line(1, _80)), own).suite == _80
    assert accept(media("RTP/SAVP", line(7, _80)), own).suite == _80
    with pytest.raises(SdpError, match="no usable a=crypto line"):
        accept(media("RTP/SAVP", line(1, _32)), own)


def test_our_key_stays_while_its_suite_does() -> None:
    """MED-05; and it is never shown."""
    first = create(_80, 1, None, lambda size: b"k" * size)
    assert create(_80, 2, first, bytes).key == first.key
    assert create(GCM, 1, first, lambda size: b"n" * size).key.secret == b"n" * 44
    assert first.line() == b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + b64encode(b"k" * 30)
    assert "kkk" not in repr(first)


@pytest.mark.parametrize(
    ("proto", "teams", "secure", "told"),
    [
        ("RTP/SAVPF", True, True, b"RTP/SAVP"),
        ("RTP/SAVPF", False, True, None),
        ("UDP/TLS/RTP/SAVP", False, True, b"RTP/SAVP"),
        ("RTP/AVPF", False, True, b"RTP/SAVPF"),
        ("RTP/SAVP", False, False, b"RTP/AVP"),
        ("RTP/SAVP", True, True, None),
    ],
)
def test_the_profile_that_a_side_is_told(proto: str, teams: bool, secure: bool, told: bytes | None) -> None:
    """MED-01: Teams knows RTP/SAVP alone."""
    assert profile(media(proto), MediaSide(4, inactive_only=teams), secure=secure) == told
