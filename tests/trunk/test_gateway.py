"""One host of a trunk."""

from __future__ import annotations

import pytest
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from tests.scenarios.site import CARRIER, PROXIES, Site

ONE = next(iter(PROXIES))


@pytest.fixture
def site() -> Site:
    """A switch."""
    return Site()


def test_a_udp_host_is_reached_at_once(site: Site) -> None:
    """No waiting, and the flow that its requests come on."""
    flow = site.trunks["carrier"].gateways[0].reach()
    assert flow.result.peer == (CARRIER, 5060)


def test_a_proxy_must_prove_the_name_that_was_asked_for(site: Site) -> None:
    """NET-01: by its own name and address, one connection for all calls."""
    gateway = site.trunks["teams"].gateways[0]
    flows: list[object] = []
    for _ in range(2):
        gateway.reach().addCallback(flows.append)
        site.run()
    assert flows[0] is flows[1]
    assert site.network.attempts == [(PROXIES[ONE], 5061)]


def test_a_host_that_cannot_be_reached(site: Site) -> None:
    """A TransportError within the connect timeout."""
    site.network.silent.add(PROXIES[ONE])
    failed = site.trunks["teams"].gateways[0].reach()
    site.run(4.1)
    causes: list[str] = []
    failed.addErrback(lambda reason: causes.append(reason.value.cause))
    assert causes == ["timeout"]


def test_a_change_of_health_is_logged_with_its_cause(site: Site) -> None:
    """Which host of which trunk, what it is, what it was, and why."""
    lines: list[str] = []

    def observe(event: LogEvent) -> None:
        lines.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    try:
        site.trunks["carrier"].gateways[0].failed("no answer to INVITE")
    finally:
        globalLogPublisher.removeObserver(observe)
    assert lines == ["Gateway 198.51.100.7:5060 of trunk carrier is suspect, was unknown: no answer to INVITE"]
