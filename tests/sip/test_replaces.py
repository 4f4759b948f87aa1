"""The Replaces header."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.replaces import Replaces, asked_in
from rustalk.sip.uri import Uri


@pytest.mark.parametrize(
    ("text", "early_only"),
    [
        ("98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff", False),
        ("98732@sip.example.com ; to-tag=ff87ff ; from-tag=r33th4x0r ; early-only", True),
        (" 98732@sip.example.com;TO-TAG=ff87ff;From-Tag=r33th4x0r;x=y;EARLY-ONLY", True),
    ],
)
def test_the_parts_whatever_their_order_and_case(text: str, early_only: bool) -> None:
    """XFR-07: the header of RFC 3891 section 6.1, with unknown parameters passed over."""
    assert Replaces.parse(text) == Replaces("98732@sip.example.com", "ff87ff", "r33th4x0r", early_only)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "98732@sip.example.com",
        "98732@sip.example.com;to-tag=a",
        "98732@sip.example.com;from-tag=a",
        "98732@sip.example.com;to-tag;from-tag=a",
        "98732@sip.example.com;to-tag=;from-tag=a",
        ";to-tag=a;from-tag=b",
        "c;to-tag=a;from-tag=b;",
        'c;to-tag="a;from-tag=b',
        "c;to-tag=a b;from-tag=c",
    ],
)
def test_what_names_no_dialog_is_refused(text: str) -> None:
    """XFR-07: a Call-ID and both tags are needed."""
    with pytest.raises(RemoteProtocolError):
        Replaces.parse(text)


@pytest.mark.parametrize("sign", ["\r\n", "\n", "\0", "\x7f", "\x1f"])
@pytest.mark.parametrize("text", ["a{}b;to-tag=c;from-tag=d", 'a;to-tag="c{}";from-tag=d', "a;to-tag=c{};from-tag=d"])
def test_no_control_character_gets_in(text: str, sign: str) -> None:
    """What stood escaped in a URI could otherwise break out of the header it is written to."""
    with pytest.raises(RemoteProtocolError):
        Replaces.parse(text.format(sign))


def test_the_value_in_a_uri_and_back() -> None:
    """XFR-07: RFC 3891 section 7; every sign that means something in a URI is escaped."""
    replaces = Replaces("a?b&c=d;e%40@h", "1;2=3", "4&5", early_only=True)
    escaped = replaces.escaped()
    assert not set(escaped) & set("?&=;@<> ")
    assert asked_in(Uri.parse(f"sip:bob@h.example.com?Subject=x&rePlaces={Replaces('a@b', 'c', 'd').escaped()}")) == (
        Replaces("a@b", "c", "d")
    )


def test_a_call_id_that_is_no_utf_8_survives() -> None:
    """A byte that is no text leaves as the same byte."""
    replaces = Replaces("a\udcffb", "c", "d")
    assert asked_in(Uri.parse(f"sip:h?Replaces={replaces.escaped()}")) == replaces


@pytest.mark.parametrize("uri", ["sip:h", "sip:h?Subject=Replaces", "sip:h?xReplaces=a", "tel:+15551230001"])
def test_a_refer_that_asks_for_nothing_to_be_replaced(uri: str) -> None:
    """XFR-04: a blind transfer."""
    assert asked_in(Uri.parse(uri)) is None


@pytest.mark.parametrize(
    "headers", ["Replaces", "Replaces=", "Replaces=a", "Replaces=a%3Bto-tag%3Db", "replaces=%0D%0A"]
)
def test_a_refer_that_asks_in_vain(headers: str) -> None:
    """XFR-07: it says Replaces and names no dialog."""
    with pytest.raises(RemoteProtocolError):
        asked_in(Uri.parse(f"sip:h?{headers}"))


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """Nothing but RemoteProtocolError leaves the parser, and what passes it can be written."""
    with suppress(RemoteProtocolError):
        replaces = Replaces.parse(text)
        assert Uri.parse(f"sip:h?Replaces={replaces.escaped()}")


_TAG = st.from_regex(r"[A-Za-z0-9.~-]{1,20}", fullmatch=True)


@given(st.from_regex(r"[!-:<-~\udc80-\udcff]{1,40}", fullmatch=True), _TAG, _TAG, st.booleans())
def test_what_was_written_into_a_uri_is_read_again(call_id: str, to_tag: str, from_tag: str, early_only: bool) -> None:
    """RFC 3891 section 7: whatever a Call-ID holds."""
    replaces = Replaces(call_id, to_tag, from_tag, early_only)
    assert asked_in(Uri.parse(f"sip:h?Replaces={replaces.escaped()}")) == replaces
