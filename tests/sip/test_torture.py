"""Each message of RFC 4475 gets the verdict that stands beside it."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest

from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Message, Request, Response
from rustalk.sip.parse import FramingError, StreamParser, parse_datagram
from tests.fakes.messages import LIMITS, parse

DATA = Path(__file__).parent.parent / "data" / "rfc4475"
with (DATA / "verdicts.tsv").open(newline="") as file:
    VERDICTS = list(csv.DictReader(file, delimiter="\t"))

STATUS = {"badvers": 505}
"""Where the RFC asks for another status than 400."""

REFUSED = {"baddn", "escruri", "ltgtruri", "lwsstart", "regbadct", "test", "trws"}
"""Those of the verdict "either" that we refuse. Taken are badaspec, badbranch and baddate: what is wrong with them
cannot be misunderstood."""


def read(name: str) -> bytes:
    return (DATA / f"{name}.dat").read_bytes()


def names(verdict: str) -> list[str]:
    return [row["name"] for row in VERDICTS if row["parse"] == verdict]


def refusal(name: str) -> RemoteProtocolError | None:
    """What the parser has against a message; a Contact is only looked at by those who need it."""
    try:
        message = parse_datagram(read(name), LIMITS)
        assert message is not None
        _ = message.contacts
    except RemoteProtocolError as error:
        return error
    return None


def test_the_files_are_those_of_the_archive() -> None:
    assert {path.stem for path in DATA.glob("*.dat")} == {row["name"] for row in VERDICTS}
    for row in VERDICTS:
        assert hashlib.sha256(read(row["name"])).hexdigest() == row["sha256"], row["name"]


@pytest.mark.parametrize("name", names("accept"))
def test_a_valid_message_is_accepted_and_written_again(name: str) -> None:
    message = parse(read(name))
    again = parse(message.to_bytes())
    assert (again.start_line, again.fields, again.body) == (message.start_line, message.fields, message.body)


@pytest.mark.parametrize("name", names("reject"))
def test_an_invalid_message_is_refused_with_its_status(name: str) -> None:
    error = refusal(name)
    assert error is not None
    assert error.status == STATUS.get(name, 400)


@pytest.mark.parametrize("name", names("either"))
def test_a_doubtful_message_is_judged_as_we_decided(name: str) -> None:
    error = refusal(name)
    assert (error is not None) == (name.removesuffix("-crlf") in REFUSED), error and error.reason


@pytest.mark.parametrize("row", VERDICTS, ids=lambda row: row["name"])
def test_the_kind_of_message_is_known_even_when_it_is_refused(row: dict[str, str]) -> None:
    """A response is never answered, so it must be told from a request whatever is wrong with it."""
    error = refusal(row["name"])
    if error is not None:
        assert (error.method.upper() == "SIP/2.0") == (row["kind"] == "response") or not error.method
    else:
        assert isinstance(parse(read(row["name"])), Request if row["kind"] == "request" else Response)


@pytest.mark.parametrize("row", VERDICTS, ids=lambda row: row["name"])
def test_a_stream_survives_each_message(row: dict[str, str]) -> None:
    """Over TCP what can be framed is judged the same; what cannot closes the connection, or waits for its rest."""
    found = StreamParser(LIMITS).feed(read(row["name"]))
    for result in found[:1]:
        if row["parse"] == "accept" and not isinstance(result, FramingError):
            assert isinstance(result, Message)
        if row["parse"] == "reject":
            assert isinstance(result, RemoteProtocolError)


@pytest.mark.parametrize("name", ["ncl", "mcl01"])
def test_a_doubtful_length_ends_a_stream(name: str) -> None:
    """RFC 4475 sections 3.1.2.3 and 3.3.9."""
    assert [type(found) for found in StreamParser(LIMITS).feed(read(name))] == [FramingError]


def test_a_length_larger_than_the_message_waits_on_a_stream() -> None:
    """RFC 4475 section 3.1.2.2."""
    parser = StreamParser(LIMITS)
    assert (parser.feed(read("clerr")), parser.partial) == ([], True)


# What the RFC says must be understood in the tortuous ones.


def test_the_short_tortuous_invite() -> None:
    """RFC 4475 section 3.1.1.1."""
    message = parse(read("wsinv"))
    assert message.to.tag == "1918181833n"
    assert (message.from_.display, message.from_.tag) == ('J Rosenberg \\"', "98asjd8")
    assert message.get("UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    assert [(via.transport, via.host, via.branch) for via in message.vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    assert [route.address for route in message.addresses("Route")] == [
        "sip:services.example.com;lr;unknownwith=value;unknown-no-value"
    ]


def test_an_escaped_user_is_not_a_nested_uri() -> None:
    """RFC 4475 section 3.1.1.3."""
    request = parse(read("esc01"))
    assert isinstance(request, Request)
    assert (request.target.user, request.target.host) == ("sips%3Auser%40example.com", "example.net")
    assert request.target.number == "sips:user@example.com"


def test_a_percent_sign_in_a_method_is_no_escape() -> None:
    """RFC 4475 section 3.1.1.5."""
    request = parse(read("esc02"))
    assert isinstance(request, Request)
    assert request.method == "RE%47IST%45R"


def test_octets_behind_the_message_are_ignored() -> None:
    """RFC 4475 section 3.1.1.8."""
    request = parse(read("dblreq"))
    assert isinstance(request, Request)
    assert (request.method, request.body) == ("REGISTER", b"")


def test_parameters_in_the_user_part_belong_to_the_user() -> None:
    """RFC 4475 section 3.1.1.9."""
    request = parse(read("semiuri"))
    assert isinstance(request, Request)
    assert (request.target.user, request.target.params) == ("user;par=u%40example.net", ())


def test_transports_that_nobody_knows_are_kept() -> None:
    """RFC 4475 section 3.1.1.10."""
    assert [via.transport for via in parse(read("transports")).vias] == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]


def test_a_multipart_body_with_nulls_is_whole() -> None:
    """RFC 4475 section 3.1.1.11."""
    message = parse(read("mpart01"))
    assert read("mpart01").endswith(b"\r\n\r\n" + message.body)
    assert b"\0" in message.body


def test_a_reason_phrase_in_utf_8_leaves_as_it_came() -> None:
    """RFC 4475 section 3.1.1.12."""
    data = read("unreason")
    assert parse(data).to_bytes().partition(b"\r\n")[0] == data.partition(b"\r\n")[0]


@pytest.mark.parametrize(("name", "in_header"), [("cparam01", True), ("cparam02", False)])
def test_a_parameter_belongs_to_the_contact_or_to_its_uri(name: str, in_header: bool) -> None:
    """RFC 4475 sections 3.3.12 and 3.3.13."""
    contact = parse(read(name)).contact
    assert contact is not None
    assert (contact.param("unknownparam") == "") is in_header
    assert (contact.uri.param("unknownparam") == "") is not in_header


def test_header_fields_in_a_contact_are_kept() -> None:
    """RFC 4475 section 3.3.14."""
    contact = parse(read("regescrt")).contact
    assert contact is not None
    assert contact.uri.headers == "Route=%3Csip:sip.example.com%3E"


def test_a_request_of_rfc_2543_is_understood() -> None:
    """RFC 4475 section 3.4.1."""
    request = parse(read("inv2543"))
    assert isinstance(request, Request)
    assert (request.via.branch, request.from_.tag, request.max_forwards) == ("", "", None)
