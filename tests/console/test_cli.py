"""The program as a whole."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rustalk import __version__
from rustalk.cli.program import COMMANDS, main


def program(*argv: str) -> subprocess.CompletedProcess[str]:
    """`python -m rustalk` in a process of its own."""
    return subprocess.run([sys.executable, "-m", "rustalk", *argv], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("argv", [["version"], ["--version"]])
def test_the_version_is_told(argv: list[str]) -> None:
    finished = program(*argv)
    assert (finished.returncode, finished.stdout) == (0, f"RusTalk {__version__}\n")


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    shown = capsys.readouterr().out
    assert caught.value.code == 0
    assert all(f"\n    {command.name}" in shown for command in COMMANDS)


@pytest.mark.parametrize("words", [[], ["extensions"], ["route", "test"], ["teams-sim"]])
def test_help_is_a_word_as_well(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """`rustalk help extensions` as `rustalk extensions --help`."""
    shown = []
    for argv in (["help", *words], [*words, "--help"]):
        with pytest.raises(SystemExit) as caught:
            main(argv)
        assert caught.value.code == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1] != ""


@pytest.mark.parametrize("argv", [[], ["help", "nonsense"], ["nonsense"], ["call"], ["status", "--nonsense"]])
def test_wrong_usage_ends_with_2(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2


def test_a_failure_ends_without_a_traceback() -> None:
    finished = program("status", "--server", "http://127.0.0.1:1")
    assert (finished.returncode, "Traceback" in finished.stderr) == (3, False)
    assert finished.stderr.startswith("rustalk status: The switch at http://127.0.0.1:1 cannot be reached")


def test_a_reader_that_goes_away_is_no_fault_of_ours() -> None:
    command = f"{sys.executable} -m rustalk generate-config | true"
    finished = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in finished.stderr
    assert "Exception ignored" not in finished.stderr
