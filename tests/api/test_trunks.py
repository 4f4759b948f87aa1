"""Trunks: their configuration and their health in one list."""

from __future__ import annotations

import pytest_twisted

from tests.fakes.desk import Desk

from .conftest import Request


def test_trunks_tell_their_health_and_why(request_: Request) -> None:
    body = request_("GET", "/api/v1/trunks").json
    carrier = body["trunks"][0]
    assert (body["total"], carrier["state"], carrier["why"]) == (2, "down", "3 OPTIONS went unanswered")
    assert carrier["targets"][0]["host"] == "192.0.2.7"


@pytest_twisted.ensureDeferred
async def test_a_trunk_shows_what_is_configured_and_how_it_is(desk: Desk) -> None:
    """What was shown can be sent back: the health in it is not looked at."""
    made = await desk.ask(
        "POST", "/trunks", {"id": "carrier", "host": "192.0.2.7", "username": "u", "password": "CANARY-1"}
    )
    assert (made.json["host"], made.json["state"]) == ("192.0.2.7", "down")
    assert (await desk.ask("PUT", "/trunks/carrier", {**made.json, "priority": 3})).json["priority"] == 3
    assert desk.live.settings.trunks[0].password.reveal() == "CANARY-1"
    listed = await desk.ask("GET", "/trunks")
    assert [(each["id"], each["state"]) for each in listed.json["trunks"]] == [("carrier", "down"), ("teams", "up")]
    assert (listed.json["total"], b"CANARY" in listed.body) == (2, False)


@pytest_twisted.ensureDeferred
async def test_a_trunk_that_the_switch_does_not_know_yet_is_unknown(desk: Desk) -> None:
    await desk.ask("POST", "/trunks", {"id": "new", "host": "192.0.2.8"})
    assert (await desk.ask("GET", "/trunks/new")).json["state"] == "unknown"
    assert (await desk.ask("GET", "/trunks?host=192.0.2.8")).json["total"] == 1
