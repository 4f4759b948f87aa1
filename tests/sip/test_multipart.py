"""A body of several parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.multipart import Multipart

BODY = (Path(__file__).parent.parent / "data" / "emergency" / "body.multipart").read_bytes()
TYPE = 'Multipart/Mixed; boundary="0_mixed+Boundary"'
TWO = b"--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--"


def test_the_description_and_the_location() -> None:
    """EMG-01: white space behind a boundary, fields in any case, text before and behind."""
    body = Multipart.parse(TYPE, BODY)
    assert [(part.type, part.id) for part in body.parts] == [
        ("application/sdp", ""),
        ("application/pidf+xml", "<here@contoso.example>"),
    ]
    found = body.find("application/sdp")
    assert found is not None
    assert body.content(found).startswith(b"v=0\r\n")
    assert body.content(found).endswith(b"RTP/SAVP 0\r\n")


def test_another_description_changes_nothing_else() -> None:
    """EMG-01: every other byte is as it was, but for the length of the part itself."""
    body = Multipart.parse(TYPE, BODY)
    part = body.find("application/sdp")
    assert part is not None
    new = b"v=0\r\ns=other\r\n"
    expected = BODY.replace(body.content(part), new).replace(b"Content-Length: 105", b"Content-Length: 14")
    assert body.replaced(part, new) == expected
    again = Multipart.parse(TYPE, expected)
    assert again.content(again.parts[0]) == new
    assert again.content(again.parts[1]) == body.content(body.parts[1])


def test_the_same_description_is_the_same_body() -> None:
    """Byte for byte."""
    body = Multipart.parse("multipart/mixed;boundary=b", TWO)
    assert [body.content(part) for part in body.parts] == [b"one", b"two"]
    assert all(body.replaced(part, body.content(part)) == TWO for part in body.parts)


def test_a_part_without_fields_is_plain_text() -> None:
    """RFC 2046 section 5.1.1."""
    assert [part.type for part in Multipart.parse("multipart/mixed;boundary=b", TWO).parts] == ["text/plain"] * 2


def test_a_boundary_that_begins_like_another() -> None:
    """The parts of a body within the body are its own."""
    inner = b"--bb\r\n\r\nx\r\n--bb--"
    body = Multipart.parse("multipart/mixed;boundary=b", b"--b\r\n\r\n" + inner + b"\r\n--b--\r\n")
    assert [body.content(part) for part in body.parts] == [inner]


def test_an_empty_part() -> None:
    """It has nothing in it, and the rest is found."""
    body = Multipart.parse("multipart/mixed;boundary=b", b"--b\r\n--b\r\nContent-Type: a/b\r\n--b\r\n\r\n\r\n--b--")
    assert [body.content(part) for part in body.parts] == [b"", b"", b""]


UNUSABLE = ["", "=", '=""', "=" + "b" * 71, '="b "', "=ü"]


@pytest.mark.parametrize(
    "content_type", ["", "application/sdp;boundary=b", *(f"multipart/mixed;boundary{each}" for each in UNUSABLE)]
)
def test_no_usable_boundary(content_type: str) -> None:
    """The peer's fault."""
    with pytest.raises(RemoteProtocolError):
        Multipart.parse(content_type, TWO)


@pytest.mark.parametrize("end", range(len(TWO) - 2))
def test_a_body_that_is_cut_off(end: int) -> None:
    """Anywhere before its last boundary: an error, and no other."""
    with pytest.raises(RemoteProtocolError):
        Multipart.parse("multipart/mixed;boundary=b", TWO[:end])


def test_too_many_parts() -> None:
    """A16: sixteen are taken."""
    part = b"--b\r\n\r\nx\r\n"
    assert len(Multipart.parse("multipart/mixed;boundary=b", part * 16 + b"--b--").parts) == 16
    with pytest.raises(RemoteProtocolError) as caught:
        Multipart.parse("multipart/mixed;boundary=b", part * 17 + b"--b--")
    assert caught.value.status == 413


def test_a_content_with_the_boundary_in_it() -> None:
    """It would end its part."""
    body = Multipart.parse("multipart/mixed;boundary=b", TWO)
    with pytest.raises(ValueError, match="boundary"):
        body.replaced(body.parts[0], b"a\r\n--b--\r\n")


def test_what_is_no_delimiter() -> None:
    """Many lines that begin like one take no longer than others."""
    lines = b"\r\n".join([b"--bx"] * 20000)
    body = Multipart.parse("multipart/mixed;boundary=b", b"--b\r\n\r\n" + lines + b"\r\n--b--")
    assert body.content(body.parts[0]) == lines
