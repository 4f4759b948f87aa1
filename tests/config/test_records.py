"""The section of call records."""

from __future__ import annotations

import pytest

from rustalk.config.records import Records
from tests.config.findings import paths


def test_records_are_kept_for_ever_unless_it_is_said() -> None:
    """Nobody loses a record by an update."""
    assert Records().keep_days == 0
    assert paths(records={"keep_days": 365}) == []


@pytest.mark.parametrize("days", [-1, 0.5, "30", 36501])
def test_days_are_whole_and_not_negative(days: object) -> None:
    """A fault names the key."""
    assert paths(records={"keep_days": days}) == ["$.records.keep_days"]
