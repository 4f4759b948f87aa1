"""Completion in a shell."""

from __future__ import annotations

import subprocess

import pytest

from rustalk.cli.program import main


@pytest.fixture
def script(capsys: pytest.CaptureFixture[str]) -> str:
    """What is written for bash."""
    assert main(["completion", "bash"]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["ext"], {"extensions"}),
        (["help", "ext"], {"extensions"}),
        (["extensions", "rot"], {"rotate-passwords"}),
        (["extensions", "show", "1001", "--js"], {"--json"}),
        (["config", "re"], {"revision", "revisions", "restore"}),
        (["completion", ""], {"bash", "zsh", "--help"}),
    ],
)
def test_bash_completes_commands_verbs_and_options(script: str, typed: list[str], expected: set[str]) -> None:
    words = " ".join(f"'{word}'" for word in ("rustalk", *typed))
    ask = f"{script}\nCOMP_WORDS=({words}); COMP_CWORD={len(typed)}; _rustalk; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    finished = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, timeout=20)
    assert set(finished.stdout.split()) == expected, finished.stderr


def test_zsh_gets_the_same_with_its_own_head(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "zsh"]) == 0
    assert capsys.readouterr().out.endswith(script)
