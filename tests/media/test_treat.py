"""Treated streams: SRTP that ends here, digits, and reports of our own, over real sockets in virtual time."""

from __future__ import annotations

import gc
import weakref
from collections.abc import AsyncIterator

import pytest
import pytest_twisted

from rustalk.media.offload import Stream
from rustalk.media.relay import Discarded
from rustalk.media.treat import REPORT_AFTER
from rustalk.rtp.digits import event_frames, parse_event
from rustalk.rtp.packet import Packet, parse
from rustalk.rtp.rtcp import (
    ReceiverReport,
    ReportBlock,
    SenderReport,
    SourceDescription,
    middle_of,
    ntp_time,
    parse_compound,
)
from rustalk.rtp.srtp import KEY_SIZES, KeyMaterial, Receiver, Sender, UnusableKeyError
from rustalk.rtp.treatment import IceCredentials, Treatment
from tests.fakes.party import udptl, voice
from tests.fakes.streams import opened
from tests.fakes.treated import CALLEE, CALLER, PLAIN, SUITE, TreatedCall, key

KEYED = Treatment(receive=key(1), send=key(2))
REPORT = SenderReport(0x1234, 1, 2, 3, 4).build()


@pytest_twisted.async_yield_fixture
async def call() -> AsyncIterator[TreatedCall]:
    made = TreatedCall()
    yield made
    await made.close()


@pytest_twisted.async_yield_fixture
async def passing() -> AsyncIterator[TreatedCall]:
    """A call whose packets pass byte for byte."""
    made = TreatedCall(treated=False)
    made.connect(None, None)
    yield made
    await made.close()


class Told:
    """An engine beside the relay, and what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def look(self, stream: Stream) -> None:
        self.told.append("look")

    def moved(self, stream: Stream) -> None:
        self.told.append("moved")

    def closed(self, stream: Stream) -> None:
        self.told.append("closed")

    def close(self) -> None:
        self.told.append("close")


@pytest.mark.parametrize("suite", KEY_SIZES)
@pytest_twisted.ensureDeferred
async def test_srtp_ends_here_and_the_other_side_is_plain(call: TreatedCall, suite: str) -> None:
    """Both directions, RTP and RTCP."""
    call.connect(Treatment(receive=key(1, suite), send=key(2, suite)), PLAIN)
    sender, receiver = Sender(key(1, suite)), Receiver(key(2, suite))
    call.say(CALLER, *map(sender.protect, voice(20)), sender.protect_control(REPORT))
    assert await call.callee.has(21) == [*voice(20), REPORT]
    call.say(CALLEE, *voice(20, ssrc=9), REPORT)
    heard = await call.caller.has(21)
    assert [receiver.verify(packet) for packet in heard[:20]] == voice(20, ssrc=9)
    assert receiver.verify_control(heard[20]) == REPORT


@pytest_twisted.ensureDeferred
async def test_both_sides_may_have_keys_and_suites_of_their_own(call: TreatedCall) -> None:
    other = Treatment(receive=key(3, "AEAD_AES_256_GCM"), send=key(4, "AEAD_AES_256_GCM"))
    call.connect(KEYED, other)
    call.say(CALLER, *map(Sender(key(1)).protect, voice(3)))
    receiver = Receiver(key(4, "AEAD_AES_256_GCM"))
    assert [receiver.verify(packet) for packet in await call.callee.has(3)] == voice(3)


@pytest_twisted.ensureDeferred
async def test_what_does_not_verify_never_crosses(call: TreatedCall) -> None:
    """Forged, replayed and plain packets, RTP and RTCP, are counted and are no arrivals."""
    call.connect(KEYED, PLAIN)
    right, wrong = Sender(key(1)), Sender(key(9))
    first, second = (right.protect(packet) for packet in voice(2))
    call.say(CALLER, first, first, wrong.protect(voice(1, first=1)[0]), voice(1)[0], wrong.protect_control(REPORT))
    call.say(CALLER, REPORT, second)
    assert await call.callee.has(2) == voice(2)
    assert call.stream.discarded(CALLER) == Discarded(unverified=5)
    assert call.stream.statistics(CALLER).packets == 2
    assert call.stream.controls(CALLER) == 0


@pytest_twisted.ensureDeferred
async def test_after_a_new_key_packets_of_the_old_one_are_lost_and_nothing_else(call: TreatedCall) -> None:
    """MED-05: a re-INVITE with a new key while packets are on their way."""
    old, new = Sender(key(1)), Sender(key(5))
    call.connect(KEYED, PLAIN)
    call.say(CALLER, *map(old.protect, voice(3)))
    await call.callee.has(3)
    call.connect(Treatment(receive=key(5), send=key(6)), PLAIN)
    call.say(CALLER, *map(old.protect, voice(2, first=3)), *map(new.protect, voice(3, first=5)))
    assert (await call.callee.has(6))[3:] == voice(3, first=5)
    assert call.stream.discarded(CALLER).unverified == 2


@pytest_twisted.ensureDeferred
async def test_without_treatments_a_treated_stream_carries_byte_for_byte(call: TreatedCall) -> None:
    call.connect(KEYED, PLAIN)
    call.stream.treat(None)
    packets = [*map(Sender(key(1)).protect, voice(3)), Sender(key(1)).protect_control(REPORT)]
    call.say(CALLER, *packets)
    assert await call.callee.has(4) == packets


def test_an_unusable_key_changes_nothing_on_either_side(call: TreatedCall) -> None:
    call.connect(KEYED, PLAIN)
    with pytest.raises(UnusableKeyError):
        call.stream.treat((Treatment(receive=key(7)), Treatment(send=KeyMaterial(SUITE, b""))))
    ways = call.stream._treating._ways
    assert [way.translator.treatments for way in ways] == [(KEYED, PLAIN), (PLAIN, KEYED)]


@pytest_twisted.ensureDeferred
async def test_nobody_without_the_key_is_learned() -> None:
    """MED-16 with SRTP: who sends first must also have the key."""
    call = TreatedCall(latching="learn")
    attacker, caller = call.party("127.0.0.2"), call.party("127.0.0.3")
    call.connect(KEYED, PLAIN)
    call.stream.expect(CALLER, ("192.0.2.9", 4000), ("192.0.2.9", 4000))
    attacker.send(voice(20, text=b"evil"), to=call.port(CALLER))
    caller.send(map(Sender(key(1)).protect, voice(6)), to=call.port(CALLER))
    assert await call.callee.has(3) == voice(3, first=3)
    assert call.stream.discarded(CALLER).unverified == 20
    await call.close()


@pytest_twisted.ensureDeferred
async def test_payload_types_and_comfort_noise_differ_by_side(call: TreatedCall) -> None:
    """MED-08 and MED-09."""
    call.connect(Treatment(payloads={101: 96}, strip=frozenset({13})), Treatment(payloads={96: 101}))
    call.say(CALLER, *(Packet(kind, n, n * 160, 7, b"x").build() for n, kind in enumerate((0, 13, 101, 0))))
    heard = [parse(packet) for packet in await call.callee.has(3)]
    assert [(packet.payload_type, packet.sequence) for packet in heard] == [(0, 0), (96, 1), (0, 2)]
    call.say(CALLEE, Packet(96, 5, 0, 9, b"x").build())
    assert parse((await call.caller.has(1))[0]).payload_type == 101


@pytest_twisted.ensureDeferred
async def test_digits_are_told_with_their_side(call: TreatedCall) -> None:
    call.connect(Treatment(digits="events", event=101), PLAIN)
    frames = [frame for frame in event_frames("7", 100, 101, 8000) if frame]
    call.say(CALLER, *(Packet(101, n, 0, 7, frame.payload).build() for n, frame in enumerate(frames)))
    call.say(CALLER, *voice(1, first=9, ssrc=7))
    await call.callee.has(1)
    assert call.digits == [(CALLER, "7", 100)]
    assert len(call.callee.received) == 1


@pytest_twisted.ensureDeferred
async def test_the_clock_rate_of_digits_is_that_of_the_description(call: TreatedCall) -> None:
    """MED-08: telephone-event/16000."""
    call.connect(Treatment(digits="events", event=101), PLAIN)
    call.stream.set_clock_rates(CALLER, {101: 16000})
    frames = [frame for frame in event_frames("7", 100, 101, 16000) if frame]
    call.say(CALLER, *(Packet(101, n, 0, 7, frame.payload).build() for n, frame in enumerate(frames)), REPORT)
    await call.callee.has(1)
    assert call.digits == [(CALLER, "7", 100)]


@pytest_twisted.ensureDeferred
async def test_a_digit_whose_end_is_lost_is_told_by_the_clock(call: TreatedCall) -> None:
    call.connect(Treatment(digits="events", event=101), PLAIN)
    frames = [frame for frame in event_frames("7", 100, 101, 8000) if frame][:3]
    call.say(CALLER, *(Packet(101, n, 0, 7, frame.payload).build() for n, frame in enumerate(frames)), REPORT)
    await call.callee.has(1)
    call.clock.pump([0.1] * 20)
    assert call.digits == [(CALLER, "7", 60)]


@pytest_twisted.ensureDeferred
async def test_whoever_fails_to_take_a_digit_does_not_end_the_media(call: TreatedCall) -> None:
    call.connect(Treatment(digits="events", event=101), PLAIN)
    call.stream.on_digit = lambda *digit: 1 / 0
    frames = [frame for frame in event_frames("7", 100, 101, 8000) if frame]
    call.say(CALLER, *(Packet(101, n, 0, 7, frame.payload).build() for n, frame in enumerate(frames)))
    call.say(CALLER, *voice(1, first=9, ssrc=7))
    assert len(await call.callee.has(1)) == 1


@pytest_twisted.ensureDeferred
async def test_digits_are_dialled_encrypted_one_packet_in_20_ms(call: TreatedCall) -> None:
    """They continue the caller's stream; the audio waits."""
    call.connect(PLAIN, Treatment(send=key(2), event=96))
    call.say(CALLER, *voice(2))
    await call.callee.has(2)
    for digit in "12":
        call.stream.digit(CALLEE, digit, 60)
    await call.callee.has(3)
    call.clock.pump([0.02] * 20)
    receiver = Receiver(key(2))
    sent = [parse(receiver.verify(packet)) for packet in await call.callee.has(12)]
    assert [packet.sequence for packet in sent] == list(range(12))
    assert {packet.ssrc for packet in sent} == {0x1234}
    assert [parse_event(packet.payload).code for packet in sent[2:]] == [1] * 5 + [2] * 5
    call.say(CALLER, *voice(1, first=2))
    assert parse(receiver.verify((await call.callee.has(13))[12])).sequence == 12


@pytest_twisted.ensureDeferred
async def test_a_stream_may_close_in_the_middle_of_a_digit(call: TreatedCall) -> None:
    call.connect(PLAIN, Treatment(event=96))
    call.stream.digit(CALLEE, "5", 1000)
    call.clock.advance(0.1)
    call.stream.treat(None)
    call.stream.digit(CALLEE, "5", 1000)
    call.stream.close()
    call.stream.digit(CALLEE, "5", 1000)
    assert call.clock.getDelayedCalls() == []


@pytest_twisted.ensureDeferred
async def test_a_closed_stream_has_no_keys_any_more_and_keeps_its_figures(call: TreatedCall) -> None:
    call.connect(KEYED, PLAIN)
    call.say(CALLER, *voice(1), *map(Sender(key(1)).protect, voice(2)))
    await call.callee.has(2)
    ways = call.stream._treating._ways
    call.stream.close()
    call.stream.treat((KEYED, KEYED))
    assert not any(way.translator.receiver or way.translator.sender or way.translator._senders for way in ways)
    assert (call.stream.statistics(CALLER).packets, call.stream.discarded(CALLER).unverified) == (2, 1)


@pytest_twisted.ensureDeferred
async def test_what_is_closed_waits_for_no_collector(call: TreatedCall) -> None:
    """libsrtp's memory among it."""
    gc.collect()
    gc.disable()
    try:
        stream = opened(call.relay.open((4, 4), treated=True))
        stream.treat((KEYED, PLAIN))
        left = weakref.ref(stream._treating._ways[0].translator.receiver._session)
        stream.close()
        assert left() is None
    finally:
        gc.enable()


@pytest_twisted.ensureDeferred
async def test_a_side_without_rtcp_gets_reports_of_our_own_on_hold_too(call: TreatedCall) -> None:
    """MED-11: sixty seconds of hold, in which nobody sends anything, SRTCP where there is a key."""
    call.connect(KEYED, PLAIN)
    call.say(
        CALLER,
        *map(Sender(key(1)).protect, voice(20)),
        Sender(key(1)).protect_control(SenderReport(0x1234, ntp_time(0), 2, 3, 4).build()),
    )
    await call.callee.has(21)
    call.clock.pump([0.5] * 120)
    await call.caller.has(9)
    await call.callee.has(21 + 9)
    receiver = Receiver(key(2))
    report, name = parse_compound(receiver.verify_control(call.caller.received[0]))
    assert isinstance(report, ReceiverReport)
    assert isinstance(name, SourceDescription)
    (block,) = report.blocks
    assert (block.ssrc, block.highest, block.lost, block.fraction_lost) == (0x1234, 19, 0, 0)
    assert REPORT_AFTER <= block.delay / 65536 <= REPORT_AFTER + 2
    assert all(receiver.verify_control(datagram) for datagram in call.caller.received[1:])


@pytest_twisted.ensureDeferred
async def test_a_report_tells_what_was_lost_lately(call: TreatedCall) -> None:
    call.connect(PLAIN, PLAIN)
    call.say(CALLER, *voice(5), *voice(5, first=15))
    await call.callee.has(10)
    call.clock.pump([0.5] * 13)
    (report, _) = parse_compound((await call.caller.has(1))[0])
    assert isinstance(report, ReceiverReport)
    assert (report.blocks[0].lost, report.blocks[0].fraction_lost, report.blocks[0].highest) == (10, 128, 19)


@pytest_twisted.ensureDeferred
async def test_no_report_of_our_own_joins_those_of_the_other_side(call: TreatedCall) -> None:
    call.connect(PLAIN, PLAIN)
    for count in range(1, 11):
        call.say(CALLER, REPORT)
        await call.callee.has(count)
        call.clock.pump([0.5] * 6)
    assert call.callee.received == [REPORT] * 10


@pytest_twisted.ensureDeferred
async def test_a_side_that_expects_no_rtcp_gets_none(call: TreatedCall) -> None:
    call.connect(PLAIN, PLAIN)
    call.stream.expect(CALLER, call.caller.address, None)
    call.clock.pump([0.5] * 30)
    assert len(await call.callee.has(2)) == 2
    assert call.caller.received == []


def test_where_there_is_nothing_to_treat_nothing_is_prepared(call: TreatedCall) -> None:
    stream = opened(call.relay.open((4, 4)))
    stream.treat(None)
    stream.ice(CALLER, None)
    stream.digit(CALLER, "1", 100)
    assert stream.discarded(CALLER) == Discarded()


@pytest_twisted.ensureDeferred
async def test_srtp_that_passed_ends_here_from_now_on(passing: TreatedCall) -> None:
    """XFR-04 to a plain trunk: on the same ports, with the same key; what was counted and held goes on."""
    sender = Sender(key(1))
    passed = [sender.protect(packet) for packet in voice(20)]
    passing.say(CALLER, *passed)
    assert await passing.callee.has(20) == passed
    before = passing.stream.local(CALLER), passing.stream.local(CALLEE)
    passing.stream.treat((KEYED, PLAIN))
    passing.say(CALLER, *map(sender.protect, voice(5, first=20)))
    assert (await passing.callee.has(25))[20:] == voice(5, first=20)
    passing.say(CALLEE, *voice(5, ssrc=9))
    receiver = Receiver(key(2))
    assert [receiver.verify(packet) for packet in await passing.caller.has(5)] == voice(5, ssrc=9)
    assert passing.stream.statistics(CALLER).packets == 25
    assert (passing.stream.local(CALLER), passing.stream.local(CALLEE)) == before
    stranger = passing.party("127.0.0.5")
    stranger.send([sender.protect(voice(1, first=25)[0])], to=passing.port(CALLER))
    passing.say(CALLER, sender.protect(voice(1, first=26)[0]))
    assert (await passing.callee.has(26))[25:] == voice(1, first=26)


@pytest_twisted.ensureDeferred
async def test_srtp_that_passed_for_long_is_still_understood(passing: TreatedCall) -> None:
    """MED-05: after 22 minutes the rollover counter at the other end is not 0 any more."""
    sender = Sender(key(1))
    packets = [Packet(0, place & 0xFFFF, place, 7, b"").build() for place in range(0, 0x18000, 0x600)]
    passing.say(CALLER, *map(sender.protect, packets))
    await passing.callee.has(len(packets))
    passing.stream.treat((KEYED, PLAIN))
    late = Packet(0, 0x8000, 0x18000, 7, b"late").build()
    passing.say(CALLER, sender.protect(late))
    assert (await passing.callee.has(len(packets) + 1))[-1] == late


@pytest_twisted.ensureDeferred
async def test_rtcp_keeps_its_ways_when_treatment_begins(passing: TreatedCall) -> None:
    """The caller has RTCP on the RTP port, the callee on one of its own."""
    control = passing.party()
    passing.stream.expect(CALLEE, passing.callee.address, control.address)
    passing.stream.treat((KEYED, PLAIN))
    passing.say(CALLER, Sender(key(1)).protect_control(REPORT))
    assert await control.has(1) == [REPORT]
    host, _, port = passing.stream.local(CALLEE)
    control.send([REPORT], to=(host, port))
    assert Receiver(key(2)).verify_control((await passing.caller.has(1))[0]) == REPORT


@pytest_twisted.ensureDeferred
async def test_checks_are_answered_from_now_on(passing: TreatedCall) -> None:
    passing.stream.ice(CALLER, IceCredentials("SBC1", "a password of the SBC", "team"))
    passing.say(CALLER, *voice(3))
    assert await passing.callee.has(3) == voice(3)


def test_what_is_treated_is_carried_past_us_no_more() -> None:
    """The kernel gives the stream back first, and is not asked again."""
    kernel = Told()
    call = TreatedCall(offload=kernel, treated=False)
    call.connect(None, None)
    call.stream.treat((KEYED, PLAIN))
    call.stream.expect(CALLER, None, None)
    call.stream.look(1.0)
    call.relay.close()
    assert kernel.told == ["moved", "moved", "closed", "close"]


def test_fax_is_not_carried_past_us() -> None:
    """The kernel is told to give back what it has, and finds no route while the stream is opaque."""
    kernel = Told()
    call = TreatedCall(offload=kernel, treated=False)
    call.connect(None, None)
    assert call.stream.route(CALLER) is not None
    for opaque in (True, True, False):
        call.stream.opaque(opaque)
        assert (call.stream.route(CALLER) is None) is opaque
    call.relay.close()
    assert kernel.told == ["moved"] * 4 + ["closed", "close"]


@pytest.mark.parametrize("treated", [True, False])
@pytest_twisted.ensureDeferred
async def test_srtp_goes_on_after_a_fax_with_its_counters(treated: bool) -> None:
    """MED-05: packets are treated before and after it, nothing is during it; also where treatment began only then."""
    call = TreatedCall(treated=treated)
    sender, receiver = Sender(key(1)), Receiver(key(2))
    call.connect(*((KEYED, PLAIN) if treated else (None, None)))
    call.stream.treat(None)
    call.stream.opaque(True)
    call.say(CALLER, *udptl(3))
    assert await call.callee.has(3) == udptl(3)
    call.stream.opaque(False)
    call.stream.treat((KEYED, PLAIN))
    call.say(CALLER, *map(sender.protect, voice(3)))
    assert (await call.callee.has(6))[3:] == voice(3)
    call.say(CALLEE, *voice(2, ssrc=9))
    assert [receiver.verify(packet) for packet in await call.caller.has(2)] == voice(2, ssrc=9)
    await call.close()


@pytest_twisted.ensureDeferred
async def test_a_digit_that_is_under_way_ends_where_treatment_does(call: TreatedCall) -> None:
    """Nothing of it reaches the fax that follows."""
    call.connect(PLAIN, Treatment(event=101))
    call.stream.digit(CALLEE, "5", 400)
    await call.callee.has(1)
    call.stream.treat(None)
    call.stream.opaque(True)
    call.callee.received.clear()
    call.clock.pump([0.02] * 40)
    call.say(CALLER, *udptl(1))
    assert await call.callee.has(1) == udptl(1)


@pytest_twisted.ensureDeferred
async def test_the_quality_of_an_encrypted_leg_is_read(call: TreatedCall) -> None:
    """The reports are looked into once they are decrypted; the round trip takes no time on a clock that stands."""
    call.connect(KEYED, PLAIN)
    sender = Sender(key(1))
    call.say(CALLEE, SenderReport(9, ntp_time(1), 2, 3, 4).build())
    await call.caller.has(1)
    block = ReportBlock(9, last_report=middle_of(ntp_time(1)), jitter=80)
    answer = ReceiverReport(0x1234, (block,)).build()
    call.say(CALLER, sender.protect_control(answer))
    await call.callee.has(1)
    found = call.stream.statistics(CALLER)
    assert found.round_trip_ms == 0
    assert found.reported is not None
    assert found.reported.jitter_ms == 10
