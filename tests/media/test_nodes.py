"""Which rtpengine nodes answer, and whose turn it is, in virtual time."""

from __future__ import annotations

import pytest
from twisted.internet.defer import fail, succeed
from twisted.internet.error import DNSLookupError
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs

from rustalk.media.ng import PATIENCE
from rustalk.media.nodes import PING_INTERVAL, Node, NodeAddress, Nodes, Resolve
from tests.fakes.network import run
from tests.fakes.ngnode import MemoryNode, MemoryUdp

SOON = 0.01


class Scene:
    """Nodes of these weights; all answer, none has been asked."""

    def __init__(self, *weights: int) -> None:
        self.clock = Clock()
        self.nodes = [MemoryNode(f"192.0.2.{number}") for number, _ in enumerate(weights, 1)]
        addresses = [NodeAddress(f"192.0.2.{number}", 2223, weight) for number, weight in enumerate(weights, 1)]
        places = {(address.host, address.port): node for address, node in zip(addresses, self.nodes, strict=True)}
        self.udp = MemoryUdp(self.clock, places)
        self.resolve: Resolve = succeed
        self.watched = Nodes(addresses, self.clock)

    def start(self) -> list[object]:
        """Begin; the list gets an element when it is known who answers."""
        known: list[object] = []
        self.watched.start(self.udp, self.resolve).addCallback(known.append)
        run(self.clock, SOON)
        return known

    @property
    def up(self) -> list[bool]:
        """Who is thought to answer."""
        return [node.up for node in self.watched.all]


def test_a_node_is_up_once_it_has_answered() -> None:
    scene = Scene(1, 1)
    assert (scene.up, scene.watched.in_turn()) == ([False, False], [])
    assert scene.start()
    assert scene.up == [True, True]


def test_the_start_waits_for_a_deaf_node_no_longer_than_its_patience() -> None:
    scene = Scene(1, 1)
    scene.nodes[1].deaf = True
    known = scene.start()
    assert not known
    run(scene.clock, PATIENCE)
    assert (bool(known), scene.up) == (True, [True, False])


def test_a_node_that_falls_silent_is_down_and_up_again_when_it_answers() -> None:
    scene = Scene(1)
    scene.start()
    scene.nodes[0].deaf = True
    run(scene.clock, PING_INTERVAL + PATIENCE)
    assert scene.up == [False]
    scene.nodes[0].deaf = False
    run(scene.clock, PING_INTERVAL + PATIENCE)
    assert scene.up == [True]


def test_each_silence_is_logged_once_and_each_return() -> None:
    scene = Scene(1)
    with capturedLogs() as events:
        scene.start()
        scene.nodes[0].deaf = True
        run(scene.clock, 10 * PING_INTERVAL)
        scene.nodes[0].deaf = False
        run(scene.clock, 2 * PING_INTERVAL)
    assert [event["log_level"] for event in events] == [LogLevel.info, LogLevel.warn, LogLevel.info]


def test_who_wants_to_know_is_told_of_a_node_that_answers() -> None:
    scene, told = Scene(1), []
    scene.watched.all[0].on_up = told.append
    scene.start()
    assert told == [scene.watched.all[0]]


def test_a_node_that_refuses_pings_is_not_used() -> None:
    scene = Scene(1)
    scene.nodes[0].refuses = {"ping": "Unrecognized command"}
    scene.start()
    assert scene.up == [False]


def test_streams_are_shared_out_by_weight() -> None:
    scene = Scene(1, 3)
    scene.start()
    for _ in range(40):
        scene.watched.in_turn()[0].streams += 1
    assert [node.streams for node in scene.watched.all] == [10, 30]


def test_a_silent_node_has_no_turn() -> None:
    scene = Scene(1, 100)
    scene.start()
    scene.nodes[1].deaf = True
    run(scene.clock, PING_INTERVAL + PATIENCE)
    assert [str(node) for node in scene.watched.in_turn()] == ["192.0.2.1:2223"]


def test_a_host_name_is_looked_up_until_it_is_found() -> None:
    scene = Scene(1)
    scene.resolve = lambda host: (
        fail(DNSLookupError(f"{host} not found")) if scene.clock.seconds() < 1 else succeed(host)
    )
    assert scene.start()
    assert scene.up == [False]
    run(scene.clock, PING_INTERVAL + SOON)
    assert scene.up == [True]


def test_stopping_leaves_no_socket_and_no_timer() -> None:
    scene = Scene(1, 1)
    scene.nodes[1].deaf = True
    scene.start()
    scene.watched.stop()
    run(scene.clock, SOON)
    assert (scene.clock.getDelayedCalls(), scene.udp.open) == ([], 0)


def test_what_cannot_be_a_node_is_refused_with_its_place() -> None:
    with pytest.raises(ValueError, match="names no node"):
        Nodes([], Clock())
    with pytest.raises(ValueError, match="weight 0 of ::1"):
        Node(NodeAddress("::1", 2223, 0), Clock())


def test_a_node_is_named_as_rtpengine_is_told_its_port() -> None:
    assert str(Node(NodeAddress("::1", 2223), Clock())) == "[::1]:2223"
