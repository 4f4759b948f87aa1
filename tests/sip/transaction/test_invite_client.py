"""The INVITE client transaction: each cell of RFC 3261 figure 5 with RFC 6026."""

from __future__ import annotations

import pytest

from rustalk.sip.message import Request, Response
from rustalk.sip.timers import Timers
from rustalk.sip.transaction.effects import Deliver, Effect, Ended, Failed, Send, StartTimer, StopTimer
from rustalk.sip.transaction.invite_client import InviteClient
from rustalk.sip.transaction.machine import State
from tests.fakes.messages import make_request, make_response, parse

INVITE = make_request(
    "INVITE",
    "Route: <sip:p1.example.com;lr>",
    "Route: <sip:p2.example.com;lr>",
    "Contact: <sip:alice@client.atlanta.example.com>",
    "Proxy-Authorization: Digest username=alice",
    body=b"v=0\r\n",
)


def client(*statuses: int, reliable: bool = False) -> InviteClient:
    """A client that has received these responses."""
    machine = InviteClient(INVITE, reliable, Timers())
    machine.start()
    for status in statuses:
        machine.receive(answer(status))
    return machine


def answer(status: int, tag: str = "8321234356") -> Response:
    return make_response(INVITE, status, tag=tag)


def ack(effects: list[Effect]) -> Request:
    (data,) = [effect.data for effect in effects if isinstance(effect, Send)]
    message = parse(data)
    assert isinstance(message, Request)
    assert message.method == "ACK"
    return message


# Calling.


def test_it_begins_by_sending_the_invite() -> None:
    machine = InviteClient(INVITE, False, Timers())
    assert machine.start() == [StartTimer("B", 32), StartTimer("A", 0.5), Send(INVITE.to_bytes())]
    assert (machine.state, machine.request) == (State.CALLING, INVITE)


def test_it_does_not_retransmit_on_a_reliable_transport() -> None:
    assert InviteClient(INVITE, True, Timers()).start() == [StartTimer("B", 32), Send(INVITE.to_bytes())]


def test_each_retransmission_waits_twice_as_long() -> None:
    machine = client()
    waits = [effect.seconds for _ in range(6) for effect in machine.fire("A") if isinstance(effect, StartTimer)]
    assert waits == [1, 2, 4, 8, 16, 32]
    assert machine.fire("A")[1] == Send(INVITE.to_bytes())


@pytest.mark.parametrize("reliable", [False, True])
def test_silence_ends_it(reliable: bool) -> None:
    machine = client(reliable=reliable)
    stops = [] if reliable else [StopTimer("A")]
    assert machine.fire("B") == [*stops, Failed("timeout"), Ended()]
    assert machine.state == State.TERMINATED


def test_a_transport_error_ends_it() -> None:
    machine = client()
    assert machine.transport_failed() == [StopTimer("B"), StopTimer("A"), Failed("transport"), Ended()]
    assert machine.state == State.TERMINATED


def test_a_provisional_response_stops_the_retransmissions() -> None:
    machine, ringing = client(), answer(180)
    assert machine.receive(ringing) == [StopTimer("B"), StopTimer("A"), Deliver(ringing)]
    assert machine.state == State.PROCEEDING


def test_a_2xx_is_delivered_and_acknowledged_by_the_user() -> None:
    machine, ok = client(), answer(200)
    assert machine.receive(ok) == [StopTimer("B"), StopTimer("A"), StartTimer("M", 32), Deliver(ok)]
    assert (machine.state, machine.request) == (State.ACCEPTED, None)


def test_a_failure_is_acknowledged_and_delivered() -> None:
    machine, busy = client(), answer(486)
    effects = machine.receive(busy)
    assert effects[:3] == [StopTimer("B"), StopTimer("A"), StartTimer("D", 32)]
    assert (ack(effects).method, effects[-1]) == ("ACK", Deliver(busy))
    assert (machine.state, machine.request) == (State.COMPLETED, None)


# Proceeding.


@pytest.mark.parametrize("status", [100, 180, 181, 183, 199])
def test_every_provisional_response_is_delivered(status: int) -> None:
    machine, response = client(100), answer(status)
    assert machine.receive(response) == [Deliver(response)]
    assert machine.state == State.PROCEEDING


def test_an_answer_after_ringing() -> None:
    machine, ok = client(180), answer(200)
    assert machine.receive(ok) == [StartTimer("M", 32), Deliver(ok)]
    assert machine.state == State.ACCEPTED


@pytest.mark.parametrize("status", [302, 404, 503, 603])
def test_a_failure_after_ringing(status: int) -> None:
    machine, failure = client(180), answer(status)
    effects = machine.receive(failure)
    assert effects[0] == StartTimer("D", 32)
    assert ack(effects).cseq == (2, "ACK")
    assert effects[-1] == Deliver(failure)


def test_a_lost_connection_ends_it_while_the_other_side_rings() -> None:
    machine = client(180, reliable=True)
    assert machine.transport_failed() == [Failed("transport"), Ended()]
    assert machine.state == State.TERMINATED


# Accepted (RFC 6026).


def test_each_2xx_is_delivered_be_it_a_copy_or_from_another_branch() -> None:
    machine = client(180, 200)
    for ok in (answer(200), answer(200, tag="another"), answer(202)):
        assert machine.receive(ok) == [Deliver(ok)]
    assert machine.state == State.ACCEPTED


@pytest.mark.parametrize("status", [180, 486])
def test_anything_else_after_a_2xx_is_ignored(status: int) -> None:
    machine = client(200)
    assert (machine.receive(answer(status)), machine.ignored, machine.state) == ([], 1, State.ACCEPTED)


def test_a_transport_error_after_a_2xx_is_ignored() -> None:
    machine = client(200)
    assert (machine.transport_failed(), machine.state) == ([], State.ACCEPTED)


def test_it_stays_accepted_for_64_times_t1_on_every_transport() -> None:
    for reliable in (False, True):
        machine = client(200, reliable=reliable)
        assert (machine.fire("M"), machine.state) == ([Ended()], State.TERMINATED)


# Completed.


def test_each_copy_of_a_failure_is_acknowledged_again_and_not_delivered() -> None:
    machine = client()
    first = ack(machine.receive(answer(486)))
    assert machine.receive(answer(486)) == [Send(first.raw)]
    assert machine.state == State.COMPLETED


@pytest.mark.parametrize("status", [180, 200])
def test_anything_else_after_a_failure_is_ignored(status: int) -> None:
    machine = client(486)
    assert (machine.receive(answer(status)), machine.ignored) == ([], 1)


def test_it_waits_for_copies_and_ends() -> None:
    machine = client(486)
    assert (machine.fire("D"), machine.state) == ([Ended()], State.TERMINATED)


def test_it_ends_at_once_where_no_copies_can_come() -> None:
    machine, busy = client(180, reliable=True), answer(486)
    effects = machine.receive(busy)
    assert ack(effects).method == "ACK"
    assert effects[1:] == [Deliver(busy), Ended()]
    assert machine.state == State.TERMINATED


def test_an_ack_that_cannot_be_sent_is_reported() -> None:
    machine = client(486)
    assert machine.transport_failed() == [StopTimer("D"), Failed("transport"), Ended()]
    assert machine.state == State.TERMINATED


# The ACK (17.1.1.3).


def test_the_ack_goes_where_the_invite_went_with_the_tag_of_the_response() -> None:
    sent = ack(client(180).receive(answer(486, tag="theirs")))
    assert sent.uri == INVITE.uri
    assert (sent.to.tag, sent.from_, sent.call_id) == ("theirs", INVITE.from_, INVITE.call_id)
    assert (sent.cseq, sent.max_forwards) == ((2, "ACK"), 70)
    assert sent.all("Route") == INVITE.all("Route")


def test_the_ack_has_only_the_top_via_and_no_body() -> None:
    invite = make_request("INVITE", "Via: SIP/2.0/UDP below", body=b"v=0\r\n")
    machine = InviteClient(invite, False, Timers())
    machine.start()
    sent = ack(machine.receive(make_response(invite, 404)))
    assert (sent.vias, sent.body) == ([invite.via], b"")
    assert sent.get("Contact") is None
