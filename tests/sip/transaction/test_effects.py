"""Effects are values."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from rustalk.sip.transaction.effects import Effect, Ended, Failed, Send, StartTimer, StopTimer


def test_effects_can_be_compared() -> None:
    assert [Send(b"x"), StartTimer("A", 0.5), StopTimer("A"), Failed("timeout"), Ended()] == [
        Send(b"x"),
        StartTimer("A", 0.5),
        StopTimer("A"),
        Failed("timeout"),
        Ended(),
    ]
    assert StartTimer("A", 0.5) != StartTimer("A", 1)


@pytest.mark.parametrize("kind", get_args(Effect))
def test_an_effect_is_small_and_cannot_be_changed(kind: type) -> None:
    assert dataclasses.is_dataclass(kind)
    assert not hasattr(kind, "__dict__") or "__slots__" in vars(kind)
    assert kind.__dataclass_params__.frozen
