"""`rustalk db`: upgrade, backup and restore from the command line."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from rustalk.cli.program import main


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration with a state directory of its own."""
    return written(tmp_path, "state")


def written(directory: Path, state: str, url: str = "") -> str:
    """A configuration file."""
    file = directory / f"{state}.json"
    file.write_text(json.dumps({"server": {"state_directory": str(directory / state)}, "database": {"url": url}}))
    return str(file)


def test_an_upgrade_says_which_steps_it_took(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The second time there are none."""
    assert main(["db", "upgrade", "--config", config]) == 0
    assert "0001_overlay\n" in capsys.readouterr().out
    assert main(["db", "upgrade", "--config", config, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"steps": []}


def test_a_backup_comes_back(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """F-18: with the key file, on an empty host; the file is for its owner only."""
    main(["token", "create", "--config", config, "--role", "viewer", "--name", "ci"])
    backup = tmp_path / "backup"
    assert main(["db", "backup", "--config", config, str(backup)]) == 0
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    other = written(tmp_path, "other")
    capsys.readouterr()
    assert main(["db", "restore", "--config", other, str(backup), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"]["tokens"] == 1
    assert main(["token", "list", "--config", other]) == 0
    assert " ci " in capsys.readouterr().out
    assert main(["db", "restore", "--config", other, str(backup)]) == 1
    assert "--replace" in capsys.readouterr().err
    assert main(["db", "restore", "--config", other, "--replace", str(backup)]) == 0


def test_a_backup_overwrites_nothing_and_leaves_no_half(config: str, tmp_path: Path, capsys) -> None:
    """A file that is there stays; one that could not be finished is gone."""
    (tmp_path / "there").write_text("mine")
    assert main(["db", "backup", "--config", config, str(tmp_path / "there")]) == 1
    assert (tmp_path / "there").read_text() == "mine"
    assert main(["db", "backup", "--config", config, str(tmp_path / "new")]) == 1
    assert not (tmp_path / "new").exists()
    assert main(["db", "backup", "--config", config, str(tmp_path / "no" / "where")]) == 1
    assert "rustalk db upgrade" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("postgresql://u:CANARY@127.0.0.1:1/d", 3, "cannot be reached"),
        ("sqlite:////proc/nowhere/db", 3, "cannot be opened"),
    ],
)
def test_a_database_that_is_not_there_is_told(tmp_path: Path, capsys, url: str, code: int, said: str) -> None:
    """With an exit code of its own, and without the password."""
    assert main(["db", "upgrade", "--config", written(tmp_path, "state", url)]) == code
    error = capsys.readouterr().err
    assert said in error
    assert "CANARY" not in error


def test_a_backup_that_cannot_be_read_is_told(config: str, tmp_path: Path, capsys) -> None:
    """No such file, or none of ours; the database is as before."""
    assert main(["db", "restore", "--config", config, str(tmp_path / "nowhere")]) == 1
    (tmp_path / "text").write_text("hello\n")
    assert main(["db", "restore", "--config", config, str(tmp_path / "text")]) == 1
    assert "Use another copy" in capsys.readouterr().err


def test_a_configuration_that_is_wrong_is_told(tmp_path: Path, capsys) -> None:
    """As `check-config` would."""
    (tmp_path / "c").write_text('{"server": {"nonsense": 1}}')
    assert main(["db", "upgrade", "--config", str(tmp_path / "c")]) == 1
    assert "$.server.nonsense" in capsys.readouterr().err
