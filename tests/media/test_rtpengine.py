"""The rtpengine engine over nodes in memory, in virtual time: which node carries a stream, and who when none can."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from zope.interface import implementer
from zope.interface.verify import verifyObject

from rustalk.interfaces import IMediaRelay
from rustalk.media.ng import PATIENCE
from rustalk.media.nodes import PING_INTERVAL, NodeAddress
from rustalk.media.ports import NoPortsError
from rustalk.media.rtpengine import POLL_INTERVAL, RtpengineRelay
from rustalk.media.rtpengine_stream import RtpengineStream
from tests.fakes.network import run
from tests.fakes.ngnode import MemoryNode, MemoryUdp

SOON = 0.02


@implementer(IMediaRelay)
class Userspace:
    """The other relay: remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[int, int], bool]] = []

    def open(self, families: tuple[int, int], *, treated: bool = False) -> Deferred[object]:
        """Answer something that is not a stream of rtpengine."""
        self.asked.append((families, treated))
        return succeed("a stream of the userspace relay")


class Scene:
    """A relay with two nodes that answer; ``restart`` gives another relay, as after kill -9 of this process."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.nodes = [MemoryNode("192.0.2.1"), MemoryNode("192.0.2.2")]
        self.udp = MemoryUdp(self.clock, {(node.host, 2223): node for node in self.nodes})
        self.userspace = Userspace()
        self.made: list[RtpengineRelay] = []
        self.relay = self.restart()

    def restart(self, **settings: object) -> RtpengineRelay:
        """A relay that has found out which nodes answer."""
        relay = RtpengineRelay(
            self.udp,
            [NodeAddress(node.host, 2223) for node in self.nodes],
            clock=self.clock,
            resolve=succeed,
            userspace=self.userspace,
            **{"instance": "sbc1", **settings},
        )
        relay.start()
        self.made.append(relay)
        run(self.clock, SOON)
        return relay

    def open(self, relay: RtpengineRelay | None = None, *, seconds: float = SOON, **settings: bool) -> object:
        """A stream, or the exception, or None when neither came in time."""
        results: list[object] = []
        opened = (relay or self.relay).open((4, 4), **settings)
        opened.addErrback(lambda failure: failure.value).addCallback(results.append)
        run(self.clock, seconds)
        return results[0] if results else None

    @property
    def calls(self) -> list[int]:
        """How many calls each node has."""
        return [len(node.calls) for node in self.nodes]


@pytest.fixture
def scene() -> Iterator[Scene]:
    """At the end no call, no socket, no timer may be left."""
    scene = Scene()
    yield scene
    for relay in scene.made:
        relay.stop()
    run(scene.clock, 3 * PATIENCE)
    assert (scene.calls, scene.udp.open, scene.clock.getDelayedCalls()) == ([0, 0], 0, [])
    assert [node.streams for relay in scene.made for node in relay.nodes] == [0, 0] * len(scene.made)


def test_the_interface_is_kept(scene: Scene) -> None:
    assert verifyObject(IMediaRelay, scene.relay)


def test_streams_are_spread_over_the_nodes(scene: Scene) -> None:
    for _ in range(6):
        assert isinstance(scene.open(), RtpengineStream)
    assert (scene.calls, scene.relay.streams) == ([3, 3], 6)


def test_a_treated_stream_is_opened_by_the_userspace_relay(scene: Scene) -> None:
    assert scene.open(treated=True) == "a stream of the userspace relay"
    assert (scene.userspace.asked, scene.calls) == ([((4, 4), True)], [0, 0])


def test_a_node_that_falls_silent_during_the_opening_is_passed_over(scene: Scene) -> None:
    scene.nodes[0].deaf = True
    stream = scene.open(seconds=PATIENCE + SOON)
    assert isinstance(stream, RtpengineStream)
    assert (stream.node.address.host, [node.up for node in scene.relay.nodes]) == ("192.0.2.2", [False, True])


def test_a_deaf_node_costs_one_second_once(scene: Scene) -> None:
    scene.nodes[0].deaf = True
    assert scene.open() is None
    run(scene.clock, PATIENCE)
    assert scene.calls == [0, 1]
    assert isinstance(scene.open(), RtpengineStream)


def test_a_node_that_is_back_gets_new_streams_again(scene: Scene) -> None:
    scene.nodes[0].deaf = True
    scene.open(seconds=PATIENCE + SOON)
    scene.open()
    scene.nodes[0].deaf = False
    run(scene.clock, 2 * PING_INTERVAL)
    scene.open()
    assert scene.calls == [1, 2]


def test_a_node_without_free_ports_is_passed_over_and_stays_up(scene: Scene) -> None:
    scene.nodes[0].refuses = {"offer": "Ran out of ports"}
    scene.open()
    assert (scene.calls, scene.relay.nodes[0].up) == ([0, 1], True)


def test_a_call_that_was_opened_half_is_deleted(scene: Scene) -> None:
    scene.nodes[0].refuses = {"answer": "no"}
    scene.open()
    assert (scene.calls, scene.nodes[0].commands[-1]) == ([0, 1], "delete")


def test_a_cancelled_opening_leaves_nothing(scene: Scene) -> None:
    opening = scene.relay.open((4, 4))
    failures: list[type[BaseException]] = []
    opening.addErrback(lambda failure: failures.append(failure.type))
    opening.cancel()
    run(scene.clock, SOON)
    assert (failures, scene.calls) == ([CancelledError], [0, 0])


def test_the_userspace_relay_takes_over_when_no_node_can_with_one_warning(scene: Scene) -> None:
    for node in scene.nodes:
        node.refuses = {"offer": "Ran out of ports"}
    with capturedLogs() as events:
        assert [scene.open() for _ in range(3)] == ["a stream of the userspace relay"] * 3
    assert [event["log_level"] for event in events] == [LogLevel.warn]
    assert "Ran out of ports" in events[0]["reason"]


def test_each_outage_is_warned_of(scene: Scene) -> None:
    with capturedLogs() as events:
        for reason in ("first", "second"):
            for node in scene.nodes:
                node.refuses = {"offer": reason}
            scene.open()
            scene.nodes[1].refuses = {}
            scene.open()
    assert [event["reason"] for event in events] == ["192.0.2.2:2223 says: first", "192.0.2.2:2223 says: second"]


def test_a_call_is_refused_when_no_node_can_and_there_is_no_way_around(scene: Scene) -> None:
    relay = scene.restart(fall_back=False, instance="sbc2")
    for node in scene.nodes:
        node.deaf = True
    error = scene.open(relay, seconds=3 * PATIENCE)
    assert isinstance(error, NoPortsError)
    assert "no answer within 1 s" in str(error)
    assert "none answers" in str(scene.open(relay))
    for node in scene.nodes:
        node.deaf = False


def test_before_any_node_has_answered_the_userspace_relay_carries(scene: Scene) -> None:
    relay = RtpengineRelay(
        scene.udp, [NodeAddress("192.0.2.1", 2223)], clock=scene.clock, resolve=succeed, userspace=scene.userspace
    )
    assert scene.open(relay) == "a stream of the userspace relay"


def test_the_figures_are_asked_for_every_few_seconds(scene: Scene) -> None:
    streams = [scene.open() for _ in range(8)]
    for node in scene.nodes:
        for call in node.calls:
            node.hear(call, "caller", 50)
    run(scene.clock, POLL_INTERVAL + 1)
    assert [stream.statistics(0).packets for stream in streams] == [50] * 8
    for node in scene.nodes:
        assert 4 <= node.commands.count("query") <= 8


def test_the_asking_for_many_streams_is_limited(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rustalk.media.rtpengine.POLLS_PER_TURN", 2)
    for _ in range(60):
        scene.open()
    before = sum(node.commands.count("query") for node in scene.nodes)
    run(scene.clock, 5)
    asked = sum(node.commands.count("query") for node in scene.nodes) - before
    assert 30 < asked <= 40


def test_what_a_killed_instance_left_is_deleted_at_the_next_start(scene: Scene) -> None:
    """Only what carries our name and is not ours: other switches may share the node."""
    for _ in range(4):
        scene.open()
    scene.nodes[0].calls["rustalk:sbc10:1"] = scene.nodes[0].calls["other"] = {}
    again = scene.restart()
    run(scene.clock, SOON)
    assert [*scene.nodes[0].calls, *scene.nodes[1].calls] == ["rustalk:sbc10:1", "other"]
    scene.open(again)
    assert sum(scene.calls) == 3
    scene.nodes[0].calls = {
        call: what for call, what in scene.nodes[0].calls.items() if call.startswith("rustalk:sbc1:")
    }


def test_more_left_calls_than_one_answer_lists_are_deleted(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rustalk.media.rtpengine._LISTED", 2)
    scene.nodes[0].calls = {f"rustalk:sbc1:{number}": {} for number in range(7)}
    scene.restart()
    run(scene.clock, 1)
    assert scene.calls == [0, 0]


def test_without_a_name_nothing_that_is_not_ours_is_deleted(scene: Scene) -> None:
    scene.open()
    scene.restart(instance=None)
    run(scene.clock, SOON)
    assert sum(scene.calls) == 1


def test_what_could_not_be_deleted_is_deleted_when_the_node_is_back(scene: Scene) -> None:
    stream, kept = scene.open(), scene.open()
    for node in scene.nodes:
        node.deaf = True
    stream.close()
    run(scene.clock, 2 * PING_INTERVAL)
    for node in scene.nodes:
        node.deaf = False
    run(scene.clock, 2 * PING_INTERVAL)
    assert sum(scene.calls) == 1
    assert kept.call in {**scene.nodes[0].calls, **scene.nodes[1].calls}


def test_a_stream_hears_that_its_node_is_back(scene: Scene) -> None:
    stream = scene.open()
    scene.nodes[0].deaf = True
    stream.expect(0, ("198.51.100.7", 4000), None)
    run(scene.clock, 2 * PATIENCE)
    scene.nodes[0].deaf = False
    run(scene.clock, 2 * PING_INTERVAL)
    assert scene.nodes[0].commands.count("offer") == 2


def test_the_stop_waits_until_the_nodes_are_told(scene: Scene) -> None:
    for _ in range(50):
        scene.open()
    stopped: list[object] = []
    scene.relay.stop().addCallback(stopped.append)
    assert (stopped, sum(scene.calls)) == ([], 50)
    run(scene.clock, 1)
    assert (stopped, sum(scene.calls)) == ([None], 0)


@pytest.mark.parametrize("name", ["", "a:b", "a b", "x" * 65])
def test_a_name_that_could_be_taken_for_another_is_refused(scene: Scene, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name an instance"):
        scene.restart(instance=name)
