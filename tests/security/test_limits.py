"""Token buckets on a clock that is handed in."""

from __future__ import annotations

import math

from rustalk.security.limits import TokenBucket


def test_a_burst_passes_and_then_the_rate() -> None:
    """Two at once, then two a second."""
    bucket = TokenBucket(rate=2, burst=2, now=100)
    assert [bucket.take(100) for _ in range(3)] == [True, True, False]
    assert bucket.wait(100) == 0.5
    assert [bucket.take(100.5), bucket.take(100.5)] == [True, False]


def test_the_bucket_holds_no_more_than_its_burst() -> None:
    """A quiet night saves nothing up."""
    bucket = TokenBucket(rate=10, burst=3, now=0)
    assert sum(bucket.take(1e6) for _ in range(10)) == 3


def test_a_thousand_seconds_of_flood_pass_exactly_the_rate() -> None:
    """A6: what passes in a flood does not depend on how hard it is."""
    bucket = TokenBucket(rate=5, burst=5, now=0)
    assert sum(bucket.take(tick / 100) for tick in range(100_001)) in range(5004, 5006)


def test_a_clock_that_steps_back_gives_nothing_away() -> None:
    """F-06: neither tokens for free nor a wait for the lost time."""
    bucket = TokenBucket(rate=1, burst=1, now=1000)
    assert bucket.take(1000)
    assert not bucket.take(0)
    assert not bucket.take(0.5)
    assert bucket.take(1)


def test_rate_zero_gives_the_burst_alone_and_infinity_everything() -> None:
    """The two ends of the scale."""
    shut = TokenBucket(rate=0, burst=0, now=0)
    assert not shut.take(1e9)
    assert shut.wait(1e9) == math.inf
    open_ = TokenBucket(rate=math.inf, burst=1, now=0)
    assert all(open_.take(0) for _ in range(1000))
    assert open_.wait(0) == 0
