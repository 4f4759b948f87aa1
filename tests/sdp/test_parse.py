"""What is read from a session description, what is forgiven and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustalk.sdp.errors import SdpError
from rustalk.sdp.model import Connection, Direction, Session
from rustalk.sdp.parse import parse

DATA = Path(__file__).parent.parent / "data" / "sdp"
HEAD = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
SMALL = HEAD + b"c=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 0\r\n"


@pytest.mark.parametrize("path", sorted(DATA.glob("*.sdp")), ids=lambda path: path.name)
def test_an_untouched_description_comes_out_byte_for_byte(path: Path) -> None:
    assert parse(path.read_bytes()).to_bytes() == path.read_bytes()


def test_teams_shape_is_understood() -> None:
    """MED-13: loopback in o=, version 0, unknown attributes, media-level c=."""
    session = parse((DATA / "teams_offer.sdp").read_bytes())
    (audio,) = session.media
    assert session.origin is not None
    assert (session.origin.version, session.origin.address) == (0, "127.0.0.1")
    assert (audio.kind, audio.port, audio.proto, audio.count) == ("audio", 49856, "RTP/SAVP", 1)
    assert audio.connection == Connection("52.114.188.32")
    assert audio.formats[:3] == ("104", "103", "9")
    assert audio.rtpmaps["111"] == "SIREN/16000"
    assert audio.clock_rates[118] == 16000
    assert audio.fmtps["18"] == "annexb=no"
    assert audio.attributes("label") == ("main-audio",)
    assert audio.direction is Direction.SENDRECV


@pytest.mark.parametrize("name", ["wsinv", "esc01", "longreq", "inv2543"])
def test_the_bodies_of_rfc_4475_are_read(name: str) -> None:
    body = (DATA.parent / "rfc4475" / f"{name}.dat").read_bytes().partition(b"\r\n\r\n")[2]
    assert all(line.connection for line in parse(body).media)


@pytest.mark.parametrize(
    "body",
    [
        SMALL.replace(b"\r\n", b"\n"),
        SMALL.rstrip(b"\r\n"),
        SMALL + b"\r\n\r\n",
        SMALL.replace(b"s=-\r\n", b""),
        SMALL.replace(b"t=0 0\r\n", b""),
        SMALL.replace(b"o=- 1 1 IN IP4 192.0.2.1\r\n", b""),
        SMALL.replace(b"o=- 1 1 IN IP4 192.0.2.1", b"o=root nonsense"),
        SMALL + b"a=\r\na=:\r\na=rtcp:banana\r\na=crypto:x y z\r\na=rtpmap:\r\nz=\xff\xfe\r\n",
        SMALL.replace(b"audio 4000 ", b"audio  4000   ") + b"y=unknown\r\n",
    ],
)
def test_harmless_faults_are_forgiven(body: bytes) -> None:
    """MED-13: unknown attributes must be tolerated."""
    (audio,) = parse(body).media
    assert (audio.port, audio.connection, audio.rtcp) == (4000, Connection("192.0.2.1"), None)


@pytest.mark.parametrize(
    ("body", "line", "cause"),
    [
        (b"", 1, "letter=value"),
        (b"hello\r\n", 1, "letter=value"),
        (b"s=-\r\n", 1, "v=0"),
        (b"v=1\r\n", 1, "v=0"),
        (SMALL + b"a=one\ra=two\r\n", 7, "CR without LF"),
        (SMALL + b"a=one\0\r\n", 7, "NUL"),
        (SMALL + b"\r\na=after a blank line\r\n", 7, "letter=value"),
        (SMALL + b" a=folded\r\n", 7, "letter=value"),
        (SMALL + b"m=audio 65536 RTP/AVP 0\r\n", 7, "65535"),
        (SMALL + b"m=audio +4000 RTP/AVP 0\r\n", 7, "m=<media>"),
        (SMALL + b"m=audio 1_0 RTP/AVP 0\r\n", 7, "m=<media>"),
        (SMALL + b"m=audio \xd9\xa1 RTP/AVP 0\r\n", 7, "m=<media>"),
        (SMALL + b"m=audio " + b"9" * 5000 + b" RTP/AVP 0\r\n", 7, "m=<media>"),
        (SMALL + b"c=IN IP4 sbc.example.test\r\n", 7, "c=IN"),
        (SMALL + b"c=IN IP4 2001:db8::1\r\n", 7, "c=IN"),
        (SMALL + b"c=IN IP4 1.2.3.256\r\n", 7, "c=IN"),
        (SMALL + b"c=IN IP6 ::ffff:192.0.2.1\r\n", 7, "c=IN"),
        (SMALL + b"c=IN IP6 1::2::3\r\n", 7, "c=IN"),
    ],
)
def test_harmful_faults_name_line_and_cause(body: bytes, line: int, cause: str) -> None:
    with pytest.raises(SdpError, match=cause) as caught:
        parse(body)
    assert caught.value.line == line


def test_errors_show_no_key() -> None:
    with pytest.raises(SdpError) as caught:
        parse(SMALL + b"crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0\r\n")
    assert "c2VjcmV0" not in str(caught.value)


def test_limits_are_arguments_and_exact() -> None:
    assert parse(SMALL, max_bytes=len(SMALL), max_lines=6, max_media=1).media
    for limit in ({"max_bytes": len(SMALL) - 1}, {"max_lines": 5}, {"max_media": 0}):
        with pytest.raises(SdpError):
            parse(SMALL, **limit)


def test_media_level_wins_over_session_level() -> None:
    body = HEAD + b"c=IN IP4 192.0.2.1\r\na=inactive\r\nm=audio 1 RTP/AVP 0\r\nm=audio 2/2 RTP/AVP 0\r\n"
    first, second = parse(body + b"c=IN IP6 2001:DB8:0::5/127\r\na=recvonly\r\n").media
    assert (first.connection, first.direction) == (Connection("192.0.2.1"), Direction.INACTIVE)
    assert (second.connection, second.direction) == (Connection("2001:db8::5"), Direction.RECVONLY)
    assert second.count == 2


@pytest.mark.parametrize(
    ("address", "family", "multicast", "unspecified"),
    [
        ("192.0.2.1", 4, False, False),
        ("239.0.0.1", 4, True, False),
        ("255.255.255.255", 4, True, False),
        ("0.0.0.0", 4, False, True),
        ("2001:db8::1", 6, False, False),
        ("ff02::1", 6, True, False),
        ("ff::1", 6, False, False),
        ("::", 6, False, True),
    ],
)
def test_addresses_that_no_call_is_sent_to_are_known(
    address: str, family: int, multicast: bool, unspecified: bool
) -> None:
    connection = Connection(address)
    assert (connection.family, connection.multicast, connection.unspecified) == (family, multicast, unspecified)


_PIECES = st.sampled_from(
    [
        *(b"v=0", b"m=audio 1 RTP/AVP 0", b"m=", b"c=IN IP4 1.2.3.4", b"c=IN IP6 ::", b"a=rtcp:", b"a=rtpmap:"),
        *(b"a=crypto:1 X inline:", b"a=fmtp:", b"a=inactive", b"\r\n", b"\n", b"\r", b"=", b"\0", b"o=", b"99999"),
    ]
)


def ask(session: Session) -> None:
    """Put every question that a description answers."""
    assert session.is_hold in (True, False)
    assert session.origin is None or session.origin.to_bytes()
    for media in session.media:
        assert all(rate > 0 for rate in media.clock_rates.values())
        assert (media.rtcp, media.rtpmaps, media.fmtps, media.cryptos, media.attributes("x")) != ()


@given(st.one_of(st.binary(max_size=200), st.lists(st.one_of(_PIECES, st.binary(max_size=8))).map(b"".join)))
def test_no_bytes_raise_anything_but_sdp_error(body: bytes) -> None:
    for text in (body, b"v=0\r\n" + body, SMALL + body):
        try:
            session = parse(text)
        except SdpError:
            continue
        assert parse(session.to_bytes()) == session
        ask(session)


@given(st.integers(0, len((DATA / "bypass_offer.sdp").read_bytes()) - 1), st.binary(max_size=3))
def test_no_mutation_of_a_real_offer_raises_anything_but_sdp_error(at: int, spliced: bytes) -> None:
    offer = (DATA / "bypass_offer.sdp").read_bytes()
    try:
        session = parse(offer[:at] + spliced + offer[at + 1 :])
    except SdpError:
        return
    assert parse(session.to_bytes()) == session
    ask(session)
