"""The API over a fake switch, in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from twisted.internet.task import Clock

from rustalk.api.app import build_app, routes
from rustalk.api.door import Door
from rustalk.api.site import build_site
from tests.fakes.http import Reply, exchange
from tests.fakes.switch import START, FakeSwitch, make_call

Request = Callable[..., Reply]


@pytest.fixture
def switch() -> FakeSwitch:
    """A switch with one call."""
    return FakeSwitch(make_call())


@pytest.fixture
def clock() -> Clock:
    """A clock that stands twelve seconds after the start of the call."""
    clock = Clock()
    clock.advance(START.timestamp() + 12)
    return clock


@pytest.fixture
def request_(switch: FakeSwitch, clock: Clock) -> Request:
    """A function that asks the whole API: method, path, headers, body."""
    site = build_site(Door(build_app(routes(switch, clock)), ["sbc.example.com"]), clock)

    def ask(method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Reply:
        return exchange(site, method, path, headers, body)

    return ask
