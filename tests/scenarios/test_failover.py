"""Which host is called, and when the next one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rustalk.sip.message import Request
from rustalk.sip.status import reason_phrase
from tests.fakes.agents import Leg
from tests.scenarios.site import CARRIER, CARRIER2, CONFIGURATION, PROXIES, Site, watched_lines

ONE, TWO, THREE = PROXIES.values()


def tried(site: Site) -> list[str]:
    """The proxies that got an INVITE, in order; copies do not count."""
    return [leg.flow.local[0] for leg in site.teams.calls]


def refusing_with(status: int, *hosts: str, fields: list[tuple[str, str]] | None = None) -> Callable[[Leg], None]:
    """A plan: these hosts refuse, the others ring."""

    def plan(leg: Leg) -> None:
        if leg.flow.local[0] in hosts:
            leg.refuse(status, fields or [])
        else:
            leg.ring()

    return plan


def two_hosts(build: Callable[..., Site], **changes: object) -> Site:
    """A carrier with two hosts, the second for when the first fails."""
    hosts = [{"host": CARRIER2, "port": 5060, "priority": 1}]
    carrier = {"id": "carrier", "host": CARRIER, "port": 5060, "options_ping_enabled": False, "hosts": hosts}
    return build(trunks=[carrier | changes, CONFIGURATION["trunks"][1]])


def give_up(site: Site, leg: Leg) -> None:
    """End a call that rings."""
    leg.cancel()
    site.run(5)


def test_the_first_proxy_comes_first(site: Site) -> None:
    """FO-01: no round robin."""
    for _ in range(3):
        leg = site.carrier.call()
        site.run()
        give_up(site, leg)
    assert tried(site) == [ONE] * 3


def test_calls_return_to_the_first_proxy_once_it_recovers(build: Callable[..., Site]) -> None:
    """FO-01: a proxy that is down is tried last, and first again after one answered OPTIONS."""
    site = build(teams={"options_ping_enabled": True})
    site.network.refusing.add(ONE)
    for probe in site.probes:
        probe.start()
    site.run(150)
    leg = site.carrier.call()
    site.run()
    give_up(site, leg)
    assert tried(site) == [TWO]
    site.network.refusing.clear()
    site.run(60)
    leg = site.carrier.call()
    site.run()
    give_up(site, leg)
    assert tried(site) == [TWO, ONE]


def test_503_with_retry_after_moves_on_at_once(site: Site) -> None:
    """FO-02: the next proxy within a second, with another Call-ID, and the same one is not asked again."""
    site.teams.plan = refusing_with(503, ONE, fields=[("Retry-After", "1")])
    leg = site.carrier.call()
    site.run(0.5)
    assert tried(site) == [ONE, TWO]
    assert leg.statuses == [180]
    first, second = site.teams.calls
    assert first.call_id != second.call_id
    give_up(site, leg)


@pytest.mark.parametrize("fault", ["refusing", "untrusted"])
def test_a_proxy_that_cannot_be_connected_is_passed_over(site: Site, fault: str) -> None:
    """FO-02: TCP refused, TLS handshake failed."""
    getattr(site.network, fault).update((ONE, TWO))
    leg = site.carrier.call()
    site.run(0.5)
    assert tried(site) == [THREE]
    give_up(site, leg)


def test_a_name_that_does_not_resolve_is_passed_over(build: Callable[..., Site]) -> None:
    """FO-02: DNS failure."""
    site = build(teams={"sip_proxies": ["nowhere.example.com", "sip2.pstnhub.microsoft.com"]})
    leg = site.carrier.call()
    site.run(0.5)
    assert tried(site) == [TWO]
    give_up(site, leg)


def test_a_black_hole_costs_less_than_six_seconds(site: Site) -> None:
    """FO-05: no TCP connection."""
    site.network.silent.add(ONE)
    leg = site.carrier.call()
    site.run(6)
    assert tried(site) == [TWO]
    give_up(site, leg)


def test_a_proxy_that_takes_the_invite_and_is_silent_costs_less_than_six_seconds(build: Callable[..., Site]) -> None:
    """FO-05: no response, not even 100; a 200 that comes later is hung up."""
    site = two_hosts(build)
    site.network.silent.add(CARRIER)
    leg = site.teams.call()
    site.run(5.9)
    assert [leg.flow.local[0] for leg in site.carrier.calls] == [CARRIER2]
    give_up(site, leg)


def test_a_late_answer_of_the_silent_host_is_hung_up(build: Callable[..., Site]) -> None:
    """FO-05: nobody is left talking to nobody."""
    site = two_hosts(build)
    site.carrier.plan = lambda leg: leg.ring() if leg.flow.local[0] == CARRIER2 else leg.answer()
    site.network.silent.add(CARRIER)
    leg = site.teams.call()
    site.run(6)
    site.network.silent.clear()
    site.run(2)
    late = next(leg for leg in site.carrier.calls if leg.flow.local[0] == CARRIER)
    assert late.acks
    assert late.received("BYE")
    give_up(site, leg)


@pytest.mark.parametrize("status", [408, 500, 503, 504])
def test_codes_that_move_on(site: Site, status: int) -> None:
    """FO-03: the proxy's own trouble."""
    site.teams.plan = refusing_with(status, ONE)
    leg = site.carrier.call()
    site.run()
    assert tried(site) == [ONE, TWO]
    give_up(site, leg)


@pytest.mark.parametrize("status", [403, 404, 480, 484, 486, 487, 488, 501, 600, 603, 604, 606])
def test_codes_that_are_the_callees_decision(site: Site, status: int) -> None:
    """FO-03: the caller hears them; no second INVITE, or a user who declined has several missed calls."""
    site.teams.plan = refusing_with(status, ONE)
    leg = site.carrier.call()
    site.run()
    assert tried(site) == [ONE]
    assert leg.statuses == [status]
    assert site.record.reason == "far_end"


def test_no_failover_after_18x(site: Site) -> None:
    """FO-04: 180, then 503: the call fails."""
    talk = site.ringing()
    talk.callee.ring()
    site.run()
    talk.callee.refuse(503)
    site.run()
    assert tried(site) == [ONE]
    assert talk.caller.statuses == [180, 503]


def test_when_all_proxies_fail_the_caller_gets_503(site: Site) -> None:
    """FO-02, FO-06: the last word is 503 with Retry-After, so that the caller's side tries elsewhere."""
    site.network.refusing.update(PROXIES.values())
    leg = site.carrier.call()
    site.run(2)
    assert leg.statuses == [503]
    assert leg.responses[-1].get("Retry-After")
    assert site.record.reason == "target_unreachable"


def test_when_all_proxies_are_silent_the_reason_says_so(build: Callable[..., Site]) -> None:
    """FO-05: no answer is not the same as no connection."""
    site = two_hosts(build)
    site.network.silent.update((CARRIER, CARRIER2))
    leg = site.other.call()
    site.run(12)
    assert leg.statuses == [503]
    assert site.record.reason == "target_silent"


def test_teams_hears_before_it_gives_up_itself(build: Callable[..., Site]) -> None:
    """FO-07: a carrier that says only 100 gets CANCEL and Teams 503 within its ten seconds; a ring in time waits on."""
    silent = build().ringing("teams", "carrier")
    silent.site.run(9)
    assert silent.caller.statuses == [503]
    assert silent.callee.cancelled is not None
    ringing = build().ringing("teams", "carrier")
    ringing.callee.ring()
    ringing.site.run(30)
    assert ringing.caller.statuses == [180]
    ringing.caller.cancel()
    ringing.site.run(5)


def test_503_of_all_proxies_reaches_the_caller(site: Site) -> None:
    """FO-06: 503 is in Microsoft's own list, so Teams tries another SBC."""
    site.teams.plan = refusing_with(503, *PROXIES.values())
    leg = site.carrier.call()
    site.run(2)
    assert tried(site) == [ONE, TWO, THREE]
    assert leg.statuses == [503]
    assert site.record.reason == "far_end"


def test_requests_in_a_call_stay_with_its_route(site: Site) -> None:
    """FO-10: BYE goes where the dialog leads after the primary proxy has failed."""
    talk = site.talking()
    site.network.refusing.add(ONE)
    talk.caller.bye()
    site.run()
    assert talk.callee.over


def test_a_lost_connection_before_ringing_moves_on(site: Site) -> None:
    """FO-02: a proxy that resets the connection has failed the call."""
    leg = site.carrier.call()
    site.run(0.2)
    site.network.break_all(ONE)
    site.run()
    assert tried(site) == [ONE, TWO]
    site.teams.calls[0].over = True
    give_up(site, leg)


def test_hosts_share_calls_by_weight(build: Callable[..., Site]) -> None:
    """RFC 2782: hosts of one priority share, in proportion to their weights."""
    hosts = [{"host": CARRIER2, "port": 5060, "weight": 3}]
    site = two_hosts(build, hosts=hosts)
    for _ in range(40):
        leg = site.teams.call()
        site.run(0.1)
        give_up(site, leg)
    heavy = sum(leg.flow.local[0] == CARRIER2 for leg in site.carrier.calls)
    assert 16 < heavy < 40


def test_answers_to_our_own_invite_are_not_the_callers(site: Site) -> None:
    """A 401, 420 or 302 of the called side would be no answer to what the caller sent; log and Reason tell of it."""
    expected = {302: 480, 401: 503, 407: 503, 420: 503, 422: 503}
    for status, heard in expected.items():
        site.teams.plan = refusing_with(status, *PROXIES.values())
        with watched_lines() as lines:
            leg = site.carrier.call()
            site.run()
        assert leg.statuses == [heard]
        assert leg.responses[-1].reason == reason_phrase(heard)
        assert (leg.responses[-1].get("Reason") or "").startswith(f"SIP;cause={status};")
        assert [line for line in lines if f"teams answered {status} " in line and f"gets {heard}" in line]


def test_a_cancelled_hunt_tries_nobody_else(site: Site) -> None:
    """The caller gives up while the second proxy rings."""
    site.teams.plan = refusing_with(503, ONE)
    leg = site.carrier.call()
    site.run()
    give_up(site, leg)
    assert tried(site) == [ONE, TWO]
    assert isinstance(site.teams.last.cancelled, Request)
