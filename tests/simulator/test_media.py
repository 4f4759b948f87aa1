"""SRTP ends that talk over loopback sockets in virtual time, and what they make of packets that are not right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IReactorUDP
from twisted.internet.task import Clock

from rustalk.simulator.media import CARRIER_TONE, TEAMS_TONE, Audio, SrtpEnd

LOOPBACK = "127.0.0.1"


class Pair:
    """Two ends, A and B, of which B hears what is put into its ear: no packet travels, no time passes."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.a, self.b = self.end(TEAMS_TONE, CARRIER_TONE), self.end(CARRIER_TONE, TEAMS_TONE)
        self.wire: list[bytes] = []
        self.control: list[bytes] = []
        self.a.carry = self.wire.append
        self.a.carry_control = self.control.append
        self.b.connect(Audio(LOOPBACK, self.a.port, self.a.rtcp_port, self.a.key))
        self.a.connect(Audio(LOOPBACK, self.b.port, self.b.rtcp_port, self.b.key))

    def end(self, tone: int, expected: int) -> SrtpEnd:
        net = cast(IReactorUDP, reactor)
        return SrtpEnd(net, self.clock, LOOPBACK, tone=tone, expected=expected, now=self.clock.seconds)

    def speak(self, packets: int) -> None:
        self.a.speak()
        self.clock.pump([0.02] * (packets - 1))

    def deliver(self, packets: list[bytes]) -> None:
        for packet in packets:
            self.b.rtp_received(packet, (LOOPBACK, self.a.port))


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    for end in (made.a, made.b):
        pytest_twisted.blockon(Deferred.fromCoroutine(end.close()))


def test_every_packet_of_the_tone_is_verified(pair: Pair) -> None:
    pair.speak(50)
    pair.deliver(pair.wire)
    assert pair.b.counts.verified == len(pair.wire) == 50
    assert pair.b.counts.good


def test_a_flipped_bit_anywhere_is_caught_by_the_authentication_tag(pair: Pair) -> None:
    """The point of verifying: a relay that touches one bit is noticed."""
    pair.speak(20)
    size = len(pair.wire[0])
    for number, packet in enumerate(pair.wire):
        place = 12 + number * (size - 13) // 19
        pair.deliver([packet[:place] + bytes([packet[place] ^ 1]) + packet[place + 1 :]])
    assert pair.b.counts.forged == 20
    assert pair.b.counts.verified == 0
    assert not pair.b.counts.good


def test_another_tone_under_the_right_key_is_foreign(pair: Pair) -> None:
    pair.b.expect(CARRIER_TONE)
    pair.speak(5)
    pair.deliver(pair.wire)
    assert pair.b.counts.foreign == 5


def test_a_packet_from_an_address_that_was_not_named_is_a_stray(pair: Pair) -> None:
    pair.speak(1)
    pair.b.rtp_received(pair.wire[0], (LOOPBACK, 9))
    assert pair.b.counts.stray == 1


@pytest_twisted.ensureDeferred
async def test_a_packet_before_the_description_is_early_and_no_fault(pair: Pair) -> None:
    late = pair.end(CARRIER_TONE, TEAMS_TONE)
    pair.speak(1)
    late.rtp_received(pair.wire[0], (LOOPBACK, pair.a.port))
    assert (late.counts.early, late.counts.stray) == (1, 0)
    await late.close()


@pytest_twisted.ensureDeferred
async def test_a_report_before_the_description_is_neither_a_stray_nor_one_of_the_packets(pair: Pair) -> None:
    """Of what is received each packet is verified or something else; RTCP is not among it, whenever it comes."""
    late = pair.end(CARRIER_TONE, TEAMS_TONE)
    pair.speak(1)
    source = (LOOPBACK, pair.a.rtcp_port)
    late.rtcp_received(pair.control[0], source)
    late.connect(Audio(LOOPBACK, pair.b.port, pair.b.rtcp_port, pair.b.key))
    late.rtcp_received(pair.control[0], source)
    assert late.counts.stray == 1
    late.connect(Audio(LOOPBACK, pair.a.port, pair.a.rtcp_port, pair.a.key))
    assert (late.counts.received, late.counts.early, late.counts.stray) == (0, 0, 0)
    await late.close()


def test_a_repeated_packet_is_refused(pair: Pair) -> None:
    pair.speak(1)
    pair.deliver(pair.wire * 2)
    assert (pair.b.counts.verified, pair.b.counts.forged) == (1, 1)


def test_missing_packets_are_counted_and_a_late_one_is_taken_back(pair: Pair) -> None:
    pair.speak(10)
    first, second, *others, last = pair.wire
    pair.deliver([first, *others])
    assert pair.b.counts.lost == 1
    pair.deliver([second, last])
    assert pair.b.counts.lost == 0


@pytest_twisted.ensureDeferred
async def test_a_new_key_is_used_from_now_on_and_an_old_one_keeps_its_place(pair: Pair) -> None:
    """MED-05: the same key again continues its count; another key begins anew."""
    other = pair.end(TEAMS_TONE, CARRIER_TONE)
    pair.speak(2)
    pair.deliver(pair.wire[:1])
    pair.b.connect(Audio(LOOPBACK, pair.a.port, pair.a.rtcp_port, other.key))
    pair.deliver(pair.wire[1:])
    assert pair.b.counts.forged == 1
    pair.b.connect(Audio(LOOPBACK, pair.a.port, pair.a.rtcp_port, pair.a.key))
    pair.deliver(pair.wire)
    assert (pair.b.counts.verified, pair.b.counts.forged) == (2, 2)
    await other.close()


def test_rtcp_goes_out_every_second_also_while_hushed_and_is_verified(pair: Pair) -> None:
    """MED-11."""
    pair.a.speak()
    pair.a.hush()
    pair.clock.pump([1.0] * 5)
    for packet in pair.control:
        pair.b.rtcp_received(packet, (LOOPBACK, pair.a.rtcp_port))
    assert pair.b.counts.rtcp_verified == 6
    pair.b.rtcp_received(pair.control[0][:-1] + b"x", (LOOPBACK, pair.a.rtcp_port))
    assert pair.b.counts.rtcp_forged == 1


def test_the_ports_are_an_even_and_the_odd_one_after_it(pair: Pair) -> None:
    assert (pair.a.port % 2, pair.a.rtcp_port) == (0, pair.a.port + 1)


class Crowded:
    """A reactor on which the odd port next to the first free one is taken, twice."""

    def __init__(self) -> None:
        self.refusals = 2

    def listenUDP(self, port: int, *rest: Any) -> IListeningPort:
        if port % 2 and self.refusals:
            self.refusals -= 1
            raise CannotListenError(LOOPBACK, port, OSError("address already in use"))
        return cast(IReactorUDP, reactor).listenUDP(port, *rest)


@pytest_twisted.ensureDeferred
async def test_another_pair_is_tried_where_one_port_is_taken() -> None:
    """The socket that was opened in vain lets go of its protocol only later."""
    crowded, clock = Crowded(), Clock()
    net = cast(IReactorUDP, crowded)
    end = SrtpEnd(net, clock, LOOPBACK, tone=TEAMS_TONE, expected=CARRIER_TONE, now=clock.seconds)
    assert crowded.refusals == 0
    assert end.rtcp_port == end.port + 1
    await end.close()


def test_the_key_does_not_show(pair: Pair) -> None:
    assert pair.a.key.inline() not in repr(pair.a.key)
    assert pair.a.key.inline() in pair.a.crypto(1)


@pytest_twisted.ensureDeferred
async def test_nothing_is_left_on_the_clock_after_close() -> None:
    made = Pair()
    made.speak(3)
    for end in (made.a, made.b):
        await end.close()
    assert made.clock.getDelayedCalls() == []


def plain(end: SrtpEnd) -> Audio:
    """Where an end is, for a peer that speaks plain RTP with it."""
    return Audio(LOOPBACK, end.port, end.rtcp_port, None)


def test_two_ends_of_plain_rtp(pair: Pair) -> None:
    """MED-01: no key on either side, the tone is the proof."""
    pair.a.connect(plain(pair.b))
    pair.b.connect(plain(pair.a))
    pair.speak(5)
    pair.deliver(pair.wire)
    assert pair.b.counts.verified == 5
    assert pair.wire[0][12:] != b""


def test_plain_rtp_is_no_srtp(pair: Pair) -> None:
    pair.a.connect(plain(pair.b))
    pair.speak(3)
    pair.deliver(pair.wire)
    assert (pair.b.counts.verified, pair.b.counts.forged) == (0, 3)


def test_digits_arrive_once_each_although_their_end_comes_three_times(pair: Pair) -> None:
    """MED-08: RFC 4733 section 2.5."""
    for digit in "15#D":
        pair.a.dial(digit)
    pair.deliver(pair.wire)
    assert pair.b.digits == "15#D"
    assert pair.b.counts.events == 4 * 7
    assert pair.b.counts.foreign == 0


def test_comfort_noise_is_counted_apart(pair: Pair) -> None:
    """MED-09."""
    pair.a.whisper()
    pair.deliver(pair.wire)
    assert (pair.b.counts.noise, pair.b.counts.foreign) == (1, 0)


def test_the_rollover_counter_goes_on_with_the_key_and_starts_anew_with_another(pair: Pair) -> None:
    """MED-05."""
    pair.a.jump(65534)
    pair.speak(6)
    pair.deliver(pair.wire)
    assert pair.b.counts.verified == 6
    pair.a.rekey()
    pair.b.connect(Audio(LOOPBACK, pair.a.port, pair.a.rtcp_port, pair.a.key))
    pair.wire.clear()
    pair.speak(3)
    pair.deliver(pair.wire)
    assert pair.b.counts.forged == 0
    assert pair.b.counts.verified == 6 + len(pair.wire)


def test_rtcp_on_the_port_of_rtp_is_told_apart(pair: Pair) -> None:
    """MED-10: RFC 5761."""
    pair.b.connect(Audio(LOOPBACK, pair.a.port, pair.a.port, pair.a.key))
    pair.a.speak()
    pair.deliver(pair.control)
    assert (pair.b.counts.rtcp_verified, pair.b.counts.received) == (1, 0)
