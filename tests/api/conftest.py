"""The API: over a fake switch in memory, and with a real store over a real socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.task import Clock

from rustalk.api.app import build_app
from rustalk.api.authorize import Authorizer
from rustalk.api.door import Door
from rustalk.api.resources import LARGE, routes
from rustalk.api.site import build_site
from rustalk.api.sources import Sources
from rustalk.observe.events import Events
from rustalk.store.records import Records
from rustalk.store.store import Store
from tests.fakes.desk import Desk, store_unopened
from tests.fakes.http import Reply, exchange
from tests.fakes.switch import START, FakeSwitch, make_call

Request = Callable[..., Reply]

LIVE = ("status", "calls", "trunks", "registrations", "bans", "limits", "certificates")


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
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    """A store that is not opened."""
    store = store_unopened(tmp_path, clock)
    yield store
    pytest_twisted.blockon(store.database.close())


@pytest.fixture
def sources(switch: FakeSwitch, clock: Clock, store: Store) -> Sources:
    """All that the API shows."""
    return Sources(
        switch=switch, store=store, records=Records(store.database), events=Events(clock.seconds), clock=clock
    )


@pytest.fixture
def site(sources: Sources, clock: Clock) -> IProtocolFactory:
    """The server, in memory, without authentication, and with those routes alone that show the running switch."""
    live = [route for route in routes(sources) if route.area in LIVE]
    app = build_app(live, Authorizer(None, clock.seconds), None, clock)
    return build_site(Door(app, ["sbc.example.com"]), clock, large=LARGE)


@pytest.fixture
def request_(site: IProtocolFactory) -> Request:
    """A function that asks the API: method, path, headers, body. What asks the database is not answered."""

    def ask(method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Reply:
        return exchange(site, method, path, headers, body)

    return ask


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """The API over a socket, without authentication."""
    desk = Desk(tmp_path)
    yield desk
    pytest_twisted.blockon(desk.stop())
