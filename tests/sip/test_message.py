"""Requests and responses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustalk.sip.errors import LocalProtocolError, RemoteProtocolError
from rustalk.sip.message import Message, Request, Response
from rustalk.sip.parse import Limits, parse_datagram
from tests.fakes.messages import make_request, make_response, parse, wire


def test_a_request_is_written_as_it_was_understood() -> None:
    request = make_request("INVITE", "Contact: <sip:alice@h>", body=b"v=0\r\n")
    assert parse(request.to_bytes()).fields == request.fields
    assert request.to_bytes().endswith(b"\r\nContent-Length: 5\r\n\r\nv=0\r\n")


def test_what_a_request_asks_for() -> None:
    request = make_request("INVITE", uri="sip:+1555@h:5061;user=phone", cseq="17 INVITE")
    assert (request.method, request.target.number, request.target.port) == ("INVITE", "+1555", 5061)
    assert (request.cseq.number, request.max_forwards, request.from_.tag) == (17, 70, "9fxced76sl")


def test_the_first_field_of_a_name_and_all_of_them() -> None:
    request = make_request("INVITE", "Route: <sip:a;lr>", "route: <sip:b;lr>, <sip:c;lr>")
    assert (request.get("Route"), request.get("Record-Route")) == ("<sip:a;lr>", None)
    assert request.all("Route") == ["<sip:a;lr>", "<sip:b;lr>, <sip:c;lr>"]
    assert [route.address for route in request.addresses("Route")] == ["sip:a;lr", "sip:b;lr", "sip:c;lr"]


def test_option_tags_come_from_every_field_of_the_name() -> None:
    request = make_request("INVITE", "Supported: timer, replaces,", "k: 100rel", "Supported:")
    assert request.tokens("Supported") == {"timer", "replaces", "100rel"}


def test_an_empty_list_has_no_items() -> None:
    assert make_request("INVITE", "Route:").items("Route") == []


def test_a_number_stops_at_a_parameter_or_a_comment() -> None:
    request = make_request(
        "INVITE", "Session-Expires: 1800;refresher=uac", "Retry-After: 18 (in a meeting)", "Expires: x"
    )
    assert (request.number("Session-Expires"), request.number("Retry-After")) == (1800, 18)
    assert request.number("Min-SE") is None
    with pytest.raises(RemoteProtocolError, match="bad Expires"):
        request.number("Expires")


def test_every_via_in_order() -> None:
    request = make_request("BYE", "Via: SIP/2.0/TCP b, SIP/2.0/TLS c", via="SIP/2.0/UDP a")
    assert [via.host for via in request.vias] == ["a", "b", "c"]
    assert request.via.host == "a"


def test_only_the_first_contact_counts() -> None:
    """HDR-01: more than one Contact is legal in REGISTER only."""
    request = make_request("INVITE", "Contact: <sip:a@h>, <sip:b@h>")
    assert request.contact is not None
    assert request.contact.address == "sip:a@h"
    assert len(request.contacts) == 2


@pytest.mark.parametrize("lines", [(), ("Contact: *",)])
def test_a_message_may_have_no_contact(lines: tuple[str, ...]) -> None:
    request = make_request("REGISTER", *lines)
    assert (request.contacts, request.contact) == ([], None)


def test_the_media_type_is_without_case_and_parameters() -> None:
    assert make_request("INVITE", "Content-Type: Application/SDP ;charset=x").content_type == "application/sdp"
    assert make_request("INVITE").content_type == ""


def test_a_response_echoes_what_names_the_transaction() -> None:
    request = make_request("INVITE", "Via: SIP/2.0/UDP b", "Contact: <sip:a@h>", "Record-Route: <sip:p;lr>")
    response = request.response(180, fields=[("Contact", "<sip:us@h>")], body=b"x")
    assert response.start_line == "SIP/2.0 180 Ringing"
    assert [name for name, _ in response.fields] == ["Via", "From", "To", "Call-ID", "CSeq", "Via", "Contact"]
    assert (response.vias, response.body) == (request.vias, b"x")


def test_a_tag_is_added_to_a_response_once() -> None:
    assert make_request().response(200, to_tag="t").to.tag == "t"
    assert make_request(to="<sip:b@h>;tag=x").response(200, to_tag="t").to.tag == "x"


def test_a_response_may_have_a_phrase_of_its_own() -> None:
    assert make_request().response(200, "Keepalive").start_line == "SIP/2.0 200 Keepalive"


def test_a_response_from_the_network() -> None:
    response = make_response(make_request(), 486, "Retry-After: 5")
    assert (response.status, response.reason, response.to.tag, response.number("Retry-After")) == (
        486,
        "Busy Here",
        "8321234356",
        5,
    )


@pytest.mark.parametrize(
    "message",
    [
        Request("OPTIONS", "sip:h", [("Subject", "a\r\nX: y")]),
        Request("OPTIONS", "sip:h", [("Subject", "a\ny")]),
        Request("OPTIONS", "sip:h", [("Subject", "a\ry")]),
        Request("OPTIONS", "sip:h", [("X\r\nY", "a")]),
        Request("OPTIONS", "sip:h SIP/2.0\r\nX: y"),
        Response(200, "OK\r\nX: y"),
    ],
)
def test_a_line_end_in_a_field_never_reaches_the_wire(message: Message) -> None:
    """A10."""
    with pytest.raises(LocalProtocolError, match="line end"):
        message.to_bytes()


def test_half_a_character_never_reaches_the_wire() -> None:
    """A10: JSON may bring one."""
    with pytest.raises(LocalProtocolError, match="UTF-8"):
        Request("OPTIONS", "sip:h", [("Subject", "\ud800")]).to_bytes()


@given(st.text(), st.text(), st.text(), st.text())
def test_no_text_of_ours_adds_a_header_field(subject: str, display: str, user: str, reason: str) -> None:
    """A10: whatever a field holds, the message re-parses to as many fields, or is never sent."""
    fields = [
        *make_request().fields,
        ("Subject", subject),
        ("Contact", f'"{display}" <sip:{user}@h>'),
        ("Reason", reason),
    ]
    try:
        data = Request("INVITE", "sip:bob@biloxi.example.com", fields).to_bytes()
    except LocalProtocolError:
        return
    try:
        message = parse_datagram(data, Limits())
    except RemoteProtocolError:
        return
    assert message is not None
    assert [name for name, _ in message.fields] == [name for name, _ in fields]


def test_a_byte_that_is_no_utf_8_leaves_as_it_came() -> None:
    data = wire(
        "OPTIONS sip:h SIP/2.0",
        "Via: SIP/2.0/UDP a",
        "From: <sip:a@h>;tag=1",
        "To: <sip:h>",
        "Call-ID: 1",
        "CSeq: 1 OPTIONS",
    )
    data = data.replace(b"Call-ID", b"Subject: \xe4\xff\r\nCall-ID")
    assert b"Subject: \xe4\xff\r\n" in parse(data).to_bytes()


def test_a_message_without_a_field_says_which() -> None:
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        with pytest.raises(RemoteProtocolError, match=f"no {name}"):
            Request("OPTIONS", "sip:h").understand(
                {n: "x" for n in ("Via", "From", "To", "Call-ID", "CSeq") if n != name}
            )


def test_a_message_of_our_own_is_understood_when_asked() -> None:
    request = Request("OPTIONS", "sip:h", make_request("OPTIONS").fields)
    assert (request.via.branch, request.cseq.method, request.to.display) == ("z9hG4bK74bf9", "OPTIONS", "Bob")
    with pytest.raises(RemoteProtocolError, match="no Via"):
        _ = Request("OPTIONS", "sip:h").via


def test_a_message_shows_itself_in_one_line() -> None:
    assert (
        repr(make_request("BYE"))
        == "<BYE sip:bob@biloxi.example.com SIP/2.0 2 BYE 3848276298220188511@atlanta.example.com>"
    )


def test_a_message_is_a_request_or_a_response() -> None:
    with pytest.raises(LocalProtocolError):
        _ = Message().start_line
