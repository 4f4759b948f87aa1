"""Dialogs."""

from __future__ import annotations

from pathlib import Path

import pytest

from rustalk.sip.dialog import Dialog, dialog_id
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Request, Response
from tests.fakes.messages import make_request, make_response, parse

TEAMS = Path(__file__).parent.parent / "data" / "teams"
CONTACT = "Contact: <sip:alice@client.atlanta.example.com;x-i=1>"
ROUTES = ("Record-Route: <sip:p2.example.com;lr>, <sip:p1.example.com;lr>", "Record-Route: <sip:p0.example.com;lr>")


def as_server(*lines: str) -> Dialog:
    return Dialog.as_server(make_request("INVITE", *(lines or (CONTACT,))), "ours")


def as_client(*lines: str) -> Dialog:
    invite = make_request("INVITE")
    response = make_response(invite, 200, *(lines or ("Contact: <sip:bob@192.0.2.4>",)), tag="theirs")
    return Dialog.as_client(response, invite.get("From") or "", invite.from_.tag)


def test_a_dialog_that_the_peer_began() -> None:
    """RFC 3261 section 12.1.1."""
    dialog = as_server(CONTACT, *ROUTES)
    assert dialog.id == ("3848276298220188511@atlanta.example.com", "ours", "9fxced76sl")
    assert (dialog.remote_seq, dialog.local_seq, dialog.target) == (2, 0, "sip:alice@client.atlanta.example.com;x-i=1")
    assert dialog.route == ("<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>", "<sip:p0.example.com;lr>")


def test_a_dialog_that_we_began() -> None:
    """RFC 3261 section 12.1.2: the route set is reversed."""
    dialog = as_client("Contact: <sip:bob@192.0.2.4>", *ROUTES)
    assert dialog.id == ("3848276298220188511@atlanta.example.com", "9fxced76sl", "theirs")
    assert (dialog.local_seq, dialog.remote_seq, dialog.target) == (2, -1, "sip:bob@192.0.2.4")
    assert dialog.route == ("<sip:p0.example.com;lr>", "<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>")


def test_a_request_of_the_peer_finds_its_dialog() -> None:
    bye = make_request("BYE", to="<sip:bob@biloxi.example.com>;tag=ours")
    assert dialog_id(bye) == as_server().id


@pytest.mark.parametrize("dialog", [as_server(CONTACT, *ROUTES), as_client("Contact: <sip:bob@192.0.2.4>", *ROUTES)])
def test_a_request_in_a_dialog(dialog: Dialog) -> None:
    """RFC 3261 section 12.2.1.1."""
    before = dialog.local_seq
    bye = dialog.request("BYE", [("Reason", "SIP;cause=200")])
    assert (bye.uri, tuple(bye.all("Route"))) == (dialog.target, dialog.route)
    assert (bye.call_id, bye.from_.tag, bye.to.tag) == dialog.id
    assert (bye.cseq, bye.get("Reason"), bye.max_forwards) == ((before + 1, "BYE"), "SIP;cause=200", 70)


def test_each_request_counts_and_an_ack_does_not() -> None:
    dialog = as_client()
    numbers = [
        dialog.request("INFO").cseq.number,
        dialog.request("ACK", number=2).cseq.number,
        dialog.request("BYE").cseq.number,
    ]
    assert numbers == [3, 2, 4]


def test_the_peer_is_written_as_it_wrote_itself() -> None:
    dialog = as_server()
    bye = dialog.request("BYE")
    assert bye.get("To") == "Alice <sip:alice@atlanta.example.com>;tag=9fxced76sl"
    assert bye.get("From") == "Bob <sip:bob@biloxi.example.com>;tag=ours"


def test_a_strict_router_gets_the_target_as_its_last_route() -> None:
    """RFC 3261 section 12.2.1.1, second case."""
    bye = as_server(CONTACT, "Record-Route: <sip:strict.example.com>, <sip:p1.example.com;lr>").request("BYE")
    assert bye.uri == "sip:strict.example.com"
    assert bye.all("Route") == ["<sip:p1.example.com;lr>", "<sip:alice@client.atlanta.example.com;x-i=1>"]


def test_requests_go_to_the_first_route_or_to_the_target() -> None:
    assert as_server(CONTACT, *ROUTES).next_hop.host == "p2.example.com"
    assert as_server().next_hop.host == "client.atlanta.example.com"


def test_requests_to_teams_follow_its_route_and_name_its_contact_byte_for_byte() -> None:
    """HDR-08: to the Route host on 5061, never to the Contact's port 443."""
    invite = parse((TEAMS / "invite.sip").read_bytes())
    assert isinstance(invite, Request)
    assert invite.contact is not None
    dialog = Dialog.as_server(invite, "ours")
    assert dialog.request("BYE").uri == invite.contact.address
    assert (dialog.next_hop.host, dialog.next_hop.port) == ("sip-du-a-eu.pstnhub.microsoft.com", 5061)


def test_a_later_request_of_the_peer_is_taken_note_of() -> None:
    dialog = as_server()
    dialog.receive(make_request("INFO", cseq="3 INFO"))
    dialog.receive(make_request("BYE", cseq="9 BYE"))
    assert dialog.remote_seq == 9


@pytest.mark.parametrize("number", [1, 2])
def test_an_older_request_of_the_peer_is_refused(number: int) -> None:
    """RFC 3261 section 12.2.2."""
    with pytest.raises(RemoteProtocolError) as caught:
        as_server().receive(make_request("BYE", cseq=f"{number} BYE"))
    assert caught.value.status == 500


def test_the_first_request_of_a_peer_that_we_called_may_have_any_number() -> None:
    dialog = as_client()
    dialog.receive(make_request("BYE", cseq="0 BYE"))
    assert dialog.remote_seq == 0


def test_a_new_contact_is_followed_and_its_absence_changes_nothing() -> None:
    dialog = as_server()
    dialog.refresh_target(make_request("INVITE", "Contact: <sip:alice@192.0.2.9>"))
    dialog.refresh_target(make_request("INVITE"))
    assert dialog.target == "sip:alice@192.0.2.9"


def test_a_peer_without_a_contact_makes_no_dialog() -> None:
    with pytest.raises(RemoteProtocolError, match="no Contact"):
        Dialog.as_server(make_request("INVITE"), "ours")


def test_a_contact_that_sip_cannot_reach_makes_no_dialog() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        as_server("Contact: <tel:+1555>")
    assert caught.value.status == 416


def test_each_answer_of_a_fork_makes_a_dialog_of_its_own() -> None:
    """RNG-01, RNG-02: the early dialogs of one INVITE differ in the tag of the peer."""
    invite = make_request("INVITE")
    answers: list[Response] = [make_response(invite, 180, "Contact: <sip:b@h>", tag=tag) for tag in "ab"]
    first, second = (Dialog.as_client(answer, invite.get("From") or "", "9fxced76sl") for answer in answers)
    assert first.id != second.id
