"""Amounts in JSON."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from rustalk.api.amount import amount


@pytest.mark.parametrize("text", ["0.35", "11.8286", "0.000001", "7", "123456789.25"])
def test_the_text_of_an_amount_is_exact(text: str) -> None:
    assert Decimal(json.dumps(amount(Decimal(text)))) == Decimal(text)


def test_no_amount_is_not_0() -> None:
    assert amount(None) is None
