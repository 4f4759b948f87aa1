"""`rustalk teams-sim` as a program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rustalk.simulator.command import run

ROOT = Path(__file__).parents[2]


def teams_sim(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from rustalk.simulator.command import run; sys.exit(run(sys.argv[1:]))"
    listen = ["--listen", "127.0.0.2:0", "127.0.0.3:0", "127.0.0.4:0", "--directory", str(directory)]
    command = [sys.executable, "-c", code, *listen, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=ROOT, check=False)


def test_it_tells_what_to_configure_and_how_it_went(tmp_path: Path) -> None:
    done = teams_sim(tmp_path, "--seconds", "0.2", "--sbc", "sbc.test=127.0.0.1:9")
    assert done.returncode == 0, done.stderr
    assert "teams.ca_path" in done.stdout
    assert "sip3.pstnhub.microsoft.com: waiting for the first OPTIONS of the SBC" in done.stdout
    assert (tmp_path / "sbc.pem").exists()


def test_the_certificates_of_the_first_run_are_used_again(tmp_path: Path) -> None:
    teams_sim(tmp_path, "--seconds", "0.1")
    first = (tmp_path / "sbc.pem").read_bytes()
    teams_sim(tmp_path, "--seconds", "0.1")
    assert (tmp_path / "sbc.pem").read_bytes() == first


def test_an_sbc_that_is_not_there_is_told_with_its_address(tmp_path: Path) -> None:
    done = teams_sim(tmp_path, "--seconds", "0.5", "--sbc", "sbc.test=127.0.0.1:9", "--call", "+15550100")
    assert "no connection to 127.0.0.1:9" in done.stdout


def test_certificates_that_cannot_be_used_end_it_with_the_cause(tmp_path: Path) -> None:
    (tmp_path / "teams.pem").write_text("nonsense")
    done = teams_sim(tmp_path, "--seconds", "0.1")
    assert done.returncode == 1
    assert "cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_scripts_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--scripts"]) == 0
    assert "forked" in capsys.readouterr().out


def test_a_call_without_an_sbc_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--call", "+1"]) == 2
    assert "--sbc" in capsys.readouterr().err


@pytest.mark.parametrize("sbc", ["sbc.test", "=1", "sbc.test=127.0.0.1:x", "sbc.test=127.0.0.1:99999"])
def test_a_place_that_is_none_is_refused_with_an_example(sbc: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(["--sbc", sbc])
    assert "such as" in capsys.readouterr().err
