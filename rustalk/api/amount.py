"""Amounts in JSON."""

from __future__ import annotations

import json
from decimal import Decimal

__all__ = ["amount"]


def amount(value: Decimal | None) -> float | int | None:
    """An amount as the number whose shortest decimal text is exact; None stays None."""
    if value is None:
        return None
    number: float | int = json.loads(f"{value:f}")
    return number
