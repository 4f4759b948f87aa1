"""How many calls a trunk takes, and how fast."""

from __future__ import annotations

from twisted.internet.task import Clock

from rustalk.trunk.limit import Limit


def test_no_limit() -> None:
    """0 and 0."""
    limit = Limit(0, 0.0, Clock().seconds)
    assert [limit.admit() for _ in range(100)] == [""] * 100


def test_a_full_trunk_takes_the_next_call_when_one_is_over() -> None:
    """FO-09: calls from the trunk take a place too."""
    limit = Limit(2, 0.0, Clock().seconds)
    limit.take()
    assert [limit.admit(), limit.admit()] == ["", "trunk_full"]
    limit.release()
    assert (limit.admit(), limit.calls) == ("", 2)


def test_calls_a_second() -> None:
    """A burst of one second's worth, then as they come in; what was refused counts nowhere."""
    clock = Clock()
    limit = Limit(0, 2.0, clock.seconds)
    assert [limit.admit() for _ in range(3)] == ["", "", "trunk_too_fast"]
    clock.advance(0.5)
    assert [limit.admit(), limit.admit()] == ["", "trunk_too_fast"]
    assert limit.calls == 3


def test_who_only_asks_takes_no_place() -> None:
    """As often as it likes."""
    clock = Clock()
    limit = Limit(2, 1.0, clock.seconds)
    assert [limit.refusal() for _ in range(3)] == ["", "", ""]
    assert (limit.admit(), limit.refusal()) == ("", "trunk_too_fast")
    clock.advance(1)
    assert (limit.refusal(), limit.admit(), limit.refusal()) == ("", "", "trunk_full")


def test_a_full_trunk_spends_no_rate() -> None:
    """Or it would be too fast once there is a place."""
    limit = Limit(1, 1.0, Clock().seconds)
    limit.take()
    assert limit.admit() == "trunk_full"
    limit.release()
    assert limit.admit() == ""
