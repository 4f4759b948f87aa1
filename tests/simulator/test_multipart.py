"""Bodies of several parts."""

from __future__ import annotations

import pytest

from rustalk.simulator.multipart import Part, compose, description, parts
from rustalk.sip.message import Request

SDP = Part((("Content-Type", "application/sdp"),), b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n")
PIDF = Part((("Content-Type", "application/pidf+xml"), ("Content-ID", "<a@b>")), b"<presence>\r\n\r\n\xfc</presence>")


def request(kind: str, body: bytes) -> Request:
    return Request("INVITE", "sip:911@example.test", [("Content-Type", kind)] if kind else [], body)


@pytest.mark.parametrize("order", [[SDP, PIDF], [PIDF, SDP]])
def test_what_is_composed_is_read_again_byte_for_byte(order: list[Part]) -> None:
    """EMG-01."""
    asked = request(*compose(order, "edge"))
    assert parts(asked) == order
    assert description(asked) == SDP.body


def test_a_quoted_boundary_and_a_preamble_are_understood() -> None:
    kind, body = compose([SDP, PIDF], "edge")
    asked = request(kind.replace("edge", '"edge"'), b"to be ignored\r\n" + body)
    assert [one.kind for one in parts(asked)] == ["application/sdp", "application/pidf+xml"]


def test_a_body_without_parts_is_one_part() -> None:
    assert description(request("application/sdp", SDP.body)) == SDP.body
    assert description(request("", SDP.body)) == SDP.body
    assert description(request("application/dtmf-relay", b"Signal=1")) == b""
    assert parts(request("", b"")) == []
