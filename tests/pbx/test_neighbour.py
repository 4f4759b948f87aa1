"""Another node as a peer: what an INVITE to it says, and what it is understood to say there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from twisted.internet.task import Clock

from rustalk.pbx.bindings import Binding, FlowKey
from rustalk.pbx.neighbour import Beyond, Neighbour, is_of_cluster, name_of
from rustalk.pbx.passport import FIELD, Passports, read_passport
from rustalk.pbx.peers import Busy
from rustalk.sip.message import Request
from rustalk.store.nodes import Node, Nodes
from rustalk.ua.subject import Diverted, Party, Subject, Told
from tests.fakes.network import MemoryTransport, Network

HERE, THERE = Node("a-00000000", "192.0.2.10", 5060, "TCP"), Node("b-00000000", "192.0.2.20", 5070, "TCP")
BINDING = Binding("1001", "sip:1001@10.0.0.5", 2e9, FlowKey("inside", "UDP", "198.51.100.7", 5060), "call", 1, node="b")

SUBJECTS = {
    "plain": Subject("+4930123", "1001", "Ada Lovelace", 68),
    "from a trusted trunk": Subject("+4930123", "1001", "Ada", 68, is_trusted=True),
    "hidden": Subject("+4930123", "1001", "Ada", 68, is_trusted=True, told=Told(privacy=("id",))),
    "asserted": Subject("7", "1001", told=Told(asserted=(Party("+4930123", "Ada"),)), is_trusted=True),
    "forwarded": Subject(
        "+4930123", "1001", told=Told(history=(Diverted("1002", 486, index="1"), Diverted("1001", 0, index="1.1")))
    ),
    "forwarded in secret": Subject(
        "+4930123", "1001", told=Told(history=(Diverted("1002", 302, index="1", is_hidden=True),))
    ),
    "with words that cross": Subject(
        "+4930123",
        "1001",
        told=Told(kept=("user-to-user", "x-ticket"), extra=(("X-Ticket", "4711"),), user_to_user=("00;encoding=hex",)),
    ),
    "with a strange name": Subject("a;b@c", "1001", 'The "Boss", <sip:x>', 68),
}


def neighbour(node: Node, other: Node) -> tuple[Neighbour, MemoryTransport]:
    """How ``node`` sees ``other``."""
    network = Network(Clock())
    transport = MemoryTransport(network, cast(Any, None))
    transport.open("inside", (node.address, node.port), ["UDP", "TCP"])
    nodes = Nodes(cast(Any, None), cast(Any, network.clock), id=node.id, key=b"k" * 32)
    nodes.own = node
    nodes._take([(other.id, other.address, other.port, other.transport, 1.0)], 1.0)
    made = Neighbour(
        other,
        nodes=nodes,
        profile="inside",
        transport=cast(Any, transport),
        router=cast(Any, None),
        passports=Passports(b"k" * 32, node.id, lambda: 1.8e9, lambda length: b"n" * length),
        media=lambda: cast(Any, None),
        domain=lambda: "pbx.example.com",
        timeout=4.0,
    )
    return made, transport


def sent(subject: Subject) -> Request:
    """The INVITE that a node sends to the other for its phone."""
    to_there, transport = neighbour(HERE, THERE)
    flow = transport._network.flow("inside", (HERE.address, HERE.port), (THERE.address, THERE.port))
    invitation = to_there.invitation("1001", [BINDING], subject, b"", flow)
    own = [("From", f"{invitation.from_};tag=1"), ("To", invitation.to), ("Max-Forwards", str(subject.max_forwards))]
    own += [("Contact", invitation.contact), ("Call-ID", "c"), ("CSeq", "1 INVITE")]
    return Request("INVITE", invitation.uri, [*own, *invitation.fields])


@pytest.mark.parametrize("case", SUBJECTS)
def test_who_calls_crosses_unchanged(case: str) -> None:
    """Number, name, privacy, history, and what else may be told: the other node knows as much as this one."""
    subject = SUBJECTS[case]
    back, _ = neighbour(THERE, HERE)
    read = back.subject(sent(subject))
    assert (read.caller, read.called, read.display) == (subject.caller, subject.called, subject.display)
    assert (read.is_trusted, read.max_forwards) == (subject.is_trusted, subject.max_forwards - 1)
    for name in ("privacy", "history", "kept", "extra", "user_to_user"):
        assert getattr(read.told, name) == getattr(subject.told, name), name
    assert [each.number for each in read.told.asserted] in (
        [each.number for each in subject.told.asserted],
        [subject.caller],
    )


def test_the_invite_names_the_phones_and_shows_the_passport() -> None:
    """To the other node's address, with a Contact at ours."""
    request = sent(SUBJECTS["plain"])
    assert request.uri == "sip:1001@192.0.2.20:5070"
    assert request.get("Contact") == "<sip:+4930123@192.0.2.10:5060;transport=tcp>"
    passport = read_passport(request.get(FIELD) or "")
    assert passport is not None
    assert (passport.node, passport.phones) == (HERE.id, (name_of(BINDING),))
    assert BINDING.id.endswith(name_of(BINDING))


def test_the_other_node_learns_which_call_it_is_a_part_of() -> None:
    """Also where that is a part of one itself."""
    back, _ = neighbour(THERE, HERE)
    subject = replace(SUBJECTS["plain"], call="5c8581d835a7b48b")
    assert back.subject(sent(subject)).part_of == "5c8581d835a7b48b"
    assert back.subject(sent(replace(subject, part_of="77"))).part_of == "77"
    assert back.subject(sent(SUBJECTS["plain"])).part_of == ""


def test_a_dead_node_is_not_reached() -> None:
    """And one that does not take a call is dead until it is heard."""
    there, transport = neighbour(HERE, THERE)
    target = Beyond(there, "1001", [BINDING], limit=Busy(), within=None)
    outcomes: list[object] = []
    target.reach().addErrback(lambda reason: outcomes.append(reason.value.cause))
    transport._network.clock.advance(1)
    target.failed("refused")
    target.reach().addErrback(lambda reason: outcomes.append(reason.value.cause))
    assert outcomes == ["refused", "lost"]


def test_a_target_at_a_node() -> None:
    """It counts for the extension, is told as the node, and its decline is everybody's."""
    there, _ = neighbour(HERE, THERE)
    limit = Busy()
    target = Beyond(there, "1001", [BINDING], limit=limit, within=15.0)
    assert (target.trunk, target.limit, target.within) == ("node:b-00000000", limit, 15.0)
    assert (target.moves_on(486, False), target.moves_on(603, False)) == (True, False)
    assert is_of_cluster(target.trunk)
    assert not is_of_cluster("carrier")
