"""`rustalk start`: a switch in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rustalk.cli.program import main

ROOT = Path(__file__).parents[2]


def start(directory: Path, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`rustalk start` from some directory, as with an editable installation."""
    return subprocess.run(
        [sys.executable, "-m", "rustalk", "start", *argv],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def write(directory: Path, **sections: object) -> str:
    """A configuration whose listeners take free ports, with these sections changed."""
    settings = {
        "server": {"state_directory": str(directory)},
        "sip_profiles": [{"id": "a", "bind_port": 0, "protocols": ["udp"]}],
        "api": {"port": 0, "auth": "off"},
    }
    (directory / "rustalk.json").write_text(json.dumps(settings | sections))
    return "rustalk.json"


def test_a_switch_answers_its_api_until_sigterm(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rustalk", "start", "-c", write(tmp_path), "--log-format", "json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as child:
        try:
            urls = (json.loads(line).get("url") for line in child.stdout)
            assert main(["status", "--server", next(url for url in urls if url)]) == 0
        finally:
            child.send_signal(signal.SIGTERM)
            rest = child.stdout.read()
    assert child.returncode == -signal.SIGTERM
    assert "RusTalk has stopped" in rest
    assert not list(tmp_path.glob("*.pid"))


@pytest.mark.parametrize(
    ("sections", "cause"),
    [
        (
            {"sip_profiles": [{"id": "a", "protocols": ["tls"], "tls_cert": "/x", "tls_key": "/x"}]},
            '$.sip_profiles[0].tls_cert: found "/x", expected a file that can be read; No such file',
        ),
        (
            {"sip_profiles": [{"id": "a", "protocols": ["tls"]}], "server": {"state_directory": "/proc/x"}},
            "RusTalk cannot start: /proc/x/rustalk.sqlite3.lock cannot be opened: No such file",
        ),
    ],
)
def test_what_an_operator_can_mend_is_told_without_a_traceback(
    sections: dict[str, object], cause: str, tmp_path: Path
) -> None:
    finished = start(tmp_path, "-c", write(tmp_path, **sections))
    assert (finished.returncode, "Traceback" in finished.stderr + finished.stdout) == (1, False)
    assert cause in finished.stderr


def test_a_taken_port_is_told_without_a_traceback(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        finished = start(tmp_path, "-c", write(tmp_path, api={"port": taken.getsockname()[1]}))
    assert (finished.returncode, "Traceback" in finished.stdout) == (1, False)
    assert "RusTalk cannot start: the API: cannot listen on 127.0.0.1 port" in finished.stdout


def test_a_bad_configuration_ends_the_start_with_every_problem(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"api": {"port": "x"}, "nonsense": 1}')
    finished = start(tmp_path, "-c", "bad.json")
    assert finished.returncode == 1
    assert "$.api.port" in finished.stderr
    assert "$.nonsense" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_missing_configuration_ends_the_start_with_the_next_step(tmp_path: Path) -> None:
    finished = start(tmp_path, "-c", "missing.json")
    assert (finished.returncode, "rustalk generate-config" in finished.stderr) == (1, True)


@pytest.mark.parametrize("variable", ["RUSTALK_LOG_FORMAT", "RUSTALK_LOG_LEVEL"])
def test_an_impossible_log_ends_the_start(variable: str, tmp_path: Path) -> None:
    finished = start(tmp_path, **{variable: "loud"})
    assert (finished.returncode, f"{variable} is 'loud'" in finished.stderr) == (1, True)
