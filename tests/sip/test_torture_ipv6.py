"""Each message after RFC 5118 gets the verdict that stands beside it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Request
from rustalk.sip.parse import parse_datagram
from tests.fakes.messages import LIMITS, parse

DATA = Path(__file__).parent.parent / "data" / "rfc5118"
with (DATA / "verdicts.tsv").open(newline="") as file:
    VERDICTS = {row["name"]: row["parse"] for row in csv.DictReader(file, delimiter="\t")}


def read(name: str) -> Request:
    message = parse((DATA / f"{name}.dat").read_bytes())
    assert isinstance(message, Request)
    return message


def test_each_file_has_a_verdict() -> None:
    assert {path.stem for path in DATA.glob("*.dat")} == set(VERDICTS)


@pytest.mark.parametrize("name", [name for name, verdict in VERDICTS.items() if verdict == "accept"])
def test_a_valid_message_is_accepted_and_written_again(name: str) -> None:
    message = read(name)
    again = parse(message.to_bytes())
    assert (again.start_line, again.fields, again.body) == (message.start_line, message.fields, message.body)
    assert all(contact.uri.host for contact in message.contacts)


@pytest.mark.parametrize("name", [name for name, verdict in VERDICTS.items() if verdict == "reject"])
def test_an_invalid_message_is_refused(name: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_datagram((DATA / f"{name}.dat").read_bytes(), LIMITS)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("name", "host", "port"),
    [
        ("ipv6-good", "2001:db8::10", None),
        ("port-ambiguous", "2001:db8::10:5070", None),
        ("port-unambiguous", "2001:db8::10", 5070),
        ("three-colons", "2001:db8:::192.0.2.1", None),
        ("two-colons", "2001:db8::192.0.2.1", None),
    ],
)
def test_where_the_address_ends_and_the_port_begins(name: str, host: str, port: int | None) -> None:
    """RFC 5118 sections 4.1, 4.3, 4.4 and 4.10."""
    target = read(name).target
    assert (target.host, target.port) == (host, port)


@pytest.mark.parametrize("name", ["via-received-with-delimiters", "via-received-without-delimiters"])
def test_received_may_have_brackets_or_not(name: str) -> None:
    """RFC 5118 section 4.5."""
    via = read(name).via
    assert (via.host, via.branch) == ("2001:db8::9:1", "z9hG4bKas3")
    assert dict(via.params)["received"] in ("2001:db8::9:255", "[2001:db8::9:255]")


def test_both_families_in_one_list_of_vias() -> None:
    """RFC 5118 section 4.7."""
    assert [(via.host, via.port) for via in read("mult-ip-in-header").vias] == [
        ("2001:db8::9:1", 6050),
        ("192.0.2.1", None),
        ("2001:db8::9:255", None),
    ]


def test_an_ipv4_address_in_ipv6_clothes() -> None:
    """RFC 5118 section 4.9."""
    message = read("ipv4-mapped-ipv6")
    assert (message.via.host, message.via.port) == ("::ffff:192.0.2.10", 19823)
    assert message.contact is not None
    assert message.contact.uri.host == "::ffff:192.0.2.2"


@pytest.mark.parametrize("name", ["ipv6-in-sdp", "mult-ip-in-sdp"])
def test_a_body_with_ipv6_addresses_is_whole(name: str) -> None:
    """RFC 5118 sections 4.6 and 4.8."""
    assert read(name).body.endswith(b"a=rtpmap:107 H263-1998/90000\r\n")
