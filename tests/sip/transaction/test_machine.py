"""What every table promises."""

from __future__ import annotations

import itertools
import random
import sys

import pytest

from rustalk.sip.errors import LocalProtocolError
from rustalk.sip.message import Request
from rustalk.sip.timers import Timers
from rustalk.sip.transaction.client import Client
from rustalk.sip.transaction.effects import Deliver, Effect, Ended, Failed, Send, StartTimer, StopTimer
from rustalk.sip.transaction.invite_client import InviteClient
from rustalk.sip.transaction.invite_server import InviteServer
from rustalk.sip.transaction.machine import Input, State
from rustalk.sip.transaction.server import Server
from tests.fakes.messages import make_request, make_response

KINDS = (InviteClient, InviteServer, Client, Server)
Kind = InviteClient | InviteServer | Client | Server


def request_for(kind: type[Kind]) -> Request:
    return make_request("INVITE" if kind in (InviteClient, InviteServer) else "OPTIONS")


class Watch:
    """Carries effects out on paper, and minds their order and the timers."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.ended = False

    def see(self, effects: list[Effect]) -> None:
        assert not self.ended or not effects, "nothing happens after the end"
        order = [0 if isinstance(e, (StartTimer, StopTimer)) else 1 if isinstance(e, Send) else 2 for e in effects]
        assert order == sorted(order), "timers, then sends, then what the user is told"
        for effect in effects:
            match effect:
                case StartTimer(name, seconds):
                    assert name not in self.running
                    assert seconds > 0
                    self.running.add(name)
                case StopTimer(name):
                    self.running.remove(name)
                case Ended():
                    assert effect is effects[-1]
                    self.ended = True
                case Send(data):
                    assert data
                case Failed(cause):
                    assert cause in ("timeout", "transport")
                case Deliver():
                    pass
        assert not (self.ended and self.running), "no timer is left behind"


def poke(machine: Kind, watch: Watch, request: Request, chance: random.Random) -> list[Effect]:
    """Do one thing that may happen now."""
    if watch.running and chance.random() < 0.4:
        timer = chance.choice(sorted(watch.running))
        watch.running.remove(timer)
        return machine.fire(timer)
    if chance.random() < 0.1:
        return machine.transport_failed()
    response = make_response(request, chance.choice([100, 180, 200, 202, 302, 486, 503]))
    if isinstance(machine, (InviteClient, Client)):
        return machine.receive(response)
    if chance.random() < 0.5:
        copy = make_request("ACK") if isinstance(machine, InviteServer) and chance.random() < 0.5 else request
        return machine.receive(copy)
    try:
        return machine.respond(response)
    except LocalProtocolError:
        return []


@pytest.mark.parametrize("reliable", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_happens_each_timer_is_stopped_and_each_transaction_ends(kind: type[Kind], reliable: bool) -> None:
    """F-02: after any run of events the timers alone bring a transaction to its end, and none is left."""
    for seed in range(300):
        chance = random.Random(seed)
        request, watch = request_for(kind), Watch()
        machine = kind(request, reliable, Timers())
        watch.see(machine.start())
        for _ in range(chance.randint(0, 12)):
            watch.see(poke(machine, watch, request, chance))
        if isinstance(machine, (InviteServer, Server)) and machine.state in (State.TRYING, State.PROCEEDING):
            watch.see(machine.respond(make_response(request, 500)))
        for _ in range(100):
            if not watch.running:
                break
            timer = max(watch.running)
            watch.running.remove(timer)
            watch.see(machine.fire(timer))
        assert watch.ended or (kind is InviteClient and machine.state == State.PROCEEDING), seed


@pytest.mark.parametrize("kind", KINDS)
def test_a_transaction_begins_once(kind: type[Kind]) -> None:
    machine = kind(request_for(kind), False, Timers())
    machine.start()
    with pytest.raises(LocalProtocolError, match=r"start while the .* transaction is"):
        machine.start()


@pytest.mark.parametrize("kind", KINDS)
def test_a_timer_that_does_not_run_cannot_fire(kind: type[Kind]) -> None:
    machine = kind(request_for(kind), False, Timers())
    machine.start()
    for timer in "DGHIJKLMZ":
        with pytest.raises(LocalProtocolError):
            machine.fire(timer)


@pytest.mark.parametrize("kind", KINDS)
def test_each_cell_leads_to_a_state_of_the_same_table(kind: type[Kind]) -> None:
    table = kind.table
    assert {cell[0] for row in table.values() for cell in row.values()} == set(table) - {State.INITIAL}
    assert table[State.TERMINATED] == {}
    assert all(name in set(Input) for row in table.values() for name in row)


@pytest.mark.parametrize("kind", [InviteClient, Client])
def test_a_response_after_the_end_is_ignored_and_counted(kind: type[InviteClient | Client]) -> None:
    request = request_for(kind)
    machine = kind(request, True, Timers())
    machine.start()
    machine.transport_failed()
    assert [machine.receive(make_response(request, status)) for status in (180, 200, 486)] == [[], [], []]
    assert (machine.state, machine.ignored) == (State.TERMINATED, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_transaction_that_waits_for_stragglers_is_small(kind: type[Kind]) -> None:
    """F-02: it holds neither the request nor, beyond the bytes it may have to send again, anything else."""
    request = request_for(kind)
    machine = kind(request, False, Timers())
    machine.start()
    answer = make_response(request, 200)
    machine.receive(answer) if isinstance(machine, (InviteClient, Client)) else machine.respond(answer)
    held = [getattr(machine, slot) for base in type(machine).__mro__ for slot in getattr(base, "__slots__", ())]
    assert machine.request is None
    assert not any(isinstance(thing, Request) for thing in held)
    assert not hasattr(machine, "__dict__")
    assert sys.getsizeof(machine) < 200


def test_every_state_is_in_some_table() -> None:
    assert set(itertools.chain.from_iterable(kind.table for kind in KINDS)) == set(State)
