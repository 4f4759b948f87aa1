"""The API as a service."""

from __future__ import annotations

import socket
from http.client import HTTPConnection

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactor
from twisted.internet.threads import deferToThread

from rustalk.api.service import ApiService, is_loopback
from rustalk.transport.errors import ListenError
from tests.fakes.switch import FakeSwitch


@pytest.mark.parametrize("address", ["127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_recognised(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1", "::ffff:192.0.2.1", "128.0.0.1", "localhost", ""])
def test_everything_else_is_not_loopback(address: str) -> None:
    """A32: 0.0.0.0 and :: are every address, not this machine's own."""
    assert not is_loopback(address)


def test_without_authentication_the_api_refuses_an_address_that_others_reach() -> None:
    with pytest.raises(ValueError, match=r'api.bind_address is 0.0.0.0 while api.auth is "off"'):
        ApiService(MemoryReactor(), Clock(), FakeSwitch(), address="0.0.0.0")


def test_the_api_listens_while_it_runs() -> None:
    memory = MemoryReactor()
    service = ApiService(memory, Clock(), FakeSwitch(), port=8080)
    service.startService()
    assert [(server[0], server[3]) for server in memory.tcpServers] == [(8080, "127.0.0.1")]
    service.stopService()
    assert service.port is None


@pytest_twisted.ensureDeferred
async def test_the_api_answers_over_a_real_socket() -> None:
    service = ApiService(reactor, reactor, FakeSwitch(), port=0)
    service.startService()
    try:
        status = await deferToThread(_get_health, service.port)
    finally:
        await service.stopService()
    assert status == 200


def test_a_port_that_is_taken_is_told_with_the_next_step() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ListenError, match=f"127.0.0.1 port {port}.*api.port names another port"):
            ApiService(reactor, reactor, FakeSwitch(), port=port).startService()


def _get_health(port: int) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/health", headers={"Connection": "close"})
    status = connection.getresponse().status
    connection.close()
    return status
