"""Limits on calls against fraud and mistakes: the section policies."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from rustalk.config import formats
from rustalk.config.about import about

__all__ = [
    "POLICY",
    "By",
    "Concurrency",
    "DailyLimit",
    "FrequencyLimit",
    "Policy",
    "SpendLimit",
    "TimeWindow",
]

By = Literal["caller", "callee", "pair", "trunk"]

POLICY = "Limits on these calls: the id of one of `policies`, or an object like one. Empty: none."
"""The meaning of the key policy."""

_MOST = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FrequencyLimit:
    """So many calls in a sliding window."""

    count: int = field(metadata=about("Calls in the window at most.", example=20, low=0, high=_MOST))
    window_hours: float = field(metadata=about("Length of the window.", unit="hours", example=1, low=0.001, high=8784))


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyLimit:
    """So many calls a day."""

    count: int = field(metadata=about("Calls in one day of `timezone` at most.", example=200, low=0, high=_MOST))


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency:
    """So many calls at the same time."""

    max_total: int = field(
        default=0, metadata=about("All calls under the policy together. 0: no limit.", example=100, low=0, high=_MOST)
    )
    max_per_account: int = field(
        default=0,
        metadata=about("Calls of one account, as `by` tells them apart. 0: no limit.", example=2, low=0, high=_MOST),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeWindow:
    """Hours of the day, both ends included to the second; the span may cross midnight."""

    start: datetime.time = field(metadata=about("First second.", example="08:00"))
    end: datetime.time = field(metadata=about("Last second.", example="18:00"))
    timezone: str = field(
        default="UTC",
        metadata=about("Time zone of `start`, `end` and `days`.", example="Europe/Berlin", check=formats.timezone),
    )
    days: tuple[int, ...] = field(
        default=(1, 2, 3, 4, 5, 6, 7),
        metadata=about(
            "Days on which a span begins, 1 is Monday and 7 Sunday.", example=[1, 2, 3, 4, 5], low=1, high=7
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendLimit:
    """So much money a day."""

    per_day: Decimal = field(
        metadata=about("Cost of the calls of one day of `timezone` at most.", example="50.00", low=0, high=_MOST)
    )
    currency: str = field(
        default="USD", metadata=about("Currency (ISO 4217); that of the rate cards.", check=formats.currency)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Limits that a route, a trunk or an extension names. A call is refused by the first limit that it would break."""

    id: str = field(
        default="",
        metadata=about(
            "Name by which others refer to the policy. Needed in `policies`.",
            example="office",
            check=formats.identifier,
        ),
    )
    name: str = field(default="", metadata=about("Name to show. Empty: the id.", example="Office phones"))
    description: str = field(default="", metadata=about("Free text."))
    by: By = field(
        default="caller",
        metadata=about(
            "Whose calls are counted together: those of one `caller`, to one `callee`, of one `pair` of both, or of "
            "one `trunk`."
        ),
    )
    timezone: str = field(
        default="UTC",
        metadata=about(
            "Time zone in which the days of `daily_limit` and `spend_limit` begin.",
            example="Europe/Berlin",
            check=formats.timezone,
        ),
    )
    frequency_limit: FrequencyLimit | None = field(default=None, metadata=about("Calls in a sliding window."))
    daily_limit: DailyLimit | None = field(default=None, metadata=about("Calls a day."))
    concurrency: Concurrency | None = field(default=None, metadata=about("Calls at the same time."))
    time_window: TimeWindow | None = field(default=None, metadata=about("When calls are allowed. null: always."))
    allowed_countries: tuple[str, ...] = field(
        default=(),
        metadata=about(
            "Countries that may be called, by the country of the called number. Empty: all that are not denied.",
            example=["DE", "AT"],
            check=formats.country,
        ),
    )
    denied_countries: tuple[str, ...] = field(
        default=(), metadata=about("Countries that may not be called.", example=["SO"], check=formats.country)
    )
    spend_limit: SpendLimit | None = field(default=None, metadata=about("Money a day, as the rate cards say."))
    enabled: bool = field(default=True, metadata=about("Whether the limits hold."))
