"""Which transaction a message belongs to."""

from __future__ import annotations

import pytest

from rustalk.sip.transaction.key import cancel_key, client_key, server_key
from tests.fakes.messages import make_request, make_response

OLD = "SIP/2.0/UDP client.atlanta.example.com:5060"
"""A Via of RFC 2543: no branch."""


def test_a_response_finds_the_request_it_answers() -> None:
    """17.1.3."""
    request = make_request("INVITE")
    assert client_key(make_response(request, 180)) == client_key(request) == ("z9hG4bK74bf9", "INVITE")


def test_an_answer_of_teams_finds_its_request() -> None:
    """OPT-14: no To tag, and the Via as it was, with an empty rport."""
    request = make_request("OPTIONS", via="SIP/2.0/TLS sbc1.example.test:5061;branch=z9hG4bK1a2b;rport;alias")
    assert client_key(make_response(request, 200, tag="")) == client_key(request)


def test_cancel_and_the_request_it_cancels_are_two_clients() -> None:
    assert client_key(make_request("CANCEL")) != client_key(make_request("INVITE"))


def test_a_copy_of_a_request_finds_its_transaction() -> None:
    """17.2.3."""
    assert (
        server_key(make_request())
        == server_key(make_request())
        == ("z9hG4bK74bf9", "client.atlanta.example.com:5060", "INVITE")
    )


@pytest.mark.parametrize(
    "via",
    [
        "SIP/2.0/UDP client.atlanta.example.com:5060;branch=z9hG4bK74bf8",
        "SIP/2.0/UDP client.atlanta.example.com:5062;branch=z9hG4bK74bf9",
        "SIP/2.0/UDP mallory.example.com:5060;branch=z9hG4bK74bf9",
    ],
)
def test_another_branch_or_sender_is_another_transaction(via: str) -> None:
    assert server_key(make_request(via=via)) != server_key(make_request())


def test_the_sender_counts_without_case_and_with_its_usual_port() -> None:
    via = "SIP/2.0/UDP Client.Atlanta.Example.COM;branch=z9hG4bK74bf9"
    assert server_key(make_request(via=via)) == server_key(make_request())


def test_the_ack_of_a_failure_finds_its_invite_and_that_of_a_2xx_does_not() -> None:
    ack = make_request("ACK", to="<sip:bob@biloxi.example.com>;tag=1")
    assert server_key(ack) == server_key(make_request("INVITE"))
    assert server_key(make_request("ACK", via=OLD + ";branch=z9hG4bKother")) != server_key(make_request("INVITE"))


def test_cancel_points_at_its_invite_and_is_a_transaction_of_its_own() -> None:
    """9.2."""
    cancel = make_request("CANCEL")
    assert cancel_key(cancel) == server_key(make_request("INVITE"))
    assert server_key(cancel) != cancel_key(cancel)


@pytest.mark.parametrize("branch", ["", ";branch=1", ";branch=z9hG4bK", ";branch="])
def test_an_old_element_is_known_by_its_addresses(branch: str) -> None:
    """RFC 2543 as 17.2.3 describes it; RFC 4475 section 3.2.1: the bare cookie names nothing."""
    request = make_request(via=OLD + branch)
    assert server_key(request) == server_key(make_request(via=OLD + branch))
    assert server_key(request) != server_key(make_request(via=OLD + branch, cseq="3 INVITE"))
    assert server_key(request) != server_key(make_request(via=OLD + branch, uri="sip:carol@h"))


def test_the_ack_of_an_old_element_finds_its_invite_whatever_tag_we_gave() -> None:
    ack = make_request("ACK", via=OLD, to="<sip:bob@biloxi.example.com>;tag=ours")
    assert server_key(ack) == server_key(make_request("INVITE", via=OLD))


def test_the_to_tag_tells_other_requests_of_an_old_element_apart() -> None:
    first, second = (make_request("BYE", via=OLD, to=f"<sip:b@h>;tag={tag}") for tag in "12")
    assert server_key(first) != server_key(second)


def test_a_client_and_a_server_never_share_a_key() -> None:
    assert client_key(make_request()) != server_key(make_request())
