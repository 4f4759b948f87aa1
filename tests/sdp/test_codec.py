"""What makes two payload types the same codec, and which of them may be used."""

from __future__ import annotations

import pytest

from rustalk.sdp.codec import Codec, codecs, free, select
from rustalk.sdp.errors import SdpError
from rustalk.sdp.model import Media
from rustalk.sdp.parse import parse

TEXT = (
    "v=0\r\nm=audio 4000 RTP/AVP 104 8 0 101 102 99 abc 200\r\na=rtpmap:104 SILK/16000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:101 0-16\r\na=rtpmap:102 opus/48000/2\r\na=rtpmap:abc X/8000\r\na=rtpmap:200 X/8000\r\n"
)


def audio(text: str = TEXT) -> Media:
    return parse(text.encode()).media[0]


def test_a_payload_type_is_read_by_its_rtpmap_else_by_rfc_3551() -> None:
    """MED-07; what has neither, or is no number of RTP, is left out."""
    known = codecs(audio())
    assert list(known) == ["104", "8", "0", "101", "102"]
    assert known["8"] == Codec("PCMA")
    assert known["102"] == Codec("opus", 48000, 2)
    assert known["101"].fmtp == "0-16"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Codec("pcma"), Codec("PCMA"), True),
        (Codec("SILK", 16000), Codec("SILK", 8000), False),
        (Codec("opus", 48000, 2), Codec("opus", 48000), False),
        (Codec("G729", fmtp="annexb=no"), Codec("G729"), True),
        (Codec("AMR", fmtp="octet-align=1"), Codec("AMR"), False),
        (Codec("AMR", fmtp="mode-set=7; octet-align=0"), Codec("AMR"), True),
        (Codec("G7221", 16000, fmtp="bitrate=24000"), Codec("G7221", 16000, fmtp="bitrate=32000"), False),
    ],
)
def test_a_codec_is_its_name_rate_channels_and_decisive_parameters(one: Codec, other: Codec, same: bool) -> None:
    assert (one.key == other.key) is same


def test_every_list_filters_and_the_last_one_sorts() -> None:
    """Digits of every clock follow one entry; the order is that of who is told."""
    known = codecs(audio())
    ours = (Codec("PCMU"), Codec("PCMA"), Codec("telephone-event", 16000))
    theirs = (Codec("telephone-event"), Codec("PCMA"), Codec("PCMU"), Codec("G722"))
    assert select(known, ((), ()), 1) == ("104", "8", "0", "101", "102")
    assert select(known, (ours, theirs), 1) == ("101", "8", "0")


def test_no_voice_in_common_is_refused() -> None:
    with pytest.raises(SdpError, match="SDP line 7: no common codec"):
        select(codecs(audio()), ((Codec("G722"), Codec("telephone-event")),), 7)


def test_a_free_payload_type_is_the_wanted_one_or_dynamic() -> None:
    assert [free(96, {97}, 1), free(96, {96}, 1), free(None, {101}, 1)] == [96, 101, 96]
    with pytest.raises(SdpError, match="all dynamic payload types"):
        free(None, set(range(128)), 1)


def test_the_lines_of_a_codec() -> None:
    assert Codec("opus", 48000, 2, "useinbandfec=1").lines("111") == [
        b"a=rtpmap:111 opus/48000/2",
        b"a=fmtp:111 useinbandfec=1",
    ]
    assert (Codec("CN").is_voice, Codec("telephone-event").is_voice, Codec("PCMA").is_voice) == (False, False, True)
