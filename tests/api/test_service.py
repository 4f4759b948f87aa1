"""The API as a service."""

from __future__ import annotations

import socket
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactor
from twisted.internet.threads import deferToThread

from rustalk.api.service import ApiService, is_loopback
from rustalk.config.overlay import Change
from rustalk.observe.events import Events
from rustalk.store.store import Store
from rustalk.transport.errors import ListenError
from tests.fakes.desk import Desk
from tests.fakes.switch import FakeSwitch


@pytest.mark.parametrize("address", ["127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_recognised(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1", "::ffff:192.0.2.1", "128.0.0.1", "localhost", ""])
def test_everything_else_is_not_loopback(address: str) -> None:
    """A32: 0.0.0.0 and :: are every address, not this machine's own."""
    assert not is_loopback(address)


@pytest.fixture
def make(store: Store) -> Callable[..., ApiService]:
    """A function that makes the service, without authentication."""

    def make(reactor: object, **rest: Any) -> ApiService:
        rest = {"auth": "off", **rest}
        return ApiService(reactor, Clock(), FakeSwitch(), store=store, events=Events(Clock().seconds), **rest)

    return make


def test_without_authentication_the_api_refuses_an_address_that_others_reach(make: Callable[..., ApiService]) -> None:
    with pytest.raises(ValueError, match=r'api.bind_address is 0.0.0.0 while api.auth is "off"'):
        make(MemoryReactor(), address="0.0.0.0")


def test_with_tokens_it_may_listen_anywhere(make: Callable[..., ApiService]) -> None:
    memory = MemoryReactor()
    make(memory, address="0.0.0.0", auth="token").startService()
    assert memory.tcpServers[0][3] == "0.0.0.0"


def test_the_api_listens_while_it_runs(make: Callable[..., ApiService]) -> None:
    memory = MemoryReactor()
    service = make(memory, port=8080)
    service.startService()
    assert [(server[0], server[3]) for server in memory.tcpServers] == [(8080, "127.0.0.1")]
    service.stopService()
    assert service.port is None


@pytest_twisted.ensureDeferred
async def test_the_api_answers_over_a_real_socket(desk: Desk) -> None:
    assert await deferToThread(_get_health, desk.service.port) == 200


def test_a_port_that_is_taken_is_told_with_the_next_step(make: Callable[..., ApiService]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ListenError, match=f"127.0.0.1 port {port}.*api.port names another port"):
            make(reactor, port=port).startService()


@pytest_twisted.ensureDeferred
async def test_the_access_list_of_the_api_is_taken_up_while_it_runs(desk: Desk) -> None:
    """Whoever changes it to one that does not admit him has shut himself out; the console of the machine is left."""
    await desk.live.change(Change("acls", "office", {"name": "office"}), "alice")
    assert (await desk.ask("GET", "/status")).status == 200
    await desk.live.change(Change("config", "api", {"acl": "office"}), "alice")
    assert [(event.kind, event.data) for event in desk.events.since(2, 9)] == [("config", {"revision": 2})]
    reply = await desk.ask("GET", "/status")
    assert (reply.status, reply.json["code"]) == (403, "address-not-allowed")


def _get_health(port: int) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/health", headers={"Connection": "close"})
    status = connection.getresponse().status
    connection.close()
    return status
