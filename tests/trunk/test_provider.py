"""An ordinary SIP trunk."""

from __future__ import annotations

import pytest

from rustalk.interfaces import IFlow
from rustalk.sip.uri import Uri
from rustalk.trunk.provider import Provider
from rustalk.ua.outgoing import Invitation
from rustalk.ua.subject import Diverted, Subject, Told
from tests.scenarios.site import CARRIER, CONFIGURATION, SBC, Site


def provider(**changes: object) -> tuple[Provider, IFlow]:
    """The carrier's trunk, configured so, and a flow to it."""
    site = Site(trunks=[CONFIGURATION["trunks"][0] | changes, CONFIGURATION["trunks"][1]])
    trunk = site.trunks["carrier"]
    assert isinstance(trunk, Provider)
    return trunk, site.network.flow("inside", (SBC, 5060), (CARRIER, 5060))


def invitation(subject: Subject) -> Invitation:
    """An INVITE for the carrier."""
    trunk, flow = provider()
    return trunk.gateways[0].invite(subject, b"v=0", flow)


def test_an_invite() -> None:
    """Number and display name as they were, our address in From and Contact."""
    made = invitation(Subject("+1555", "+1666", 'Bob "x"', 42))
    assert made.uri == f"sip:+1666@{CARRIER}:5060"
    assert made.from_ == f'"Bob \\"x\\"" <sip:+1555@{SBC}>'
    assert made.to == f"<sip:+1666@{CARRIER}>"
    assert made.contact == f"<sip:+1555@{SBC}:5060>"
    assert made.max_forwards == 42


def test_a_caller_without_a_number_is_anonymous() -> None:
    """Never an empty user before an at sign."""
    assert invitation(Subject("", "+1666")).from_ == f"<sip:anonymous@{SBC}>"


def test_a_number_cannot_break_out() -> None:
    """A10."""
    made = invitation(Subject("x>;y", "1@evil.example", "a\r\nVia: b"))
    assert "\r" not in made.from_
    assert made.uri == f"sip:1%40evil.example@{CARRIER}:5060"
    assert made.from_.endswith(f"<sip:x%3E%3By@{SBC}>")


def test_options() -> None:
    """For the host itself, with our Contact."""
    trunk, flow = provider()
    request = trunk.options(trunk.gateways[0], flow, "id", "tag")
    assert (request.method, request.uri) == ("OPTIONS", f"sip:{CARRIER}:5060")
    assert request.get("Contact") == f"<sip:{SBC}:5060>"


@pytest.mark.parametrize(("account", "known"), [({}, False), ({"username": "alice", "password": "x"}, True)])
def test_credentials_are_for_those_who_have_an_account(account: dict[str, str], known: bool) -> None:
    """A2: without a user name no challenge is answered."""
    trunk, _ = provider(**account)
    assert (trunk.credentials is not None) is known


def test_a_hidden_caller_leaves_no_trace() -> None:
    """RFC 3323: neither in From nor in Contact."""
    made = invitation(Subject("+1555", "+1666", "Bob", told=Told(privacy=("id",))))
    assert made.from_ == '"Anonymous" <sip:anonymous@anonymous.invalid>'
    assert made.contact == f"<sip:anonymous@{SBC}:5060>"
    assert made.fields == ()


def test_a_call_for_help() -> None:
    """EMG-03: dialled as everybody dials it."""
    assert invitation(Subject("+1555", "+911", is_emergency=True)).uri == f"sip:911@{CARRIER}:5060"


def test_the_manners_of_the_trunk() -> None:
    """Numbers, identity, history and headers as configured."""
    trunk, flow = provider(
        identity="pai",
        history="diversion",
        numbers={"out": [{"match": r"^\+", "replace": "00"}]},
        headers=[{"name": "X-Customer", "direction": "out", "action": "set", "value": "17"}],
    )
    history = (Diverted("+1777", 302, "unconditional"),)
    made = trunk.gateways[0].invite(Subject("+1555", "+1666", told=Told(history=history)), b"v=0", flow)
    assert made.uri == f"sip:001666@{CARRIER}:5060"
    assert made.fields == (
        ("P-Asserted-Identity", f"<sip:001555@{SBC};user=phone>"),
        ("Diversion", f"<sip:001777@{SBC};user=phone>;reason=unconditional;privacy=off;counter=1"),
        ("X-Customer", "17"),
    )


def test_whom_it_transfers_to_is_for_our_routes_to_find() -> None:
    """And its calls are not told apart by a name of ours."""
    trunk, flow = provider(country="DE")
    assert not trunk.answers_at(Uri.parse(f"sip:+1@{CARRIER}"))
    assert (trunk.host_of("a"), trunk.inward("030123456")) == ("", "+4930123456")
    assert trunk.contact(flow, "+1", "a") == trunk.contact(flow, "+1")
