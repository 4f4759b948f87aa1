"""A request arrives: who sent it, and what it wants; refusals of all kinds are in tests/scenarios/test_refusals.py."""

from __future__ import annotations

import pytest

from rustalk.interfaces import IFlow
from rustalk.ua.endpoint import Surface
from tests.scenarios.site import CARRIER, PROXIES, SBC, Site


@pytest.fixture
def site() -> Site:
    """A switch."""
    return Site()


def flow(site: Site, host: str) -> IFlow:
    """The flow to a UDP peer."""
    return site.network.flow("inside", (SBC, 5060), (host, 5060))


def test_a_trunk_is_admitted_by_its_address(site: Site) -> None:
    """And nobody else."""
    surface: Surface = site.endpoint.surface
    assert surface.screen(flow(site, CARRIER), None) == "admit"
    assert surface.screen(flow(site, "203.0.113.66"), None) == "reject"


def test_after_a_few_answers_strangers_meet_silence() -> None:
    """A38: limits.unknown_per_second, and a second later again a few."""
    site = Site(limits={"unknown_per_second": 2})
    verdicts = [site.endpoint.surface.screen(flow(site, "203.0.113.66"), None) for _ in range(4)]
    assert verdicts == ["reject", "reject", "drop", "drop"]
    site.run(1)
    assert site.endpoint.surface.screen(flow(site, "203.0.113.66"), None) == "reject"


def test_a_lost_connection_is_told_to_its_dialogs(site: Site) -> None:
    """So that BYE takes another; UDP has no connection to lose."""
    talk = site.talking()
    site.network.break_all(next(iter(PROXIES.values())))
    site.endpoint.flow_lost(flow(site, CARRIER), "an ICMP error")
    site.run()
    talk.end()


@pytest.mark.parametrize("method", ["BYE", "INFO", "UPDATE", "NOTIFY"])
def test_requests_that_need_a_dialog(site: Site, method: str) -> None:
    """481 without a To tag too."""
    answers = site.carrier.ask(method)
    site.run()
    assert [answer.status for answer in answers] == [481]
