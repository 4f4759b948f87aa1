"""A description that passes through us: what is changed in it and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustalk.sdp.errors import SdpError
from rustalk.sdp.model import Connection, Direction, Origin, Session
from rustalk.sdp.parse import parse
from rustalk.sdp.rewrite import LocalMedia, Terms, rewrite

DATA = Path(__file__).parent.parent / "data" / "sdp"
OURS = LocalMedia("203.0.113.10", 20000, 20001)
ORIGIN = Origin("-", 7, 1, "203.0.113.10")
HEAD = "v=0\r\no=pbx 5 6 IN IP4 10.0.0.5\r\ns=pbx\r\n"


def crypto_lines(session: Session) -> list[bytes]:
    return [line for media in session.media for line in media.lines if line.startswith(b"a=crypto")]


def audio(section: str, *, head: str = HEAD + "c=IN IP4 10.0.0.5\r\nt=0 0\r\n", **options: bool) -> Session:
    return rewrite(parse((head + "m=audio 4000 RTP/SAVP 8 0\r\n" + section).encode()), [OURS], ORIGIN, **options)


@pytest.mark.parametrize(
    ("offer", "expected", "media", "trim"),
    [
        ("teams_offer.sdp", "teams_offer.relayed.sdp", [OURS], False),
        ("teams_offer.sdp", "teams_offer.trimmed.sdp", [OURS], True),
        ("bypass_offer.sdp", "bypass_offer.relayed.sdp", [OURS, None, OURS], False),
    ],
)
def test_a_teams_offer_becomes_ours(offer: str, expected: str, media: list[LocalMedia | None], trim: bool) -> None:
    """MED-13, MED-14, HDR-21: golden texts, with media-level c=, port 0 lines, ICE and several m-lines."""
    rewritten = rewrite(parse((DATA / offer).read_bytes()), media, ORIGIN, trim=trim)
    assert rewritten.to_bytes().decode() == (DATA / expected).read_bytes().decode()


@pytest.mark.parametrize("name", ["teams_offer.sdp", "bypass_offer.sdp", "carrier_offer.sdp"])
def test_keys_formats_and_their_order_stay(name: str) -> None:
    """MED-02, MED-03, MED-04: a=crypto lines byte for byte in their order, payload types identical."""
    session = parse((DATA / name).read_bytes())
    rewritten = rewrite(session, [OURS] * len(session.media), ORIGIN)
    assert crypto_lines(rewritten) == crypto_lines(session)
    assert [media.formats for media in rewritten.media] == [media.formats for media in session.media]
    assert [media.rtpmaps for media in rewritten.media] == [media.rtpmaps for media in session.media]


def test_no_address_of_the_peer_is_left() -> None:
    """MED-14: topology is hidden in o=, c=, a=rtcp and candidates."""
    text = rewrite(parse((DATA / "bypass_offer.sdp").read_bytes()), [OURS, None, None], ORIGIN).to_bytes()
    for address in (b"127.0.0.1", b"198.51.100.20", b"192.168.1.20", b"2001:db8::20"):
        assert address not in text


def test_a_refused_line_and_one_not_relayed_have_port_0() -> None:
    """MED-14: port 0 lines stay, video goes out with port 0 (RFC 3264 section 6)."""
    _, video, image = rewrite(parse((DATA / "bypass_offer.sdp").read_bytes()), [OURS, None, OURS], ORIGIN).media
    assert (video.port, image.port) == (0, 0)
    assert video.lines[0] == b"m=video 0 RTP/SAVP 122"


def test_the_address_type_follows_our_side() -> None:
    """MED-14: IPv4 on one side, IPv6 on the other."""
    ours = LocalMedia("2001:db8::10", 20000, 20001)
    session = parse((DATA / "teams_offer.sdp").read_bytes())
    rewritten = rewrite(session, [ours], Origin("-", 7, 1, "2001:db8::10"))
    assert rewritten.lines[1] == b"o=- 7 1 IN IP6 2001:db8::10"
    assert rewritten.lines[3] == b"c=IN IP6 2001:db8::10"
    assert rewritten.media[0].connection == Connection("2001:db8::10")


@pytest.mark.parametrize(
    ("came", "ours", "goes"),
    [
        ("a=rtcp:4001", OURS, "a=rtcp:20001"),
        ("a=rtcp:53020 IN IP4 126.16.64.4", OURS, "a=rtcp:20001 IN IP4 203.0.113.10"),
        ("a=rtcp:4000\r\na=rtcp-mux", OURS, "a=rtcp:20000\r\na=rtcp-mux"),
        ("a=rtcp:4001\r\na=rtcp-mux", OURS, "a=rtcp:20001\r\na=rtcp-mux"),
        ("a=rtcp:nonsense", OURS, ""),
        ("", OURS, ""),
        ("", LocalMedia("203.0.113.10", 20000, 20007), "a=rtcp:20007"),
    ],
)
def test_rtcp_follows_the_form_that_came(came: str, ours: LocalMedia, goes: str) -> None:
    """MED-14: a=rtcp with port and optional address, with and without mux."""
    session = parse(f"{HEAD}c=IN IP4 10.0.0.5\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n{came}\r\n".encode())
    (media,) = rewrite(session, [ours], ORIGIN).media
    assert b"\r\n".join(line for line in media.lines if b"rtcp" in line).decode() == goes


@pytest.mark.parametrize(
    ("section", "direction"),
    [
        ("a=sendonly\r\n", Direction.SENDONLY),
        ("a=recvonly\r\n", Direction.RECVONLY),
        ("c=IN IP4 0.0.0.0\r\n", Direction.INACTIVE),
        ("c=IN IP4 0.0.0.0\r\na=sendonly\r\n", Direction.SENDONLY),
        ("a=sendrecv\r\n", Direction.SENDRECV),
    ],
)
def test_hold_passes_in_a_form_with_our_address(section: str, direction: Direction) -> None:
    """HLD-02: c=0.0.0.0 never goes out."""
    (media,) = audio(section).media
    assert (media.direction, media.connection) == (direction, Connection("203.0.113.10"))


@pytest.mark.parametrize(
    "hold", ["a=sendonly", "a=recvonly", "a=inactive", "c=IN IP4 0.0.0.0", "c=IN IP4 0.0.0.0\r\na=sendonly"]
)
def test_teams_sees_every_hold_as_inactive(hold: str) -> None:
    """HLD-01, HLD-02: a=inactive with a real address is the only form that Teams understands."""
    rewritten = audio(f"{hold}\r\n", inactive_only=True)
    assert rewritten.is_hold
    assert rewritten.to_bytes().count(b"a=inactive") == 1
    assert b"sendonly" not in rewritten.to_bytes()
    assert b"0.0.0.0" not in rewritten.to_bytes()


def test_a_hold_at_session_level_is_overruled_in_the_section() -> None:
    """HLD-01: Teams sees inactive although the session line says sendonly."""
    head = HEAD + "c=IN IP4 10.0.0.5\r\nt=0 0\r\na=sendonly\r\n"
    assert audio("", head=head, inactive_only=True).media[0].lines[-1] == b"a=inactive"


def test_a_talking_call_keeps_its_direction_towards_teams() -> None:
    """HLD-01 touches hold only."""
    assert not audio("a=sendrecv\r\n", inactive_only=True).is_hold


def test_missing_lines_are_added_in_their_places() -> None:
    session = parse(b"v=0\r\nb=AS:64\r\nm=audio 4000 RTP/AVP 8\r\na=ptime:20\r\n")
    assert rewrite(session, [OURS], ORIGIN).to_bytes() == (
        b"v=0\r\no=- 7 1 IN IP4 203.0.113.10\r\ns=-\r\nb=AS:64\r\nt=0 0\r\n"
        b"m=audio 20000 RTP/AVP 8\r\nc=IN IP4 203.0.113.10\r\na=ptime:20\r\n"
    )


def test_a_port_count_is_not_passed_on() -> None:
    session = parse(f"{HEAD}c=IN IP4 10.0.0.5\r\nt=0 0\r\nm=audio 4000/2 RTP/AVP 8\r\n".encode())
    assert rewrite(session, [OURS], ORIGIN).media[0].lines[0] == b"m=audio 20000 RTP/AVP 8"


def test_as_many_places_as_sections_are_demanded() -> None:
    with pytest.raises(ValueError, match="3 media sections"):
        rewrite(parse((DATA / "bypass_offer.sdp").read_bytes()), [OURS], ORIGIN)


_LINES = st.sampled_from(
    [
        *("c=IN IP4 0.0.0.0", "c=IN IP6 2001:db8::1", "a=sendonly", "a=inactive", "a=rtcp:9", "a=rtcp-mux"),
        *("b=CT:1", "k=prompt", "i=x", "t=0 0", "s=x", "o=a 1 1 IN IP4 1.1.1.1", "a=candidate:1"),
        *("m=audio 5 RTP/SAVP 0", "m=video 6 RTP/AVP 99", "m=audio 0 RTP/AVP 0", "a=crypto:1 A inline:B"),
    ]
)


@given(st.lists(_LINES, max_size=12), st.booleans(), st.booleans(), st.booleans())
def test_what_is_written_means_what_it_says(lines: list[str], relayed: bool, trim: bool, inactive_only: bool) -> None:
    session = parse("\r\n".join(["v=0", *lines]).encode())
    places = [OURS if relayed else None] * len(session.media)
    rewritten = rewrite(session, places, ORIGIN, trim=trim, inactive_only=inactive_only)
    assert parse(rewritten.to_bytes()) == rewritten
    again = rewrite(rewritten, places, ORIGIN, trim=trim, inactive_only=inactive_only)
    assert again == rewritten


TERMS_TEXT = (
    b"v=0\r\nm=audio 4000 RTP/SAVP 8 96 0\r\na=rtpmap:96 telephone-event/8000\r\na=fmtp:96 0-16\r\n"
    b"a=crypto:1 X inline:old\r\na=rtcp:4001\r\na=crypto:2 X inline:old\r\na=ptime:20\r\n"
)


def on_terms(terms: Terms) -> list[bytes]:
    """The lines of the media section as they are written on these terms."""
    local = LocalMedia("203.0.113.10", 20000, 20001, terms)
    told = rewrite(parse(TERMS_TEXT), [local], Origin("-", 1, 1, "203.0.113.10"))
    assert parse(told.to_bytes()) == told
    return list(told.media[0].lines)


def test_profile_keys_and_payload_types_are_written_on_our_terms() -> None:
    """MED-01, MED-08: each in the place of what came."""
    lines = on_terms(Terms(b"RTP/SAVPF", ("0", "96"), {"96": "101"}, (b"a=crypto:7 Y inline:new",)))
    assert lines == [
        b"m=audio 20000 RTP/SAVPF 0 101",
        b"c=IN IP4 203.0.113.10",
        b"a=rtpmap:101 telephone-event/8000",
        b"a=fmtp:101 0-16",
        b"a=crypto:7 Y inline:new",
        b"a=rtcp:20001",
        b"a=ptime:20",
    ]


def test_payload_types_may_change_places() -> None:
    lines = on_terms(Terms(numbers={"96": "8", "8": "96"}, cryptos=()))
    assert lines[0] == b"m=audio 20000 RTP/SAVP 96 8 0"
    assert b"a=rtpmap:8 telephone-event/8000" in lines
    assert not any(line.startswith(b"a=crypto") for line in lines)


def test_lines_are_added_on_our_terms() -> None:
    """ICE-01: RTCP on the same port, without a=rtcp beside it."""
    lines = on_terms(Terms(added={"99": [b"a=rtpmap:99 CN/8000"]}, muxed=True, attributes=(b"a=ice-ufrag:x",)))
    assert lines[0] == b"m=audio 20000 RTP/SAVP 8 96 0 99"
    assert lines[-3:] == [b"a=rtcp-mux", b"a=rtpmap:99 CN/8000", b"a=ice-ufrag:x"]
    assert not any(line.startswith(b"a=rtcp:") for line in lines)


def test_two_codecs_of_one_number_are_not_sent() -> None:
    with pytest.raises(SdpError, match="listed twice"):
        on_terms(Terms(numbers={"96": "8"}))
