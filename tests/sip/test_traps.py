"""The traps that Python sets for those who parse what strangers send.

Each was seen to catch somebody. The parser works on bytes with ASCII tables; these tests hold it to that.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from re import _constants as constants
from re import _parser as parser
from typing import Any

import pytest

from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.headers import canonical, split_list
from rustalk.sip.message import Request
from rustalk.sip.parse import FramingError, Limits, StreamParser, parse_datagram
from rustalk.sip.uri import Uri
from tests.fakes.messages import LIMITS, make_request, parse, request_wire

ROOT = Path(__file__).parent.parent.parent / "rustalk"

NOT_A_NUMBER = {
    "a sign": "+5",
    "a negative zero": "-0",
    "a negative number": "-1",
    "an underscore": "1_0",
    "a vertical tab": "5\x0b",
    "a no-break space": "\xa05",
    "a hexadecimal number": "0x5",
    "a float": "5.0",
    "an exponent": "5e0",
    "Arabic-Indic digits": "\u0665",
    "a superscript digit": "\u00b2",
    "a fullwidth digit": "\uff15",
    "nothing": "",
    "31 bits and one": "2147483648",
    "32 bits and one": "4294967296",
    "63 bits and one": "9223372036854775808",
    "more digits than int() takes": "9" * 5000,
    "two numbers": "5 5",
    "a list": "5,5",
}


@pytest.mark.parametrize("text", NOT_A_NUMBER.values(), ids=NOT_A_NUMBER.keys())
def test_only_plain_digits_are_a_content_length(text: str) -> None:
    """A11: what int() would take and SIP does not."""
    data = request_wire("INVITE", body=b"v=0\r\n").replace(b"Length: 5", f"Length: {text}".encode())
    with pytest.raises(RemoteProtocolError) as caught:
        parse_datagram(data, LIMITS)
    assert caught.value.status in (400, 513)
    assert [type(found) for found in StreamParser(LIMITS).feed(data)] == [FramingError]


@pytest.mark.parametrize("text", NOT_A_NUMBER.values(), ids=NOT_A_NUMBER.keys())
@pytest.mark.parametrize("field", ["CSeq: {} OPTIONS", "Max-Forwards: {}"])
def test_only_plain_digits_are_a_sequence_number_or_a_hop_count(field: str, text: str) -> None:
    name = field.partition(":")[0]
    old = {"CSeq": "CSeq: 2 OPTIONS", "Max-Forwards": "Max-Forwards: 70"}[name]
    data = request_wire("OPTIONS").replace(old.encode(), field.format(text).encode())
    with pytest.raises(RemoteProtocolError):
        parse_datagram(data, LIMITS)


@pytest.mark.parametrize("text", NOT_A_NUMBER.values(), ids=NOT_A_NUMBER.keys())
def test_only_plain_digits_are_a_port(text: str) -> None:
    for broken in (f"sip:a@h:{text}", f"sip:h:{text}"):
        with pytest.raises(RemoteProtocolError):
            Uri.parse(broken)


@pytest.mark.parametrize("separator", ["\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\u2028", "\u2029", "\r", "\n"])
def test_only_crlf_ends_a_line(separator: str) -> None:
    """str.splitlines() cuts at all of these."""
    data = request_wire("OPTIONS", f"Subject: a{separator}X-Injected: b")
    try:
        message = parse_datagram(data, LIMITS)
    except RemoteProtocolError:
        return
    assert message is not None
    assert message.get("X-Injected") is None
    assert message.get("Subject") == f"a{separator}X-Injected: b"


def test_a_lone_cr_and_a_lone_lf_do_not_make_a_line_end_together() -> None:
    with pytest.raises(RemoteProtocolError, match="lone line end"):
        parse_datagram(request_wire("OPTIONS", "Subject: a\rb", "Priority: c\nd"), LIMITS)


@pytest.mark.parametrize("space", ["\xa0", "\x85", "\x1f", "\x0b", "\u2003", "\u3000", "\ufeff"])
def test_only_space_and_tab_are_white_space(space: str) -> None:
    """CVE-2020-28361: str.strip() removes all of these."""
    for name in (f"X-Internal{space}", f"{space}X-Internal"):
        with pytest.raises(RemoteProtocolError):
            parse_datagram(request_wire("OPTIONS", f"{name}: 1"), LIMITS)
    try:
        message = parse_datagram(request_wire("OPTIONS", f"Subject:{space}a{space}"), LIMITS)
    except RemoteProtocolError:
        return
    assert message is not None
    assert message.get("Subject") == f"{space}a{space}"


@pytest.mark.parametrize("name", ["\u212a", "\u017fubject", "Suppor\u0165ed", "call\u2010id"])
def test_case_is_folded_in_ascii_only(name: str) -> None:
    """The Kelvin sign's lower case is k, the long s's upper case is S: neither is a letter of a header name."""
    assert canonical(name) == ""
    with pytest.raises(RemoteProtocolError):
        parse_datagram(request_wire("OPTIONS", f"{name}: timer"), LIMITS)


def test_a_scheme_is_folded_in_ascii_only() -> None:
    for text in ("\u017fip:a@h", "\u017fips:a@h", "s\u0131p:a@h"):
        with pytest.raises(RemoteProtocolError):
            Uri.parse(text)


def test_a_method_is_not_folded_at_all() -> None:
    request = parse(request_wire("invite"))
    assert isinstance(request, Request)
    assert request.method == "invite"


def test_the_end_of_a_value_is_the_end_of_the_text() -> None:
    """A19: `$` would match before a trailing newline."""
    for text in ("sip:+15551234@h\n", "tel:+1\n", "sip:h\r\n"):
        with pytest.raises(RemoteProtocolError):
            Uri.parse(text)


def test_an_escaped_null_does_not_end_a_user() -> None:
    """RFC 4475 section 3.1.1.4."""
    uri = Uri.parse("sip:null-%00-null@example.com")
    assert (uri.user, uri.number) == ("null-%00-null", "null-\x00-null")


def test_deep_nesting_is_no_recursion() -> None:
    """A16: nested quotes, brackets and comments."""
    for text in ("<" * 5000, '"' * 5001, '"\\' * 2500, "(" * 5000, "[" * 5000):
        try:
            split_list(f"a,{text}")
            Uri.parse(f"sip:{text}")
        except RemoteProtocolError:
            continue


# A9: every byte at every place around the colon, and what a header-stripping neighbour would think of it.

PLACES = {
    "before the name": "{}X-Internal: 1",
    "in the name": "X-{}Internal: 1",
    "behind the name": "X-Internal{}: 1",
    "twice behind the name": "X-Internal{0}{0}: 1",
    "in place of the colon": "X-Internal{} 1",
}
TOKEN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~"


def allowed(place: str, byte: int) -> bool:
    """What RFC 3261 says: a name is a token, blanks may stand between it and the colon, and nothing else may."""
    if place in ("before the name", "in the name"):
        return byte in TOKEN or (byte == ord(":") and place == "in the name")
    if place == "in place of the colon":
        return byte == ord(":")
    return byte in TOKEN or byte in b" \t:"


@pytest.mark.parametrize("place", PLACES)
def test_each_byte_around_a_header_name_is_a_token_or_an_error(place: str) -> None:
    """A9: 256 bytes at each place; no byte makes a name that others would read differently."""
    before, behind = request_wire("OPTIONS", "MARK").split(b"MARK")
    for byte in range(256):
        line = PLACES[place].encode().replace(b"{0}", b"{}").replace(b"{}", bytes((byte,)))
        try:
            message = parse_datagram(before + line + behind, LIMITS)
        except RemoteProtocolError:
            assert not allowed(place, byte) or (byte, place) == (ord(" "), "before the name"), byte
            continue
        folded = place == "before the name" and byte in b" \t"
        assert allowed(place, byte) or folded, byte
        assert message is not None
        assert len(message.fields) == (6 if folded else 7)
        assert all(ord(character) in TOKEN for name, _ in message.fields for character in name)


HEADERS = [
    *("Via", "From", "To", "Call-ID", "CSeq", "Contact", "Route", "Record-Route", "Content-Length", "Content-Type"),
    *("Max-Forwards", "Authorization", "Proxy-Authorization", "P-Asserted-Identity", "Privacy", "Supported", "Require"),
    *("Session-Expires", "Refer-To", "Replaces"),
]


@pytest.mark.parametrize("header", HEADERS)
def test_no_byte_hides_a_header_name(header: str) -> None:
    """A9: a disguised name is that header, another token or an error - never something in between."""
    before, behind = request_wire("OPTIONS", "MARK").split(b"MARK")
    for byte in range(256):
        for line in (header.encode() + bytes((byte,)) + b": 1", bytes((byte,)) + header.encode() + b": 1"):
            try:
                message = parse_datagram(before + line + behind, LIMITS)
            except RemoteProtocolError:
                continue
            assert message is not None
            for name, _ in message.fields:
                assert name == canonical(name)
                assert all(ord(character) in TOKEN for character in name)


# Shapes that Teams sends.


def teams(name: str) -> Request:
    message = parse((ROOT.parent / "tests" / "data" / "teams" / f"{name}.sip").read_bytes())
    assert isinstance(message, Request)
    return message


def test_an_invite_as_teams_writes_it() -> None:
    """HDR-20: upper-case names, an unquoted display name glued to the bracket, Via behind Call-ID."""
    invite = teams("invite")
    assert [name for name, _ in invite.fields][:6] == ["From", "To", "CSeq", "Call-ID", "Max-Forwards", "Via"]
    assert (invite.from_.display, invite.from_.uri.number) == ("John Doe", "+441273652002")
    assert (invite.number("Session-Expires"), invite.number("Min-SE"), invite.content_type) == (
        3600,
        300,
        "application/sdp",
    )


def test_the_contact_of_teams_is_kept_byte_for_byte() -> None:
    """HDR-08: it comes back as a Request-URI."""
    invite = teams("invite")
    assert invite.contact is not None
    uri = invite.contact.address
    assert f"<{uri}>".encode() in invite.raw
    assert make_request("BYE", uri=uri).to_bytes().startswith(f"BYE {uri} SIP/2.0\r\n".encode())


def test_an_answer_of_teams_without_tag_and_contact_is_understood() -> None:
    """OPT-14: no To tag, no Contact, an empty rport that stays empty."""
    message = parse((ROOT.parent / "tests" / "data" / "teams" / "options-200.sip").read_bytes())
    assert (message.to.tag, message.contact, message.cseq) == ("", None, (12, "OPTIONS"))
    assert message.via.params[1:] == (("rport", None), ("alias", None))


def test_a_reason_with_semicolons_in_its_text_is_one_reason() -> None:
    """OPS-04."""
    (reason,) = teams("bye").items("Reason")
    assert reason == 'Q.850;cause=16;text="7a1f0c2b-b1a9-576c-8c9e-27f1f3a8d4e5;Normal, call clearing; from user"'


@pytest.mark.parametrize("length", [400, 401, 2000])
def test_a_long_referred_by_is_taken_whole(length: int) -> None:
    """HDR-22: up to 400 characters and more."""
    value = "<sip:sip.pstnhub.microsoft.com:5061;x-tt=" + "Q" * (length - 42) + ">"
    request = make_request("REFER", f"Refer-To: {value}", f"Referred-By: {value}")
    assert (request.get("Referred-By"), len(value)) == (value, length)
    assert request.addresses("Refer-To")[0].uri.param("x-tt") == "Q" * (length - 42)


def test_a_refer_as_teams_writes_it() -> None:
    """HDR-22."""
    (referrer,) = teams("refer").addresses("Referred-By")
    assert len(str(referrer)) > 400
    assert (referrer.uri.param("x-tt") or "").endswith("%3D%3D")


# What the source itself must not do.


def calls_of_re() -> Iterator[tuple[str, str]]:
    """Each pattern written down in the source, with its place; a part that is inserted counts as one letter."""
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            if isinstance(node.func.value, ast.Name) and node.func.value.id in ("re", "re2"):
                pattern = node.args[0]
                parts = pattern.values if isinstance(pattern, ast.JoinedStr) else [pattern]
                texts = [part.value if isinstance(part, ast.Constant) else "x" for part in parts]
                joined = "".join(text.decode("latin-1") if isinstance(text, bytes) else str(text) for text in texts)
                yield f"{path.relative_to(ROOT)}:{node.lineno}", joined


def anchors(parsed: Any) -> bool:
    """Whether a parsed pattern holds `$`."""
    if isinstance(parsed, (list, tuple, parser.SubPattern)):
        if isinstance(parsed, tuple) and parsed[:2] == (constants.AT, constants.AT_END):
            return True
        return any(anchors(part) for part in parsed)
    return False


def test_no_expression_ends_with_a_dollar() -> None:
    """A19: `$` also matches before a trailing newline; fullmatch or `\\Z` does not."""
    assert [place for place, pattern in calls_of_re() if anchors(parser.parse(pattern))] == []


def test_the_search_for_dollars_finds_one() -> None:
    assert anchors(parser.parse(r"(^\+\d+$)"))
    assert not anchors(parser.parse(r"^[$]\$\Z"))


@pytest.mark.parametrize("package", ["sip", "ua", "call", "security"])
def test_names_that_must_not_be_guessed_come_from_secrets(package: str) -> None:
    """A36: `random` is not imported where tags, branches, nonces and tokens are made."""
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert "random" not in names, path
            assert not (isinstance(node, ast.ImportFrom) and node.module == "random"), path


def test_the_limits_are_there_unless_somebody_asks_for_others() -> None:
    assert Limits() == Limits(message=65536, head=32768, fields=200, field=8192, uri=2048)
