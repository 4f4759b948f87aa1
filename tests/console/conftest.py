"""The `rustalk` program against the API of a fake switch on a real loopback socket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread

from rustalk.cli.program import main
from tests.fakes.desk import Desk
from tests.fakes.switch import FakeFlow, FakeSwitch

Run = Callable[..., Awaitable[int]]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The API, without authentication; no token of whoever runs the tests is sent to it."""
    for name in ("RUSTALK_SERVER", "RUSTALK_TOKEN", "RUSTALK_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    desk = Desk(tmp_path)
    teams = FakeFlow("TLS", "52.114.0.1", 5061)
    desk.switch.log.record(
        1.0, False, FakeFlow(), b"INVITE sip:+1@sbc SIP/2.0\r\nAuthorization: CANARY\r\n\r\n", "a@carrier"
    )
    desk.switch.log.record(1.5, False, teams, b"SIP/2.0 200 \x1b[2JOK\r\nCSeq: 1 INVITE\r\n\r\n", "b@sbc")
    yield desk
    pytest_twisted.blockon(desk.stop())


@pytest.fixture
def switch(desk: Desk) -> FakeSwitch:
    """A switch with one call, of which two messages are in the trace."""
    return desk.switch


@pytest.fixture
def run(desk: Desk) -> Run:
    """A function that runs one command and gives its exit code; the program runs in a thread, as it blocks."""

    async def run(*argv: str) -> int:
        return await deferToThread(main, [*argv, "--server", f"http://127.0.0.1:{desk.service.port}"])

    return run
