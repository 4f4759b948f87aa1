"""The ring of SIP messages."""

from __future__ import annotations

from rustalk.observe.trace import Trace, summarise
from tests.fakes.switch import FakeFlow

INVITE = (
    b'INVITE sip:+1555@example.com SIP/2.0\r\nCSeq: 7 INVITE\r\nAuthorization: Digest response="CANARY"\r\n'
    b"Content-Type: application/sdp\r\n\r\nv=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:CANARY|2^20\r\n"
)


def make_trace(*call_ids: str, **limits: int) -> Trace:
    trace = Trace(**limits)
    for number, call_id in enumerate(call_ids):
        trace.record(float(number), bool(number % 2), FakeFlow(), b"OPTIONS sip:a SIP/2.0\r\n\r\n", call_id)
    return trace


def test_the_messages_of_both_legs_come_in_time_order() -> None:
    entries = make_trace("a", "b", "other", "a").of_call(["a", "b"])
    assert [(entry.time, entry.leg, entry.sent) for entry in entries] == [(0, 0, False), (1, 1, True), (3, 0, True)]


def test_the_oldest_go_first_when_there_are_too_many() -> None:
    assert [entry.time for entry in make_trace("a", "a", "a", max_messages=2).of_call(["a"])] == [1, 2]


def test_the_oldest_go_first_when_they_are_too_large() -> None:
    """F-22: however much is recorded, memory stays within the bound."""
    trace = Trace(max_bytes=100_000)
    for number in range(1000):
        trace.record(number, True, FakeFlow(), b"x" * 5000, "a")
    assert trace.size <= 100_000
    assert trace.of_call(["a"])[-1].time == 999


def test_a_dialog_that_was_flooded_is_shown_from_its_start_up_to_a_limit() -> None:
    assert [entry.time for entry in make_trace(*["a"] * 9).of_call(["a"], limit=3)] == [0, 1, 2]


def test_a_message_larger_than_the_ring_is_not_kept() -> None:
    trace = Trace(max_bytes=100)
    trace.record(0, True, FakeFlow(), b"x" * 200, "a")
    assert (len(trace), trace.size) == (0, 0)


def test_nothing_is_kept_while_switched_off_and_what_was_kept_stays() -> None:
    trace = make_trace("a")
    trace.switch(False)
    trace.record(9, True, FakeFlow(), b"x", "a")
    assert (len(trace), trace.enabled) == (1, False)
    trace.switch(True)
    trace.record(9, True, FakeFlow(), b"x", "a")
    assert (len(trace), trace.enabled) == (2, True)


def test_the_octets_are_kept_by_reference() -> None:
    trace = Trace()
    trace.record(0, True, FakeFlow(), INVITE, "a")
    assert trace._kept[0][4] is INVITE


def test_what_comes_out_holds_no_secret() -> None:
    """A40: canaries found = 0."""
    trace = Trace()
    trace.record(0, False, FakeFlow(), INVITE, "a")
    assert "CANARY" not in repr(trace.of_call(["a"]))


def test_what_comes_out_holds_no_control_character() -> None:
    """A30: raw control bytes printed = 0."""
    trace = Trace()
    trace.record(0, False, FakeFlow(), b"INV\x1b[2JITE \x07\xff SIP/2.0\r\nSubject: \x9b31m\x00\r\n\r\n", "a")
    (entry,) = trace.of_call(["a"])
    assert not [c for c in entry.text + entry.summary if (ord(c) < 0x20 and c != "\n") or 0x7F <= ord(c) < 0xA0]


def test_peers_of_both_families_are_written_with_their_port() -> None:
    trace = Trace()
    trace.record(0, False, FakeFlow("TLS", "2001:db8::1", 5061), b"x", "a")
    trace.record(0, False, FakeFlow(), b"x", "a")
    assert [entry.peer for entry in trace.of_call(["a"])] == ["[2001:db8::1]:5061", "192.0.2.7:5060"]


def test_clear_forgets_all() -> None:
    trace = make_trace("a", "b")
    trace.clear()
    assert (len(trace), trace.size) == (0, 0)


def test_a_request_is_summed_up_by_method_and_target() -> None:
    assert summarise(INVITE) == "INVITE sip:+1555@example.com (SDP)"


def test_a_response_is_summed_up_with_the_method_it_answers() -> None:
    assert summarise(b"SIP/2.0 180 Ringing\r\nCSEQ:  7  INVITE\r\n\r\n") == "180 Ringing to INVITE"


def test_what_is_no_sip_is_summed_up_too() -> None:
    assert summarise(b"\r\n\r\n") == ""
    assert summarise(b"GET / HTTP/1.1\r\n\r\n") == "GET / HTTP/1.1"
    assert len(summarise(b"x" * 60000)) == 300
