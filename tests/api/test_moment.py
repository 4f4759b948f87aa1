"""Points in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from rustalk.api.moment import moment


def test_a_moment_is_rfc_3339_in_utc() -> None:
    assert moment(datetime(2026, 11, 22, 8, 15, 30, 123456, UTC)) == "2026-11-22T08:15:30.123Z"


def test_a_moment_of_another_zone_is_turned_to_utc() -> None:
    assert moment(datetime(2026, 1, 1, 1, 0, tzinfo=timezone(timedelta(hours=2)))) == "2025-12-31T23:00:00.000Z"


def test_no_moment_stays_none() -> None:
    assert moment(None) is None
