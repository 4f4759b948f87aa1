"""OPTIONS in both directions, and what is believed of a proxy afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rustalk.sip.message import Request
from tests.scenarios.site import FQDN, PROXIES, Site

ONE, TWO, THREE = PROXIES.values()


@pytest.fixture
def pinging(build: Callable[..., Site]) -> Site:
    """A switch that begins to ping as soon as time passes."""
    site = build(teams={"options_ping_enabled": True})
    for probe in site.probes:
        site.clock.callLater(0, probe.start)
    return site


def options(site: Site, host: str) -> list[Request]:
    """The OPTIONS that reached a proxy."""
    return [m for m in site.sent_to(host) if isinstance(m, Request) and m.method == "OPTIONS"]


def states(site: Site) -> list[str]:
    """What is believed of the three proxies."""
    return [gateway.health.state for gateway in site.trunks["teams"].gateways]


def test_we_begin(pinging: Site) -> None:
    """OPT-01: Teams waits for our OPTIONS, so the first one goes out at once."""
    pinging.run(0.1)
    assert [len(options(pinging, host)) for host in PROXIES.values()] == [1, 1, 1]


def test_once_a_minute_to_all_three(pinging: Site) -> None:
    """OPT-02: over 5 virtual minutes 5 for each name, never more than 60 s apart."""
    pinging.run(299)
    for host in PROXIES.values():
        assert len(options(pinging, host)) == 5


def test_a_call_does_not_stop_the_pings(pinging: Site) -> None:
    """OPT-02: always, to all."""
    talk = pinging.talking()
    pinging.run(120)
    assert [len(options(pinging, host)) for host in PROXIES.values()] == [3, 3, 3]
    talk.end()


def test_a_proxy_that_is_down_is_still_asked(pinging: Site) -> None:
    """OPT-03, OPT-13: never stop pinging; the others are not disturbed."""
    pinging.network.refusing.add(ONE)
    pinging.run(299)
    assert pinging.network.attempts.count((ONE, 5061)) == 5
    assert len(options(pinging, TWO)) == 5


def test_the_health_of_a_proxy(pinging: Site) -> None:
    """OPT-13: 200, 200, -, -, -, 200."""
    script, seen = [True, True, False, False, False, True], []
    for answers in script:
        pinging.teams.answers["OPTIONS"] = 200 if answers else 0
        pinging.run(30)
        seen.append(states(pinging)[0])
        pinging.run(30)
    assert seen == ["up", "up", "suspect", "suspect", "down", "up"]


@pytest.mark.parametrize("status", [408, 503, 403, 500])
def test_only_2xx_is_usable(pinging: Site, status: int) -> None:
    """OPT-13: another answer proves that somebody is there, not that calls are taken."""
    pinging.teams.answers["OPTIONS"] = status
    pinging.run(1)
    assert states(pinging) == ["suspect"] * 3
    assert str(status) in pinging.trunks["teams"].gateways[0].health.why


@pytest.mark.parametrize("fault", ["refusing", "untrusted", "silent"])
def test_a_connection_that_fails_counts(pinging: Site, fault: str) -> None:
    """OPT-13: TCP refused, TLS failed, no answer."""
    getattr(pinging.network, fault).add(TWO)
    pinging.run(190)
    assert states(pinging) == ["up", "down", "up"]


def test_a_lost_connection_is_made_again(pinging: Site) -> None:
    """NET-04: the next OPTIONS finds a new one."""
    pinging.run(1)
    pinging.network.break_all(ONE)
    pinging.run(60)
    assert states(pinging) == ["up"] * 3
    assert pinging.network.attempts.count((ONE, 5061)) == 2


def test_a_new_address_of_a_proxy_is_followed(pinging: Site) -> None:
    """NET-04: names are resolved each time; no address is pinned."""
    pinging.run(1)
    pinging.resolver.hosts["sip.pstnhub.microsoft.com"] = (THREE,)
    pinging.run(60)
    assert len(options(pinging, ONE)) == 1


def test_the_shape_of_our_options(pinging: Site) -> None:
    """OPT-06, OPT-07, OPT-08, OPT-09, HDR-15."""
    pinging.run(0.1)
    for name, host in PROXIES.items():
        (request,) = options(pinging, host)
        assert request.uri == f"sip:{name}:5061;transport=tls"
        assert request.get("Contact") == f"<sip:{FQDN}:5061;transport=tls>"
        assert request.get("Record-Route") is None
        assert (request.from_.uri.host, request.from_.uri.user) == (FQDN, None)
        assert request.from_.tag
        assert request.get("To") == f"<sip:{name}:5061>"
        assert request.cseq.method == "OPTIONS"
        assert 68 <= (request.max_forwards or 0) <= 70
        assert "INVITE" in (request.get("Allow") or "")
        assert request.all("User-Agent") == [pinging.settings.sip.user_agent]


def test_each_options_is_a_transaction_of_its_own(pinging: Site) -> None:
    """OPT-09: a new Call-ID and tag each time, so no answer is taken for another's."""
    pinging.run(130)
    assert len({request.call_id for request in options(pinging, ONE)}) == 3


def test_a_bare_200_is_enough(pinging: Site) -> None:
    """OPT-14: no To tag, no Contact, Via unchanged."""
    pinging.run(1)
    assert states(pinging) == ["up"] * 3


def test_we_answer_the_options_of_teams(site: Site) -> None:
    """OPT-11, OPT-12: 200 at once on the same connection, with our FQDN in Contact, and Allow (OPT-10)."""
    flow = site.teams.flow()
    answers = site.teams.ask("OPTIONS", flow=flow)
    site.run(0.05)
    (answer,) = answers
    assert answer.status == 200
    assert answer.get("Contact") == f"<sip:{FQDN}:5061;transport=tls>"
    assert "INVITE" in (answer.get("Allow") or "")
    assert site.teams.flows[-1] is flow


def test_we_answer_the_options_of_a_carrier(site: Site) -> None:
    """OPT-11: also over UDP, each copy the same."""
    answers = site.carrier.ask("OPTIONS")
    site.run(0.05)
    assert [answer.status for answer in answers] == [200]


def test_the_round_trip_is_measured(pinging: Site) -> None:
    """OPT-13: from the request to its answer, without the time that connecting takes."""
    pinging.run(61)
    assert pinging.trunks["teams"].gateways[0].health.round_trip == pytest.approx(0.01)


def test_a_switch_that_stops_asks_no_more(pinging: Site) -> None:
    """Stopping while an answer is awaited changes no state."""
    pinging.teams.answers["OPTIONS"] = 0
    pinging.run(1)
    for probe in pinging.probes:
        probe.stop()
    pinging.run(200)
    assert states(pinging) == ["unknown"] * 3


def test_a_hint_of_calls_counts_too(site: Site) -> None:
    """OPT-13: a call that is answered proves a proxy usable, three that are not make it go last."""
    site.teams.plan = lambda leg: leg.refuse(503) if leg.flow.local[0] == ONE else leg.refuse(486)
    for _ in range(4):
        site.carrier.call()
        site.run()
    assert states(site)[:2] == ["down", "up"]
    assert [leg.flow.local[0] for leg in site.teams.calls] == [ONE, TWO] * 3 + [TWO]


def test_readiness_follows_the_health(pinging: Site) -> None:
    """OPT-15: a trunk without any usable host makes the switch not ready, and the reason names it."""
    pinging.network.refusing.update(PROXIES.values())
    pinging.run(200)
    ready = pinging.switch.ready()
    assert not ready.ready
    assert "teams" in ready.reasons[0].text


def test_a_connection_lost_while_an_answer_is_awaited(pinging: Site) -> None:
    """OPT-13: a failure at once, not only when patience ends."""
    pinging.teams.answers["OPTIONS"] = 0
    pinging.run(1)
    pinging.network.break_all(ONE)
    pinging.run(0.1)
    assert states(pinging)[0] == "suspect"
    assert "no answer to OPTIONS" in pinging.trunks["teams"].gateways[0].health.why
