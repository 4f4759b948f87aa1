"""Files that root makes for the switch are the switch's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rustalk.store.owner import give


def test_a_file_belongs_to_whom_its_directory_belongs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only root can give files away; for others nothing is done."""
    given: list[tuple[int, int, int]] = []
    monkeypatch.setattr(os, "fchown", lambda *what: given.append(what))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    give(7, tmp_path)
    assert given == []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    give(7, tmp_path)
    assert given == [(7, tmp_path.stat().st_uid, tmp_path.stat().st_gid)]
