"""`rustalk teams-sim` as a program."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

from rustalk.config.load import load
from rustalk.simulator.command import run
from tests.fakes.places import vacant

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


def test_the_catalogue_prints_the_configuration_that_it_needs(tmp_path: Path) -> None:
    listen = ["--listen", "127.0.0.2:5061", "127.0.0.3:5061", "127.0.0.4:5061"]
    places = ["--sbc", "sbc.test=127.0.0.1:5071", "--carriers", "127.0.0.20:5080"]
    done = teams_sim(tmp_path, "--print-config", *listen, *places)
    assert done.returncode == 0, done.stderr
    settings = load(done.stdout, "printed")
    assert [str(one) for one in settings.warnings] == []
    assert settings.teams.sbc_fqdn == "sbc.test"
    assert [trunk.host for trunk in settings.trunks] == [f"127.0.0.{20 + number}" for number in range(5)]


def test_the_catalogue_meets_a_switch_with_the_printed_configuration(tmp_path: Path) -> None:
    """MTN-05, MTN-06: two stories from the command line against the switch in a process of its own."""
    one, two, three = vacant("127.0.0.2"), vacant("127.0.0.3"), vacant("127.0.0.4")
    teams, carriers, api = vacant("127.0.0.1"), vacant("127.0.0.1", "127.0.0.9"), vacant("127.0.0.1")
    places = [f"127.0.0.{number}:{port}" for number, port in ((2, one), (3, two), (4, three))]
    own = ["--listen", *places, "--sbc", f"sbc.test=127.0.0.1:{teams}"]
    own += ["--sbc-carriers", f"127.0.0.1:{carriers}", "--carriers", f"127.0.0.9:{carriers}"]
    settings = json.loads(teams_sim(tmp_path, *own, "--print-config").stdout)
    settings["api"]["port"] = api
    file = tmp_path / "rustalk.json"
    file.write_text(json.dumps(settings))
    switch = subprocess.Popen([sys.executable, "-m", "rustalk", "start", "-c", str(file)], cwd=ROOT, stdout=PIPE)
    try:
        played = teams_sim(tmp_path, *own, "--catalogue", "unknown-host-is-refused", "pings-bear-the-common-name")
    finally:
        switch.terminate()
        switch.communicate(timeout=20)
    assert played.returncode == 0, played.stdout + played.stderr
    assert played.stdout.splitlines()[-1] == "2/2 passed"


def test_a_story_that_there_is_not_is_refused(tmp_path: Path) -> None:
    done = teams_sim(tmp_path, "--catalogue", "nonsense")
    assert done.returncode == 1
    assert "no nonsense" in done.stderr
