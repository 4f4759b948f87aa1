"""Bills of the calls of a filter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_twisted

from rustalk.api import bills
from rustalk.observe.snapshots import CallState
from rustalk.store.journal import Entry
from rustalk.store.record import record_of
from rustalk.store.records import insert
from tests.fakes.desk import Desk
from tests.fakes.switch import make_call

TEMPLATE = {
    "id": "standard",
    "included_minutes": 10,
    "overage_rate_per_minute": "0.02",
    "setup_fee": "9.90",
    "tax_percent": "19",
}
NOVEMBER = datetime(2026, 11, 3, tzinfo=UTC)


def call(id: str, began: datetime, seconds: int | None, to: str = "carrier") -> Entry:
    """The record of a call to a trunk or extension; ``seconds`` None: without an answer."""
    made = make_call(
        id,
        CallState.FAILED if seconds is None else CallState.ENDED,
        started=began,
        answered=None if seconds is None else began,
        ended=began + timedelta(seconds=seconds or 9),
        source_trunk="extension:1001",
        destination_trunk=to,
    )
    return Entry(id, record_of(made))


@pytest.fixture
def billed(desk: Desk) -> Desk:
    """An API with a template and the calls of two months, some of which nobody pays for."""
    day = timedelta(days=1)
    entries = [
        call("first", NOVEMBER, 61),
        call("second", NOVEMBER + day, 580),
        call("lost", NOVEMBER + 2 * day, None),
        call("inside", NOVEMBER + 3 * day, 6000, "extension:1002"),
        call("teams", NOVEMBER + 4 * day, 6000, "teams"),
        call("node", NOVEMBER + 5 * day, 6000, "node:b"),
        call("december", NOVEMBER + 40 * day, 601, "other"),
    ]
    pytest_twisted.blockon(desk.store.database.run(lambda session: insert(session, entries)))
    return desk


async def ask(desk: Desk, query: str) -> Any:
    """Make the template, and ask for its bills."""
    await desk.ask("POST", "/bill-templates", TEMPLATE)
    return await desk.ask("GET", f"/bill-templates/standard/bills?{query}")


@pytest_twisted.ensureDeferred
async def test_each_period_has_its_bill(billed: Desk) -> None:
    """The example of docs/records.md; only what went to a provider counts."""
    body = (await ask(billed, "start_date=2026-11-01&end_date=2027-01-31")).json
    told = [(each["start_date"][:7], each["total_calls"], each["subtotal"], each["tax"]) for each in body["bills"]]
    assert told == [("2026-11", 3, 9.94, 1.8886), ("2026-12", 1, 9.92, 1.8848), ("2027-01", 0, 9.9, 1.881)]
    assert (body["bills"][0]["total"], body["total"], body["next"]) == (11.8286, 3, None)
    assert body["bills"][2]["included_minutes_left"] == 10


@pytest_twisted.ensureDeferred
async def test_the_filter_is_that_of_the_call_logs(billed: Desk) -> None:
    query = "start_date=2026-11-01&end_date=2026-12-31&calls=true"
    lines = [each["calls"] for each in (await ask(billed, f"{query}&trunk=carrier")).json["bills"]]
    assert [[(each["id"], each["status"], each["amount"]) for each in some] for some in lines] == [
        [("first", "included", 0.0), ("second", "charged", 0.04), ("lost", "zero-duration", 0.0)],
        [],
    ]
    assert "calls" not in (await ask(billed, "start_date=2026-11-01")).json["bills"][0]
    assert (await ask(billed, "extension=1009&start_date=2026-11-01&end_date=2026-11-30")).json["bills"][0]["total"] > 9


@pytest_twisted.ensureDeferred
async def test_without_dates_it_is_the_period_of_this_moment(billed: Desk) -> None:
    (one,) = (await ask(billed, "")).json["bills"]
    assert one["start_date"] <= datetime.now(UTC).isoformat() < one["end_date"]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("end_date=2026-11-30", "?start_date"),
        ("start_date=2026-11-30&end_date=2026-11-01", "?end_date"),
        ("start_date=1971-01-01&end_date=2026-11-01", "?end_date"),
        ("start_date=9999-12-01&end_date=9999-12-30", "?start_date"),
        ("start_date=0001-01-01&end_date=0001-01-02", "?start_date"),
        ("start_date=9999-12-01&end_date=9999-12-31", "?end_date"),
        ("start_date=soon", "?start_date"),
        ("calls=maybe", "?calls"),
        ("status=nope", "?status"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_cannot_be_billed_is_told_with_its_place(desk: Desk, query: str, place: str) -> None:
    reply = await ask(desk, query)
    assert (reply.status, reply.json["errors"][0]["path"]) == (400, place)


@pytest_twisted.ensureDeferred
async def test_there_is_a_bound(billed: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bills, "MOST_CALLS", 2)
    reply = await ask(billed, "start_date=2026-11-01&end_date=2026-12-31")
    assert (reply.status, "at most 2 calls" in reply.json["detail"]) == (400, True)
    assert (await billed.ask("GET", "/bill-templates/other/bills")).status == 404
