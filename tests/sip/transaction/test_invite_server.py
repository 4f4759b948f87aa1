"""The INVITE server transaction: each cell of RFC 3261 figure 7 with RFC 6026."""

from __future__ import annotations

import pytest

from rustalk.sip.errors import LocalProtocolError
from rustalk.sip.message import Response
from rustalk.sip.timers import Timers
from rustalk.sip.transaction.effects import Deliver, Ended, Failed, Send, StartTimer, StopTimer
from rustalk.sip.transaction.invite_server import InviteServer
from rustalk.sip.transaction.machine import State
from tests.fakes.messages import make_request, parse

INVITE = make_request("INVITE", "Timestamp: 54", body=b"v=0\r\n")
ACK = make_request("ACK", to="<sip:bob@biloxi.example.com>;tag=ours")


def server(*statuses: int, reliable: bool = False) -> InviteServer:
    """A server that has given these answers."""
    machine = InviteServer(INVITE, reliable, Timers())
    machine.start()
    for status in statuses:
        machine.respond(answer(status))
    return machine


def answer(status: int) -> Response:
    return INVITE.response(status, to_tag="ours")


# Proceeding.


def test_it_delivers_the_invite_and_says_100_when_asked() -> None:
    """FO-07: at once, but not before the user has had the INVITE."""
    machine = InviteServer(INVITE, False, Timers())
    assert machine.start() == [Deliver(INVITE)]
    (trying,) = machine.trying()
    assert isinstance(trying, Send)
    assert parse(trying.data).start_line == "SIP/2.0 100 Trying"
    assert machine.state is State.PROCEEDING


@pytest.mark.parametrize("status", [180, 200, 404])
def test_it_says_no_100_after_an_answer(status: int) -> None:
    """17.2.1: 100 is for a user that has said nothing yet."""
    machine = InviteServer(INVITE, False, Timers())
    machine.start()
    machine.respond(answer(status))
    assert machine.trying() == []


def test_a_copy_that_comes_before_any_answer_gets_none() -> None:
    """There is nothing to repeat yet."""
    machine = InviteServer(INVITE, False, Timers())
    machine.start()
    assert machine.receive(INVITE) == []


def test_its_100_carries_the_timestamp_and_no_tag() -> None:
    """8.2.6.1."""
    machine = InviteServer(INVITE, False, Timers())
    machine.start()
    (trying,) = machine.trying()
    assert isinstance(trying, Send)
    message = parse(trying.data)
    assert (message.get("Timestamp"), message.to.tag) == ("54", "")


def test_a_copy_of_the_invite_gets_the_last_answer() -> None:
    machine = InviteServer(INVITE, False, Timers())
    machine.start()
    trying = machine.trying()
    assert machine.receive(INVITE) == trying
    machine.respond(answer(183))
    assert machine.receive(INVITE) == [Send(answer(183).to_bytes())]


@pytest.mark.parametrize("status", [180, 183, 199])
def test_a_provisional_answer_is_sent(status: int) -> None:
    machine = server(180)
    assert machine.respond(answer(status)) == [Send(answer(status).to_bytes())]
    assert (machine.state, machine.request) == (State.PROCEEDING, INVITE)


@pytest.mark.parametrize("reliable", [False, True])
def test_a_2xx_is_sent_and_its_copies_are_the_users(reliable: bool) -> None:
    machine = server(180, reliable=reliable)
    assert machine.respond(answer(200)) == [StartTimer("L", 32), Send(answer(200).to_bytes())]
    assert (machine.state, machine.request) == (State.ACCEPTED, None)


def test_a_failure_is_sent_until_its_ack_comes() -> None:
    machine = server(180)
    assert machine.respond(answer(486)) == [StartTimer("H", 32), StartTimer("G", 0.5), Send(answer(486).to_bytes())]
    assert (machine.state, machine.request) == (State.COMPLETED, None)


def test_a_failure_is_sent_once_on_a_reliable_transport() -> None:
    assert server(reliable=True).respond(answer(486)) == [StartTimer("H", 32), Send(answer(486).to_bytes())]


def test_an_ack_that_nobody_waits_for_is_ignored() -> None:
    machine = server(180)
    assert (machine.receive(ACK), machine.ignored) == ([], 1)


@pytest.mark.parametrize("statuses", [(), (200,), (486,)])
def test_a_transport_error_is_reported_and_changes_nothing(statuses: tuple[int, ...]) -> None:
    """RFC 3261 section 17.2.4 as RFC 6026 amends it."""
    machine = server(*statuses)
    state = machine.state
    assert (machine.transport_failed(), machine.state) == ([Failed("transport")], state)


# Accepted (RFC 6026).


def test_a_copy_of_an_accepted_invite_is_absorbed() -> None:
    machine = server(200)
    assert (machine.receive(INVITE), machine.ignored, machine.state) == ([], 0, State.ACCEPTED)


def test_each_copy_of_the_2xx_that_the_user_hands_over_is_sent() -> None:
    machine = server(200)
    assert machine.respond(answer(200)) == [Send(answer(200).to_bytes())]
    assert machine.state == State.ACCEPTED


def test_an_ack_that_has_the_key_of_the_invite_is_delivered() -> None:
    """RFC 6026 section 7.1: it comes from an element that gives both one branch."""
    assert server(200).receive(ACK) == [Deliver(ACK)]


@pytest.mark.parametrize("status", [180, 486])
def test_another_answer_after_a_2xx_is_our_mistake(status: int) -> None:
    with pytest.raises(LocalProtocolError, match="while the InviteServer transaction is accepted"):
        server(200).respond(answer(status))


def test_it_stays_accepted_for_64_times_t1() -> None:
    machine = server(200)
    assert (machine.fire("L"), machine.state) == ([Ended()], State.TERMINATED)


# Completed.


def test_a_copy_of_a_refused_invite_gets_the_refusal_again() -> None:
    assert server(486).receive(INVITE) == [Send(answer(486).to_bytes())]


def test_each_copy_of_the_refusal_waits_twice_as_long_up_to_t2() -> None:
    machine = server(486)
    waits = [effect.seconds for _ in range(5) for effect in machine.fire("G") if isinstance(effect, StartTimer)]
    assert waits == [1, 2, 4, 4, 4]
    assert machine.fire("G")[1] == Send(answer(486).to_bytes())


@pytest.mark.parametrize("reliable", [False, True])
def test_an_ack_that_never_comes_is_reported(reliable: bool) -> None:
    machine = server(486, reliable=reliable)
    stops = [] if reliable else [StopTimer("G")]
    assert machine.fire("H") == [*stops, Failed("timeout"), Ended()]
    assert machine.state == State.TERMINATED


def test_the_ack_stops_the_copies() -> None:
    machine = server(486)
    assert machine.receive(ACK) == [StopTimer("H"), StopTimer("G"), StartTimer("I", 5)]
    assert machine.state == State.CONFIRMED


def test_the_ack_ends_it_where_no_copies_can_come() -> None:
    machine = server(486, reliable=True)
    assert machine.receive(ACK) == [StopTimer("H"), Ended()]
    assert machine.state == State.TERMINATED


@pytest.mark.parametrize("status", [180, 200, 486])
def test_another_answer_after_a_failure_is_our_mistake(status: int) -> None:
    with pytest.raises(LocalProtocolError):
        server(486).respond(answer(status))


# Confirmed.


def test_copies_of_the_ack_and_of_the_invite_are_absorbed() -> None:
    machine = server(486)
    machine.receive(ACK)
    assert [machine.receive(ACK), machine.receive(INVITE)] == [[], []]
    assert (machine.state, machine.ignored) == (State.CONFIRMED, 0)


def test_it_waits_for_copies_and_ends() -> None:
    machine = server(486)
    machine.receive(ACK)
    assert (machine.fire("I"), machine.state) == ([Ended()], State.TERMINATED)
