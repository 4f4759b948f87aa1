"""The rtpengine engine with the real rtpengine: packets through it, strangers beside it, and nodes that are killed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import gatherResults, maybeDeferred
from twisted.internet.task import deferLater

from rustalk.media.ports import PortPool
from rustalk.media.relay import Relay, Stream
from rustalk.media.rtpengine import RtpengineRelay
from rustalk.media.rtpengine_stream import RtpengineStream
from rustalk.rtp.packet import Packet
from rustalk.rtp.rtcp import ReceiverReport, SenderReport
from tests.fakes.party import Party, voice
from tests.fakes.patience import until
from tests.live.rtpengine import Rtpengine

CALLER, CALLEE = 0, 1
ADDRESSES = {4: "127.0.0.1", 6: "::1"}
REPORT = SenderReport(7, 1, 2, 3, 4).build()
LATE = 0.3  # Seconds in which a packet that must not arrive would have arrived.

Nodes = Callable[..., Rtpengine]
NewRelay = Callable[..., Awaitable[RtpengineRelay]]
NewParty = Callable[..., Party]


@pytest.fixture
def node(program: Callable[[str], str], tmp_path: Path) -> Iterator[Nodes]:
    """Starts daemons, each with an address and ports of its own."""
    started: list[Rtpengine] = []

    def start(*arguments: str) -> Rtpengine:
        number = len(started)
        ports = (31000 + 200 * number, 31199 + 200 * number)
        directory = tmp_path / f"rtpengine-{number}"
        started.append(Rtpengine(program("rtpengine"), directory, f"127.0.0.{51 + number}", ports, *arguments))
        return started[-1].start()

    yield start
    for each in started:
        each.kill()
        print(f"--- what the rtpengine at {each.host} wrote\n{each.log}")


@pytest_twisted.async_yield_fixture
async def new_relay() -> AsyncIterator[NewRelay]:
    """Makes relays that know which of these nodes answer; userspace ports come from a pool of their own."""
    made: list[RtpengineRelay] = []
    userspace = Relay(reactor, PortPool(31900, 31999), clock=reactor, bind_addresses=ADDRESSES)

    async def make(*nodes: Rtpengine, **settings: object) -> RtpengineRelay:
        relay = RtpengineRelay(
            reactor,
            [node.address() for node in nodes],
            clock=reactor,
            resolve=reactor.resolve,
            userspace=userspace,
            **{"latching": "strict", "instance": "test", **settings},
        )
        made.append(relay)
        await relay.start()
        return relay

    yield make
    await gatherResults([relay.stop() for relay in made])
    userspace.close()


@pytest_twisted.async_yield_fixture
async def party() -> AsyncIterator[NewParty]:
    """Makes parties, and stops them."""
    made: list[Party] = []

    def make(*arguments: object) -> Party:
        made.append(Party(*arguments))
        return made[-1]

    yield make
    await gatherResults([maybeDeferred(one.stop) for one in made])


def rtp_port(stream: RtpengineStream, side: int) -> tuple[str, int]:
    return stream.local(side)[:2]


def rtcp_port(stream: RtpengineStream, side: int) -> tuple[str, int]:
    host, _, port = stream.local(side)
    return host, port


async def connect(stream: RtpengineStream, caller: Party, callee: Party) -> None:
    """Let two parties talk, without RTCP; done when the node knows."""
    stream.expect(CALLER, caller.address, None)
    stream.expect(CALLEE, callee.address, None)
    await settled(stream)


async def settled(stream: RtpengineStream) -> None:
    """Everything that was wanted has been told, and was answered."""
    await deferLater(reactor, 0)
    while stream._telling:
        await deferLater(reactor, 0.005)
    await stream.node.client.request("list", {"limit": 1})


async def calls(relay: RtpengineRelay, node: int = 0) -> list[object]:
    """The calls that a node has."""
    answer = await relay.nodes[node].client.request("list", {"limit": 100})
    return answer[b"calls"]


@pytest.mark.parametrize("families", [(4, 4), (6, 6), (4, 6), (6, 4)])
@pytest_twisted.ensureDeferred
async def test_packets_pass_both_ways_byte_for_byte(
    node: Nodes, new_relay: NewRelay, party: NewParty, families: tuple[int, int]
) -> None:
    relay = await new_relay(node())
    caller, callee = party(ADDRESSES[families[0]]), party(ADDRESSES[families[1]])
    stream = await relay.open(families)
    await connect(stream, caller, callee)
    caller.send(voice(50, text=b"hello"), to=rtp_port(stream, CALLER))
    callee.send(voice(50, text=b"good day", ssrc=9), to=rtp_port(stream, CALLEE))
    assert await callee.has(50) == voice(50, text=b"hello")
    assert await caller.has(50) == voice(50, text=b"good day", ssrc=9)


@pytest_twisted.ensureDeferred
async def test_srtp_and_any_payload_type_pass_unopened(node: Nodes, new_relay: NewRelay, party: NewParty) -> None:
    """What is encrypted looks like noise to rtpengine: RTP of any payload type, and SRTCP behind its first 8 bytes."""
    relay, caller, callee, control = await new_relay(node()), party(), party(), party()
    stream = await relay.open((4, 4))
    stream.expect(CALLER, caller.address, caller.address)
    stream.expect(CALLEE, callee.address, control.address)
    await settled(stream)
    noise = bytes(range(256))
    packets = [Packet(payload, payload, 160 * payload, 7, noise).build() for payload in (0, 8, 13, 18, 96, 101, 118)]
    srtcp = [REPORT[:8] + noise[:84], ReceiverReport(7).build()[:8] + noise[:14]]
    caller.send([*packets, *srtcp], to=rtp_port(stream, CALLER))
    assert await callee.has(len(packets)) == packets
    assert await control.has(len(srtcp)) == srtcp


@pytest_twisted.ensureDeferred
async def test_rtcp_passes_on_its_own_ports_wherever_they_are(
    node: Nodes, new_relay: NewRelay, party: NewParty
) -> None:
    """MED-10: the a=rtcp port need not be the one above the RTP port."""
    relay = await new_relay(node())
    voices, controls = [party(), party()], [party("127.0.0.3"), party("127.0.0.4")]
    stream = await relay.open((4, 4))
    for side in (CALLER, CALLEE):
        stream.expect(side, voices[side].address, controls[side].address)
    await settled(stream)
    for side in (CALLER, CALLEE):
        controls[side].send([REPORT], to=rtcp_port(stream, side))
    assert (await controls[CALLER].has(1), await controls[CALLEE].has(1)) == ([REPORT], [REPORT])
    assert voices[CALLER].received == voices[CALLEE].received == []


@pytest_twisted.ensureDeferred
async def test_each_side_multiplexes_rtcp_or_not_as_it_says(node: Nodes, new_relay: NewRelay, party: NewParty) -> None:
    """MED-10: a side may begin to multiplex, and cease to; the ports towards both sides stay."""
    relay, caller, callee, control, other = await new_relay(node()), party(), party(), party(), party()
    stream = await relay.open((4, 4))
    ports = stream.local(CALLER), stream.local(CALLEE)
    stream.expect(CALLER, caller.address, caller.address)
    stream.expect(CALLEE, callee.address, control.address)
    await settled(stream)
    control.send([REPORT], to=rtcp_port(stream, CALLEE))
    caller.send([REPORT], to=rtp_port(stream, CALLER))
    assert (await caller.has(1), await control.has(1)) == ([REPORT], [REPORT])
    stream.expect(CALLER, caller.address, other.address)
    await settled(stream)
    control.send([REPORT], to=rtcp_port(stream, CALLEE))
    assert await other.has(1) == [REPORT]
    assert (stream.local(CALLER), stream.local(CALLEE)) == ports


@pytest_twisted.ensureDeferred
async def test_strangers_neither_inject_nor_hear(node: Nodes, new_relay: NewRelay, party: NewParty) -> None:
    """A20: RTP and RTCP from eight addresses, before, during and after the media: injected 0, bled 0."""
    relay, caller, callee = await new_relay(node()), party("127.0.0.20"), party("127.0.0.21")
    strangers = [party(f"127.0.0.{number}") for number in range(2, 10)]
    stream = await relay.open((4, 4))

    def spray() -> None:
        for stranger in strangers:
            for side in (CALLER, CALLEE):
                stranger.send(voice(3, text=b"injected"), to=rtp_port(stream, side))
                stranger.send([REPORT] * 2, to=rtcp_port(stream, side))

    spray()
    await connect(stream, caller, callee)
    spray()
    for first in (0, 10):
        caller.send(voice(10, first=first), to=rtp_port(stream, CALLER))
        callee.send(voice(10, first=first), to=rtp_port(stream, CALLEE))
        spray()
        await gatherResults([caller.has(first + 10), callee.has(first + 10)])
    await deferLater(reactor, LATE)
    assert (caller.received, callee.received) == (voice(20), voice(20))
    assert [stranger.received for stranger in strangers] == [[]] * 8


@pytest_twisted.ensureDeferred
async def test_a_source_behind_nat_is_learned(node: Nodes, new_relay: NewRelay, party: NewParty) -> None:
    """MED-16: the described address is private; what comes from elsewhere crosses, and the answer goes there."""
    relay, caller, callee = await new_relay(node(), latching="auto"), party(), party("127.0.0.21")
    stream = await relay.open((4, 4))
    stream.expect(CALLER, ("10.0.0.7", 4000), None)
    stream.expect(CALLEE, callee.address, None)
    await settled(stream)
    caller.send(voice(5), to=rtp_port(stream, CALLER))
    assert await callee.has(5) == voice(5)
    callee.send(voice(5, ssrc=9), to=rtp_port(stream, CALLEE))
    assert await caller.has(5) == voice(5, ssrc=9)


@pytest_twisted.ensureDeferred
async def test_a_side_may_move_and_hold_and_the_ports_stay(node: Nodes, new_relay: NewRelay, party: NewParty) -> None:
    """HLD-04: a re-INVITE names another address, or none; Teams never follows to another port of ours."""
    relay, caller, callee, moved = await new_relay(node()), party(), party(), party("127.0.0.23")
    stream = await relay.open((4, 4))
    ports = stream.local(CALLER), stream.local(CALLEE)
    await connect(stream, caller, callee)
    await connect(stream, moved, callee)
    callee.send(voice(3), to=rtp_port(stream, CALLEE))
    moved.send(voice(3, ssrc=9), to=rtp_port(stream, CALLER))
    assert (await moved.has(3), await callee.has(3)) == (voice(3), voice(3, ssrc=9))
    stream.expect(CALLER, None, None)
    await settled(stream)
    callee.send(voice(3, first=3), to=rtp_port(stream, CALLEE))
    await deferLater(reactor, LATE)
    assert (len(moved.received), caller.received) == (3, [])
    await connect(stream, caller, callee)
    callee.send(voice(3, first=6), to=rtp_port(stream, CALLEE))
    assert await caller.has(3) == voice(3, first=6)
    assert (stream.local(CALLER), stream.local(CALLEE)) == ports


@pytest_twisted.ensureDeferred
async def test_the_figures_of_both_sides_come_at_the_end(node: Nodes, new_relay: NewRelay, party: NewParty) -> None:
    relay, caller, callee = await new_relay(node()), party(), party()
    stream = await relay.open((4, 4))
    await connect(stream, caller, callee)
    caller.send(voice(30), to=rtp_port(stream, CALLER))
    callee.send(voice(20, ssrc=9), to=rtp_port(stream, CALLEE))
    await gatherResults([callee.has(30), caller.has(20)])
    stream.poll()
    await settled(stream)
    assert stream.statistics(CALLER).packets == 30
    caller.send(voice(5, first=30), to=rtp_port(stream, CALLER))
    await callee.has(35)
    stream.close()
    await stream.gone
    figures = stream.statistics(CALLER), stream.statistics(CALLEE)
    assert [(each.packets, each.bytes, each.ssrc) for each in figures] == [(35, 35 * 172, 0x1234), (20, 20 * 172, 9)]
    assert await calls(relay) == []


@pytest_twisted.ensureDeferred
async def test_one_way_audio_is_noticed(node: Nodes, new_relay: NewRelay, party: NewParty) -> None:
    relay, caller, callee = await new_relay(node(), one_way_after=0.2), party(), party()
    stream = await relay.open((4, 4))
    told: list[int] = []
    stream.on_one_way = told.append
    await connect(stream, caller, callee)
    stream.watch(True)
    for first in range(0, 40, 5):
        caller.send(voice(5, first=first), to=rtp_port(stream, CALLER))
        await callee.has(first + 5)
        await deferLater(reactor, 0.1)
        stream.poll()
        await settled(stream)
    assert told == [CALLEE]


@pytest_twisted.ensureDeferred
async def test_ringing_outlasts_the_timeout_of_the_node(
    node: Nodes, new_relay: NewRelay, party: NewParty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """rtpengine gives up a call without packets, unless it is told of it again."""
    monkeypatch.setattr("rustalk.media.rtpengine_stream.REFRESH", 0.5)
    monkeypatch.setattr("rustalk.media.rtpengine.POLL_INTERVAL", 0.5)
    relay, caller, callee = await new_relay(node("--timeout=2")), party(), party()
    stream = await relay.open((4, 4))
    await connect(stream, caller, callee)
    await deferLater(reactor, 5)
    caller.send(voice(3), to=rtp_port(stream, CALLER))
    assert await callee.has(3) == voice(3)


@pytest_twisted.ensureDeferred
async def test_a_killed_node_leaves_the_calls_of_others_and_new_calls_alone(
    node: Nodes, new_relay: NewRelay, party: NewParty
) -> None:
    killed, other = node(), node()
    relay = await new_relay(killed, other)
    first, second = await relay.open((4, 4)), await relay.open((4, 4))
    assert [stream.node.address.host for stream in (first, second)] == [killed.host, other.host]
    caller, callee = party(), party()
    await connect(second, caller, callee)
    killed.kill()
    third = await relay.open((4, 4))
    assert third.node.address.host == other.host
    caller.send(voice(5), to=rtp_port(second, CALLER))
    assert await callee.has(5) == voice(5)
    assert [one.up for one in relay.nodes] == [False, True]


@pytest_twisted.ensureDeferred
async def test_a_node_that_was_restarted_is_used_again_and_its_old_calls_are_lost(
    node: Nodes, new_relay: NewRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ports of a lost call cannot be had again, and Teams follows to no others: the call ends for silence."""
    monkeypatch.setattr("rustalk.media.nodes.PING_INTERVAL", 0.2)
    monkeypatch.setattr("rustalk.media.rtpengine.POLL_INTERVAL", 0.3)
    only = node()
    relay = await new_relay(only, timeout=1.0)
    stream = await relay.open((4, 4))
    told: list[str] = []
    stream.on_silence = lambda: told.append("silence")
    stream.watch(True)
    only.kill()
    only.start()
    await until(lambda: relay.nodes[0].up and told == ["silence"], 8)
    assert isinstance(await relay.open((4, 4)), RtpengineStream)


@pytest_twisted.ensureDeferred
async def test_a_node_that_hangs_is_passed_over_and_its_calls_go_on_after(
    node: Nodes, new_relay: NewRelay, party: NewParty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rustalk.media.nodes.PING_INTERVAL", 0.2)
    monkeypatch.setattr("rustalk.media.ng.PATIENCE", 2.0)  # the other one has to answer in time on a busy machine too
    hanging, other, caller, callee = node(), node(), party(), party()
    relay = await new_relay(hanging, other)
    stream = await relay.open((4, 4))
    hanging.hang()
    assert [(await relay.open((4, 4))).node.address.host for _ in range(2)] == [other.host] * 2
    await until(lambda: not relay.nodes[0].up, 10)
    stream.expect(CALLER, caller.address, None)
    stream.expect(CALLEE, callee.address, None)
    hanging.go_on()
    await until(lambda: relay.nodes[0].up, 10)
    await settled(stream)
    caller.send(voice(3), to=rtp_port(stream, CALLER))
    assert await callee.has(3) == voice(3)


@pytest_twisted.ensureDeferred
async def test_the_userspace_relay_carries_when_all_nodes_are_down(
    node: Nodes, new_relay: NewRelay, party: NewParty
) -> None:
    only, caller, callee = node(), party(), party()
    relay = await new_relay(only)
    only.kill()
    stream = await relay.open((4, 4))
    assert isinstance(stream, Stream)
    stream.expect(CALLER, caller.address, None)
    stream.expect(CALLEE, callee.address, None)
    caller.send(voice(5), to=stream.local(CALLER)[:2])
    assert await callee.has(5) == voice(5)
    stream.close()


@pytest_twisted.ensureDeferred
async def test_a_node_without_free_ports_is_passed_over(node: Nodes, new_relay: NewRelay) -> None:
    """A range of 200 ports holds 50 streams; the rest goes to the userspace relay, and no ports are lost."""
    relay = await new_relay(node())
    streams = [await relay.open((4, 4)) for _ in range(52)]
    carried = sum(isinstance(stream, RtpengineStream) for stream in streams)
    assert 40 <= carried < 52
    for stream in streams:
        stream.close()
    await until(lambda: relay.nodes[0].streams == 0)
    assert isinstance(await relay.open((4, 4)), RtpengineStream)


@pytest_twisted.ensureDeferred
async def test_calls_of_a_killed_instance_are_deleted_at_the_next_start(node: Nodes, new_relay: NewRelay) -> None:
    only = node()
    killed, other = await new_relay(only), await new_relay(only, instance="other")
    for _ in range(5):
        await killed.open((4, 4))
    kept = await other.open((4, 4))
    again = await new_relay(only)
    for _ in range(8):
        await calls(again)
    assert await calls(again) == [kept.call.encode()]
