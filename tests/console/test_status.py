"""`rustalk status` and `rustalk trunks`."""

from __future__ import annotations

import json

import pytest
import pytest_twisted

from rustalk.observe.readiness import Reason
from rustalk.observe.snapshots import Readiness, Statistics
from tests.fakes.switch import FakeSwitch

from .conftest import Run

Captured = pytest.CaptureFixture[str]


@pytest_twisted.ensureDeferred
async def test_status_tells_a_person_what_matters(run: Run, switch: FakeSwitch, capsys: Captured) -> None:
    switch.totals = Statistics(uptime_seconds=90061.7, active_calls=1, total_calls=7)
    assert await run("status") == 0
    shown = capsys.readouterr().out
    assert "up 1 d 1:01:01" in shown
    assert "Ready to take calls." in shown
    assert "Trunks: 2, of which 1 up and 1 down\nTrunk carrier: down\n" in shown
    assert "Teams sip2.pstnhub.microsoft.com:5061: down" in shown


@pytest_twisted.ensureDeferred
async def test_status_tells_why_no_call_can_be_taken(run: Run, switch: FakeSwitch, capsys: Captured) -> None:
    switch.readiness = Readiness(False, (Reason("draining", "The switch is draining."),))
    await run("status")
    assert "NOT ready to take calls:\n  - The switch is draining.\n" in capsys.readouterr().out


@pytest_twisted.ensureDeferred
async def test_trunks_shows_state_host_and_reason(run: Run, capsys: Captured) -> None:
    assert await run("trunks") == 0
    rows = [row.split()[:3] for row in capsys.readouterr().out.splitlines()]
    assert rows[:3] == [["TRUNK", "HOST", "STATE"], ["carrier", "-", "down"], ["-", "192.0.2.7:5060/udp", "down"]]


@pytest.mark.parametrize(("command", "key"), [("status", "ready"), ("trunks", "trunks"), ("list-calls", "calls")])
@pytest_twisted.ensureDeferred
async def test_every_reading_command_writes_json_for_programs(
    command: str, key: str, run: Run, capsys: Captured
) -> None:
    assert await run(command, "--json") == 0
    assert key in json.loads(capsys.readouterr().out)
