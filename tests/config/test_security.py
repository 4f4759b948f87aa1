"""The section of the protection."""

from __future__ import annotations

from rustalk.config.security import Security
from tests.config.findings import paths


def test_strangers_are_banned_after_ten_failures_for_ten_minutes() -> None:
    """On without being asked for; who is unknown gets what `sip.unknown_sources` says."""
    security = Security()
    assert (security.ban_after, security.ban_window, security.ban_seconds) == (10, 600, 600)
    assert (security.never_ban, security.unknown_sources) == ((), "")
    assert security.flood.per_second > 0


def test_networks_are_networks_and_answers_are_words() -> None:
    """The status is a text, like the word for silence."""
    found = paths(security={"never_ban": ["10.0.0.1/8"], "unknown_sources": 403, "flood": {"burst": 0}})
    assert found == ["$.security.flood.burst", "$.security.never_ban[0]", "$.security.unknown_sources"]
    assert paths(security={"unknown_sources": "403"}) == []
