"""Call records over HTTP."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from rustalk.observe.snapshots import CallState
from rustalk.store.journal import Entry
from rustalk.store.record import record_of
from rustalk.store.records import insert
from tests.fakes.desk import Desk
from tests.fakes.switch import START, make_call


@pytest.fixture
def logs(desk: Desk) -> Desk:
    """An API with records of seven calls, a day apart, of which every second one failed."""
    calls = [
        make_call(
            f"call-{number}",
            CallState.FAILED if number % 2 else CallState.ENDED,
            caller="=1+1" if number == 6 else f"+1555123000{number}",
            started=START + timedelta(days=number),
            answered=None if number % 2 else START + timedelta(days=number, seconds=2),
            ended=START + timedelta(days=number, seconds=62),
        )
        for number in range(7)
    ]
    entries = [Entry(call.id, record_of(call)) for call in calls]
    pytest_twisted.blockon(desk.store.database.run(lambda session: insert(session, entries)))
    return desk


def ids(body: dict[str, Any]) -> list[str]:
    """Which calls are told."""
    return [log["id"] for log in body["logs"]]


@pytest_twisted.ensureDeferred
async def test_records_come_newest_first_page_by_page(logs: Desk) -> None:
    first = (await logs.ask("GET", "/call-logs?limit=4")).json
    assert (ids(first), first["total"], first["total_exact"]) == ([f"call-{n}" for n in (6, 5, 4, 3)], 7, True)
    second = (await logs.ask("GET", f"/call-logs?limit=4&cursor={first['next']}")).json
    assert (ids(second), second["next"]) == (["call-2", "call-1", "call-0"], None)
    third = (await logs.ask("GET", "/call-logs?page=3&per_page=2")).json
    assert (ids(third), third["page"], third["per_page"]) == (["call-2", "call-1"], 3, 2)
    assert ids((await logs.ask("GET", "/call-logs?page=9&per_page=2")).json) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=failed", (5, 3, 1)),
        ("start_date=2026-11-27", (6, 5)),
        ("end_date=2026-11-23", (1, 0)),
        ("end_date=2026-11-23T08:15:30.123Z", (0,)),
        ("start_date=2026-11-23T00:00:00%2B00:00&end_date=2026-11-24", (2, 1)),
        ("number=15551230003", (3,)),
        ("trunk=carrier&min_duration=1", (6, 4, 2, 0)),
        ("q=CALL-4", (4,)),
    ],
)
@pytest_twisted.ensureDeferred
async def test_records_are_filtered(logs: Desk, query: str, expected: tuple[int, ...]) -> None:
    """A day as the end of a span is within it."""
    assert ids((await logs.ask("GET", f"/call-logs?{query}")).json) == [f"call-{number}" for number in expected]


@pytest.mark.parametrize(
    "query",
    [
        "cursor=zz",
        "limit=0",
        "page=0",
        "start_date=soon",
        "end_date=2026-13-01",
        "min_duration=-1",
        "min_duration=nan",
        "min_duration=inf",
        "status=nope",
        "sort=1;DROP TABLE call_records",
        "status=" + "x" * 300,
        "number=%00",
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_cannot_be_asked_is_refused(logs: Desk, query: str) -> None:
    """A28: and no character of a parameter is ever SQL."""
    reply = await logs.ask("GET", f"/call-logs?{query.replace(' ', '%20')}")
    assert (reply.status, reply.json["code"]) == (400, "invalid-parameter")


@pytest_twisted.ensureDeferred
async def test_a_cursor_of_another_filter_is_refused(logs: Desk) -> None:
    cursor = (await logs.ask("GET", "/call-logs?limit=1")).json["next"]
    assert (await logs.ask("GET", f"/call-logs?limit=1&status=failed&cursor={cursor}")).status == 400


@pytest_twisted.ensureDeferred
async def test_one_record_tells_its_legs(logs: Desk) -> None:
    body = (await logs.ask("GET", "/call-logs/call-2")).json
    assert (body["sip_call_id"], [leg["trunk"] for leg in body["legs"]]) == ("a@carrier", ["carrier", "teams"])
    assert (await logs.ask("GET", "/call-logs/nope")).status == 404


@pytest_twisted.ensureDeferred
async def test_the_whole_filter_is_exported(logs: Desk) -> None:
    """A29: and no cell of it is a formula."""
    reply = await logs.ask("POST", "/call-logs/export", {"format": "csv", "status": "ended"})
    assert reply.headers["content-disposition"] == 'attachment; filename="call-logs.csv"'
    rows = list(csv.DictReader(io.StringIO(reply.body.decode())))
    assert [row["id"] for row in rows] == ["call-6", "call-4", "call-2", "call-0"]
    assert rows[0]["from_user"] == "'=1+1"
    shown = json.loads((await logs.ask("POST", "/call-logs/export", {"format": "json"})).body)
    assert len(shown) == 7
    assert "cost" not in shown[0]
    charged = await logs.ask("POST", "/call-logs/export", {"format": "json", "include_charges": True})
    assert "charge_breakdown" in json.loads(charged.body)[0]
    assert (await logs.ask("POST", "/call-logs/export", {"format": "pdf"})).body.startswith(b"%PDF-")


@pytest.mark.parametrize(
    "body",
    [{}, {"format": "xml"}, {"format": "csv", "include_charges": 1}, {"format": "csv", "x": 1}, {"format": ["csv"]}],
)
@pytest_twisted.ensureDeferred
async def test_what_cannot_be_exported_is_told(logs: Desk, body: dict[str, Any]) -> None:
    assert (await logs.ask("POST", "/call-logs/export", body)).status == 400


@pytest_twisted.ensureDeferred
async def test_without_the_database_the_api_says_so(logs: Desk) -> None:
    """F-09: what needs no database goes on."""
    await Deferred.fromCoroutine(_close(logs))
    reply = await logs.ask("GET", "/call-logs")
    assert (reply.status, reply.json["code"], reply.headers["retry-after"]) == (503, "database-down", "5")
    assert (await logs.ask("GET", "/calls")).status == 200


async def _close(desk: Desk) -> None:
    await desk.store.database.close()
