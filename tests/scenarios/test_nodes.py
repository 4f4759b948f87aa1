"""Two nodes of a cluster: a call that comes to one rings the phones that are registered at the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from rustalk.store.nodes import Node, Nodes
from tests.fakes.agents import Agent
from tests.fakes.phone import Phone
from tests.scenarios.site import PLAIN, Site, watched_log

DOMAIN = "pbx.example.com"
PLACES = {"a": "192.0.2.10", "b": "192.0.2.20"}
IDS = {"a": "a-00000000", "b": "b-00000000"}
KEY = b"n" * 32
CARRIER, THIEF = "198.51.100.77", "203.0.113.99"


class Edge(Site):
    """One node. What it registers the other one learns at once."""

    def __init__(self, name: str, beside: Edge | None = None, protocols: tuple[str, ...] = ("udp", "tcp")) -> None:
        self.name, self.address = name, PLACES[name]
        self.cluster = Nodes(cast(Any, None), cast(Any, None), id=IDS[name], key=KEY)
        self.cluster.own = place(name, protocols)
        numbers = ("1001", "1002", "1003")
        people = [
            {"extension": each, "password": f"secret of {each}", "display_name": f"Nr {each}"} for each in numbers
        ]
        people[1] |= {"call_forwarding": {"unreachable": "1003", "busy": "1003"}}
        super().__init__(
            beside=beside,
            nodes=self.cluster,
            sip={"domain": DOMAIN},
            sip_profiles=[
                {"id": "inside", "bind_address": self.address, "bind_port": 5060, "protocols": list(protocols)}
            ],
            media={"bind_address": self.address},
            teams={"enabled": False},
            trunks=[{"id": "carrier", "host": CARRIER, "port": 5060, "trusted": True, "history": "both", **PLAIN}],
            routing={
                "routes": [
                    {"id": "group", "pattern": "^600$", "destination": {"type": "RingGroup", "value": "all"}},
                    {"id": "in", "pattern": "", "source": "carrier", "destination": "1001"},
                ]
            },
            extensions=people,
            ring_groups=[{"id": "all", "name": "all", "members": [{"extension": "1001"}, {"extension": "1002"}]}],
        )

    def hear(self, other: Edge) -> None:
        """A sign of life of the other node has come by the database."""
        own = other.cluster.own
        self.cluster._clock = cast(Any, self.clock)
        now = self.clock.seconds()
        self.cluster._take([(own.id, own.address, own.port, own.transport, now)], now)

    def token(self) -> str:
        return f"{self.name}{super().token()}"

    def phone(self, number: str, host: str, **how: Any) -> Phone:
        """A phone that is registered here."""
        phone = Phone(
            self.network,
            number,
            host,
            password=f"secret of {number}",
            domain=DOMAIN,
            switch=(self.address, 5060),
            **how,
        )
        answers = phone.register()
        self.run()
        assert answers[-1].status == 200
        return phone

    def leftovers(self) -> dict[str, int]:
        self.core.locator.stop()
        found = super().leftovers()
        found["phones"] = sum(limit.calls for limit in self.core.peers._limits.values())
        return {name: count for name, count in found.items() if count}


def place(name: str, protocols: tuple[str, ...] = ("tcp",)) -> Node:
    """Where the others reach a node."""
    return Node(IDS[name], PLACES[name], 5060, "TCP" if "tcp" in protocols else "UDP")


class Pair:
    """Both nodes, each of which knows that the other lives."""

    def __init__(self, protocols: tuple[str, ...] = ("udp", "tcp")) -> None:
        self.a = Edge("a", protocols=protocols)
        self.b = Edge("b", self.a, protocols)
        for here, there in ((self.a, self.b), (self.b, self.a)):
            here.hear(there)
            here.core.locator.saved = there.core.locator.learn
        self.carrier = Agent(self.a.network, "carrier", [CARRIER], switch=(PLACES["b"], 5060))

    def run(self, seconds: float = 0.5) -> None:
        self.a.run(seconds)

    def end(self) -> None:
        """Nothing is left at either node."""
        assert (self.a.leftovers(), self.b.leftovers()) == ({}, {})


@pytest.fixture(params=[("udp", "tcp"), ("udp",)])
def pair(request: pytest.FixtureRequest):
    """Two nodes that call each other over TCP, and two that have UDP only."""
    with watched_log() as failures:
        pair = Pair(request.param)
        yield pair
        pair.end()
    assert failures == []


def test_a_call_to_a_phone_of_the_other_node(pair: Pair) -> None:
    """It rings, is answered and ends there, and who calls is told as he would be here."""
    alice = pair.a.phone("1001", "203.0.113.11")
    leg = pair.carrier.call("+15551230002", caller="+4930123")
    pair.run()
    alice.last.ring()
    pair.run()
    assert leg.statuses[-1] == 180
    assert alice.last.invite.from_.uri.number == "+4930123"
    assert not [name for name, _ in alice.last.invite.fields if name.startswith("X-")]
    alice.last.answer()
    pair.run()
    assert leg.statuses[-1] == 200
    assert alice.last.acks
    leg.bye()
    pair.run()
    assert alice.last.over
    assert (pair.b.record.source_trunk, pair.b.record.destination_trunk) == ("carrier", f"node:{IDS['a']}")
    assert (pair.a.record.source_trunk, pair.a.record.destination_trunk) == (f"node:{IDS['b']}", "extension:1001")


def test_the_records_of_both_nodes_are_of_one_call(pair: Pair) -> None:
    """The node of the phone learns from the passport what the call is there; the other way nothing is told."""
    alice = pair.a.phone("1001", "203.0.113.11")
    leg = pair.carrier.call("+15551230002", caller="+4930123")
    pair.run()
    alice.last.answer()
    pair.run()
    leg.bye()
    pair.run()
    assert pair.a.record.part_of == pair.b.record.id != pair.a.record.id
    assert pair.b.record.part_of == ""


def test_a_call_that_is_handed_on_to_the_other_node_is_a_part_of_the_new_one(pair: Pair) -> None:
    """REFER: from the answer on it has an id of its own, which the other node was told."""
    alice, bob = pair.a.phone("1001", "203.0.113.11"), pair.b.phone("1002", "203.0.113.12")
    leg = pair.b.phone("1003", "203.0.113.13").call("1002")
    pair.run()
    bob.last.answer()
    pair.run()
    bob.last.ask("REFER", fields=[("Refer-To", f"<sip:1001@{DOMAIN}>")])
    pair.run()
    alice.last.answer()
    pair.run(1)
    alice.last.bye()
    pair.run(1)
    assert leg.over
    assert pair.a.record.part_of == pair.b.record.id
    assert pair.b.record.transferred_from


def test_a_phone_that_has_registered_anew_is_called_though_the_other_node_has_not_heard_of_it(pair: Pair) -> None:
    """It restarted with another Contact, and the database stands still: the INVITE names what is no more."""
    alice = pair.a.phone("1001", "203.0.113.11")
    locator = pair.a.core.locator
    locator.saved = lambda number, bindings: None
    (binding,) = locator.all("1001")
    locator.put("1001", (replace(binding, contact="sip:1001@203.0.113.11:5060;line=2"),))
    leg = pair.carrier.call("+15551230002")
    pair.run()
    alice.last.answer()
    pair.run()
    assert leg.statuses[-1] == 200
    leg.bye()
    pair.run()


def test_a_refusal_at_the_other_node_is_a_part_of_the_call_too(pair: Pair) -> None:
    """The phone has gone meanwhile, and its node says so."""
    alice = pair.a.phone("1001", "203.0.113.11")
    pair.a.core.locator.saved = lambda number, bindings: None
    pair.a.core.locator.put("1001", ())
    leg = pair.carrier.call("+15551230002")
    pair.run()
    assert (leg.statuses[-1], alice.calls) == (480, [])
    assert pair.a.record.part_of == pair.b.record.id


def test_a_stranger_makes_no_call_a_part_of_another(pair: Pair) -> None:
    """A trunk, however trusted, that writes what looks like a passport: what it says is not kept."""
    alice = pair.b.phone("1001", "203.0.113.11")
    passport = f"{IDS['a']};to={IDS['b']};at=0;nonce={'0' * 32};phones={'0' * 12};trusted;call=5c85;mac={'0' * 64}"
    leg = pair.carrier.call("+15551230002", fields=[("X-RusTalk-Node", passport)])
    pair.run()
    alice.last.answer()
    pair.run()
    leg.bye()
    pair.run()
    assert (pair.b.record.source_trunk, pair.b.record.part_of) == ("carrier", "")


def test_the_phone_of_the_other_node_hangs_up(pair: Pair) -> None:
    """A BYE crosses back, as do requests within the call."""
    alice = pair.a.phone("1001", "203.0.113.11")
    bob = pair.b.phone("1002", "203.0.113.12")
    leg = bob.call("1001")
    pair.run()
    alice.last.answer()
    pair.run()
    assert (alice.last.invite.from_.uri.number, alice.last.invite.from_.display) == ("1002", "Nr 1002")
    answers = alice.last.bye()
    pair.run()
    assert [each.status for each in answers] == [200]
    assert leg.over


def test_a_caller_who_gives_up(pair: Pair) -> None:
    """CANCEL crosses, with its reason."""
    alice = pair.a.phone("1001", "203.0.113.11")
    leg = pair.carrier.call("+15551230002")
    pair.run()
    alice.last.ring()
    pair.run()
    leg.cancel([("Reason", 'SIP;cause=200;text="Call completed elsewhere"')])
    pair.run()
    assert leg.statuses[-1] == 487
    assert alice.last.over
    assert "completed elsewhere" in (alice.last.cancelled.get("Reason") or "")


def test_phones_of_both_nodes_ring_together(pair: Pair) -> None:
    """An extension with a phone at each: who answers has the call, the other hears that it was answered elsewhere."""
    here, there = pair.b.phone("1001", "203.0.113.11"), pair.a.phone("1001", "203.0.113.21")
    second = pair.a.phone("1001", "203.0.113.31")
    leg = pair.carrier.call("+15551230002")
    pair.run()
    assert [len(each.calls) for each in (here, there, second)] == [1, 1, 1]
    there.last.answer()
    pair.run()
    assert leg.statuses[-1] == 200
    for loser in (here, second):
        assert "completed elsewhere" in (loser.last.cancelled.get("Reason") or "")
    leg.bye()
    pair.run()
    assert there.last.over


def test_a_group_rings_members_at_both_nodes(pair: Pair) -> None:
    """The group stays with the node that the call came to."""
    alice, bob = pair.a.phone("1001", "203.0.113.11"), pair.b.phone("1002", "203.0.113.12")
    caller = pair.b.phone("1003", "203.0.113.13")
    leg = caller.call("600")
    pair.run()
    assert (len(alice.calls), len(bob.calls)) == (1, 1)
    alice.last.answer()
    pair.run()
    assert leg.statuses[-1] == 200
    leg.bye()
    pair.run()


def test_a_busy_phone_forwards_at_the_node_that_was_called(pair: Pair) -> None:
    """The other node answers for its phone and forwards nothing itself."""
    bob, carol = pair.a.phone("1002", "203.0.113.12"), pair.a.phone("1003", "203.0.113.13")
    caller = pair.b.phone("1001", "203.0.113.11")
    leg = caller.call("1002")
    pair.run()
    bob.last.refuse(486)
    pair.run()
    carol.last.answer()
    pair.run()
    assert leg.statuses[-1] == 200
    assert pair.a.record.source_trunk == f"node:{IDS['b']}"
    leg.bye()
    pair.run()


def test_who_hides_stays_hidden(pair: Pair) -> None:
    """Privacy crosses: the nodes know the number, the phone does not."""
    alice = pair.a.phone("1001", "203.0.113.11")
    asserted = [("P-Asserted-Identity", "<sip:+4930123@carrier.example>"), ("Privacy", "id")]
    leg = pair.carrier.call("+15551230002", caller="anonymous", fields=asserted)
    pair.run()
    assert "4930123" not in str(alice.last.invite)
    leg.cancel()
    pair.run()


def test_a_phone_of_a_dead_node_is_unreachable(pair: Pair) -> None:
    """Its calls go where unreachable ones go. Once its node is heard again it is called."""
    bob = pair.a.phone("1002", "203.0.113.12")
    carol, caller = pair.b.phone("1003", "203.0.113.13"), pair.b.phone("1001", "203.0.113.11")
    (binding,) = pair.b.core.locator.all("1002")
    pair.b.core.locator.learn("1002", [replace(binding, contact="sip:1002@10.0.0.5")])
    pair.b.cluster._take([], pair.b.clock.seconds())
    leg = caller.call("1002")
    pair.run()
    carol.last.answer()
    pair.run()
    assert leg.statuses[-1] == 200
    leg.bye()
    pair.b.hear(pair.a)
    pair.b.core.locator.learn("1002", [binding])
    pair.run()
    again = caller.call("1002")
    pair.run()
    assert len(bob.calls) == 1
    again.cancel()
    pair.run()


def test_a_node_that_takes_no_call_is_not_asked_again(pair: Pair) -> None:
    """The first call finds out, the next one knows without waiting."""
    pair.a.phone("1001", "203.0.113.11")
    pair.a.network.silent.add(PLACES["a"])
    first = pair.carrier.call("+15551230002")
    pair.run(10)
    (binding,) = pair.b.core.locator.all("1001")
    pair.b.core.locator.learn("1001", [replace(binding, contact="sip:1001@10.0.0.5")])
    second = pair.carrier.call("+15551230002")
    pair.run()
    assert (first.statuses[-1], second.statuses[-1]) == (503, 480)


def test_a_stranger_gets_nowhere_with_a_passport(pair: Pair) -> None:
    """Neither with one that he made up, nor with one that he has seen on the wire."""
    alice = pair.a.phone("1001", "203.0.113.11")
    leg = pair.carrier.call("+15551230002")
    pair.run()
    seen = next(data for to, data in pair.a.network.wire if to[0] == PLACES["a"] and b"X-RusTalk-Node" in data)
    field = next(line for line in seen.decode().split("\r\n") if line.startswith("X-RusTalk-Node")).partition(": ")[2]
    rung = len(alice.calls)
    for host, value in (
        (THIEF, field),
        (PLACES["b"], field),
        (THIEF, field.replace("nonce=", "nonce=0")),
        (THIEF, "x"),
    ):
        thief = Agent(pair.a.network, f"thief{host}{value[:2]}", [host], port=5099, switch=(PLACES["a"], 5060))
        attempt = thief.call("1001", caller=alice.last.invite.from_.uri.number, fields=[("X-RusTalk-Node", value)])
        pair.run()
        assert attempt.statuses[-1] in (403, 407)
    assert len(alice.calls) == rung
    leg.cancel()
    pair.run()
