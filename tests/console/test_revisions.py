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


@pytest_twisted.ensureDeferred
async def test_values_are_shown_as_elsewhere_and_secrets_are_named(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    await run("extensions", "add", "extension=1001", "password=correct horse")
    await run("extensions", "set", "1001", "do_not_disturb=true", "display_name=Alice", 'codecs=["PCMA"]')
    await run("extensions", "set", "1001", "password=battery staple")
    await run("config", "set", "sip.max_forwards=70")
    capsys.readouterr()
    await run("config", "revision", "2")
    lines = capsys.readouterr().out.splitlines()[1:]
    assert sorted(lines) == [
        '  $.codecs: - -> ["PCMA"]',
        "  $.display_name: - -> Alice",
        "  $.do_not_disturb: - -> yes",
    ]
    await run("config", "revision", "3")
    assert "  no difference but in what is never shown (password, " in capsys.readouterr().out
    await run("config", "revision", "4")
    assert capsys.readouterr().out.endswith("\n  no difference\n")
