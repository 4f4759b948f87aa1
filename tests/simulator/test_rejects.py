"""The reject list of the document, rule by rule: each row is broken by exactly the change that its test makes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rustalk.simulator.description import facts
from rustalk.simulator.rejects import (
    DESCRIPTION_RULES,
    REQUEST_RULES,
    RESPONSE_RULES,
    Described,
    Seen,
    Violation,
    check_description,
    check_request,
    check_response,
)
from rustalk.sip.message import Request

FQDN = "sbc1.example.test"
PROXY = "sip.pstnhub.microsoft.com"
INSIDE = "sip-du-a-eu.pstnhub.microsoft.com"
TARGET = "sip:api-du-a-uswe2.pstnhub.microsoft.com:443;x-i=1;x-c=a/d/8/b"
ROUTE = f"<sip:{INSIDE}:5061;transport=tls;lr>"
KEY = "A" * 40
SDP = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    f"m=audio 40000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^31\r\na=sendrecv\r\n"
)


def request(method: str = "INVITE", uri: str = "", body: str = SDP, **fields: str) -> Request:
    """A request that breaks no rule, with these fields replaced (underscores for dashes) or, when '', left out."""
    to = f"<sip:+441273652000@{PROXY}>" if method == "INVITE" else f"<sip:{PROXY}:5061>"
    own = {
        "Via": f"SIP/2.0/TLS {FQDN}:5061;branch=z9hG4bK1",
        "Max-Forwards": "70",
        "From": f"<sip:+15085710838@{FQDN}>;tag=1",
        "To": to,
        "Call-ID": "call",
        "CSeq": f"1 {method}",
        "Contact": f"<sip:+15085710838@{FQDN}:5061;transport=tls>",
        "User-Agent": "Test",
    }
    own |= {name.replace("_", "-"): value for name, value in fields.items()}
    default = f"sip:+441273652000@{PROXY}:5061;user=phone;transport=tls" if method == "INVITE" else f"sip:{PROXY}:5061"
    kept = [(name, value) for name, value in own.items() if value]
    return Request(method, uri or default, kept, body.encode() if method == "INVITE" else b"")


def seen(asked: Request, *names: str) -> Seen:
    return Seen(asked, names or (FQDN,), PROXY, INSIDE)


def in_dialog(asked: Request, entrance: str = INSIDE) -> Seen:
    return Seen(asked, (FQDN,), entrance, INSIDE, TARGET, ROUTE)


def rows(found: list[Violation]) -> list[tuple[str, int]]:
    return [(violation.row, violation.status) for violation in found]


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_a_right_request_breaks_nothing(method: str) -> None:
    """OPT-06 to OPT-09, HDR-01, HDR-04, HDR-05 kept."""
    assert check_request(seen(request(method))) == []


CASES: list[tuple[str, int, Request]] = [
    *[("HDR-09", 405, request(method)) for method in ("UPDATE", "PRACK", "INFO", "REFER", "SUBSCRIBE", "MESSAGE")],
    ("OPT-09", 400, request(uri=f"sips:+441273652000@{PROXY};user=phone")),
    ("OPT-09", 400, request(Contact=f"<sips:+1@{FQDN}>")),
    ("HDR-09", 420, request(Require="100rel")),
    ("HDR-10", 403, request(Replaces="a;to-tag=b;from-tag=c")),
    ("OPT-06", 403, request("OPTIONS", Contact="")),
    ("OPT-06", 403, request(Contact="")),
    ("OPT-06", 403, request("OPTIONS", Contact=f"<sip:@{FQDN}:5061>")),
    ("OPT-07", 403, request("OPTIONS", Contact="<sip:192.0.2.1:5061;transport=tls>")),
    ("OPT-07", 403, request(Contact="<sip:+1@192.0.2.1:5061>")),
    ("OPT-07", 403, request(Contact="<sip:+1@[2001:db8::1]:5061>")),
    ("HDR-07", 403, request(Record_Route="<sip:192.0.2.1;lr>")),
    ("HDR-01", 403, request(Contact="<sip:+1@other.example.test:5061>", From="<sip:+1@other.example.test>;tag=1")),
    ("OPT-09", 403, request("OPTIONS", uri="sip:192.0.2.1:5061")),
    ("OPT-09", 403, request("OPTIONS", To="<sip:sip2.pstnhub.microsoft.com>")),
    ("OPT-09", 0, request("OPTIONS", Max_Forwards="10")),
    ("OPT-08", 0, request("OPTIONS", Record_Route=f"<sip:{FQDN};lr>")),
    ("HDR-04", 404, request(uri=f"sip:441273652000@{PROXY};user=phone")),
    ("HDR-04", 404, request(uri="sip:+441273652000@192.0.2.9;user=phone")),
    ("HDR-04", 0, request(uri=f"sip:+441273652000@{PROXY}:5061")),
    ("HDR-05", 0, request(From=f"<sip:15085710838@{FQDN}>;tag=1")),
    ("HDR-05", 0, request(From="<sip:+15085710838@192.0.2.1>;tag=1")),
    ("HDR-15", 0, request(User_Agent="")),
    ("HDR-16", 422, request(Session_Expires="90")),
    ("HDR-11", 488, request(body="")),
    ("MED-01", 488, request(body="v=0\r\n")),
    ("MED-01", 488, request(body=SDP.replace("RTP/SAVP", "RTP/AVP"))),
    ("MED-01", 488, request(body=SDP.replace("RTP/SAVP", "RTP/SAVPF"))),
    ("HLD-02", 488, request(body=SDP.replace("c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0"))),
    ("HLD-01", 488, request(body=SDP.replace("sendrecv", "sendonly"))),
    ("HLD-01", 488, request(body=SDP.replace("sendrecv", "recvonly"))),
    ("MED-02", 488, request(body=SDP.replace("SHA1_80", "SHA1_32"))),
    ("MED-02", 488, request(body=SDP.replace("a=crypto", "a=x-crypto"))),
    ("MED-15", 488, request(body=SDP + "m=image 40002 udptl t38\r\n")),
    ("MED-14", 0, request(body=SDP + "a=candidate:1 1 UDP 1 192.0.2.1 40000 typ host\r\n")),
]


@pytest.mark.parametrize(("row", "status", "asked"), CASES, ids=lambda value: str(value)[:60])
def test_each_breach_is_found_and_answered(row: str, status: int, asked: Request) -> None:
    """OPT-06 to OPT-09, HDR-01, HDR-04, HDR-05, HDR-07, HDR-09 to HDR-11, HDR-15, HDR-16, HLD-01, HLD-02, MED-01."""
    assert rows(check_request(seen(asked)))[-1] == (row, status)


def test_the_cases_above_break_every_rule_that_needs_no_dialog() -> None:
    """A rule without its breach is a rule that nobody has seen work."""
    found = {violation.cause for _, _, asked in CASES for violation in check_request(seen(asked))}
    in_dialogs = {"HDR-08", "HLD-04", "MED-04", "ICE-01"}
    assert {rule.cause for rule in (*REQUEST_RULES, *DESCRIPTION_RULES) if rule.row not in in_dialogs} <= found


def test_an_anonymous_caller_is_no_breach() -> None:
    """HDR-05."""
    asked = request(From="<sip:anonymous@anonymous.invalid>;tag=1", Privacy="id")
    assert check_request(seen(asked)) == []


def test_a_wildcard_certificate_covers_one_label() -> None:
    """HDR-01, MTN-02."""
    assert check_request(seen(request(), "*.example.test")) == []
    assert rows(check_request(seen(request(), "*.test"))) == [("HDR-01", 403)]


def bye(uri: str = TARGET, route: str = ROUTE) -> Request:
    return request("BYE", uri, To="<sip:x@y.test>;tag=2", Route=route, Contact="")


def test_a_right_bye_breaks_nothing() -> None:
    """HDR-08: on our route, to our Contact byte for byte."""
    assert check_request(in_dialog(bye())) == []


@pytest.mark.parametrize(
    "found",
    [
        in_dialog(bye(uri=TARGET.replace("x-i=1;x-c=a/d/8/b", "x-c=a/d/8/b;x-i=1"))),
        in_dialog(bye(route="")),
        in_dialog(bye(route=f"<sip:{PROXY};lr>")),
        in_dialog(bye(), entrance=PROXY),
        in_dialog(bye(), entrance=""),
    ],
)
def test_a_request_of_a_dialog_that_leaves_its_route_is_noted(found: Seen) -> None:
    """HDR-08."""
    assert rows(check_request(found)) == [("HDR-08", 0)]


def test_media_that_moves_within_the_dialog_is_refused() -> None:
    """HLD-04."""
    found = check_description(Described(facts(SDP.encode()), ("192.0.2.1", 40002)), "INVITE")
    assert rows(found) == [("HLD-04", 488)]


def test_an_answer_with_another_crypto_tag_is_refused() -> None:
    """MED-04."""
    body = SDP.replace("crypto:1", "crypto:2").encode()
    assert rows(check_description(Described(facts(body, answer=True), answer=True), "200")) == [("MED-04", 488)]
    assert check_description(Described(facts(body)), "INVITE") == []


def invite() -> Request:
    return request(Record_Route=ROUTE)


RIGHT = [("Record-Route", ROUTE), ("Contact", f"<sip:{FQDN}:5061;transport=tls>")]


def test_a_right_200_breaks_nothing() -> None:
    """HDR-07."""
    assert check_response(invite().response(200, to_tag="2", fields=RIGHT, body=b"x"), invite()) == []


@pytest.mark.parametrize(
    ("row", "status", "tag", "fields", "body"),
    [
        ("HDR-07", 200, "2", RIGHT[:1], b"x"),
        ("HDR-07", 200, "2", [RIGHT[0], ("Contact", "<sip:192.0.2.1>")], b"x"),
        ("HDR-07", 180, "2", [RIGHT[0], ("Contact", "<sip:192.0.2.1>")], b""),
        ("HDR-07", 180, "", RIGHT, b""),
        ("HDR-07", 180, "2", [*RIGHT, ("Record-Route", "<sip:192.0.2.1;lr>")], b""),
        ("HDR-08", 200, "2", RIGHT[1:], b"x"),
        ("OPT-09", 200, "2", [RIGHT[0], ("Contact", f"<sips:{FQDN}>")], b"x"),
        ("XFR-08", 302, "2", RIGHT, b""),
        ("HDR-09", 183, "2", [*RIGHT, ("Require", "100rel")], b""),
        ("HDR-11", 200, "2", RIGHT, b""),
    ],
)
def test_each_breach_in_a_response_is_noted(
    row: str, status: int, tag: str, fields: list[tuple[str, str]], body: bytes
) -> None:
    """HDR-07, HDR-08, XFR-08: what Teams needs in the answers to its INVITE."""
    found = check_response(invite().response(status, to_tag=tag, fields=fields, body=body), invite())
    assert rows(found) == [(row, 0)]


def test_a_violation_reads_as_one_line_with_row_cause_and_place() -> None:
    text = str(check_request(seen(request("INFO")))[0])
    assert text.startswith("HDR-09: the method is not one that Teams allows (INFO sip:")
    assert text.endswith("Call-ID call, answered 405)")


def test_every_rule_of_a_response_notes_only() -> None:
    """Nobody answers a response."""
    assert {rule.status for rule in RESPONSE_RULES} == {0}


LITE = SDP.replace("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n")
CANDIDATE = "a=candidate:1 1 UDP 2130706431 192.0.2.1 40000 typ host\r\n"
ICE = LITE + "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n" + CANDIDATE


@pytest.mark.parametrize(
    "body",
    [
        SDP,
        ICE.replace("a=ice-lite\r\n", ""),
        ICE.replace("a=ice-pwd", "a=x-pwd"),
        ICE.replace(CANDIDATE, ""),
        ICE + CANDIDATE.replace(":1 1", ":2 1"),
        ICE.replace("UDP", "TCP"),
        ICE.replace("typ host", "typ srflx"),
        ICE.replace("1 1 UDP", "1 2 UDP"),
        ICE.replace("192.0.2.1 40000", "192.0.2.9 40000"),
    ],
)
def test_media_bypass_wants_ice_lite_with_one_candidate(body: str) -> None:
    """ICE-01."""
    assert rows(check_request(seen(request(body=body)), ice="must")) == [("ICE-01", 0)]


def test_right_ice_is_no_breach_where_it_may_be() -> None:
    """ICE-01, MED-14."""
    for ice in ("must", "may"):
        assert check_request(seen(request(body=ICE)), ice=ice) == []
    assert check_request(seen(request(body=SDP)), ice="may") == []


def test_the_target_of_a_refer_needs_no_number() -> None:
    """XFR-02: an INVITE to what we put into Refer-To is no breach of HDR-04."""
    asked = request(uri=f"sip:{PROXY}:5061;transport=tls;x-m=8:orgid:1")
    assert {row for row, _ in rows(check_request(seen(asked)))} == {"HDR-04"}
    assert check_request(replace(seen(asked), referred=True)) == []
