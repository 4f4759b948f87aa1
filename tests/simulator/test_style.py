"""The wire style of Teams, as in traces."""

from __future__ import annotations

from rustalk.simulator.style import Style, guid, teams_style, with_call
from rustalk.sip.message import Request
from rustalk.sip.parse import Limits, parse_datagram


def zeros(count: int) -> str:
    return "0" * count


def style() -> Style:
    return teams_style("52.114.75.24", 5061, in_dialog=("sip-du-a-eu.pstnhub.microsoft.com", 5061), hexadecimal=zeros)


def lines(data: bytes) -> list[str]:
    return data.decode().split("\r\n")


def test_the_200_to_an_options_has_no_to_tag_no_contact_and_an_untouched_via() -> None:
    """OPT-14: upper-case names, To without tag, an empty rport stays empty."""
    request = Request(
        "OPTIONS",
        "sip:sip.pstnhub.microsoft.com:5061",
        [
            ("Via", "SIP/2.0/TLS sbc1.example.test:5061;branch=z9hG4bKx;alias;rport"),
            ("From", "<sip:sbc1.example.test>;tag=1"),
            ("To", "<sip:sip.pstnhub.microsoft.com:5061>"),
            ("Call-ID", "abc"),
            ("CSeq", "1 OPTIONS"),
        ],
    )
    response = request.response(200, fields=style().features(False))
    assert lines(style().encode(response)) == [
        "SIP/2.0 200 OK",
        "FROM: <sip:sbc1.example.test>;tag=1",
        "TO: <sip:sip.pstnhub.microsoft.com:5061>",
        "CSEQ: 1 OPTIONS",
        "CALL-ID: abc",
        "VIA: SIP/2.0/TLS sbc1.example.test:5061;branch=z9hG4bKx;alias;rport",
        "ALLOW: INVITE,ACK,OPTIONS,CANCEL,BYE,NOTIFY",
        "SERVER: Microsoft.PSTNHub.SIPProxy v.2026.11.2.4 i.EUWE.6",
        "CONTENT-LENGTH: 0",
        "",
        "",
    ]


def test_via_stands_behind_call_id_and_names_an_ip_address() -> None:
    """HDR-20: the unusual order, and the address that no name check can pass."""
    fields = [
        ("From", "John Doe<sip:+1@x.test>;tag=1"),
        ("To", "<sip:+2@y.test>"),
        ("Call-ID", "c"),
        ("CSeq", "1 INVITE"),
    ]
    names = [
        line.partition(":")[0] for line in lines(style().encode(style().request("INVITE", "sip:+2@y.test", fields)))
    ]
    assert names[1:7] == ["FROM", "TO", "CSEQ", "CALL-ID", "MAX-FORWARDS", "VIA"]
    assert style().via() == "SIP/2.0/TLS 52.114.75.24:5061;branch=z9hG4bK00000000"


def test_an_unquoted_display_name_glued_to_the_bracket_passes_the_parser() -> None:
    """HDR-20, read by our own parser."""
    fields = [
        ("From", "John Doe<sip:+1@x.test>;tag=1"),
        ("To", "<sip:+2@y.test>"),
        ("Call-ID", "c"),
        ("CSeq", "1 INVITE"),
    ]
    message = parse_datagram(style().encode(style().request("INVITE", "sip:+2@y.test", fields)), Limits())
    assert message is not None
    assert message.from_.display == "John Doe"


def test_record_route_and_contact_of_a_call_name_two_hosts() -> None:
    """HDR-08: the Contact is on the API host's port 443 and carries x-i and x-c."""
    call = with_call(style(), ("api-du-a-uswe2.pstnhub.microsoft.com", 443))
    assert call.contacts() == [
        ("Record-Route", "<sip:sip-du-a-eu.pstnhub.microsoft.com:5061;transport=tls;lr>"),
        (
            "Contact",
            "<sip:api-du-a-uswe2.pstnhub.microsoft.com:443;x-i=00000000-0000-0000-0000-000000000000"
            f";x-c={'0' * 32}/d/8/{'0' * 32}>",
        ),
    ]


def test_the_contact_of_an_options_carries_no_transport_parameter() -> None:
    """Section 3.2 of the document."""
    assert style().contact == "<sip:sip-du-a-eu.pstnhub.microsoft.com:5061>"


def test_a_plain_style_is_written_as_the_rfc_prints_it() -> None:
    plain = Style("UDP", "127.0.0.1", 5060, "<sip:a@127.0.0.1>", "Carrier", "INVITE", zeros)
    data = plain.encode(plain.request("OPTIONS", "sip:x.test", [("Call-ID", "c")]))
    assert lines(data)[:2] == [
        "OPTIONS sip:x.test SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK{'0' * 16};rport",
    ]


def test_a_guid_has_the_usual_groups() -> None:
    assert [len(part) for part in guid(zeros).split("-")] == [8, 4, 4, 4, 12]
