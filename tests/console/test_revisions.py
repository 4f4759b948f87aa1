"""`rustalk config`."""

from __future__ import annotations

import json

import pytest
import pytest_twisted

from tests.fakes.desk import Desk

from .conftest import Run


@pytest_twisted.ensureDeferred
async def test_a_key_is_set_and_shown(run: Run, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("config", "set", "sip.max_forwards=60", "sip.user_agent=RusTalk", "--dry-run") == 0
    assert desk.live.settings.sip.max_forwards == 70
    assert await run("config", "set", "sip.max_forwards=60") == 0
    assert desk.live.settings.sip.max_forwards == 60
    capsys.readouterr()
    assert await run("config", "show", "sip", "--json") == 0
    assert json.loads(capsys.readouterr().out)["max_forwards"] == 60
    assert await run("config", "set") == 2


@pytest_twisted.ensureDeferred
async def test_what_was_changed_is_shown_and_restored(run: Run, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    for value in ("60", "50"):
        await run("config", "set", f"sip.max_forwards={value}")
    capsys.readouterr()
    assert await run("config", "revisions") == 0
    assert "2 of 2" in capsys.readouterr().out
    assert await run("config", "revision", "2") == 0
    assert "$.max_forwards: 60 -> 50" in capsys.readouterr().out
    assert await run("config", "restore", "1") == 0
    assert desk.live.settings.sip.max_forwards == 60
    assert await run("config", "restore", "0") == 0
    assert desk.live.settings.sip.max_forwards == 70
