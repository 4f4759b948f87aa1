"""An answer that takes a call and leaves it on hold."""

from __future__ import annotations

import pytest

from rustalk.sdp.errors import SdpError
from rustalk.sdp.offer_answer import check_answer
from rustalk.sdp.parked import parked
from rustalk.sdp.parse import parse

KEY = bytes(range(30))
TOLD = b"v=0\r\no=- 77 3 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 20000 RTP/SAVP 8\r\n"
HEAD = b"v=0\r\no=- 1 1 IN IP4 52.112.0.1\r\ns=-\r\nc=IN IP4 52.112.0.1\r\nt=0 0\r\n"
SECURE = (
    HEAD + b"m=video 6000 RTP/SAVP 99\r\nm=audio 5000 RTP/SAVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
    b"a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR\r\n"
    b"a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR\r\n"
)


def test_the_place_is_ours_and_nothing_flows() -> None:
    """RFC 3264: as many lines as offered, audio at our place and inactive, anything else refused."""
    answer = parse(parked(SECURE, TOLD, KEY))
    video, audio = answer.media
    assert (video.port, audio.port) == (0, 20000)
    assert audio.is_hold
    assert [line.tag for line in audio.cryptos] == [2]
    check_answer(parse(SECURE), answer, keyed=set())


def test_the_description_in_earnest_is_the_next_version() -> None:
    """RFC 3264 section 8: the same session, one version earlier."""
    origin = parse(parked(SECURE, TOLD, KEY)).origin
    assert origin is not None
    assert (origin.id, origin.version) == (77, 2)


def test_plain_audio_has_no_key() -> None:
    """RTP/AVP."""
    assert b"a=crypto" not in parked(HEAD + b"m=audio 5000 RTP/AVP 0\r\n", TOLD, KEY)


@pytest.mark.parametrize(
    ("offer", "told"),
    [
        (HEAD + b"m=audio 5000 RTP/SAVP 0\r\n", TOLD),
        (b"nonsense", TOLD),
        (SECURE, TOLD.replace(b"20000", b"0")),
    ],
)
def test_what_cannot_be_answered(offer: bytes, told: bytes) -> None:
    """No key of the suite that Teams and we share, no description, no place of ours."""
    with pytest.raises(SdpError):
        parked(offer, told, KEY)
