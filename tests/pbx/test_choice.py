"""In which order the destinations of a set are tried."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from rustalk.config.model import RouteTarget
from rustalk.pbx.choice import by_hash, by_order, by_weight

RANDOM = Random(1)


def item(value: str, **keys: Any) -> RouteTarget:
    """A trunk in a set."""
    return RouteTarget(type="Trunk", value=value, **keys)


def test_the_lowest_order_is_first_and_equal_ones_stay_as_listed() -> None:
    """Whatever their weight."""
    items = item("a", order=2, weight=9), item("b", order=1), item("c", order=1)
    assert [each.value for each in by_order(items)] == ["b", "c", "a"]


def test_twice_the_weight_is_first_twice_as_often() -> None:
    """And without any weight only after all the others."""
    items = item("a", weight=2), item("b", weight=1), item("none", weight=0)
    drawn = [[each.value for each in by_weight(items, RANDOM.randrange)] for _ in range(3000)]
    first = Counter(each[0] for each in drawn)
    assert 1850 < first["a"] < 2150
    assert {each[2] for each in drawn} == {"none"}


def test_one_key_always_has_the_same_order() -> None:
    """By weight, too; and when one is taken away the others keep theirs."""
    items = item("a", weight=2), item("b", weight=1), item("c", weight=0)
    keys = [str(number) for number in range(3000)]
    orders = {key: [each.value for each in by_hash(items, key)] for key in keys}
    assert 1850 < sum(order[0] == "a" for order in orders.values()) < 2150
    assert all(order[2] == "c" for order in orders.values())
    left = {key: [each.value for each in by_hash((items[0], items[2]), key)] for key in keys}
    assert all([name for name in orders[key] if name != "b"] == left[key] for key in keys)


def test_the_order_of_a_key_is_the_same_on_every_machine() -> None:
    """Written down once: two nodes must agree."""
    items = item("a"), item("b"), item("c")
    assert [by_hash(items, key)[0].value for key in ("+4930", "+4940", "1001", "")] == ["b", "b", "a", "c"]
