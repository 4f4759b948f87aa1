"""One direction of a treated stream: what is sent, and what cannot be."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from rustalk.media.way import Way, deliver
from rustalk.rtp.reports import Reports
from rustalk.rtp.rtcp import ReceiverReport, SenderReport, middle_of, ntp_time
from rustalk.rtp.srtp import Receiver
from rustalk.rtp.translator import Translator
from rustalk.rtp.treatment import Treatment
from tests.fakes.party import voice
from tests.fakes.treated import PLAIN, key


class Onward:
    """Where packets leave by: as much of a channel as a way uses."""

    def __init__(self, *errors: OSError) -> None:
        self.sent: list[bytes] = []
        self.errors = list(errors)
        self.unsent = 0
        self.reports = Reports()
        self.push: Callable[[memoryview], object] | None = self.send

    def send(self, datagram: memoryview) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(bytes(datagram))


def way(target: Treatment = PLAIN) -> Way:
    translator = Translator()
    translator.treat(PLAIN, target)
    return Way(translator, Translator())


def test_a_refusal_of_an_earlier_packet_is_tried_once_more() -> None:
    onward = Onward(ConnectionRefusedError())
    deliver(onward, b"packet")
    assert (onward.sent, onward.unsent) == ([b"packet"], 0)


@pytest.mark.parametrize(
    "errors", [(ConnectionRefusedError(), ConnectionRefusedError()), (OSError(errno.ENETUNREACH, "unreachable"),)]
)
def test_what_fails_again_or_otherwise_is_lost_and_counted(errors: tuple[OSError, ...]) -> None:
    onward = Onward(*errors)
    deliver(onward, b"packet")
    assert (onward.sent, onward.unsent) == ([], 1)


def test_nothing_is_sent_to_a_side_that_receives_nothing() -> None:
    onward, one = Onward(), way()
    onward.push = None
    deliver(onward, b"packet")
    one.pass_rtp(voice(1)[0], onward, 0)
    one.pass_control(ReceiverReport(1).build(), onward, 0)
    assert (onward.unsent, one.told) == (0, None)


def test_a_packet_that_came_twice_is_encrypted_once() -> None:
    """SRTP must not use a number twice; the other side misses nothing."""
    onward, one = Onward(), way(Treatment(send=key(2)))
    for packet in voice(1) * 2:
        one.pass_rtp(packet, onward, 0)
    assert [Receiver(key(2)).verify(packet) for packet in onward.sent] == voice(1)
    assert one.unsent == 1


def test_what_is_too_long_to_be_encrypted_is_counted() -> None:
    onward, one = Onward(), way(Treatment(send=key(2)))
    one.pass_control(ReceiverReport(1).build() + bytes(2000), onward, 3.0)
    assert (onward.sent, one.unsent) == ([], 1)


def test_the_last_sender_report_is_remembered_for_our_own() -> None:
    one = way()
    one.pass_control(SenderReport(7, ntp_time(5), 1, 1, 1).build(), Onward(), 5.5)
    one.pass_control(ReceiverReport(7).build(), Onward(), 6.5)
    one.pass_control(b"\x80\xc9\x00\x09cut!", Onward(), 7.5)
    assert (one.report, one.told) == ((middle_of(ntp_time(5)), 5.5), 7.5)


def test_forged_packets_are_counted() -> None:
    one = way()
    one.translator.treat(Treatment(receive=key(1)), PLAIN)
    assert one.keyed
    assert one.verified(voice(1)[0], control=False) is None
    assert one.verified(bytes(60), control=True) is None
    assert one.unverified == 2
