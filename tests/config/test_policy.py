"""The section of the policies."""

from __future__ import annotations

import datetime
from decimal import Decimal

from rustalk.config.policy import Policy, SpendLimit, TimeWindow
from tests.config.findings import paths


def test_a_policy_limits_nothing_by_itself() -> None:
    """Each limit is one that somebody set; calls are counted by caller."""
    policy = Policy()
    assert policy.frequency_limit is policy.daily_limit is policy.concurrency is policy.time_window is None
    assert (policy.by, policy.timezone, policy.enabled) == ("caller", "UTC", True)


def test_a_window_is_every_day_and_a_ceiling_in_dollars_unless_said() -> None:
    """Both have the rest of their keys required."""
    assert TimeWindow(start=datetime.time(8), end=datetime.time(18)).days == (1, 2, 3, 4, 5, 6, 7)
    assert SpendLimit(per_day=Decimal(5)).currency == "USD"


def test_limits_have_sensible_ranges() -> None:
    """Where a value is out of range its place is named."""
    limits = {
        "id": "a",
        "frequency_limit": {"count": -1, "window_hours": 0},
        "daily_limit": {"count": 1.5},
        "concurrency": {"max_total": -1},
        "time_window": {"start": "8", "end": "18:00", "timezone": "Mars"},
        "denied_countries": ["XX"],
        "spend_limit": {"per_day": "-1", "currency": "EURO"},
    }
    assert [path.removeprefix("$.policies[0].") for path in paths(policies=[limits])] == [
        "concurrency.max_total",
        "daily_limit.count",
        "denied_countries[0]",
        "frequency_limit.count",
        "frequency_limit.window_hours",
        "spend_limit.currency",
        "spend_limit.per_day",
        "time_window.start",
        "time_window.timezone",
    ]
