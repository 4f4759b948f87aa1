"""The lettered timers."""

from __future__ import annotations

import pytest

from rustalk.sip.timers import Timers


@pytest.mark.parametrize(
    ("letter", "udp", "tcp"),
    [
        ("A", 0.5, 0),
        ("B", 32, 32),
        ("D", 32, 0),
        ("E", 0.5, 0),
        ("F", 32, 32),
        ("G", 0.5, 0),
        ("H", 32, 32),
        ("I", 5, 0),
        ("J", 32, 0),
        ("K", 5, 0),
        ("L", 32, 32),
        ("M", 32, 32),
    ],
)
def test_the_table_of_the_rfc(letter: str, udp: float, tcp: float) -> None:
    """RFC 3261 table 4; L and M from RFC 6026."""
    assert (Timers().on(False)[letter], Timers().on(True)[letter]) == (udp, tcp)


def test_a_longer_round_trip_stretches_what_is_made_of_it() -> None:
    timers = Timers(t1=1.0, t4=7.0)
    assert (timers.unreliable["A"], timers.unreliable["B"], timers.unreliable["I"]) == (1.0, 64.0, 7.0)


def test_equal_timers_are_equal() -> None:
    assert Timers() == Timers(0.5, 4, 5)
    assert Timers() != Timers(t1=1)
