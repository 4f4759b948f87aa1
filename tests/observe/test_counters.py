"""Counters of the process."""

from __future__ import annotations

from rustalk.observe.counters import Counters

DAY = 86400.0


def test_the_calls_of_today_begin_anew_at_midnight_utc() -> None:
    counters = Counters()
    counters.call(20 * DAY - 1)
    counters.call(20 * DAY)
    assert (counters.calls, counters.calls_today(20 * DAY + 5), counters.calls_today(21 * DAY)) == (2, 1, 0)


def test_refusals_are_counted_by_reason() -> None:
    counters = Counters()
    for reason in ("no-route", "overload", "no-route"):
        counters.refuse(reason)
    assert counters.refused == {"no-route": 2, "overload": 1}
