"""Descriptions that are ours alone."""

from __future__ import annotations

from rustalk.sdp.codec import Codec, codecs
from rustalk.sdp.model import Direction
from rustalk.sdp.own import USUAL, compose, resumed, unheld
from rustalk.sdp.parse import parse

HELD = b"v=0\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\nm=audio 4000 RTP/SAVP 8\r\na=sendonly\r\na=ptime:20\r\n"


def test_an_offer_of_our_own_has_the_listed_codecs_in_order() -> None:
    """HDR-11; two that want the same payload type get different ones."""
    listed = (Codec("SILK", 16000, number=99), Codec("iLBC", number=99), Codec("PCMA", number=8))
    (media,) = compose(listed).media
    assert media.formats == ("99", "101", "8")
    assert tuple(codecs(media).values()) == listed


def test_without_a_list_it_has_the_usual_codecs() -> None:
    assert tuple(codecs(compose(()).media[0]).values()) == USUAL


def test_a_newcomer_is_not_offered_a_hold() -> None:
    """XFR-04: neither that of the line nor that of the session."""
    session = unheld(parse(HELD))
    assert session.media[0].direction is Direction.SENDRECV
    assert not session.is_hold
    assert b"inactive" not in session.to_bytes()


def test_what_is_not_held_stays_byte_for_byte() -> None:
    text = b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/SAVP 8\r\na=ptime:20\r\n"
    assert unheld(parse(text)).to_bytes() == text


def test_a_phone_that_holds_no_longer() -> None:
    """RFC 6337 section 5.3; nothing to say where it did not hold, or where only 0.0.0.0 is known of its place."""
    text = b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\na=sendonly\r\n"
    again = resumed(text)
    assert again == text.replace(b"sendonly", b"sendrecv")
    assert resumed(again) == b""
    assert resumed(text.replace(b"192.0.2.1", b"0.0.0.0")) == b""
