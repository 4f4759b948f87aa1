"""What the live tests share: the real switch, and the programs that talk to it. Nothing is skipped."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.live.baresip import Baresip, Phone
from tests.live.running import Running
from tests.live.sipp import Sipp

Start = Callable[..., Running]


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this directory: `pytest -m "not live"` leaves them out, and one process runs them all.

    They hold real time to account, so no two of them share the processors.
    """
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("live")
            item.add_marker(pytest.mark.xdist_group("live"))


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """Where a program of the distribution is. It is an error, never a skip, when it is missing."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))

    def find(name: str) -> str:
        found = shutil.which(name, path=path)
        if found is None:
            pytest.fail(f"{name} is not installed: run tests/system-packages, which installs it", pytrace=False)
        return found

    return find


@pytest.fixture
def switch(tmp_path: Path) -> Iterator[Start]:
    """Starts the switch with these settings; at the end it must stop by itself, with no fault in its log.

    ``ready`` False starts it and waits for nothing. The log is shown when the test fails.
    """
    started: list[Running] = []

    def start(settings: Mapping[str, Any] | None, *, ready: bool = True, prefix: Sequence[str] = ()) -> Running:
        running = Running(tmp_path / f"switch-{len(started)}", settings, prefix)
        started.append(running)
        if ready:
            running.start()
        else:
            running.launch()
        return running

    yield start
    codes = [running.stop() for running in started if running.alive]
    for running in started:
        print(f"--- log of {running.directory.name}\n{running.log}")
    assert set(codes) <= {-signal.SIGTERM}, f"exit codes {codes}"
    assert not [fault for running in started for fault in running.faults]


@pytest.fixture
def sipp(program: Callable[[str], str], tmp_path: Path) -> Iterator[Callable[..., Sipp]]:
    """Starts a SIPp: scenario, the address it lives at, its port, further arguments."""
    started: list[Sipp] = []

    def start(scenario: str, address: str, port: int, *arguments: str) -> Sipp:
        directory = tmp_path / f"sipp-{len(started)}-{scenario}"
        started.append(Sipp(program("sipp"), directory, scenario, "-i", address, "-p", str(port), *arguments))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def baresip(program: Callable[[str], str], tmp_path: Path) -> Iterator[Callable[[Phone], Baresip]]:
    """Starts a baresip that is this phone."""
    started: list[Baresip] = []

    def start(phone: Phone) -> Baresip:
        started.append(Baresip(program("baresip"), tmp_path / f"baresip-{phone.user}", phone))
        return started[-1]

    yield start
    for each in started:
        each.stop()
        print(f"--- what the baresip of {each.phone.user} wrote\n{each.written}")
