"""Which gateway next."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from twisted.internet.task import Clock

from rustalk.trunk.choose import Failover, in_order, shared
from rustalk.trunk.gateway import Gateway

FAILOVER = Failover([408, 500, 503, 504, 603])


def make(host: str, priority: int = 0, weight: int = 1, *, down: bool = False) -> Gateway:
    """A gateway."""
    network: Any = type("Network", (), {"id": "carrier", "router": None})()
    gateway = Gateway(network, host, 5060, "UDP", Clock(), priority=priority, weight=weight)
    for _ in range(3 if down else 0):
        gateway.health.failed("x")
    return gateway


def hosts(gateways: list[Gateway]) -> list[str]:
    """Their names."""
    return [gateway.host for gateway in gateways]


def drawing() -> Any:
    """Numbers that go round evenly."""
    numbers = count()
    return lambda n: next(numbers) % n


@pytest.mark.parametrize(
    ("status", "progressed", "moves_on"),
    [
        (0, False, True),
        (503, False, True),
        (408, False, True),
        (0, True, False),
        (503, True, False),
        (486, False, False),
    ],
)
def test_after_which_outcome_the_next_is_tried(status: int, progressed: bool, moves_on: bool) -> None:
    """FO-02, FO-03, FO-04."""
    assert FAILOVER.moves_on(status, progressed) is moves_on


def test_a_declined_call_is_never_offered_again() -> None:
    """FO-03: not even when somebody configures it."""
    assert not FAILOVER.moves_on(603, False)


def test_those_that_are_down_come_last() -> None:
    """FO-01, OPT-04: demoted, not removed."""
    assert hosts(in_order([make("a", down=True), make("b"), make("c")])) == ["b", "c", "a"]


def test_priority_comes_before_weight() -> None:
    """RFC 2782."""
    gateways = [make("c", 1, 100), make("a", 0, 1), make("b", 0, 1)]
    assert hosts(shared(gateways, lambda n: 0)) == ["a", "b", "c"]


@pytest.mark.parametrize(("weights", "share"), [((1, 3), 1 / 4), ((0, 0), 1 / 2), ((0, 1), 0), ((5, 0), 1)])
def test_the_first_is_drawn_by_weight(weights: tuple[int, int], share: float) -> None:
    """RFC 2782: in proportion; without any weight all alike."""
    gateways = [make("a", weight=weights[0]), make("b", weight=weights[1])]
    total = sum(weights) or len(weights)
    firsts = [shared(gateways, lambda n, draw=draw: min(draw, n - 1))[0].host for draw in range(total)]
    assert firsts.count("a") / total == share


def test_all_are_tried() -> None:
    """Nobody is left out or twice in the list."""
    gateways = [make(name, weight=number) for number, name in enumerate("abcd")]
    assert sorted(hosts(shared(gateways, drawing()))) == ["a", "b", "c", "d"]
