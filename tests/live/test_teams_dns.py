"""The names of the proxies at a real name server that changes its mind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.names import common, dns, error, server

from rustalk.simulator.link import Entrance
from rustalk.simulator.teams import PROXIES
from tests.live.meeting import PLAN, Meet, Meeting, meetings, reactor, sound

meet = pytest.fixture(meetings)

TTL = 30
OTHER = "127.0.0.12"


class Zone(common.ResolverBase):
    """Name and address, answered with a TTL; ``asked`` counts the questions."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: dict[str, str] = {}
        self.asked: list[str] = []

    def _lookup(self, name: bytes, cls: int, type: int, timeout: Any) -> Deferred[Any]:
        asked = name.decode().lower()
        self.asked.append(asked)
        if type != dns.A or asked not in self.addresses:
            return fail(error.DomainError(name))
        record = dns.Record_A(self.addresses[asked], ttl=TTL)
        return succeed(([dns.RRHeader(asked, dns.A, ttl=TTL, payload=record)], [], []))


@pytest.fixture
def zone() -> Iterator[Zone]:
    """A name server on loopback; its port is ``zone.port``."""
    made: Any = Zone()
    protocol = dns.DNSDatagramProtocol(server.DNSServerFactory(clients=[made]))
    port = reactor.listenUDP(0, protocol, interface="127.0.0.1")
    made.port = port.getHost().port
    yield made
    pytest_twisted.blockon(maybeDeferred(port.stopListening))


async def begun(meet: Meet, zone: Any) -> Meeting:
    """A meeting in which the first proxy is found by DNS."""
    zone.addresses[PROXIES[0]] = "127.0.0.2"
    met: Meeting = await meet(unknown=PROXIES[0], dns={"servers": [f"127.0.0.1:{zone.port}"]})
    return met


@pytest_twisted.ensureDeferred
async def test_teams_moves(meet: Meet, zone: Any) -> None:
    """NET-04: after the TTL the next OPTIONS goes to the new address; the call in progress is not disturbed."""
    met = await begun(meet, zone)
    first = met.teams.entrances[PROXIES[0]]
    moved = Entrance(reactor, PROXIES[0], OTHER, first.port, met.teams.agent.received, met.pki.server())
    await moved.open()
    talk = met.to_teams(plan=PLAN)
    zone.addresses[PROXIES[0]] = OTHER
    await met.timeline.push(0.05)
    assert sound(await talk, await met.taken(by="teams"))
    await met.timeline.push(62)
    assert (first.touched, moved.touched) == (1, 1)
    assert (await met.to_teams()).answered
    assert met.order("INVITE") == [PROXIES[0]] * 2
    (link,) = moved.links
    assert link.open
    await moved.close()


@pytest_twisted.ensureDeferred
async def test_the_ttl_is_honoured(meet: Meet, zone: Any) -> None:
    """NET-04: ten calls within the TTL ask once."""
    met = await begun(meet, zone)
    before = len(zone.asked)
    for _ in range(3):
        await met.to_teams()
    assert len(zone.asked) == before


@pytest_twisted.ensureDeferred
async def test_a_name_server_that_is_gone(meet: Meet, zone: Any) -> None:
    """NET-04: the last good answer stays in force, and the operator is told."""
    met = await begun(meet, zone)
    zone.addresses.clear()
    await met.timeline.push(125)
    assert met.states()[0] == "up"
    assert sound(await met.to_teams(), await met.taken(by="teams"))
