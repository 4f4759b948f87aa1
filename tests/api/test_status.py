"""GET /api/v1/status and GET /api/v1/stats."""

from __future__ import annotations

from dataclasses import fields

from rustalk.observe.snapshots import Statistics

from .conftest import Request


def test_status_sums_up_trunks_and_proxies(request_: Request) -> None:
    body = request_("GET", "/api/v1/status").json
    assert (body["ready"], body["active_calls"], body["total_calls"]) == (True, 1, 7)
    assert (body["trunks"]["total"], body["trunks"]["up"], body["trunks"]["down"]) == (2, 1, 1)
    assert body["trunks_not_up"] == {"carrier": "down"}
    assert body["teams"]["proxies"]["sip2.pstnhub.microsoft.com:5061"] == "down"


def test_stats_gives_every_figure_and_null_for_the_unmeasured(request_: Request) -> None:
    body = request_("GET", "/api/v1/stats").json
    assert set(body) == {field.name for field in fields(Statistics)}
    assert (body["total_calls"], body["refused"], body["cpu_usage"]) == (7, {"no-route": 2}, None)
