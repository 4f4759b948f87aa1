"""The server transaction of other requests: each cell of RFC 3261 figure 8."""

from __future__ import annotations

import pytest

from rustalk.sip.errors import LocalProtocolError
from rustalk.sip.message import Response
from rustalk.sip.timers import Timers
from rustalk.sip.transaction.effects import Deliver, Ended, Failed, Send, StartTimer
from rustalk.sip.transaction.machine import State
from rustalk.sip.transaction.server import Server
from tests.fakes.messages import make_request

OPTIONS = make_request("OPTIONS")


def server(*statuses: int, reliable: bool = False) -> Server:
    machine = Server(OPTIONS, reliable, Timers())
    machine.start()
    for status in statuses:
        machine.respond(answer(status))
    return machine


def answer(status: int) -> Response:
    return OPTIONS.response(status, to_tag="ours")


def test_it_delivers_the_request_and_says_nothing() -> None:
    machine = Server(OPTIONS, False, Timers())
    assert machine.start() == [Deliver(OPTIONS)]
    assert (machine.state, machine.request) == (State.TRYING, OPTIONS)


def test_a_copy_of_a_request_without_an_answer_is_absorbed() -> None:
    machine = server()
    assert (machine.receive(OPTIONS), machine.ignored) == ([], 0)


@pytest.mark.parametrize("statuses", [(), (100,)])
def test_a_provisional_answer_is_sent(statuses: tuple[int, ...]) -> None:
    machine = server(*statuses)
    assert machine.respond(answer(182)) == [Send(answer(182).to_bytes())]
    assert machine.state == State.PROCEEDING


@pytest.mark.parametrize("statuses", [(), (100,)])
@pytest.mark.parametrize("status", [200, 302, 405, 503])
def test_a_final_answer_is_sent(status: int, statuses: tuple[int, ...]) -> None:
    machine = server(*statuses)
    assert machine.respond(answer(status)) == [StartTimer("J", 32), Send(answer(status).to_bytes())]
    assert (machine.state, machine.request) == (State.COMPLETED, None)


@pytest.mark.parametrize("status", [200, 405])
def test_a_final_answer_ends_it_where_no_copies_can_come(status: int) -> None:
    machine = server(reliable=True)
    assert machine.respond(answer(status)) == [Send(answer(status).to_bytes()), Ended()]
    assert machine.state == State.TERMINATED


@pytest.mark.parametrize("statuses", [(100,), (200,), (100, 486)])
def test_a_copy_of_the_request_gets_the_last_answer(statuses: tuple[int, ...]) -> None:
    assert server(*statuses).receive(OPTIONS) == [Send(answer(statuses[-1]).to_bytes())]


@pytest.mark.parametrize("statuses", [(), (100,), (200,)])
def test_a_transport_error_is_reported_and_changes_nothing(statuses: tuple[int, ...]) -> None:
    """RFC 3261 section 17.2.4 as RFC 6026 amends it."""
    machine = server(*statuses)
    state = machine.state
    assert (machine.transport_failed(), machine.state) == ([Failed("transport")], state)


@pytest.mark.parametrize("status", [100, 200, 500])
def test_another_answer_after_the_final_one_is_our_mistake(status: int) -> None:
    with pytest.raises(LocalProtocolError, match="while the Server transaction is completed"):
        server(200).respond(answer(status))


def test_it_waits_for_copies_and_ends() -> None:
    machine = server(200)
    assert (machine.fire("J"), machine.state) == ([Ended()], State.TERMINATED)


def test_a_copy_after_the_end_is_ignored_and_counted() -> None:
    machine = server(200, reliable=True)
    assert (machine.receive(OPTIONS), machine.ignored) == ([], 1)
