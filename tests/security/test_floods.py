"""A rate for each source, before anything of it is parsed."""

from __future__ import annotations

from rustalk.config.security import Flood
from rustalk.security.floods import Floods


def passed(floods: Floods, count: int, now: float, source: str = "a") -> int:
    """How many of so many messages pass at one moment."""
    return sum(floods.take(source, now) for _ in range(count))


def test_a_burst_passes_and_then_the_rate() -> None:
    """A6: of 1000 at once 50 pass, and ten more in each second."""
    floods = Floods(Flood(per_second=10, burst=50))
    assert passed(floods, 1000, 0.0) == 50
    assert passed(floods, 1000, 1.0) == 10
    assert passed(floods, 1000, 3.0) == 20
    assert passed(floods, 1000, 1000.0) == 50


def test_each_source_has_its_own() -> None:
    """A6: who keeps within the rate does not feel the flood of another."""
    floods = Floods(Flood(per_second=10, burst=10))
    passed(floods, 1000, 0.0, "attacker")
    assert passed(floods, 10, 0.0, "canary") == 10


def test_without_a_rate_everything_passes() -> None:
    """Negative control: 0 is no limit, and nothing is remembered."""
    floods = Floods(Flood(per_second=0, burst=1))
    assert passed(floods, 1000, 0.0) == 1000
    assert len(floods) == 0


def test_a_flood_goes_on_when_as_much_again_has_come() -> None:
    """One burst too many is lost without further ado; the second one in a row tells an attacker."""
    floods = Floods(Flood(per_second=10, burst=50))
    passed(floods, 99, 0.0)
    assert not floods.goes_on("a")
    passed(floods, 1, 0.0)
    assert floods.goes_on("a")
    assert not floods.goes_on("b")


def test_who_pauses_begins_again() -> None:
    """What came beyond the rate is forgiven once there is half a burst to spare."""
    floods = Floods(Flood(per_second=10, burst=50))
    passed(floods, 99, 0.0)
    passed(floods, 1, 10.0)
    passed(floods, 98, 10.0)
    assert not floods.goes_on("a")


def test_memory_is_bounded() -> None:
    """A6: the source heard least recently is forgotten."""
    floods = Floods(Flood(per_second=1, burst=1), most=10)
    for n in range(1000):
        floods.take(str(n), 0.0)
    assert len(floods) == 10
    assert not floods.take("999", 0.0)
    assert floods.take("0", 0.0)


def test_a_new_rate_holds_at_once() -> None:
    """Nobody keeps more than the new burst, nor is banned for what came under the old one."""
    floods = Floods(Flood(per_second=10, burst=50))
    passed(floods, 20, 0.0)
    floods.use(Flood(per_second=5, burst=5))
    assert passed(floods, 100, 0.0) == 5


def test_a_clock_that_is_put_back_gives_nothing_away() -> None:
    """F-06: nor does anybody wait until it is as late again as it was."""
    floods = Floods(Flood(per_second=10, burst=10))
    passed(floods, 10, 100.0)
    assert passed(floods, 10, 50.0) == 0
    assert passed(floods, 10, 50.5) == 5
