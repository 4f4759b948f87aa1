"""A mutation fuzz over live sockets against the real process (A15), inside a namespace that has only loopback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.live.namespace import loopback_only
from tests.live.running import ROOT

COUNT = 20_000
SEED = 20261122
WALL = 240.0
MEBIBYTE = 1 << 20


def test_broken_messages_leave_the_switch_whole(program: Callable[[str], str], tmp_path: Path) -> None:
    """20,000 broken messages over UDP, TCP and TLS: alive, no fault logged, every canary call answered, memory bounded.

    The address space is limited too, so that a run-away ends the process and fails the test.
    """
    fuzz = [sys.executable, "-m", "tests.live.fuzz", "--directory", str(tmp_path), "--sipp", program("sipp")]
    command = [*loopback_only(program), *fuzz, "--seed", str(SEED), "--count", str(COUNT)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=WALL)
    print(done.stdout[-4000:], done.stderr[-4000:])
    assert done.returncode == 0
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["n"] >= COUNT
    assert report["alive"]
    assert report["faults"] == []
    assert report["answers_api"]
    assert report["canaries_ok"]
    assert report["unfinished"] == 0
    assert report["media_ports_left"] == 0
    assert report["memory_after"] - report["memory_before"] < 128 * MEBIBYTE
    assert report["calls"] > 1000, "the messages hardly reached the calls"


def test_refuses_to_run_on_a_network(program: Callable[[str], str], tmp_path: Path) -> None:
    """Where there are other interfaces than loopback the fuzz does not begin: the messages name real networks."""
    inside = loopback_only(program)
    fuzz = [sys.executable, "-m", "tests.live.fuzz", "--directory", str(tmp_path)]
    wired = [*inside, "sh", "-c", 'ip link add wire type veth peer name eriw && exec "$@"', "sh"]
    done = subprocess.run([*wired, *fuzz], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "refusing to run where there are networks" in done.stderr
    assert list(tmp_path.iterdir()) == []
