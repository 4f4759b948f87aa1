"""How many things happened lately."""

from __future__ import annotations

from random import Random

from rustalk.pbx.window import Window


def test_what_leaves_the_window_does_not_count() -> None:
    """To the second."""
    window = Window(10)
    window.add(100)
    window.add(105.5)
    assert [window.count(now) for now in (105.5, 110.9, 111, 115.9, 116)] == [2, 2, 1, 1, 0]


def test_when_the_oldest_leaves() -> None:
    """Zero where there is none."""
    window = Window(10)
    assert window.ends() == 0
    window.add(100)
    assert window.ends() == 111


def test_a_long_window_stays_small() -> None:
    """A hundred thousand in a day are taken together."""
    window, random = Window(86400), Random(3)
    for number in range(100_000):
        window.add(number + random.random())
    assert len(window._counts) <= 4097
    assert 86_400 <= window.count(100_000) <= 86_400 + 22


def test_a_clock_that_is_put_back_loses_nothing() -> None:
    """It counts where the clock was before."""
    window = Window(10)
    window.add(100)
    window.add(50)
    assert window.count(100) == 2
