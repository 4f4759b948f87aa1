"""The userspace relay over real sockets on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from unittest.mock import patch

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import gatherResults, maybeDeferred
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from rustalk.interfaces import IMediaRelay, IMediaStream
from rustalk.media.latch import PROBATION, SETTLE, UnusableAddressError
from rustalk.media.ports import NoPortsError, PortPool
from rustalk.media.relay import Discarded, Relay, Stream
from rustalk.rtp.packet import Packet
from rustalk.rtp.rtcp import Goodbye, ReceiverReport, SenderReport
from tests.fakes.party import Party, udptl, voice
from tests.fakes.streams import opened

ADDRESSES = {4: "127.0.0.1", 6: "::1"}
CALLER, CALLEE = 0, 1
STUN = bytes.fromhex("0001 0000 2112a442 000102030405060708090a0b")
REPORT = SenderReport(7, 1, 2, 3, 4).build()
NOWHERE = ("127.0.0.9", 9)

NewParty = Callable[..., Party]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pool() -> PortPool:
    return PortPool(20000, 21999)


@pytest.fixture
def make_relay(pool: PortPool, clock: Clock) -> Iterator[Callable[..., Relay]]:
    """Makes relays; at the end no port may be leased and no timer be left."""
    made: list[Relay] = []

    def make(**settings: object) -> Relay:
        made.append(Relay(reactor, pool, clock=clock, bind_addresses=ADDRESSES, **settings))
        return made[-1]

    yield make
    for relay in made:
        relay.close()
    assert (pool.leased, clock.getDelayedCalls()) == (0, [])


@pytest.fixture
def relay(make_relay: Callable[..., Relay]) -> Relay:
    return make_relay(latching="strict")


@pytest_twisted.async_yield_fixture
async def party() -> AsyncIterator[NewParty]:
    """Makes parties, and stops them."""
    made: list[Party] = []

    def make(*arguments: object) -> Party:
        made.append(Party(*arguments))
        return made[-1]

    yield make
    await gatherResults([maybeDeferred(one.stop) for one in made])


def rtp_port(stream: Stream, side: int) -> tuple[str, int]:
    host, rtp, _ = stream.local(side)
    return host, rtp


def rtcp_port(stream: Stream, side: int) -> tuple[str, int]:
    host, _, rtcp = stream.local(side)
    return host, rtcp


def connect(stream: Stream, caller: Party, callee: Party) -> None:
    """Let two parties talk, without RTCP."""
    stream.expect(CALLER, caller.address, None)
    stream.expect(CALLEE, callee.address, None)


def test_the_interfaces_are_kept(relay: Relay) -> None:
    assert verifyObject(IMediaRelay, relay)
    assert verifyObject(IMediaStream, opened(relay.open((4, 4))))


@pytest.mark.parametrize("families", [(4, 4), (6, 6), (4, 6), (6, 4)])
@pytest_twisted.ensureDeferred
async def test_packets_pass_both_ways_byte_for_byte(relay: Relay, party: NewParty, families: tuple[int, int]) -> None:
    caller, callee = party(ADDRESSES[families[0]]), party(ADDRESSES[families[1]])
    stream = opened(relay.open(families))
    connect(stream, caller, callee)
    caller.send(voice(50, text=b"hello"), to=rtp_port(stream, CALLER))
    callee.send(voice(50, text=b"good day", ssrc=9), to=rtp_port(stream, CALLEE))
    assert await callee.has(50) == voice(50, text=b"hello")
    assert await caller.has(50) == voice(50, text=b"good day", ssrc=9)


@pytest_twisted.ensureDeferred
async def test_a_packet_of_any_size_passes(relay: Relay, party: NewParty) -> None:
    caller, callee = party(), party()
    stream = opened(relay.open((4, 4)))
    connect(stream, caller, callee)
    packets = [Packet(96, 1, 1, 1, bytes(size)).build() for size in (0, 1, 1460, 9000, 65000)]
    caller.send(packets, to=rtp_port(stream, CALLER))
    assert await callee.has(5) == packets


@pytest_twisted.ensureDeferred
async def test_rtcp_passes_on_its_own_ports_wherever_they_are(relay: Relay, party: NewParty) -> None:
    """MED-10: the a=rtcp port need not be the one above the RTP port."""
    voices, controls = [party(), party()], [party("127.0.0.3"), party("127.0.0.4")]
    stream = opened(relay.open((4, 4)))
    for side in (CALLER, CALLEE):
        stream.expect(side, voices[side].address, controls[side].address)
        controls[side].send([REPORT, Goodbye((side,)).build()], to=rtcp_port(stream, side))
    assert await controls[CALLEE].has(2) == [REPORT, Goodbye((CALLER,)).build()]
    assert await controls[CALLER].has(2) == [REPORT, Goodbye((CALLEE,)).build()]
    assert voices[CALLER].received == voices[CALLEE].received == []
    assert stream.controls(CALLER) == 2


@pytest_twisted.ensureDeferred
async def test_rtcp_on_the_rtp_port_goes_where_the_other_side_wants_rtcp(relay: Relay, party: NewParty) -> None:
    """MED-10: side 0 muxes (a=rtcp-mux), side 1 does not."""
    caller, callee, control = party(), party(), party()
    stream = opened(relay.open((4, 4)))
    stream.expect(CALLER, caller.address, caller.address)
    stream.expect(CALLEE, callee.address, control.address)
    caller.send([*voice(1), REPORT], to=rtp_port(stream, CALLER))
    control.send([REPORT], to=rtcp_port(stream, CALLEE))
    assert (await control.has(1), await callee.has(1)) == ([REPORT], voice(1))
    assert await caller.has(1) == [REPORT]
    assert stream.statistics(CALLER).packets == 1


@pytest_twisted.ensureDeferred
async def test_rtcp_is_not_sent_to_a_side_that_wants_none(relay: Relay, party: NewParty) -> None:
    caller, callee = party(), party()
    stream = opened(relay.open((4, 4)))
    stream.expect(CALLER, caller.address, caller.address)
    stream.expect(CALLEE, callee.address, None)
    caller.send([REPORT, *voice(1)], to=rtp_port(stream, CALLER))
    assert await callee.has(1) == voice(1)


@pytest_twisted.ensureDeferred
async def test_stun_and_other_datagrams_are_taken_out(relay: Relay, party: NewParty) -> None:
    """ICE-07: STUN never reaches the other leg."""
    caller, callee, control = party(), party(), party()
    stream = opened(relay.open((4, 4)))
    stream.expect(CALLER, caller.address, control.address)
    stream.expect(CALLEE, callee.address, callee.address)
    first, second = voice(2)
    dtls, keep_alive, cut = b"\x16\xfe\xfd" + bytes(20), b"", first[:11]
    caller.send([first, STUN, dtls, keep_alive, cut, second], to=rtp_port(stream, CALLER))
    control.send([STUN, first, REPORT], to=rtcp_port(stream, CALLER))
    assert sorted(await callee.has(3)) == sorted([first, second, REPORT])
    assert stream.discarded(CALLER) == Discarded(stun=2, malformed=4)


def spray(attackers: list[Party], stream: Stream) -> None:
    """Each sends RTP in sequence, RTCP and STUN to all four ports."""
    for number, attacker in enumerate(attackers):
        for side in (CALLER, CALLEE):
            for port in (rtp_port(stream, side), rtcp_port(stream, side)):
                attacker.send([*voice(10, text=b"evil", ssrc=number), REPORT, STUN], to=port)


def evil(parties: list[Party]) -> int:
    """How much of what attackers sent these parties have received."""
    return sum(b"evil" in datagram for one in parties for datagram in one.received)


def attackers_of(party: NewParty) -> list[Party]:
    """On 127.0.0.2 to 9, and one on the address, but not the port, of the call's parties."""
    return [party(f"127.0.0.{number}") for number in range(2, 10)] + [party()]


@pytest_twisted.ensureDeferred
async def test_nothing_is_injected_and_nothing_bled(relay: Relay, party: NewParty) -> None:
    """A20, strict: before, during and after the media, RTP and RTCP; also the announced address on another port."""
    attackers = attackers_of(party)
    parties = caller, callee, caller_control, callee_control = [party() for _ in range(4)]
    stream = opened(relay.open((4, 4)))
    spray(attackers, stream)
    stream.expect(CALLER, caller.address, caller_control.address)
    stream.expect(CALLEE, callee.address, callee_control.address)
    for turn in range(5):
        spray(attackers, stream)
        caller.send(voice(10, first=turn * 10), to=rtp_port(stream, CALLER))
        callee.send(voice(10, first=turn * 10), to=rtp_port(stream, CALLEE))
        await callee.has((turn + 1) * 10)
    spray(attackers, stream)
    for side, control in ((CALLER, caller_control), (CALLEE, callee_control)):
        control.send([REPORT], to=rtcp_port(stream, side))
    counts = [len(await one.has(count)) for one, count in zip(parties, (50, 50, 1, 1), strict=True)]
    injected, bled = evil(parties), sum(len(attacker.received) for attacker in attackers)
    assert (counts, injected, bled) == ([50, 50, 1, 1], 0, 0)
    assert stream.statistics(CALLER).packets == stream.statistics(CALLEE).packets == 50


@pytest_twisted.ensureDeferred
async def test_what_attackers_queued_before_the_answer_is_not_relayed(relay: Relay, party: NewParty) -> None:
    """A20: the packets wait in the socket while it becomes connected to the right source."""
    attackers, caller, callee = attackers_of(party), party(), party()
    stream = opened(relay.open((4, 4)))
    stream.expect(CALLER, caller.address, None)
    spray(attackers, stream)
    stream.expect(CALLEE, callee.address, None)
    callee.send(voice(3), to=rtp_port(stream, CALLEE))
    assert await caller.has(3) == voice(3)
    assert stream.discarded(CALLEE).foreign > 0


@pytest_twisted.ensureDeferred
async def test_the_attack_would_succeed_where_nobody_is_expected_from_a_known_address(
    make_relay: Callable[..., Relay], party: NewParty
) -> None:
    """A20, negative control: the same spray against ``learn`` and a caller who never speaks is noticed here."""
    stream = opened(make_relay(latching="learn").open((4, 4)))
    attackers, callee = attackers_of(party), party()
    stream.expect(CALLER, NOWHERE, None)
    stream.expect(CALLEE, callee.address, None)
    callee.send(voice(1), to=rtp_port(stream, CALLEE))
    spray(attackers, stream)
    await callee.has(10 - PROBATION + 1)
    callee.send(voice(9, first=1), to=rtp_port(stream, CALLEE))
    winner = next(one for one in attackers if one.address == stream._sides[CALLER].rtp.latch.source)
    await winner.has(9)
    assert evil([callee]) > 0


@pytest_twisted.ensureDeferred
async def test_when_learning_the_announced_address_shuts_everyone_else_out(
    make_relay: Callable[..., Relay], party: NewParty
) -> None:
    """A20, heuristic: once the announced source has spoken, injected 0 and bled 0."""
    stream = opened(make_relay(latching="learn").open((4, 4)))
    attackers, caller, callee = attackers_of(party), party(), party()
    connect(stream, caller, callee)
    caller.send(voice(1), to=rtp_port(stream, CALLER))
    callee.send(voice(1), to=rtp_port(stream, CALLEE))
    await gatherResults([caller.has(1), callee.has(1)])
    spray(attackers, stream)
    caller.send(voice(49, first=1), to=rtp_port(stream, CALLER))
    callee.send(voice(49, first=1), to=rtp_port(stream, CALLEE))
    await gatherResults([caller.has(50), callee.has(50)])
    assert (evil([caller, callee]), sum(len(attacker.received) for attacker in attackers)) == (0, 0)


@pytest_twisted.ensureDeferred
async def test_a_caller_behind_nat_is_learned_and_answered(
    make_relay: Callable[..., Relay], party: NewParty, clock: Clock
) -> None:
    """MED-16: symmetric RTP; ``auto`` learns since the announced address is private. RTCP follows the host."""
    stream = opened(make_relay().open((4, 4)))
    caller, control, callee, callee_control = party("127.0.0.2"), party("127.0.0.2"), party(), party()
    stream.expect(CALLER, ("192.168.1.5", 4000), ("192.168.1.5", 4001), within=[ip_network("127.0.0.2/32")])
    stream.expect(CALLEE, callee.address, callee_control.address)
    caller.send(voice(PROBATION), to=rtp_port(stream, CALLER))
    assert await callee.has(1) == voice(1, first=PROBATION - 1)
    clock.advance(SETTLE)
    caller.send(voice(3, first=PROBATION), to=rtp_port(stream, CALLER))
    assert await callee.has(4) == voice(4, first=PROBATION - 1)
    callee.send(voice(2), to=rtp_port(stream, CALLEE))
    assert await caller.has(2) == voice(2)
    control.send([REPORT], to=rtcp_port(stream, CALLER))
    assert await callee_control.has(1) == [REPORT]
    callee_control.send([REPORT], to=rtcp_port(stream, CALLEE))
    assert await control.has(1) == [REPORT]


@pytest_twisted.ensureDeferred
async def test_a_new_address_is_followed_and_the_old_one_refused(relay: Relay, party: NewParty) -> None:
    """HLD-04 for our side: the ports towards both sides stay the same through a re-INVITE."""
    caller, callee, elsewhere = party(), party(), party("127.0.0.5")
    stream = opened(relay.open((4, 4)))
    connect(stream, caller, callee)
    callee.send(voice(1), to=rtp_port(stream, CALLEE))
    await caller.has(1)
    ports = stream.local(CALLER), stream.local(CALLEE)
    stream.expect(CALLEE, elsewhere.address, None)
    assert (stream.local(CALLER), stream.local(CALLEE)) == ports
    callee.send(voice(9, text=b"late"), to=rtp_port(stream, CALLEE))
    elsewhere.send(voice(1, text=b"new"), to=rtp_port(stream, CALLEE))
    caller.send(voice(1), to=rtp_port(stream, CALLER))
    assert await elsewhere.has(1) == voice(1)
    assert (await caller.has(2))[1:] == voice(1, text=b"new")
    assert callee.received == []


@pytest_twisted.ensureDeferred
async def test_the_same_address_again_changes_nothing(make_relay: Callable[..., Relay], party: NewParty) -> None:
    stream = opened(make_relay(latching="learn").open((4, 4)))
    caller, callee = party("127.0.0.2"), party()
    stream.expect(CALLER, NOWHERE, None)
    stream.expect(CALLEE, callee.address, None)
    caller.send(voice(PROBATION), to=rtp_port(stream, CALLER))
    await callee.has(1)
    stream.expect(CALLER, NOWHERE, None)
    callee.send(voice(1), to=rtp_port(stream, CALLEE))
    assert await caller.has(1) == voice(1)


@pytest_twisted.ensureDeferred
async def test_a_side_on_hold_receives_nothing_until_it_wants_to_again(relay: Relay, party: NewParty) -> None:
    caller, callee = party(), party()
    stream = opened(relay.open((4, 4)))
    connect(stream, caller, callee)
    stream.expect(CALLEE, None, None)
    caller.send(voice(5), to=rtp_port(stream, CALLER))
    callee.send(voice(1, text=b"music"), to=rtp_port(stream, CALLEE))
    assert await caller.has(1) == voice(1, text=b"music")
    stream.expect(CALLEE, callee.address, None)
    caller.send(voice(1, first=5), to=rtp_port(stream, CALLER))
    assert (await callee.has(1))[-1] == voice(1, first=5)[0]


@pytest_twisted.ensureDeferred
async def test_a_closed_port_of_the_peer_ends_nothing(relay: Relay, party: NewParty) -> None:
    """ECONNREFUSED is told for the next packet, which is sent all the same."""
    caller, gone = party(), party()
    address = gone.address
    await maybeDeferred(gone.stop)
    stream = opened(relay.open((4, 4)))
    stream.expect(CALLER, caller.address, caller.address)
    stream.expect(CALLEE, address, address)
    for number in range(10):
        caller.send(voice(1, first=number), to=rtp_port(stream, CALLER))
        await heard(stream, number + 1)
    back = party(*address)
    caller.send([*voice(5), REPORT], to=rtp_port(stream, CALLER))
    back.send(voice(2), to=rtp_port(stream, CALLEE))
    assert await back.has(6) == [*voice(5), REPORT]
    assert await caller.has(2) == voice(2)


async def heard(stream: Stream, packets: int) -> None:
    """Wait until so many packets of the caller have been counted, however they went on."""
    probe = Party("127.0.0.8")
    while stream.statistics(CALLER).packets < packets:
        probe.send([b"turn"], to=probe.address)
        await probe.has(len(probe.received) + 1)
    await maybeDeferred(probe.stop)


@pytest_twisted.ensureDeferred
async def test_an_address_without_a_route_ends_nothing(relay: Relay, party: NewParty) -> None:
    """A socket bound to loopback cannot reach it: connect fails, sending fails, the stream lives on."""
    caller, callee = party(), party()
    stream = opened(relay.open((4, 4)))
    stream.expect(CALLER, caller.address, None)
    stream.expect(CALLEE, ("198.51.100.1", 4000), None)
    caller.send(voice(3), to=rtp_port(stream, CALLER))
    await heard(stream, 3)
    assert stream.discarded(CALLEE).unsent == 3
    stream.expect(CALLEE, callee.address, None)
    caller.send(voice(1), to=rtp_port(stream, CALLER))
    assert await callee.has(1) == voice(1)


@pytest_twisted.ensureDeferred
async def test_statistics_are_exact_whatever_the_path_through_the_relay(
    relay: Relay, party: NewParty, clock: Clock
) -> None:
    caller, callee = party(), party()
    stream = opened(relay.open((4, 4)))
    connect(stream, caller, callee)
    clock.advance(5)
    order = [*voice(20), *voice(1, first=21), *voice(1, first=20), *voice(1, first=20), *voice(5, first=23)]
    caller.send(order, to=rtp_port(stream, CALLER))
    await callee.has(28)
    found = stream.statistics(CALLER)
    assert (found.packets, found.bytes) == (28, 28 * 172)
    assert (found.lost, found.reordered, found.duplicates, found.ssrc) == (1, 1, 1, 0x1234)
    assert (found.first_arrival, found.last_arrival) == (5.0, 5.0)
    assert stream.statistics(CALLEE).packets == 0


@pytest_twisted.ensureDeferred
async def test_clock_rates_reach_the_statistics(relay: Relay, party: NewParty, clock: Clock) -> None:
    caller, callee = party(), party()
    stream = opened(relay.open((4, 4)))
    connect(stream, caller, callee)
    stream.set_clock_rates(CALLER, {103: 16000})
    for number in range(3):
        caller.send([Packet(103, number, number * 320, 7, b"x").build()], to=rtp_port(stream, CALLER))
        await callee.has(number + 1)
        clock.advance(0.02)
    assert stream.statistics(CALLER).jitter_ms == pytest.approx(0, abs=1e-6)


@pytest_twisted.ensureDeferred
async def test_one_way_audio_is_noticed(relay: Relay, party: NewParty, clock: Clock) -> None:
    caller, callee = party(), party()
    stream = opened(relay.open((4, 4)))
    connect(stream, caller, callee)
    missed: list[tuple[int, float]] = []
    stream.on_one_way = lambda side: missed.append((side, clock.seconds()))
    stream.watch(True)
    for number in range(10):
        caller.send(voice(1, first=number), to=rtp_port(stream, CALLER))
        await callee.has(number + 1)
        clock.advance(1)
    assert missed == [(CALLEE, 5.0)]


@pytest_twisted.ensureDeferred
async def test_silence_is_noticed_but_not_on_hold_and_rtcp_breaks_it(
    make_relay: Callable[..., Relay], party: NewParty, clock: Clock
) -> None:
    stream = opened(make_relay(timeout=30.0, latching="strict").open((4, 4)))
    caller, callee = party(), party()
    stream.expect(CALLER, caller.address, caller.address)
    stream.expect(CALLEE, callee.address, callee.address)
    silences: list[float] = []
    stream.on_silence = lambda: silences.append(clock.seconds())
    clock.pump([1] * 50)
    stream.watch(True)
    clock.pump([1] * 25)
    caller.send([ReceiverReport(1).build()], to=rtp_port(stream, CALLER))
    await callee.has(1)
    clock.pump([1] * 35)
    assert silences == [75 + 30]
    stream.watch(False)
    clock.pump([1] * 100)
    assert len(silences) == 1


@pytest.mark.parametrize("families", [(4, 4), (6, 6), (4, 6)])
@pytest_twisted.ensureDeferred
async def test_fax_passes_both_ways_byte_for_byte(relay: Relay, party: NewParty, families: tuple[int, int]) -> None:
    """T.38 on the ports of the audio before it, from other ports of both sides; then audio again."""
    stream = opened(relay.open(families))
    for opaque, datagrams in ((False, voice(20)), (True, udptl(40)), (False, voice(20, first=900))):
        caller, callee = party(ADDRESSES[families[0]]), party(ADDRESSES[families[1]])
        stream.opaque(opaque)
        connect(stream, caller, callee)
        caller.send(datagrams, to=rtp_port(stream, CALLER))
        callee.send(datagrams[::2], to=rtp_port(stream, CALLEE))
        assert (await callee.has(len(datagrams)), await caller.has(len(datagrams[::2]))) == (datagrams, datagrams[::2])
    found = stream.statistics(CALLER)
    assert (found.packets, found.lost, found.jitter_ms) == (80, None, None)


@pytest_twisted.ensureDeferred
async def test_nothing_is_injected_into_a_fax_and_nothing_bled(relay: Relay, party: NewParty) -> None:
    """A20, strict: before, during and after the fax."""
    attackers, caller, callee = attackers_of(party), party(), party()
    stream = opened(relay.open((4, 4)))
    connect(stream, caller, callee)

    def attack() -> None:
        for attacker in attackers:
            for side in (CALLER, CALLEE):
                attacker.send([*udptl(10, text=b"evil"), *voice(9, text=b"evil")], to=rtp_port(stream, side))

    for opaque, datagrams in ((True, udptl(5)), (False, voice(5))):
        attack()
        stream.opaque(opaque)
        attack()
        caller.send(datagrams, to=rtp_port(stream, CALLER))
        callee.send(datagrams, to=rtp_port(stream, CALLEE))
        attack()
        await gatherResults([callee.has(5 + 5 * (not opaque)), caller.has(5 + 5 * (not opaque))])
    assert evil([caller, callee]) == 0
    assert [attacker.received for attacker in attackers] == [[]] * len(attackers)


@pytest_twisted.ensureDeferred
async def test_a_fax_behind_nat_is_learned_and_held(make_relay: Callable[..., Relay], party: NewParty) -> None:
    """MED-16: as RTP is, from the fourth datagram on; whoever comes later is not heard."""
    stream = opened(make_relay(latching="learn").open((4, 4)))
    caller, callee, late = party("127.0.0.5"), party(), party("127.0.0.6")
    stream.opaque(True)
    stream.expect(CALLER, NOWHERE, None)
    stream.expect(CALLEE, callee.address, None)
    caller.send(udptl(10), to=rtp_port(stream, CALLER))
    assert await callee.has(7) == udptl(7, first=3)
    late.send(udptl(50, text=b"evil"), to=rtp_port(stream, CALLER))
    callee.send(udptl(5), to=rtp_port(stream, CALLEE))
    assert await caller.has(5) == udptl(5)
    caller.send(udptl(1, first=10), to=rtp_port(stream, CALLER))
    assert (await callee.has(8))[7:] == udptl(1, first=10)
    assert (evil([callee]), late.received) == (0, [])


@pytest_twisted.ensureDeferred
async def test_of_a_fax_only_the_silence_of_both_is_noticed(relay: Relay, party: NewParty, clock: Clock) -> None:
    """One side sends a page, the other one listens; nor is who listened missing when audio goes on."""
    caller, callee = party(), party()
    stream = opened(relay.open((4, 4)))
    connect(stream, caller, callee)
    told: list[object] = []
    stream.on_one_way, stream.on_silence = told.append, lambda: told.append("silence")
    stream.opaque(True)
    stream.watch(True)
    for number in range(70):
        caller.send(udptl(1, first=number), to=rtp_port(stream, CALLER))
        await callee.has(number + 1)
        clock.advance(1)
    stream.opaque(False)
    clock.pump([1] * 4)
    stream.opaque(True)
    assert told == []
    clock.pump([1] * 61)
    assert told == ["silence"]


def test_without_anyone_to_tell_the_watch_is_harmless(relay: Relay, clock: Clock) -> None:
    stream = opened(relay.open((4, 4)))
    stream.watch(True)
    clock.pump([1] * 100)


def test_a_stream_whose_owner_fails_does_not_keep_the_news_from_others(
    relay: Relay, clock: Clock, party: NewParty
) -> None:
    told: list[str] = []
    for name in ("first", "second"):
        stream = opened(relay.open((4, 4)))
        stream.on_silence = lambda name=name: (told.append(name), 1 / 0)
        stream.watch(True)
    clock.pump([1] * 61)
    assert sorted(told) == ["first", "second"]


def test_a_stream_may_be_closed_when_it_is_told_of_silence(relay: Relay, pool: PortPool, clock: Clock) -> None:
    stream = opened(relay.open((4, 4)))
    stream.on_silence = stream.close
    stream.watch(True)
    clock.pump([1] * 61)
    assert (relay.streams, pool.leased, clock.getDelayedCalls()) == (0, 0, [])


def test_ports_return_when_a_stream_closes(relay: Relay, pool: PortPool) -> None:
    before = open_files()
    streams = [opened(relay.open((4, 6))) for _ in range(10)]
    assert (pool.leased, open_files() - before) == (20, 40)
    for stream in streams * 2:
        stream.close()
    assert (pool.leased, open_files() - before, relay.streams) == (0, 0, 0)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest_twisted.ensureDeferred
async def test_a_closed_stream_keeps_its_figures_and_ignores_what_it_is_told(relay: Relay, party: NewParty) -> None:
    caller, callee = party(), party()
    stream = opened(relay.open((4, 4)))
    connect(stream, caller, callee)
    caller.send(voice(2), to=rtp_port(stream, CALLER))
    await callee.has(2)
    stream.close()
    stream.expect(CALLER, callee.address, None)
    stream.watch(True)
    assert (stream.statistics(CALLER).packets, relay.streams) == (2, 0)


def test_a_range_that_is_used_up_leaves_nothing_half_open(clock: Clock) -> None:
    pool = PortPool(22000, 22005)
    relay = Relay(reactor, pool, clock=clock, bind_addresses=ADDRESSES)
    before = open_files()
    opened(relay.open((4, 4)))
    with pytest.raises(NoPortsError, match="all 3 port pairs"):
        opened(relay.open((4, 4)))
    assert (pool.leased, open_files() - before, relay.streams) == (2, 4, 1)
    relay.close()
    assert pool.leased == 0


def test_a_version_without_an_address_leaves_nothing_half_open(clock: Clock, pool: PortPool) -> None:
    relay = Relay(reactor, pool, clock=clock, bind_addresses={4: "127.0.0.1"})
    with pytest.raises(NoPortsError, match=r"no IPv6 address is set for media; add one to media\.bind_address"):
        opened(relay.open((4, 6)))
    assert pool.leased == 0
    relay.close()


def test_a_system_that_watches_no_more_sockets_leaves_nothing_half_open(relay: Relay, pool: PortPool) -> None:
    before = open_files()
    refusal = OSError(28, "No space left on device")
    with patch.object(relay._poll, "add", side_effect=refusal), pytest.raises(NoPortsError, match="watches no more"):
        opened(relay.open((4, 4)))
    assert (pool.leased, open_files() - before) == (0, 0)


def test_what_is_advertised_may_differ_from_what_is_bound(clock: Clock, pool: PortPool) -> None:
    settings = {"bind_addresses": {4: "0.0.0.0"}, "advertised_addresses": {4: "203.0.113.10"}}
    relay = Relay(reactor, pool, clock=clock, **settings)
    assert opened(relay.open((4, 4))).local(CALLER)[0] == "203.0.113.10"
    relay.close()


def test_a_wildcard_is_not_advertised(clock: Clock, pool: PortPool) -> None:
    with pytest.raises(ValueError, match=r"media\.advertised_address is needed with bind address ::"):
        Relay(reactor, pool, clock=clock, bind_addresses={6: "::"})


@pytest.mark.parametrize("address", [("media.example.com", 4000), ("::1", 4000), ("224.0.0.1", 4000), ("10.0.0.1", 0)])
def test_an_unusable_address_is_refused_and_changes_nothing(relay: Relay, address: tuple[str, int]) -> None:
    stream = opened(relay.open((4, 4)))
    stream.expect(CALLEE, ("127.0.0.1", 4000), None)
    for rtp, rtcp in ((address, None), (("127.0.0.1", 5000), address)):
        with pytest.raises(UnusableAddressError):
            stream.expect(CALLEE, rtp, rtcp)
    assert stream._sides[CALLEE].rtp.latch.target == ("127.0.0.1", 4000)


def test_a_stream_is_not_led_back_to_itself(relay: Relay) -> None:
    stream = opened(relay.open((4, 4)))
    with pytest.raises(UnusableAddressError, match="the relay's own: a loop"):
        stream.expect(CALLER, rtp_port(stream, CALLEE), None)
