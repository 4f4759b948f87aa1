"""The first screen of the README is true."""

from __future__ import annotations

import os
import re
from pathlib import Path

from rustalk.config.load import load


def commands(root: Path) -> list[str]:
    """The commands on the first screen."""
    screen = (root / "README.md").read_text(encoding="utf-8").split("```")[0]
    return re.findall(r"^    (.+)$", screen, re.MULTILINE)


def test_there_are_two_commands(root: Path) -> None:
    """The demo, and the tests."""
    demo, tests = commands(root)
    assert demo.endswith("rustalk demo")
    assert os.access(root / tests, os.X_OK)


def test_continuous_integration_runs_the_second_one(root: Path) -> None:
    """And nothing else."""
    lines = (root / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    done = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert done == [commands(root)[1]]


def test_the_configuration_for_teams_can_be_used(root: Path) -> None:
    """It loads without a warning."""
    shown = re.findall(
        r"^```json\n(.*?)^```", (root / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    settings = load(shown[0], "README.md")
    assert settings.teams.enabled
    assert settings.warnings == ()
