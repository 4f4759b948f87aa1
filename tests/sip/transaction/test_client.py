"""The client transaction of other requests: each cell of RFC 3261 figure 6."""

from __future__ import annotations

import pytest

from rustalk.sip.message import Response
from rustalk.sip.timers import Timers
from rustalk.sip.transaction.client import Client
from rustalk.sip.transaction.effects import Deliver, Ended, Failed, Send, StartTimer, StopTimer
from rustalk.sip.transaction.machine import State
from tests.fakes.messages import make_request, make_response

BYE = make_request("BYE", to="<sip:bob@biloxi.example.com>;tag=1")


def client(*statuses: int, reliable: bool = False) -> Client:
    machine = Client(BYE, reliable, Timers())
    machine.start()
    for status in statuses:
        machine.receive(answer(status))
    return machine


def answer(status: int) -> Response:
    return make_response(BYE, status)


def test_it_begins_by_sending_the_request() -> None:
    machine = Client(BYE, False, Timers())
    assert machine.start() == [StartTimer("F", 32), StartTimer("E", 0.5), Send(BYE.to_bytes())]
    assert (machine.state, machine.request) == (State.TRYING, BYE)


def test_it_does_not_retransmit_on_a_reliable_transport() -> None:
    assert Client(BYE, True, Timers()).start() == [StartTimer("F", 32), Send(BYE.to_bytes())]


def test_each_retransmission_waits_twice_as_long_up_to_t2() -> None:
    machine = client()
    waits = [effect.seconds for _ in range(5) for effect in machine.fire("E") if isinstance(effect, StartTimer)]
    assert waits == [1, 2, 4, 4, 4]
    assert machine.fire("E") == [StartTimer("E", 4), Send(BYE.to_bytes())]


def test_it_retransmits_slowly_once_somebody_works_on_it() -> None:
    machine = client(100)
    assert machine.fire("E") == [StartTimer("E", 4), Send(BYE.to_bytes())]
    assert machine.state == State.PROCEEDING


@pytest.mark.parametrize("statuses", [(), (100,)])
def test_silence_ends_it(statuses: tuple[int, ...]) -> None:
    machine = client(*statuses)
    assert machine.fire("F") == [StopTimer("E"), Failed("timeout"), Ended()]
    assert machine.state == State.TERMINATED


@pytest.mark.parametrize("statuses", [(), (100,)])
def test_a_transport_error_ends_it(statuses: tuple[int, ...]) -> None:
    machine = client(*statuses)
    assert machine.transport_failed() == [StopTimer("F"), StopTimer("E"), Failed("transport"), Ended()]
    assert machine.state == State.TERMINATED


@pytest.mark.parametrize("statuses", [(), (100,)])
def test_a_provisional_response_is_delivered_and_stops_no_timer(statuses: tuple[int, ...]) -> None:
    machine, response = client(*statuses), answer(182)
    assert (machine.receive(response), machine.state) == ([Deliver(response)], State.PROCEEDING)


@pytest.mark.parametrize("statuses", [(), (100,)])
@pytest.mark.parametrize("status", [200, 302, 481, 503, 603])
def test_a_final_response_is_delivered(status: int, statuses: tuple[int, ...]) -> None:
    machine, response = client(*statuses), answer(status)
    assert machine.receive(response) == [StopTimer("F"), StopTimer("E"), StartTimer("K", 5), Deliver(response)]
    assert (machine.state, machine.request) == (State.COMPLETED, None)


def test_it_ends_at_once_where_no_copies_can_come() -> None:
    machine, response = client(reliable=True), answer(200)
    assert machine.receive(response) == [StopTimer("F"), Deliver(response), Ended()]
    assert machine.state == State.TERMINATED


@pytest.mark.parametrize("status", [200, 481])
def test_copies_of_the_final_response_are_absorbed(status: int) -> None:
    machine = client(200)
    assert (machine.receive(answer(status)), machine.ignored, machine.state) == ([], 0, State.COMPLETED)


def test_a_provisional_response_after_the_final_one_is_ignored() -> None:
    machine = client(200)
    assert (machine.receive(answer(100)), machine.ignored) == ([], 1)


def test_a_transport_error_after_the_final_response_is_ignored() -> None:
    machine = client(200)
    assert (machine.transport_failed(), machine.state) == ([], State.COMPLETED)


def test_it_waits_for_copies_and_ends() -> None:
    machine = client(200)
    assert (machine.fire("K"), machine.state) == ([Ended()], State.TERMINATED)
