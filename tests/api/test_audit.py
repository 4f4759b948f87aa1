"""The audit log over HTTP."""

from __future__ import annotations

import pytest_twisted

from tests.fakes.desk import Desk


@pytest_twisted.ensureDeferred
async def test_the_log_comes_newest_first_page_by_page(desk: Desk) -> None:
    """What was just done is in it."""
    for number in range(1001, 1006):
        await desk.ask("POST", "/extensions", {"extension": str(number)})
    await desk.ask("DELETE", "/extensions/1001")
    first = (await desk.ask("GET", "/audit?limit=4")).json
    assert ([each["id"] for each in first["entries"]], first["total"]) == ([6, 5, 4, 3], 6)
    assert first["entries"][0]["action"] == "DELETE /api/v1/extensions/{key}"
    second = (await desk.ask("GET", f"/audit?limit=4&cursor={first['next']}")).json
    assert ([each["id"] for each in second["entries"]], second["next"], second["total"]) == ([2, 1], None, 6)


@pytest_twisted.ensureDeferred
async def test_it_is_filtered_by_who_what_and_where(desk: Desk) -> None:
    await desk.ask("POST", "/extensions", {"extension": "1001"})
    await desk.ask("DELETE", "/extensions/1001")
    found = (await desk.ask("GET", "/audit?target=/api/v1/extensions/1001")).json
    assert ([each["outcome"] for each in found["entries"]], found["total"]) == (["done"], None)
    assert (await desk.ask("GET", "/audit?who=nobody")).json["entries"] == []
