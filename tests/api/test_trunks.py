"""GET /api/v1/trunks."""

from __future__ import annotations

from .conftest import Request


def test_a_trunk_tells_its_state_why_and_since_when(request_: Request) -> None:
    body = request_("GET", "/api/v1/trunks").json
    carrier = body["trunks"][0]
    assert (body["total"], carrier["id"], carrier["state"]) == (2, "carrier", "down")
    assert (carrier["why"], carrier["since"]) == ("3 OPTIONS went unanswered", "2026-11-22T08:15:30.123Z")
    assert (carrier["targets"][0]["host"], carrier["targets"][0]["state"]) == ("192.0.2.7", "down")
