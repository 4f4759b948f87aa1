"""Which codecs a UDP trunk is not told of."""

from __future__ import annotations

from rustalk.sdp.model import Media
from rustalk.sdp.parse import parse
from rustalk.sdp.trim import common, without


def audio(formats: str, *encodings: str) -> Media:
    lines = "".join(f"a=rtpmap:{encoding}\r\n" for encoding in encodings)
    return parse(f"v=0\r\nm=audio 4000 RTP/SAVP {formats}\r\n{lines}".encode()).media[0]


def test_codecs_of_microsoft_alone_are_left_out() -> None:
    """HDR-21: unused codecs are removed for UDP trunks; the numbers and order of the others stay."""
    media = audio("104 0 111 8 101", "104 SILK/16000", "111 SIREN/16000", "0 PCMU/8000", "101 telephone-event/8000")
    assert common(media, media.formats) == ("0", "8", "101")


def test_all_codecs_stay_when_no_voice_would_be_left() -> None:
    """HDR-21: an offer of SILK alone is not made empty."""
    media = audio("104 101 13", "104 SILK/16000", "101 telephone-event/8000", "13 CN/8000")
    assert common(media, media.formats) == ("104", "101", "13")


def test_the_lines_of_a_format_go_with_it_and_no_others() -> None:
    lines = [b"a=rtpmap:10 L16/44100", b"a=rtpmap:104 SILK/16000", b"a=fmtp:104 usedtx=0", b"a=ptime:20"]
    assert without(lines, {"104"}) == [b"a=rtpmap:10 L16/44100", b"a=ptime:20"]
