"""One direction of a treated stream, without any network."""

from __future__ import annotations

from collections.abc import Iterable
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rustalk.rtp.digits import TelephoneEvent, event_frames, parse_event
from rustalk.rtp.dtmf import tone_frames
from rustalk.rtp.g711 import LAWS
from rustalk.rtp.packet import Packet, parse
from rustalk.rtp.rtcp import (
    Goodbye,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    build_compound,
    parse_compound,
)
from rustalk.rtp.srtp import KEY_SIZES, KeyMaterial, ProtectionError, Receiver, Sender, UnusableKeyError
from rustalk.rtp.translator import FRAME, QUEUE, Translator
from rustalk.rtp.treatment import Treatment

SUITE = "AES_CM_128_HMAC_SHA1_80"
PLAIN = Treatment()
NOISE = 13
EVENT = 101


def key(number: int, suite: str = SUITE) -> KeyMaterial:
    return KeyMaterial(suite, bytes([number]) * KEY_SIZES[suite])


def audio(count: int, first: int = 0, payload_type: int = 0, ssrc: int = 7) -> list[bytes]:
    """Packets in sequence, each with its number as payload."""
    numbers = range(first, first + count)
    return [Packet(payload_type, n & 0xFFFF, n * 160, ssrc, pack("!I", n)).build() for n in numbers]


def between(source: Treatment = PLAIN, target: Treatment = PLAIN) -> Translator:
    translator = Translator()
    translator.treat(source, target)
    return translator


def crossed(translator: Translator, packets: Iterable[bytes], now: float = 0.0) -> list[Packet]:
    """What the other side gets, read."""
    return [parse(found) for packet in packets if (found := translator.translate(packet, now)) is not None]


def dialled(translator: Translator, now: float = 0.0) -> list[Packet]:
    """All that is sent until the queue is empty, one turn after the other."""
    sent = []
    while translator.dialling:
        packet = translator.dialled(now)
        now += FRAME
        if packet is not None:
            sent.append(parse(packet))
    return sent


def test_without_a_treatment_nothing_changes() -> None:
    packets = audio(3)
    assert [Translator().translate(packet, 0) for packet in packets] == packets


@pytest.mark.parametrize("here", KEY_SIZES)
@pytest.mark.parametrize("there", [None, *KEY_SIZES])
def test_each_side_has_its_own_suite_and_key(here: str, there: str | None) -> None:
    """Also where one side is plain RTP; audio and reports."""
    far = None if there is None else key(2, there)
    translator = between(Treatment(receive=key(1, here)), Treatment(send=far))
    sender, receiver = Sender(key(1, here)), Receiver(far) if far else None
    (packet,), report = audio(1), ReceiverReport(5).build()
    out = translator.protect(translator.verify(sender.protect(packet)))
    control = translator.protect_control(translator.verify_control(sender.protect_control(report)))
    assert (receiver.verify(out) if receiver else out) == packet
    assert (receiver.verify_control(control) if receiver else control) == report


def test_the_rollover_counter_goes_on_with_the_same_key_and_begins_anew_with_another() -> None:
    """MED-05: 70,000 packets, then the same key again, then another one on both sides."""
    near, far = Sender(key(1)), Receiver(key(2))
    translator = between(Treatment(receive=key(1)), Treatment(send=key(2)))
    for number, packet in enumerate(audio(70_000)):
        if number == 66_000:
            translator.treat(Treatment(receive=key(1), voice=0), Treatment(send=key(2), voice=0))
        assert far.verify(translator.protect(translator.verify(near.protect(packet)))) == packet
    translator.treat(Treatment(receive=key(3)), Treatment(send=key(4)))
    near, far = Sender(key(3)), Receiver(key(4))
    for packet in audio(10, first=70_000):
        assert far.verify(translator.protect(translator.verify(near.protect(packet)))) == packet


def test_the_key_before_is_taken_up_again_where_it_stopped() -> None:
    """MED-05: an offer with a new key that was refused leaves the old one in force, counter and all."""
    near = Sender(key(1))
    translator = between(Treatment(receive=key(1)))
    for packet in audio(10, first=65_530):
        translator.verify(near.protect(packet))
    for number in (2, 1):
        translator.treat(Treatment(receive=key(number)), PLAIN)
    (packet,) = audio(1, first=65_540)
    assert translator.verify(near.protect(packet)) == packet


def test_packets_of_the_old_key_that_come_late_are_refused() -> None:
    old, packets = Sender(key(1)), audio(2)
    translator = between(Treatment(receive=key(1)))
    translator.verify(old.protect(packets[0]))
    translator.treat(Treatment(receive=key(2)), PLAIN)
    with pytest.raises(ProtectionError):
        translator.verify(old.protect(packets[1]))
    assert translator.verify(Sender(key(2)).protect(packets[1])) == packets[1]


def test_a_key_that_does_not_fit_changes_nothing() -> None:
    translator = between(Treatment(receive=key(1)))
    with pytest.raises(UnusableKeyError):
        translator.treat(PLAIN, Treatment(send=KeyMaterial(SUITE, b"short")))
    assert translator.verify(Sender(key(1)).protect(audio(1)[0])) == audio(1)[0]


def test_payload_types_are_mapped_and_all_else_stays() -> None:
    """MED-08: another number on each leg; the marker, the source and the timestamp stay, as does an extension."""
    packet = Packet(96, 5, 800, 9, b"event", marker=True, csrcs=(3,), extension=(0xBEDE, b"word"))
    (out,) = crossed(between(Treatment(payloads={96: 101})), [packet.build()])
    assert out == Packet(101, 5, 800, 9, b"event", marker=True, csrcs=(3,), extension=(0xBEDE, b"word"))


def test_two_payload_types_may_change_places() -> None:
    translator = between(Treatment(payloads={96: 97, 97: 96}))
    packets = audio(1, 0, 96) + audio(1, 1, 97)
    assert [packet.payload_type for packet in crossed(translator, packets)] == [97, 96]


def test_what_was_not_agreed_never_takes_the_number_of_something_that_was() -> None:
    translator = between(Treatment(payloads={96: 101}))
    packets = audio(1, 0, 101) + audio(1, 1, 0) + audio(1, 2, 96)
    assert [(packet.payload_type, packet.sequence) for packet in crossed(translator, packets)] == [(0, 0), (101, 1)]


def test_comfort_noise_is_stripped_without_a_gap() -> None:
    """MED-09: what is left out is no loss to the receiver."""
    translator = between(Treatment(strip=frozenset({NOISE})))
    packets = audio(3) + audio(2, 3, NOISE) + audio(2, 5)
    found = crossed(translator, packets)
    assert [packet.sequence for packet in found] == [0, 1, 2, 3, 4]
    assert [packet.timestamp // 160 for packet in found] == [0, 1, 2, 5, 6]


def test_a_packet_too_late_to_be_numbered_goes_no_further() -> None:
    translator = between(Treatment(strip=frozenset({NOISE})))
    crossed(translator, audio(1, 1) + audio(70, 2, NOISE))
    assert crossed(translator, audio(1, 0)) == []


def test_sources_are_numbered_each_by_itself() -> None:
    translator = between(Treatment(strip=frozenset({NOISE})))
    first, second = audio(1, 10, NOISE, ssrc=1) + audio(1, 11, ssrc=1), audio(2, 500, ssrc=2)
    found = crossed(translator, first + second + audio(1, 12, ssrc=1))
    assert [(packet.ssrc, packet.sequence) for packet in found] == [(1, 10), (2, 500), (2, 501), (1, 11)]
    for ssrc in range(100):
        crossed(translator, audio(1, ssrc=ssrc))
    assert len(translator._numberings) == 16


def test_a_source_that_jumps_still_goes_out_through_srtp() -> None:
    """Behind by less than half the numbers, SRTP would take every packet for a replay."""
    translator, receiver = between(PLAIN, Treatment(send=key(2))), Receiver(key(2))
    for packet in audio(3, 40_000) + audio(3, 20_000):
        out = translator.translate(packet, 0)
        assert out is not None
        receiver.verify(translator.protect(out))


def test_reports_speak_of_the_numbers_that_each_side_knows() -> None:
    """RFC 3550 section 7.2: a sender's counts and the highest number received, once two packets were left out."""
    forth, back = between(Treatment(strip=frozenset({NOISE}))), between()
    crossed(forth, audio(3) + audio(2, 3, NOISE) + audio(2, 5))
    crossed(back, audio(1, ssrc=8))
    sent = build_compound([SenderReport(7, 1, 2, 7, 28), Goodbye((7,))])
    assert parse_compound(forth.control(sent, back)) == (SenderReport(7, 1, 2, 5, 20), Goodbye((7,)))
    heard = SenderReport(8, 1, 2, 1, 4, (ReportBlock(7, highest=4), ReportBlock(99, highest=4)))
    (told,) = parse_compound(back.control(heard.build(), forth))
    assert told == SenderReport(8, 1, 2, 1, 4, (ReportBlock(7, highest=6), ReportBlock(99, highest=4)))
    (quiet,) = parse_compound(back.control(ReceiverReport(8, (ReportBlock(7, highest=4),)).build(), forth))
    assert quiet == ReceiverReport(8, (ReportBlock(7, highest=6),))


@pytest.mark.parametrize("body", [b"\x80\xc9\x00\x09cut!", SenderReport(5, 1, 2, 3, 4).build()])
def test_reports_that_cannot_be_read_or_need_no_change_pass_as_they_are(body: bytes) -> None:
    forth = between(Treatment(strip=frozenset({NOISE})))
    assert forth.control(body, between()) == body
    crossed(forth, audio(1, 0, NOISE))
    assert forth.control(body, between()) == body


def dialling(digit: str, first: int, timestamp: int) -> list[bytes]:
    """The packets of a telephone-event as a phone sends them."""
    frames = [frame for frame in event_frames(digit, 100, EVENT, 8000) if frame]
    return [
        Packet(EVENT, first + n, timestamp, 7, frame.payload, frame.marker).build() for n, frame in enumerate(frames)
    ]


def listening(source: Treatment) -> tuple[Translator, list[tuple[str, int]]]:
    digits: list[tuple[str, int]] = []
    translator = between(source)
    translator.on_digit = lambda digit, milliseconds: digits.append((digit, milliseconds))
    return translator, digits


def test_telephone_events_are_told_once_and_do_not_cross() -> None:
    """MED-08: for a trunk that takes digits by SIP INFO."""
    translator, digits = listening(Treatment(digits="events", event=EVENT))
    found = crossed(translator, [*audio(2), *dialling("5", 2, 320), *audio(2, 9)])
    assert digits == [("5", 100)]
    assert [(packet.payload_type, packet.sequence) for packet in found] == [(0, 0), (0, 1), (0, 2), (0, 3)]


def test_a_telephone_event_that_is_cut_short_tells_nothing() -> None:
    translator, digits = listening(Treatment(digits="events", event=EVENT))
    assert crossed(translator, [Packet(EVENT, 0, 0, 7, b"\x05").build()]) == []
    assert crossed(translator, [Packet(EVENT, 1, 0, 7, b"").build()[:-1] + b"\x07"]) == []
    assert digits == []


def test_the_clock_rate_of_events_counts() -> None:
    translator, digits = listening(Treatment(digits="events", event=EVENT))
    translator.set_clock_rates({EVENT: 16000})
    crossed(translator, [Packet(EVENT, 0, 0, 7, TelephoneEvent(1, 1600, end=True).build()).build()])
    assert digits == [("1", 100)]


def test_telephone_events_cross_where_they_are_kept() -> None:
    translator, digits = listening(Treatment(payloads={EVENT: 96}))
    assert {packet.payload_type for packet in crossed(translator, dialling("5", 0, 0))} == {96}
    assert digits == []


def test_an_event_whose_end_was_lost_is_told_when_the_source_changes_or_after_a_while() -> None:
    translator, digits = listening(Treatment(digits="events", event=EVENT))
    crossed(translator, dialling("1", 0, 0)[:3])
    crossed(translator, audio(1, ssrc=9))
    crossed(translator, dialling("2", 10, 8000)[:3], now=1.0)
    translator.look(2.0)
    assert digits == [("1", 60), ("2", 60)]


def sounding(digit: str, law: int) -> list[bytes]:
    """The packets of a digit's tone, with audio before it and silence after it."""
    payloads = [bytes([LAWS[law].silence]) * 160] * 2
    payloads += [frame.payload for frame in tone_frames(digit, 100, law) if frame]
    return [Packet(law, n, n * 160, 7, payload).build() for n, payload in enumerate(payloads)]


@pytest.mark.parametrize("law", LAWS)
def test_tones_are_told_and_silenced(law: int) -> None:
    """Not one packet is left out, so that the audio goes on."""
    translator, digits = listening(Treatment(digits="tones"))
    found = crossed(translator, sounding("#", law))
    assert [digit for digit, _ in digits] == ["#"]
    assert [packet.sequence for packet in found] == list(range(len(found)))
    assert all(packet.payload == bytes([LAWS[law].silence]) * 160 for packet in found)


def test_other_audio_is_not_listened_to() -> None:
    translator, digits = listening(Treatment(digits="tones"))
    packets = [packet[:1] + b"\x12" + packet[2:] for packet in sounding("#", 0)]
    assert [translator.translate(packet, 0) for packet in packets] == packets
    broken = Packet(0, 99, 0, 7, b"\x00").build()
    padded = bytes([broken[0] | 0x20]) + broken[1:]
    assert translator.translate(padded, 0) is not None
    assert digits == []


def test_a_digit_is_sent_as_events_that_continue_the_stream() -> None:
    translator = between(PLAIN, Treatment(event=96))
    crossed(translator, audio(3), now=1.0)
    translator.dial("5", 100, 1.0)
    sent = dialled(translator, 1.0)
    assert [packet.sequence for packet in sent] == list(range(3, 10))
    assert {(packet.ssrc, packet.timestamp, packet.payload_type) for packet in sent} == {(7, 2 * 160 + 160, 96)}
    assert [packet.marker for packet in sent] == [True] + [False] * 6
    assert [parse_event(packet.payload).duration for packet in sent] == [160, 320, 480, 640, 800, 800, 800]
    assert [parse_event(packet.payload).end for packet in sent] == [False] * 4 + [True] * 3
    assert [packet.sequence for packet in crossed(translator, audio(1, 3))] == [10]


def test_audio_waits_while_a_digit_is_sent_and_the_numbers_go_on() -> None:
    translator, now, sequences = between(PLAIN, Treatment(event=96)), 0.0, []
    crossed(translator, audio(1))
    translator.dial("1", 60, now)
    for number in range(1, 12):
        sequences += [packet.sequence for packet in crossed(translator, audio(1, number), now)]
        packet = translator.dialled(now)
        sequences += [parse(packet).sequence] if packet else []
        now += FRAME
    assert sequences == list(range(1, len(sequences) + 1))


def test_digits_wait_for_each_other() -> None:
    """Each has its own timestamp, later than the end of the one before."""
    translator = between(PLAIN, Treatment(event=96))
    crossed(translator, audio(1))
    for digit in "12":
        translator.dial(digit, 100, 0.0)
    sent = dialled(translator)
    starts = [packet.timestamp for packet in sent if packet.marker]
    assert [parse_event(packet.payload).code for packet in sent if packet.marker] == [1, 2]
    assert starts[1] >= starts[0] + 800 + 320


def test_no_more_digits_wait_than_the_queue_holds() -> None:
    translator = between(PLAIN, Treatment(event=96))
    for _ in range(QUEUE * 2):
        translator.dial("1", 40, 0.0)
    assert len([packet for packet in dialled(translator) if packet.marker]) == QUEUE + 1


def test_without_events_a_digit_is_sent_as_a_tone() -> None:
    translator = between(PLAIN, Treatment(voice=8))
    crossed(translator, audio(1))
    translator.dial("9", 60, 0.0)
    sent = dialled(translator)
    listener, digits = listening(Treatment(digits="tones"))
    crossed(listener, [packet.build() for packet in sent])
    assert [digit for digit, _ in digits] == ["9"]
    assert [packet.timestamp - sent[0].timestamp for packet in sent] == [n * 160 for n in range(len(sent))]


def test_without_either_way_a_digit_is_passed_over() -> None:
    translator = between(PLAIN, Treatment(voice=18))
    translator.dial("9", 60, 0.0)
    assert not translator.dialling
    assert translator.dialled(0.0) is None


def test_a_digit_towards_a_side_that_has_heard_nobody_has_a_source_of_its_own() -> None:
    translator = between(PLAIN, Treatment(event=96))
    assert translator.ssrc is None
    translator.dial("1", 100, 0.0)
    sent = dialled(translator)
    assert {packet.ssrc for packet in sent} == {translator.ssrc}
    assert len({packet.sequence for packet in sent}) == len(sent)


@pytest.mark.parametrize("digit", ["", "E", "12", "x"])
def test_what_is_no_digit_is_refused(digit: str) -> None:
    with pytest.raises(ValueError, match="is not one of the digits"):
        between().dial(digit, 100, 0.0)


@pytest.mark.parametrize("suite", KEY_SIZES)
def test_keys_are_in_no_repr(suite: str) -> None:
    """What is logged by mistake must not open a call."""
    assert "AAAA" not in repr(Treatment(receive=key(65, suite), send=key(65, suite)))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.binary(min_size=11, max_size=80), max_size=12),
    st.sampled_from(["keep", "events", "tones"]),
    st.booleans(),
)
def test_whatever_comes_nothing_is_raised_but_a_refusal(bodies: list[bytes], digits: str, protected: bool) -> None:
    """Few payload types, so that each treatment meets much that it is for."""
    send = key(2) if protected else None
    translator = between(Treatment(digits=digits, event=5, strip=frozenset({6}), payloads={7: 5}), Treatment(send=send))
    back = between()
    for now, body in enumerate(bodies):
        packet = bytes([0x80 | body[0] & 0x3F, body[1] & 0x87]) + body[1:]
        report = bytes([0x80 | body[0] & 0x3F, 200 + body[1] % 8]) + body[1:]
        try:
            out = translator.translate(packet, float(now))
            if out is not None:
                translator.protect(out)
            translator.protect_control(translator.control(report, back))
        except ProtectionError:
            assert protected


def test_a_source_that_was_carried_past_us_is_taken_up() -> None:
    """MED-05: the same key as before, and so the rollover counter as it stands at the other end."""
    sender, translator = Sender(key(1)), Translator()
    packets = [sender.protect(packet) for first in range(0, 0x12000, 0x7000) for packet in audio(1, first & 0xFFFF)]
    translator.miss(7, 1)
    translator.treat(Treatment(receive=key(1)), PLAIN)
    assert translator.verify(packets[-1]) == audio(1, 0xE000)[0]
    (late,) = audio(1, 0x5000)
    assert translator.verify(sender.protect(late)) == late
