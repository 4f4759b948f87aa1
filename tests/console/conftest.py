"""The `rustalk` program against the API of a fake switch on a real loopback socket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from rustalk.api.service import ApiService
from rustalk.cli.program import main
from tests.fakes.switch import FakeFlow, FakeSwitch, make_call

Run = Callable[..., Awaitable[int]]


@pytest.fixture
def switch() -> FakeSwitch:
    """A switch with one call, of which two messages are in the trace."""
    switch = FakeSwitch(make_call())
    teams = FakeFlow("TLS", "52.114.0.1", 5061)
    switch.log.record(
        1.0, False, FakeFlow(), b"INVITE sip:+1@sbc SIP/2.0\r\nAuthorization: CANARY\r\n\r\n", "a@carrier"
    )
    switch.log.record(1.5, False, teams, b"SIP/2.0 200 \x1b[2JOK\r\nCSeq: 1 INVITE\r\n\r\n", "b@sbc")
    return switch


@pytest.fixture
def run(switch: FakeSwitch) -> Iterator[Run]:
    """A function that runs one command and gives its exit code; the program runs in a thread, as it blocks."""
    service = ApiService(reactor, reactor, switch, port=0)
    service.startService()

    async def run(*argv: str) -> int:
        return await deferToThread(main, [*argv, "--server", f"http://127.0.0.1:{service.port}"])

    yield run
    pytest_twisted.blockon(service.stopService())
