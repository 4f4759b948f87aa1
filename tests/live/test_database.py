"""The process and its database: damaged, in the way of the file, frozen."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from subprocess import run
from typing import Any

import pytest

from tests.fakes.postgres import Postgres, postgres
from tests.live.layout import SWITCH, two_trunks, vacant
from tests.live.running import Running, until

__all__ = ["postgres"]

StartSwitch = Callable[..., Running]


def rustalk(running: Running, *argv: str) -> tuple[int, str]:
    """A command with the configuration of a switch: its exit code and what it says."""
    command = [sys.executable, "-m", "rustalk", *argv, "-c", str(running.directory / "rustalk.json")]
    done = run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def asked(running: Running, path: str, token: str = "", method: str = "GET") -> tuple[int, dict[str, Any]]:
    """Status and body of an answer, which must come within ten seconds."""
    fields = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(
        f"http://{SWITCH}:{running.settings['api']['port']}{path}", headers=fields, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def alarms(running: Running) -> str:
    """The first lines of what was told since the start."""
    address = f"http://{SWITCH}:{running.settings['api']['port']}/api/v1/events?kinds=alarm&last_event_id=x-0"
    with urllib.request.urlopen(address, timeout=10) as feed:
        return "".join(feed.readline().decode() for _ in range(12))


@pytest.fixture
def damaged(switch: StartSwitch) -> Running:
    """A switch whose only extension was deleted at run time, and whose database is damaged then."""
    running = switch(two_trunks(extensions=[{"extension": "1001"}]))
    assert asked(running, "/api/v1/extensions/1001", method="DELETE")[0] == 200
    running.stop()
    (running.directory / "state" / "rustalk.sqlite3").write_bytes(b"damaged" * 1000)
    return running


def test_a_damaged_database_brings_nobody_back(damaged: Running) -> None:
    """F-09: it goes on from the copy and says so, in /ready, in the log and by an alarm."""
    damaged.start()
    assert damaged.get("/api/v1/extensions")["total"] == 0
    assert damaged.get("/ready")["codes"] == ["database_down", "settings_not_current"]
    assert "rustalk db restore --replace" in str(damaged.get("/ready"))
    assert "not a database" in alarms(damaged)
    assert "error    The database is in trouble" in damaged.log
    damaged.stop()


def test_without_a_copy_there_is_no_start(damaged: Running) -> None:
    """F-09: one line says cause, place and next step."""
    (damaged.directory / "state" / "overlay.json").unlink()
    damaged.launch()
    assert damaged.wait() == 1
    assert "RusTalk cannot start: " in damaged.log
    assert "rustalk db restore --replace" in damaged.log
    assert "Traceback" not in damaged.log


def test_a_frozen_database_keeps_nobody_waiting(switch: StartSwitch, postgres: Postgres) -> None:
    """F-09: /ready and /health answer; who cannot be known is told so after some seconds."""
    api = {"port": vacant(SWITCH), "auth": "token"}
    running = switch(two_trunks(api=api, database={"url": postgres.database()}))
    created = rustalk(running, "token", "create", "--role", "admin", "--name", "seen", "--json")[1]
    token = json.loads(created[: created.rindex("}") + 1])["token"]
    with postgres.frozen():
        assert asked(running, "/ready", token)[0] == asked(running, "/health", token)[0] == 200
        status, body = asked(running, "/api/v1/status", token)
        assert (status, body["code"]) == (503, "database-down")
        until(lambda: asked(running, "/ready")[1]["codes"] == ["database_down"], "/ready to say so")
    until(lambda: asked(running, "/api/v1/status", token)[0] == 200, "the database to answer")
