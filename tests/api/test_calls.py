"""/api/v1/calls."""

from __future__ import annotations

from dataclasses import replace

from rustalk.observe.snapshots import CallState, MediaSnapshot, SentSnapshot
from tests.fakes.switch import FakeFlow, FakeSwitch, make_call

from .conftest import Request


def test_a_call_is_shown_with_its_legs_and_what_was_measured(request_: Request) -> None:
    body = request_("GET", "/api/v1/calls/c1").json
    assert (body["from"], body["to"], body["status"]) == ("+15551230001", "+15551230002", "active")
    assert (body["start_time"], body["duration"], body["end_time"]) == ("2026-11-22T08:15:30.123Z", 10.0, None)
    assert [leg["trunk"] for leg in body["legs"]] == ["carrier", "teams"]
    assert body["legs"][0]["media"] == {
        "packets": 50,
        "bytes": 8600,
        "lost": 0,
        "loss_percent": None,
        "reordered": 0,
        "jitter_ms": None,
        "round_trip_ms": None,
        "mos": None,
        "r_factor": None,
        "mos_inputs": None,
        "sent": None,
    }


def test_the_quality_of_both_directions_is_shown(request_: Request, switch: FakeSwitch) -> None:
    """What the leg reports of our audio stands beside what arrived from it."""
    call = switch.known["c1"]
    inputs = {"method": "conversation", "codec": "PCMU", "loss_percent": 1.0}
    sent = SentSnapshot(99, 1, mos=4.2, r_factor=85.3, mos_inputs=inputs)
    heard = MediaSnapshot(50, 8600, round_trip_ms=12.5, sent=sent)
    switch.known["c1"] = replace(call, legs=(replace(call.legs[0], media=heard),))
    media = request_("GET", "/api/v1/calls/c1").json["legs"][0]["media"]
    assert (media["round_trip_ms"], media["mos"]) == (12.5, None)
    assert (media["sent"]["mos"], media["sent"]["r_factor"], media["sent"]["mos_inputs"]) == (4.2, 85.3, inputs)
    assert media.keys() - media["sent"].keys() == {"sent", "bytes", "reordered"}


def test_calls_come_newest_first_page_by_page(request_: Request, switch: FakeSwitch) -> None:
    for number in range(2, 6):
        switch.known[f"c{number}"] = make_call(f"c{number}")
    first = request_("GET", "/api/v1/calls?limit=3").json
    second = request_("GET", f"/api/v1/calls?limit=3&cursor={first['next']}").json
    assert [call["id"] for call in first["calls"] + second["calls"]] == ["c5", "c4", "c3", "c2", "c1"]
    assert (first["total"], second["next"]) == (5, None)


def test_an_impossible_limit_is_refused(request_: Request) -> None:
    reply = request_("GET", "/api/v1/calls?limit=-1")
    assert (reply.status, reply.json["code"]) == (400, "invalid-parameter")


def test_a_call_nobody_knows_is_404(request_: Request) -> None:
    for method, path in (("GET", ""), ("GET", "/trace"), ("DELETE", "")):
        reply = request_(method, f"/api/v1/calls/nope{path}")
        assert (reply.status, reply.json["code"]) == (404, "call-not-found")


def test_deleting_a_call_hangs_it_up(request_: Request, switch: FakeSwitch) -> None:
    reply = request_("DELETE", "/api/v1/calls/c1")
    assert (reply.status, reply.json["success"], switch.known["c1"].state) == (200, True, CallState.ENDED)


def test_a_call_that_is_over_cannot_be_hung_up(request_: Request, switch: FakeSwitch) -> None:
    switch.known["c1"] = make_call(state=CallState.FAILED)
    reply = request_("DELETE", "/api/v1/calls/c1")
    assert (reply.status, reply.json["code"]) == (409, "call-over")


def test_the_trace_tells_leg_direction_peer_and_message(request_: Request, switch: FakeSwitch) -> None:
    switch.log.record(1.5, False, FakeFlow(), b"INVITE sip:a SIP/2.0\r\n\r\n", "a@carrier")
    switch.log.record(2.5, True, FakeFlow("TLS", "52.114.0.1", 5061), b"INVITE sip:b SIP/2.0\r\n\r\n", "b@sbc")
    first, second = request_("GET", "/api/v1/calls/c1/trace").json["messages"]
    assert first == {
        "time": "1970-01-01T00:00:01.500Z",
        "leg": 0,
        "direction": "in",
        "peer": "192.0.2.7:5060",
        "transport": "UDP",
        "summary": "INVITE sip:a",
        "text": "INVITE sip:a SIP/2.0\n\n",
    }
    assert (second["leg"], second["direction"], second["transport"]) == (1, "out", "TLS")


def test_the_trace_holds_no_secret(request_: Request, switch: FakeSwitch) -> None:
    """A40: canaries found = 0."""
    switch.log.record(1.5, False, FakeFlow(), b"X sip:a SIP/2.0\r\nAuthorization: CANARY\r\n\r\n", "a@carrier")
    assert b"CANARY" not in request_("GET", "/api/v1/calls/c1/trace").body


def test_what_the_caller_wrote_arrives_harmless(request_: Request, switch: FakeSwitch) -> None:
    """A30, A29: control characters and stray surrogates of a number become visible text."""
    switch.known["c1"] = replace(switch.known["c1"], caller="\x1b[2J\udcff", called="<script>")
    body = request_("GET", "/api/v1/calls/c1").json
    assert (body["from"], body["to"]) == ("\\x1b[2J\\xff", "<script>")
