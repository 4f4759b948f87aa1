"""`rustalk demo`: the real switch between the simulated Teams and the carrier."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory for temporary files that the demo is given."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(place: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; from rustalk.simulator.demo import run; sys.exit(run(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "--talk", "1"]
    environment = dict(os.environ, TMPDIR=str(place))
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, env=environment, check=False)


def test_it_ends_well_only_with_audio_both_ways(demo: subprocess.CompletedProcess[str]) -> None:
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert demo.stdout.count(" verified ") >= 4


def test_it_shows_the_three_proxies_in_both_directions(demo: subprocess.CompletedProcess[str]) -> None:
    """OPT-02, OPT-12."""
    for name in ("sip.pstnhub", "sip2.pstnhub", "sip3.pstnhub"):
        line = next(line for line in demo.stdout.splitlines() if line.startswith(name))
        assert "healthy" in line
        assert line.endswith("active")


def test_it_draws_both_ladders(demo: subprocess.CompletedProcess[str]) -> None:
    headings = [line.split() for line in demo.stdout.splitlines() if "RusTalk" in line and "Carrier" in line]
    assert headings == [["Carrier", "RusTalk", "Teams"]] * 2
    assert demo.stdout.count("INVITE +") >= 4


def test_the_switch_breaks_no_rule_of_the_document(demo: subprocess.CompletedProcess[str]) -> None:
    """OPT-06 to OPT-11, HDR-01 to HDR-09, MED-01, MED-02, RNG-08: the reject list on a live call each way."""
    assert "noted by the simulator: 0" in demo.stdout, demo.stdout


def test_it_leaves_no_directory_behind(demo: subprocess.CompletedProcess[str], place: Path) -> None:
    assert demo.returncode == 0
    assert list(place.iterdir()) == []
