"""One stream at an rtpengine node in memory, in virtual time: what the node is told and asked, and what follows."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from zope.interface.verify import verifyObject

from rustalk.interfaces import IMediaStream
from rustalk.media.latch import Latching, UnusableAddressError
from rustalk.media.ng import PATIENCE
from rustalk.media.nodes import GONE_AFTER, PING_INTERVAL, NodeAddress, Nodes
from rustalk.media.rtpengine_stream import REFRESH, RtpengineStream, open_ports
from rustalk.media.watch import Watch
from rustalk.rtp.treatment import IceCredentials, Treatment
from rustalk.sdp.parse import parse
from tests.fakes.network import run
from tests.fakes.ngnode import MemoryNode, MemoryUdp

CALLER, CALLEE = 0, 1
SOON = 0.02
PHONE, OTHER = ("198.51.100.7", 4000), ("198.51.100.8", 5000)
NAMED = ("caller", "callee")


class Scene:
    """A stream, its node, and what it tells."""

    def __init__(self, latching: Latching = "strict") -> None:
        self.clock = Clock()
        self.node = MemoryNode()
        self.nodes = Nodes([NodeAddress("192.0.2.1", 2223)], self.clock)
        self.nodes.start(MemoryUdp(self.clock, {("192.0.2.1", 2223): self.node}), succeed)
        run(self.clock, SOON)
        opened: list[object] = []
        Deferred.fromCoroutine(open_ports(self.nodes.all[0], "call", (4, 6))).addCallback(opened.append)
        run(self.clock, SOON)
        self.released: list[RtpengineStream] = []
        self.stream = RtpengineStream(
            self.nodes.all[0],
            "call",
            (4, 6),
            opened[0],
            latching=latching,
            watch=Watch(5.0, 60.0),
            now=self.clock.seconds,
            release=self.released.append,
        )
        self.told: list[object] = []
        self.stream.on_one_way = self.told.append
        self.stream.on_silence = lambda: self.told.append("silence")

    @property
    def offers(self) -> list[tuple[str, tuple[str, int], bool]]:
        """What the node was told: by which tag, the RTP address, whether its source is fixed."""
        told = []
        for request in self.node.requests:
            if request[b"command"] == b"offer" and b"to-tag" in request:
                (media,) = parse(request[b"sdp"]).media
                fixed = b"asymmetric" in request[b"flags"]
                told.append((request[b"from-tag"].decode(), (media.connection.address, media.port), fixed))
        return told

    def talk(self, seconds: int, *, caller: int = 0, callee: int = 0) -> None:
        """Let both sides send so many packets a second, and ask for the figures each second."""
        for _ in range(seconds):
            self.node.hear("call", "caller", caller)
            self.node.hear("call", "callee", callee)
            self.stream.poll()
            run(self.clock, 1)


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    scene.stream.close()
    run(scene.clock, 2 * PATIENCE)
    assert scene.stream.gone.called
    scene.nodes.stop()
    run(scene.clock, SOON)
    assert (scene.clock.getDelayedCalls(), len(scene.released)) == ([], 1)


def test_the_interface_is_kept(scene: Scene) -> None:
    assert verifyObject(IMediaStream, scene.stream)


def test_the_ports_of_both_sides_are_known_at_once(scene: Scene) -> None:
    assert scene.stream.local(CALLER) == ("192.0.2.1", 30000, 30001)
    assert scene.stream.local(CALLEE) == ("2001:db8::1", 30002, 30003)


def test_the_node_is_told_where_a_side_receives(scene: Scene) -> None:
    scene.stream.expect(CALLER, PHONE, None)
    run(scene.clock, SOON)
    assert scene.offers == [("caller", PHONE, True)]


def test_the_same_address_again_is_not_told_again(scene: Scene) -> None:
    for _ in range(3):
        scene.stream.expect(CALLER, PHONE, None)
        run(scene.clock, SOON)
    assert len(scene.offers) == 1


def test_of_several_changes_the_last_is_told_after_the_first(scene: Scene) -> None:
    """One offer is under way at a time, so that they cannot overtake each other."""
    for port in range(4000, 4050):
        scene.stream.expect(CALLER, ("198.51.100.7", port), None)
    run(scene.clock, SOON)
    assert [rtp[1] for _, rtp, _ in scene.offers] == [4000, 4049]


def test_both_sides_are_told_of(scene: Scene) -> None:
    scene.stream.expect(CALLER, PHONE, None)
    scene.stream.expect(CALLEE, ("2001:db8::7", 6000), None)
    run(scene.clock, SOON)
    assert [told[:2] for told in scene.offers] == [("caller", PHONE), ("callee", ("2001:db8::7", 6000))]


def test_a_side_that_receives_nothing_now_is_offered_nowhere(scene: Scene) -> None:
    scene.stream.expect(CALLER, PHONE, None)
    run(scene.clock, SOON)
    scene.stream.expect(CALLER, None, None)
    run(scene.clock, SOON)
    assert scene.offers[-1][1] == ("0.0.0.0", 9)


@pytest.mark.parametrize(("latching", "fixed"), [("strict", True), ("learn", False), ("auto", True)])
def test_the_source_is_fixed_unless_it_has_to_be_learned(latching: Latching, fixed: bool) -> None:
    """A20, MED-16: the flag asymmetric lets rtpengine take packets of the described address only."""
    scene = Scene(latching)
    scene.stream.expect(CALLER, PHONE, None)
    run(scene.clock, SOON)
    assert scene.offers == [("caller", PHONE, fixed)]


def test_a_private_address_is_learned_where_the_relay_decides() -> None:
    scene = Scene("auto")
    scene.stream.expect(CALLER, ("10.0.0.7", 4000), None)
    run(scene.clock, SOON)
    assert not scene.offers[0][2]


def test_a_side_within_networks_is_never_learned() -> None:
    """rtpengine would learn from anywhere."""
    scene = Scene("learn")
    scene.stream.expect(CALLER, PHONE, None, within=[ip_network("198.51.100.0/24")])
    run(scene.clock, SOON)
    assert scene.offers[0][2]


@pytest.mark.parametrize("address", [("2001:db8::1", 4000), ("0.0.0.0", 4000), ("224.0.0.1", 4), ("192.0.2.1", 30000)])
def test_an_address_of_no_use_is_refused_and_changes_nothing(scene: Scene, address: tuple[str, int]) -> None:
    with pytest.raises(UnusableAddressError):
        scene.stream.expect(CALLER, address, None)
    run(scene.clock, SOON)
    assert scene.offers == []


def test_the_node_is_told_that_a_line_is_fax_and_audio_again(scene: Scene) -> None:
    """Of both sides, also of the one whose address stays; its ports stay too."""
    scene.stream.expect(CALLER, PHONE, PHONE)
    scene.stream.expect(CALLEE, ("2001:db8::7", 6000), None)
    run(scene.clock, SOON)
    for opaque in (True, False):
        told = len(scene.offers)
        scene.stream.opaque(opaque)
        scene.stream.opaque(opaque)
        scene.stream.expect(CALLER, OTHER if opaque else PHONE, None)
        run(scene.clock, SOON)
        offers = [request for request in scene.node.requests if request[b"command"] == b"offer"][-2:]
        assert [parse(offer[b"sdp"]).media[0].kind for offer in offers] == ["image" if opaque else "audio"] * 2
        assert {tag: rtp for tag, rtp, _ in scene.offers[told:]} == {
            "caller": OTHER if opaque else PHONE,
            "callee": ("2001:db8::7", 6000),
        }
    assert scene.stream.local(CALLER) == ("192.0.2.1", 30000, 30001)


def test_of_a_fax_only_the_silence_of_both_is_noticed(scene: Scene) -> None:
    scene.stream.watch(True)
    scene.stream.opaque(True)
    scene.talk(70, caller=30)
    assert scene.told == []
    scene.talk(70)
    assert scene.told == ["silence"]


def test_a_closed_stream_is_told_nothing_of_fax(scene: Scene) -> None:
    scene.stream.close()
    run(scene.clock, SOON)
    scene.stream.opaque(True)
    run(scene.clock, SOON)
    assert scene.offers == []


def test_what_a_silent_node_has_not_taken_is_told_when_it_is_back(scene: Scene) -> None:
    scene.node.deaf = True
    scene.stream.expect(CALLER, PHONE, None)
    scene.stream.expect(CALLER, OTHER, None)
    run(scene.clock, 2 * PATIENCE)
    scene.node.deaf = False
    run(scene.clock, PING_INTERVAL + PATIENCE)
    scene.stream.resume()
    run(scene.clock, SOON)
    assert scene.offers == [("caller", OTHER, True)]


def test_a_refused_change_is_logged_once_and_tried_again(scene: Scene) -> None:
    scene.node.refuses = {"offer": "Parallel session limit reached"}
    with capturedLogs() as events:
        scene.stream.expect(CALLER, PHONE, None)
        scene.talk(5)
    assert [event["reason"] for event in events] == ["Parallel session limit reached"]
    scene.node.refuses = {}
    scene.talk(1)
    assert scene.offers[-1] == ("caller", PHONE, True)


def test_the_figures_are_those_of_the_node(scene: Scene) -> None:
    scene.talk(3, caller=50, callee=49)
    caller, callee = scene.stream.statistics(CALLER), scene.stream.statistics(CALLEE)
    assert (caller.packets, caller.bytes, callee.packets) == (150, 150 * 172, 147)
    assert (caller.ssrc, caller.lost, caller.jitter_ms) == (7, None, None)
    assert (caller.first_arrival, caller.last_arrival) == pytest.approx((0.04, 2.04), abs=0.1)


def test_the_last_figures_come_with_the_deletion(scene: Scene) -> None:
    scene.node.hear("call", "caller", 5)
    scene.stream.close()
    run(scene.clock, SOON)
    assert scene.stream.statistics(CALLER).packets == 5
    assert scene.node.calls == {}


def test_a_stream_closed_while_it_tells_is_deleted_after_that(scene: Scene) -> None:
    """An offer that came after the deletion would make the call anew."""
    scene.stream.expect(CALLER, PHONE, None)
    scene.stream.expect(CALLER, OTHER, None)
    scene.stream.close()
    scene.stream.close()
    run(scene.clock, SOON)
    assert scene.node.commands[-2:] == ["offer", "delete"]
    assert scene.node.calls == {}


def test_closing_ends_though_the_node_is_silent(scene: Scene) -> None:
    scene.node.deaf = True
    scene.stream.close()
    run(scene.clock, PATIENCE + SOON)
    assert scene.stream.gone.called


def test_a_closed_stream_takes_no_more_orders(scene: Scene) -> None:
    scene.stream.close()
    run(scene.clock, SOON)
    asked = len(scene.node.requests)
    scene.stream.expect(CALLER, PHONE, None)
    scene.stream.poll()
    scene.stream.resume()
    run(scene.clock, SOON)
    assert len(scene.node.requests) == asked


@pytest.mark.parametrize("missing", [CALLER, CALLEE])
def test_a_side_that_is_not_heard_while_the_other_is_is_told_once(scene: Scene, missing: int) -> None:
    scene.stream.watch(True)
    scene.talk(20, **{NAMED[1 - missing]: 50})
    assert scene.told == [missing]


def test_silence_is_told_once(scene: Scene) -> None:
    scene.stream.watch(True)
    scene.talk(3, caller=50, callee=50)
    scene.talk(100)
    assert scene.told == ["silence"]


def test_rtcp_alone_is_not_silence(scene: Scene) -> None:
    scene.stream.watch(True)
    for _ in range(30):
        scene.node.hear("call", "callee", 1, stream="RTCP")
        scene.talk(5)
    assert scene.told == []


def test_nothing_is_expected_on_hold(scene: Scene) -> None:
    scene.stream.watch(True)
    scene.stream.watch(False)
    scene.talk(100)
    assert scene.told == []


def test_a_silent_node_is_not_a_silent_call(scene: Scene) -> None:
    """Its media may well go on: what is not known is not told."""
    scene.stream.watch(True)
    scene.talk(3, caller=50, callee=50)
    scene.node.deaf = True
    scene.talk(100)
    assert scene.told == []
    scene.node.deaf = False
    run(scene.clock, 2 * PING_INTERVAL)
    scene.talk(3, caller=50, callee=50)
    assert scene.told == []


def test_what_a_node_carries_that_is_gone_for_good_falls_silent(scene: Scene) -> None:
    """Else a call that nobody hangs up would never end."""
    scene.stream.watch(True)
    scene.talk(3, caller=50, callee=50)
    scene.node.deaf = True
    scene.talk(int(GONE_AFTER))
    assert scene.told == []
    scene.talk(10)
    assert scene.told == ["silence"]


def test_a_call_that_the_node_has_lost_falls_silent_and_is_logged_once(scene: Scene) -> None:
    scene.stream.watch(True)
    scene.talk(3, caller=50, callee=50)
    scene.node.forget()
    with capturedLogs() as events:
        for _ in range(100):
            scene.stream.poll()
            run(scene.clock, 1)
    assert scene.told == ["silence"]
    assert [event["log_level"] for event in events] == [LogLevel.warn]
    assert "call" not in scene.node.calls


def test_a_call_made_anew_by_an_offer_is_lost_and_deleted_at_the_end(scene: Scene) -> None:
    """A restarted node takes the offer for a new call and gives it other ports, to which Teams never follows."""
    scene.node.forget()
    with capturedLogs() as events:
        scene.stream.expect(CALLER, PHONE, None)
        run(scene.clock, SOON)
    assert [event["reason"] for event in events] == ["it had forgotten the call, and opens other ports for it"]
    scene.stream.close()
    run(scene.clock, SOON)
    assert scene.node.calls == {}


def test_a_call_without_packets_is_brought_to_mind(scene: Scene) -> None:
    """rtpengine gives calls up after 60 s without packets; ringing may take longer."""
    scene.stream.expect(CALLER, PHONE, None)
    scene.talk(int(3 * REFRESH) + 5)
    assert scene.offers == [("caller", PHONE, True)] * 4


def test_a_call_with_packets_is_not(scene: Scene) -> None:
    scene.stream.expect(CALLER, PHONE, None)
    scene.talk(int(3 * REFRESH), callee=50)
    assert len(scene.offers) == 1


def test_the_side_whose_source_is_fixed_is_the_one_brought_to_mind() -> None:
    """An offer of the other one would begin its learning anew."""
    scene = Scene("auto")
    scene.stream.expect(CALLER, ("10.0.0.7", 4000), None)
    scene.stream.expect(CALLEE, ("2001:db8::7", 6000), None)
    scene.talk(int(REFRESH) + 3)
    assert [told[0] for told in scene.offers] == ["caller", "callee", "callee"]


def test_a_fault_of_who_is_told_does_not_end_the_asking(scene: Scene) -> None:
    def fail() -> None:
        raise RuntimeError("a mistake of the upper layer")

    scene.stream.on_silence = fail
    scene.stream.watch(True)
    with capturedLogs() as events:
        scene.talk(70)
    assert [event["log_level"] for event in events] == [LogLevel.critical]
    scene.talk(1, caller=5)
    assert scene.stream.statistics(CALLER).packets == 5


def test_a_stream_that_was_not_opened_as_treated_takes_no_treatment(scene: Scene) -> None:
    scene.stream.treat(None)
    scene.stream.ice(CALLER, None)
    scene.stream.set_clock_rates(CALLER, {0: 8000})
    with pytest.raises(RuntimeError, match="opened as treated"):
        scene.stream.treat((Treatment(), Treatment()))
    with pytest.raises(RuntimeError, match="opened as treated"):
        scene.stream.ice(CALLER, IceCredentials("ufrag", "password"))
    with pytest.raises(RuntimeError, match="opened as treated"):
        scene.stream.digit(CALLER, "5", 100)
