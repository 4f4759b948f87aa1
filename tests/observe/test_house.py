"""The snapshots of phones are values."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime

import pytest

from rustalk.observe.house import BanSnapshot


def test_a_snapshot_stays_as_it_was_taken() -> None:
    ban = BanSnapshot("192.0.2.1", "scanner", datetime.now(UTC), datetime.now(UTC))
    with pytest.raises(FrozenInstanceError):
        ban.reason = "another"
