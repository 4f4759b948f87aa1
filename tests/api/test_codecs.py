"""Codecs, and the verbs of the seed."""

from __future__ import annotations

import pytest_twisted

from tests.fakes.desk import Desk


@pytest_twisted.ensureDeferred
async def test_a_codec_is_switched_off_by_its_name(desk: Desk) -> None:
    body = (await desk.ask("PUT", "/codecs/update", {"name": "g729", "enabled": False})).json
    assert (body["name"], body["enabled"], body["id"]) == ("G729", False, "G729/8000")
    assert not desk.live.settings.codecs.named("G729")[0].enabled
    assert (await desk.ask("PUT", "/codecs/update", {"name": "nope"})).status == 404


@pytest_twisted.ensureDeferred
async def test_a_codec_is_added_once_and_removed(desk: Desk) -> None:
    new = {"name": "L16", "payload_type": 120, "clock_rate": 16000, "channels": 2, "description": "PCM"}
    made = await desk.ask("POST", "/codecs/add", new)
    assert (made.status, made.json["id"]) == (201, "L16/16000/2")
    assert (await desk.ask("POST", "/codecs/add", new)).status == 409
    assert (await desk.ask("POST", "/codecs/add", {**new, "name": "X", "payload_type": 0})).status == 422
    assert (await desk.ask("POST", "/codecs/remove", {"name": "L16"})).json["success"]
    assert (await desk.ask("GET", "/codecs/L16%2F16000%2F2")).status == 404


@pytest_twisted.ensureDeferred
async def test_a_standard_codec_stays(desk: Desk) -> None:
    for reply in (
        await desk.ask("POST", "/codecs/remove", {"name": "PCMU"}),
        await desk.ask("DELETE", "/codecs/PCMU/8000"),
    ):
        assert (reply.status, reply.json["code"]) == (400, "standard-item")


@pytest_twisted.ensureDeferred
async def test_the_order_is_changed_and_kept(desk: Desk) -> None:
    names = [each["name"] for each in (await desk.ask("GET", "/codecs")).json["codecs"]]
    assert names[:3] == ["PCMU", "PCMA", "G722"]
    assert (await desk.ask("POST", "/codecs/reorder", {"from_index": 2, "to_index": 0})).status == 200
    names = [each["name"] for each in (await desk.ask("GET", "/codecs")).json["codecs"]]
    assert names[:3] == ["G722", "PCMU", "PCMA"]
