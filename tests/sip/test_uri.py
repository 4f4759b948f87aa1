"""SIP, SIPS and tel URIs."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.uri import Uri, find, format_host


@pytest.mark.parametrize(
    "text",
    [
        "sip:alice@atlanta.example.com",
        "sip:alice:secretword@atlanta.example.com;transport=tcp",
        "sips:alice@atlanta.example.com?subject=project%20x&priority=urgent",
        "sip:+1-212-555-1212:1234@gateway.example.com;user=phone",
        "sip:1212@gateway.example.com",
        "sip:alice@192.0.2.4",
        "sip:atlanta.example.com;method=REGISTER?to=alice%40atlanta.example.com",
        "sip:alice;day=tuesday@atlanta.example.com",
        "sip:[2001:db8::10]:5070;lr",
        "tel:+1-201-555-0123;ext=12",
    ],
)
def test_a_uri_comes_back_exactly_as_it_was_written(text: str) -> None:
    assert str(Uri.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "sip:alice:secretword@atlanta.example.com:5070;transport=tcp;lr?subject=x",
        "sip:[2001:db8::10]",
        "tel:+1-201-555-0123;ext=12;isub",
        "urn:service:sos",
    ],
)
def test_a_uri_put_together_from_its_parts_is_the_same(text: str) -> None:
    uri = Uri.parse(text)
    again = Uri(uri.scheme, uri.user, uri.host, uri.port, uri.params, uri.headers, uri.password)
    assert str(again) == text


def test_the_parts_of_a_uri() -> None:
    uri = Uri.parse("SIPS:alice:pw@Atlanta.example.com:5061;transport=TLS;lr?subject=x")
    assert (uri.scheme, uri.user, uri.password) == ("sips", "alice", "pw")
    assert (uri.host, uri.port, uri.headers) == ("Atlanta.example.com", 5061, "subject=x")
    assert uri.params == (("transport", "TLS"), ("lr", None))


def test_parameters_are_found_in_any_case_and_told_from_absent_ones() -> None:
    uri = Uri.parse("sip:h;Transport=tcp;LR;empty=;;")
    assert [uri.param(name) for name in ("transport", "lr", "empty", "user")] == ["tcp", "", "", None]


def test_a_value_may_hold_an_equals_sign() -> None:
    assert Uri.parse("sip:h;x-tt=YWI=;b").params == (("x-tt", "YWI="), ("b", None))


def test_parameters_of_the_user_part_are_not_those_of_the_uri() -> None:
    """HDR-18: numbers with an extension inside the user part."""
    uri = Uri.parse("sip:+14025557334;ext=7334@sbc1.example.test:5061;user=phone")
    assert (uri.user, uri.number) == ("+14025557334;ext=7334", "+14025557334")
    assert uri.params == (("user", "phone"),)


def test_a_short_number_keeps_its_plus() -> None:
    """HDR-18."""
    assert Uri.parse("sip:+1001@sbc1.example.test;user=phone").number == "+1001"


def test_the_number_is_unescaped_and_the_user_is_not() -> None:
    uri = Uri.parse("sip:%2B1555%231@h")
    assert (uri.user, uri.number) == ("%2B1555%231", "+1555#1")


def test_a_uri_without_a_user_has_no_number() -> None:
    assert Uri.parse("sip:sip.pstnhub.microsoft.com:5061").number == ""


def test_a_tel_uri_has_its_number_and_parameters() -> None:
    uri = Uri.parse("tel:+1-201-555-0123;ext=12;phone-context=example.com")
    assert (uri.number, uri.param("phone-context"), uri.host) == ("+1-201-555-0123", "example.com", "")


def test_a_scheme_that_we_do_not_know_is_kept() -> None:
    uri = Uri.parse("soap.beep://192.0.2.103:3002")
    assert (uri.scheme, uri.user, str(uri)) == ("soap.beep", "//192.0.2.103:3002", "soap.beep://192.0.2.103:3002")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip:",
        "sip",
        ":a@b",
        "sip:@h",
        "sip:a@",
        "sip:a b@h",
        "sip:a@h:0",
        "sip:a@h:65536",
        "sip:a@h:123456",
        "sip:a@h:",
        "sip:2001:db8::10",
        "sip:a@[2001:db8::10",
        "sip:a@h\n",
        "\u017fip:a@h",
        "sip:a@h:\u0665060",
        "1sip:x",
        "tel:+1\n",
        "tel:+1 2",
        "tel:",
        "urn:a>b",
        "sip:h;a=>b",
        "sip:h?a=<b",
    ],
)
def test_a_broken_uri_is_refused_with_400(text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        Uri.parse(text)
    assert caught.value.status == 400


@given(st.text(max_size=60))
def test_any_text_is_a_uri_or_refused(text: str) -> None:
    for candidate in (text, f"sip:{text}", f"sip:{text}@h", f"tel:{text}"):
        with suppress(RemoteProtocolError):
            assert str(Uri.parse(candidate)) == candidate


def test_equal_parts_are_equal_uris_and_can_be_keys() -> None:
    assert len({Uri.parse("sip:a@h"), Uri.parse("sip:a@h"), Uri.parse("sip:b@h")}) == 2


def test_an_ipv6_address_gets_brackets_once() -> None:
    assert [format_host(h) for h in ("::1", "[::1]", "192.0.2.1")] == ["[::1]", "[::1]", "192.0.2.1"]


def test_finding_a_parameter_that_is_not_there() -> None:
    assert find((), "lr") is None
