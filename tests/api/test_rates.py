"""Rate cards: what a call costs, and tables of them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import pytest_twisted

from tests.fakes.desk import Desk

SEED = {
    "id": "uk-mobile",
    "prefix": "4477",
    "rate_per_minute": 0.15,
    "connection_fee": "0.05",
    "minimum_charge_seconds": 30,
    "billing_increment_seconds": 6,
    "currency": "GBP",
}


@pytest_twisted.ensureDeferred
async def test_the_example_of_the_seed_costs_0_35(desk: Desk) -> None:
    assert (await desk.ask("POST", "/rates", SEED)).json["rate_per_minute"] == "0.15"
    question = {"number": "447700900123", "duration_seconds": 120, "answered": True, "at": "2026-11-22T08:15:30Z"}
    body = (await desk.ask("POST", "/rates/quote", question)).json
    assert (body["cost"], body["currency"], body["rate_card"]) == (0.35, "GBP", "uk-mobile")
    assert [item["amount"] for item in body["charge_breakdown"]] == [0.05, 0.3]
    unanswered = (await desk.ask("POST", "/rates/quote", {**question, "answered": False})).json
    assert (unanswered["cost"], unanswered["status"]) == (0, "unanswered")
    unknown = (await desk.ask("POST", "/rates/quote", {**question, "number": "+1"})).json
    assert (unknown["cost"], unknown["status"]) == (None, "unrated")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"number": 4}, "$.number"),
        ({"duration_seconds": -1}, "$.duration_seconds"),
        ({"duration_seconds": "1"}, "$.duration_seconds"),
        ({"answered": "yes"}, "$.answered"),
        ({"at": "soon"}, "$.at"),
        ({"nonsense": 1}, "$.nonsense"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_cannot_be_rated_is_told(desk: Desk, change: dict[str, Any], path: str) -> None:
    reply = await desk.ask("POST", "/rates/quote", {"number": "1", "duration_seconds": 1, **change})
    assert (reply.status, reply.json["errors"][0]["path"]) == (422, path)


TABLE = """\
id,name,prefix,rate_per_minute,billing_increment_seconds,active
uk,UK,44,0.02,60,true
,Spain mobile,346,0.1,1,no
"""


@pytest.mark.parametrize("encode", [str, lambda text: base64.b64encode(text.encode()).decode()])
@pytest_twisted.ensureDeferred
async def test_a_table_is_taken_in_raw_or_as_base64(desk: Desk, encode: Any) -> None:
    body = (await desk.ask("POST", "/rates/import", {"format": "csv", "data": encode(TABLE)})).json
    assert body == {"success": True, "imported_count": 2, "errors": []}
    uk, spain = desk.live.settings.rates
    assert (uk.id, uk.billing_increment_seconds, spain.id, spain.active) == ("uk", 60, "spain-mobile", False)


@pytest_twisted.ensureDeferred
async def test_a_list_is_taken_in_and_replaces_only_when_told(desk: Desk) -> None:
    data = json.dumps([SEED, {"prefix": "33", "rate_per_minute": "1"}, {"id": "x", "rate_per_minute": "y"}])
    body = (await desk.ask("POST", "/rates/import", {"format": "json", "data": data})).json
    assert (body["success"], body["imported_count"]) == (False, 2)
    assert [(error["line"], error["field"]) for error in body["errors"]] == [(3, "rate_per_minute")]
    again = {"format": "json", "data": json.dumps([{**SEED, "rate_per_minute": "9"}])}
    assert (await desk.ask("POST", "/rates/import", again)).json["imported_count"] == 0
    assert (await desk.ask("POST", "/rates/import", {**again, "overwrite": True})).json["imported_count"] == 1
    assert str(desk.live.settings.rates[0].rate_per_minute) == "9"


@pytest_twisted.ensureDeferred
async def test_a_table_is_tried_without_taking_it(desk: Desk) -> None:
    body = (await desk.ask("POST", "/rates/import?dry_run=true", {"format": "csv", "data": TABLE})).json
    assert (body["imported_count"], desk.live.settings.rates) == (2, ())


@pytest.mark.parametrize(
    "body",
    [
        {"format": "xml", "data": ""},
        {"format": "csv"},
        {"format": "json", "data": "{"},
        {"format": "json", "data": "[1]"},
        {"format": "csv", "data": "%%%"},
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_is_no_table_is_refused(desk: Desk, body: dict[str, Any]) -> None:
    assert (await desk.ask("POST", "/rates/import", body)).status == 400
