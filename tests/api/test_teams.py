"""GET /api/v1/teams/status."""

from __future__ import annotations

from .conftest import Request


def test_the_status_of_teams_has_the_agreed_shape(request_: Request) -> None:
    assert request_("GET", "/api/v1/teams/status").json == {
        "enabled": True,
        "config": {"sbc_fqdn": "sbc.example.com"},
        "health_status": [
            {
                "proxy": "sip.pstnhub.microsoft.com:5061",
                "status": "healthy",
                "last_check": "2026-11-22T08:15:30.123Z",
                "response_time_ms": 12.5,
                "error": None,
            },
            {
                "proxy": "sip2.pstnhub.microsoft.com:5061",
                "status": "down",
                "last_check": "2026-11-22T08:15:30.123Z",
                "response_time_ms": None,
                "error": "connection refused",
            },
        ],
        "total_calls": 3,
        "active_calls": 1,
    }
