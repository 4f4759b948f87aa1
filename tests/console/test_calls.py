"""`rustalk list-calls`, `rustalk call` and `rustalk hangup`."""

from __future__ import annotations

import json

import pytest
import pytest_twisted

from rustalk.observe.snapshots import CallState
from tests.fakes.switch import FakeSwitch, make_call

from .conftest import Run

Captured = pytest.CaptureFixture[str]


@pytest_twisted.ensureDeferred
async def test_the_list_names_each_call(run: Run, switch: FakeSwitch, capsys: Captured) -> None:
    switch.known["c2"] = make_call("c2", CallState.FAILED, answered=None, reason="no-route")
    assert await run("list-calls", "--limit", "5") == 0
    heading, newest, oldest, total = capsys.readouterr().out.splitlines()
    assert heading.split()[:2] == ["ID", "STATUS"]
    assert (newest.split()[:2], newest.split()[-1]) == (["c2", "failed"], "no-route")
    assert (oldest.split()[:2], total) == (["c1", "active"], "2 of 2 calls")


@pytest_twisted.ensureDeferred
async def test_a_call_is_drawn_as_a_ladder(run: Run, capsys: Captured) -> None:
    assert await run("call", "c1") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("+15551230001 -> +15551230002: active")
    assert "carrier" in shown
    assert "INVITE" in shown
    assert "200 \\x1b[2JOK" in shown


@pytest_twisted.ensureDeferred
async def test_the_full_messages_hold_neither_secrets_nor_escapes(run: Run, capsys: Captured) -> None:
    """A30 and A40 at the terminal."""
    assert await run("call", "c1", "--full") == 0
    shown = capsys.readouterr().out
    assert "Authorization: ***" in shown
    assert not {"CANARY", "\x1b"} & {shown[i : i + n] for n in (1, 6) for i in range(len(shown))}


@pytest_twisted.ensureDeferred
async def test_a_call_as_json_brings_its_trace(run: Run, capsys: Captured) -> None:
    assert await run("call", "c1", "--json") == 0
    assert [message["leg"] for message in json.loads(capsys.readouterr().out)["trace"]] == [0, 1]


@pytest_twisted.ensureDeferred
async def test_hanging_up_ends_the_call_once(run: Run, switch: FakeSwitch, capsys: Captured) -> None:
    assert await run("hangup", "c1") == 0
    assert switch.known["c1"].state == CallState.ENDED
    assert await run("hangup", "c1") == 1
    assert "The call is over already" in capsys.readouterr().err


@pytest.mark.parametrize("id", ["nope", "../../health", "c1/trace", "\x1b[2J"])
@pytest_twisted.ensureDeferred
async def test_a_call_nobody_knows_is_told_without_a_traceback(id: str, run: Run, capsys: Captured) -> None:
    assert await run("call", id) == 1
    assert capsys.readouterr().err.startswith("rustalk call: ")
