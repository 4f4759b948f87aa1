"""Which codecs a description names."""

from __future__ import annotations

import pytest

from rustalk.sdp.names import codec_names

HEAD = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"


@pytest.mark.parametrize(
    ("rest", "names"),
    [
        (
            b"m=audio 4000 RTP/SAVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n",
            ("PCMU", "PCMA", "telephone-event"),
        ),
        (b"m=audio 4000 RTP/SAVP 103 9\r\na=rtpmap:103 SILK/16000\r\n", ("SILK", "G722")),
        (b"m=audio 4000 RTP/AVP 96\r\nm=video 4002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n", ()),
        (b"m=image 4000 udptl t38\r\n", ()),
        (b"", ()),
    ],
)
def test_codecs_are_named_in_the_order_of_the_line(rest: bytes, names: tuple[str, ...]) -> None:
    """MED-07: by rtpmap and not by number where there is one; only what belongs to the audio line."""
    assert codec_names(HEAD + rest) == names
