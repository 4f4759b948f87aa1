"""Who calls whom, and what else may be told of it, read from an INVITE of a trunk."""

from __future__ import annotations

from typing import Any

import pytest

from rustalk.config.model import Manners
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Request
from rustalk.trunk.plan import NumberPlan
from rustalk.trunk.read import Reader
from rustalk.ua.subject import NOTHING, Party, Subject
from tests.fakes.messages import make_request


def read(request: Request, *, is_teams: bool = False, **manners: Any) -> Subject:
    """What a trunk of these manners makes of an INVITE."""
    made = Manners(**manners)
    return Reader(made, NumberPlan(made), is_teams=is_teams).subject(request)


def test_the_called_number_and_the_caller() -> None:
    """The Request-URI and From; escapes and parameters of the user part are undone (HDR-18); one hop less."""
    subject = read(make_request("INVITE", uri="sip:%2B1555;ext=7@sbc.example.com"))
    assert subject == Subject(caller="alice", called="+1555", display="Alice", max_forwards=69)
    assert subject.told is NOTHING


def test_a_number_may_come_as_tel_uri() -> None:
    """RFC 3966."""
    assert read(make_request("INVITE", uri="tel:+1-555;phone-context=x")).called == "+1-555"


def test_an_address_that_cannot_be_read() -> None:
    """Is the peer's fault."""
    with pytest.raises(RemoteProtocolError):
        read(make_request("INVITE", uri="sip:@:"))


def test_numbers_become_whole_before_anybody_sees_them() -> None:
    """Caller, called and who forwarded the call, by the country of the trunk."""
    history = "Diversion: <sip:0301234568@x.example>;reason=user-busy"
    request = make_request("INVITE", history, uri="sip:030123456@sbc.example.com")
    subject = read(request, country="DE")
    assert (subject.called, subject.caller) == ("+4930123456", "alice")
    assert subject.told.history[0].number == "+49301234568"


IDENTITIES = ("P-Asserted-Identity: <tel:+15551230009>, <sip:u@contoso.example>", "Privacy: id")


def test_a_trusted_trunk_is_believed() -> None:
    """HDR-12: the number and the address of the user, and the wish for privacy."""
    told = read(make_request("INVITE", *IDENTITIES), trusted=True).told
    assert told.asserted == (Party("+15551230009"), Party("u", "", "sip:u@contoso.example"))
    assert told.privacy == ("id",)


def test_an_untrusted_trunk_is_not_believed() -> None:
    """RFC 3325 section 5: its identities are nothing, its callers' privacy is."""
    told = read(make_request("INVITE", *IDENTITIES)).told
    assert (told.asserted, told.privacy) == ((), ("id",))


def test_what_teams_says_of_the_place_of_its_user() -> None:
    """LMO-01, LMO-02: in any case; the host that Teams meant is kept."""
    lines = ("x-ms-userlocation: Internal", "X-MS-MediaPath: proxysbc.contoso.com, VNsbc.contoso.com")
    request = make_request("INVITE", *lines, uri="sip:+1@VNsbc.contoso.com:5061")
    subject = read(request, is_teams=True)
    assert subject.told.is_internal is True
    assert subject.told.path == ("proxysbc.contoso.com", "vnsbc.contoso.com")
    assert subject.host == "vnsbc.contoso.com"
    assert read(request).told is NOTHING


def test_what_cannot_be_read_is_left_out() -> None:
    """No call is refused for a courtesy that is broken."""
    lines = ("P-Asserted-Identity: <sip:@>, <", "History-Info: <x", "Privacy: ;;", "Diversion: ,")
    told = read(make_request("INVITE", *lines), trusted=True).told
    assert (told.asserted, told.history, told.privacy) == ((), (), ())


@pytest.mark.parametrize(("number", "helps"), [("911", True), ("+911", True), ("112", True), ("9111", False)])
def test_who_calls_help(number: str, helps: bool) -> None:
    """EMG-03: with a plus and without."""
    assert read(make_request("INVITE", uri=f"sip:{number}@sbc.example.com")).is_emergency is helps


def test_the_body_with_the_location() -> None:
    """EMG-01: kept where help is called or a location is named, and nowhere else."""
    line = "Content-Type: multipart/mixed;boundary=b"
    body = b"--b\r\n\r\nx\r\n--b--"
    for number, more, kept in (("911", (), True), ("+1", (), False), ("+1", ("Geolocation: <cid:a@b>",), True)):
        told = read(make_request("INVITE", line, *more, uri=f"sip:{number}@sbc.example", body=body)).told
        assert (told.enclosed is not None) is kept
    assert read(make_request("INVITE", line, uri="sip:911@sbc.example", body=b"x")).told is NOTHING
