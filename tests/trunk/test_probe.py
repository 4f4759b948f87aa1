"""OPTIONS on a schedule; what they look like and what follows is in tests/scenarios/test_options.py."""

from __future__ import annotations

from rustalk.trunk.probe import Probe
from tests.scenarios.site import Site


def make_probe(site: Site, interval: float) -> Probe:
    """A probe of the carrier."""
    return Probe(site.endpoint, site.trunks["carrier"].gateways[0], interval, site.clock)


def test_it_asks_at_once_and_again() -> None:
    """Whatever the answer."""
    site = Site()
    probe = make_probe(site, 20)
    probe.start()
    site.run(59)
    assert len(site.carrier.requests("OPTIONS")) == 3
    probe.stop()
    site.run(59)
    assert len(site.carrier.requests("OPTIONS")) == 3


def test_a_silent_host_does_not_delay_the_next_round() -> None:
    """One failure for each round, though a transaction lasts 32 s."""
    site = Site()
    site.carrier.deaf = True
    probe = make_probe(site, 5)
    probe.start()
    site.run(4.6)
    assert site.trunks["carrier"].gateways[0].health.state == "suspect"
    site.run(10)
    assert site.trunks["carrier"].gateways[0].health.state == "down"
    probe.stop()
    assert site.leftovers() == {}


def test_a_late_answer_counts_for_nothing() -> None:
    """The round it belongs to is over."""
    site = Site()
    site.network.latency = 6.0
    probe = make_probe(site, 5)
    probe.start()
    site.run(14)
    assert site.trunks["carrier"].gateways[0].health.state != "up"
    probe.stop()
    site.network.latency = 0.005
    site.run(20)


def test_any_sign_of_a_working_stack_makes_a_provider_usable() -> None:
    """Many answer OPTIONS with 403, 404 or 405 and take calls all the same; 408 and 5xx do not."""
    site = Site()
    provider, teams = site.trunks["carrier"], site.trunks["teams"]
    assert [status for status in (200, 403, 404, 405, 408, 500, 503) if provider.is_usable(status)] == [
        200,
        403,
        404,
        405,
    ]
    assert [status for status in (200, 202, 403, 404, 503) if teams.is_usable(status)] == [200, 202]


def test_a_provider_that_refuses_options_is_up() -> None:
    """It said so itself, by answering."""
    site = Site()
    site.carrier.answers["OPTIONS"] = 405
    probe = make_probe(site, 20)
    probe.start()
    site.run(1)
    assert site.trunks["carrier"].gateways[0].health.state == "up"
    probe.stop()
