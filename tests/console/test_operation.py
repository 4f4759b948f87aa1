"""What an operator does every day, from the command line."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from rustalk.cli.operation import OPERATION
from rustalk.cli.program import main
from rustalk.observe.house import BanSnapshot, LimitSnapshot
from rustalk.observe.snapshots import CallState
from rustalk.store.journal import Entry
from rustalk.store.record import record_of
from rustalk.store.records import insert
from tests.fakes.desk import Desk
from tests.fakes.switch import START, FakeSwitch, make_call

from .conftest import Run


@pytest_twisted.ensureDeferred
async def test_a_ban_is_listed_and_lifted(run: Run, switch: FakeSwitch, capsys: pytest.CaptureFixture[str]) -> None:
    switch.banned = [BanSnapshot("2001:db8::/64", "scanner\x1b", START, START + timedelta(hours=1))]
    assert await run("bans", "list") == 0
    told = capsys.readouterr().out
    assert "2001:db8::/64" in told
    assert "\x1b" not in told
    assert await run("bans", "lift", "2001:db8::/64") == 0
    assert switch.banned == []
    assert await run("bans", "lift", "2001:db8::/64") == 1


@pytest_twisted.ensureDeferred
async def test_an_address_is_banned_by_hand(run: Run, switch: FakeSwitch) -> None:
    assert await run("bans", "add", "192.0.2.66", "--seconds", "60", "--reason", "called at night") == 0
    assert [(each.address, each.reason) for each in switch.banned] == [("192.0.2.66", "called at night")]
    assert await run("bans", "add", "127.0.0.1") == 1


@pytest_twisted.ensureDeferred
async def test_counters_are_cleared_as_filtered(
    run: Run, switch: FakeSwitch, capsys: pytest.CaptureFixture[str]
) -> None:
    switch.counters = [LimitSnapshot(policy, "caller", "1", "daily", 3, 5, None) for policy in ("a", "b")]
    assert await run("limits", "clear", "--policy-id", "a") == 0
    assert [each.policy_id for each in switch.counters] == ["b"]
    assert "1 accounts begin anew." in capsys.readouterr().out


@pytest_twisted.ensureDeferred
async def test_records_are_listed_shown_and_exported(
    run: Run, desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = make_call("c9", CallState.ENDED, ended=START + timedelta(seconds=9))
    await desk.store.database.run(lambda session: insert(session, [Entry(call.id, record_of(call))]))
    assert await run("call-logs", "list", "--status", "ended") == 0
    assert "c9" in capsys.readouterr().out
    await desk.ask("POST", "/bill-templates", {"id": "standard", "overage_rate_per_minute": "0.02"})
    assert (
        await run("bill-templates", "bills", "standard", "--start-date", "2026-11-01", "--end-date", "2026-11-30") == 0
    )
    assert "2026-11-01T00:00:00.000Z  2026-12-01T00:00:00.000Z" in capsys.readouterr().out
    assert await run("call-logs", "show", "c9", "--json") == 0
    assert json.loads(capsys.readouterr().out)["legs"]
    file = tmp_path / "out.json"
    assert await run("call-logs", "export", "--format", "json", "--min-duration", "1", "-o", str(file)) == 0
    assert json.loads(file.read_text())[0]["id"] == "c9"
    assert await run("call-logs", "export", "-o", str(file)) == 1


FEED = b"""retry: 3000

id: 7-1
event: call
data: {"time": "2026-11-22T08:15:30.123Z", "id": "c1\\u001b"}

: still here

event: missed
data: {"message": "too slow"}

"""


class Feed(Resource):
    """A feed that ends."""

    def __init__(self) -> None:
        super().__init__()
        self.isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        self.asked = request.uri
        return FEED


@pytest_twisted.ensureDeferred
async def test_events_are_followed_until_the_feed_ends(capsys: pytest.CaptureFixture[str]) -> None:
    feed = Feed()
    port = reactor.listenTCP(0, Site(feed), interface="127.0.0.1")
    server = f"http://127.0.0.1:{port.getHost().port}"
    try:
        argv = ["events", "follow", "--kinds", "call,alarm", "--after", "7-0", "--server", server]
        assert await deferToThread(main, argv) == 0
    finally:
        await port.stopListening()
    assert feed.asked == b"/api/v1/events?kinds=call%2Calarm&last_event_id=7-0"
    assert capsys.readouterr().out.splitlines() == [
        "2026-11-22T08:15:30.123Z call id=c1\\x1b",
        "missed message=too slow",
    ]


@pytest_twisted.ensureDeferred
async def test_a_token_is_made_and_ended(run: Run, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("tokens", "create", "--name", "graph", "--role", "viewer", "--scope", "status:read") == 0
    text = capsys.readouterr().out.strip()
    token = await desk.store.tokens.find(text)
    assert (token.name, token.scopes) == ("graph", ("status:read",))
    assert await run("tokens", "revoke", token.id) == 0
    assert await desk.store.tokens.find(text) is None


@pytest.mark.parametrize("command", OPERATION, ids=lambda command: command.name)
@pytest_twisted.ensureDeferred
async def test_every_list_can_be_asked_for(run: Run, command: object, capsys: pytest.CaptureFixture[str]) -> None:
    verbs = {"logins": "failed", "stats": "trunks"}
    if command.name != "events":
        assert await run(command.name, verbs.get(command.name, "list"), "--json") == 0
        assert json.loads(capsys.readouterr().out)["total"] == 0


@pytest_twisted.ensureDeferred
async def test_the_figures_are_shown(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("stats") == 0
    assert "total_calls         7" in capsys.readouterr().out
