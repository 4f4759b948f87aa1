"""Header fields that have a structure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.headers import (
    CSeq,
    NameAddr,
    Via,
    canonical,
    format_params,
    parse_number,
    parse_params,
    quote,
    split_list,
    unquote,
)
from rustalk.sip.uri import Params


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("call-id", "Call-ID"),
        ("CALL-ID", "Call-ID"),
        ("cAlL-iD", "Call-ID"),
        ("i", "Call-ID"),
        ("L", "Content-Length"),
        ("v \t", "Via"),
        ("X-Anything", "X-Anything"),
        ("p-asserted-identity", "P-Asserted-Identity"),
    ],
)
def test_a_header_name_has_one_spelling(spelling: str, name: str) -> None:
    assert canonical(spelling) == name


@pytest.mark.parametrize("spelling", ["", " ", "Via:", "V ia", "Vi\xe4", "Via\x00", "Via\xa0", "<Via>"])
def test_what_is_no_token_is_no_header_name(spelling: str) -> None:
    assert canonical(spelling) == ""


def test_a_sequence_number_and_its_method() -> None:
    assert CSeq.parse("4711 INVITE") == CSeq.parse("0004711 \t INVITE") == CSeq(4711, "INVITE")


def test_the_largest_sequence_number_has_31_bits() -> None:
    assert CSeq.parse("2147483647 BYE").number == 2**31 - 1
    with pytest.raises(RemoteProtocolError, match="bad CSeq"):
        CSeq.parse("2147483648 BYE")


@pytest.mark.parametrize(
    "text", ["", "1", "INVITE", "-1 INVITE", "+1 INVITE", "1_0 INVITE", "1 INVITE x", "\u0661 BYE"]
)
def test_a_broken_sequence_number_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError, match="bad CSeq"):
        CSeq.parse(text)


def test_a_number_is_limited() -> None:
    assert parse_number("Max-Forwards", "255", 255) == 255
    with pytest.raises(RemoteProtocolError, match="bad Max-Forwards"):
        parse_number("Max-Forwards", "256", 255)


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("", ()),
        (";a", (("a", None),)),
        (";a=1;b;c=", (("a", "1"), ("b", None), ("c", ""))),
        (" ; a = 1 ;b", (("a", "1"), ("b", None))),
        (';text="a;b,c=d";cause=16', (("text", '"a;b,c=d"'), ("cause", "16"))),
        (';text="say \\"hi\\""', (("text", '"say \\"hi\\""'),)),
        (";received=[2001:db8::1]", (("received", "[2001:db8::1]"),)),
    ],
)
def test_parameters(text: str, params: Params) -> None:
    assert parse_params(text) == params


@pytest.mark.parametrize("text", [";", ";;a", ";=1", "a=1", ';a="open', ";a=b c", ";a,b", ";\xe4=1", ';a="x"y'])
def test_broken_parameters_are_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError, match="bad parameters"):
        parse_params(text)


def test_parameters_are_written_as_they_were() -> None:
    text = ';cause=16;text="a;b";lr;x='
    assert format_params(parse_params(text)) == text


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("a", ["a"]),
        ("a, b,c", ["a", "b", "c"]),
        ('"Doe, John" <sip:j@h>, <sip:a,b@h>', ['"Doe, John" <sip:j@h>', "<sip:a,b@h>"]),
        ('"\\",", b', ['"\\","', "b"]),
    ],
)
def test_the_items_of_a_list(text: str, items: list[str]) -> None:
    assert split_list(text) == items


@pytest.mark.parametrize("text", ["a,", ",a", "a,,b", 'a,"b', "a,<b", "a, ,b"])
def test_a_broken_list_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError, match="list"):
        split_list(text)


@given(st.text(st.characters(exclude_categories=["Cc"]), max_size=40))
def test_what_is_quoted_can_be_unquoted(text: str) -> None:
    assert unquote(quote(text)) == text


def test_control_characters_do_not_enter_a_quoted_string() -> None:
    assert quote('a\r\nB: "c"\x00\x1b') == '"aB: \\"c\\""'


@pytest.mark.parametrize(
    ("text", "via"),
    [
        ("SIP/2.0/UDP h", Via("UDP", "h", None, ())),
        (
            "SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK1;alias",
            Via("TLS", "192.0.2.1", 5061, (("branch", "z9hG4bK1"), ("alias", None))),
        ),
        ("SIP / 2.0 / udp  h : 5060 ;branch=1", Via("UDP", "h", 5060, (("branch", "1"),))),
        ("sip/2.0/tcp [2001:db8::9:1]:6050", Via("TCP", "2001:db8::9:1", 6050, ())),
        ("SIP/2.0/UNKNOWN-1 h.example.com.", Via("UNKNOWN-1", "h.example.com.", None, ())),
    ],
)
def test_a_via(text: str, via: Via) -> None:
    assert Via.parse(text) == via


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/3.0/UDP h",
        "SIP/2.0 h",
        "SIP/2.0/UDP h:0",
        "SIP/2.0/UDP h:65536",
        "SIP/2.0/UDP h h",
        "SIP/2.0/UDP <h>",
        'SIP/2.0/UDP h;a="',
    ],
)
def test_a_broken_via_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        Via.parse(text)


def test_a_via_is_written_as_it_was() -> None:
    text = "SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bK1;rport"
    assert str(Via.parse(text)) == text


@pytest.mark.parametrize(("text", "sent_by"), [("UDP H", "h:5060"), ("TLS h", "h:5061"), ("TCP h:99", "h:99")])
def test_a_via_without_a_port_means_the_usual_one(text: str, sent_by: str) -> None:
    assert Via.parse(f"SIP/2.0/{text}").sent_by == sent_by


def test_a_via_of_an_old_element_has_no_branch() -> None:
    assert (Via.parse("SIP/2.0/UDP h").branch, Via.parse("SIP/2.0/UDP h;BRANCH=x").branch) == ("", "x")


@pytest.mark.parametrize(
    ("text", "display", "address", "tag"),
    [
        ("<sip:a@h>", "", "sip:a@h", ""),
        ("sip:a@h;tag=1", "", "sip:a@h", "1"),
        ("Bob <sip:a@h>;tag=1", "Bob", "sip:a@h", "1"),
        ('"Bob \\"the\\" B" <sip:a@h;lr>;tag=1', 'Bob "the" B', "sip:a@h;lr", "1"),
        ("  <sip:a@h> ; tag = 1 ", "", "sip:a@h", "1"),
        ("<tel:+1>;TAG=x", "", "tel:+1", "x"),
    ],
)
def test_an_address(text: str, display: str, address: str, tag: str) -> None:
    parsed = NameAddr.parse(text)
    assert (parsed.display, parsed.address, parsed.tag) == (display, address, tag)


def test_an_unquoted_name_of_several_words_may_touch_the_bracket() -> None:
    """HDR-20."""
    parsed = NameAddr.parse("John Doe<sip:+441273652002@sip.pstnhub.microsoft.com:5061;user=phone>;tag=f7d4")
    assert (parsed.display, parsed.tag, parsed.uri.param("user")) == ("John Doe", "f7d4", "phone")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<>",
        "a",
        "<sip:a@h",
        "sip:a@h>",
        '"Bob <sip:a@h>',
        "<sip:a b@h>",
        "a <b> <sip:a@h>",
        "sip:a@h?x=y",
        "sip:a@h,b",
    ],
)
def test_a_broken_address_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        NameAddr.parse(text)


def test_parameters_behind_a_bare_uri_belong_to_the_header() -> None:
    parsed = NameAddr.parse("sip:user@example.com;unknownparam")
    assert (parsed.address, parsed.param("unknownparam"), parsed.param("other")) == ("sip:user@example.com", "", None)


def test_an_address_is_written_so_that_it_reads_the_same() -> None:
    parsed = NameAddr("sip:a@h", (("tag", "1"),), 'Bob "B"')
    assert str(parsed) == '"Bob \\"B\\"" <sip:a@h>;tag=1'
    assert NameAddr.parse(str(parsed)) == parsed


def test_the_uri_of_an_address_is_parsed_once_and_may_be_broken() -> None:
    parsed = NameAddr.parse("<sip:a@h;lr>")
    assert parsed.uri is parsed.uri
    with pytest.raises(RemoteProtocolError):
        _ = NameAddr.parse("<sip:a@h:0>").uri


def test_equal_addresses_are_equal_keys() -> None:
    assert len({NameAddr.parse("<sip:a@h>;tag=1"), NameAddr.parse("sip:a@h;tag=1")}) == 1
    assert NameAddr.parse("<sip:a@h>") != "<sip:a@h>"


def test_an_address_shows_itself() -> None:
    assert repr(NameAddr.parse("<sip:a@h>")) == "NameAddr('<sip:a@h>')"
