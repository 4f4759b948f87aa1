"""The running switch as its doors see it."""

from __future__ import annotations

from rustalk.observe.snapshots import HealthStatus, TrunkState
from rustalk.observe.switch import ISwitch
from tests.scenarios.site import CARRIER, PROXIES, Site


def test_it_is_what_the_doors_expect() -> None:
    """The interface of rustalk.observe.switch."""
    assert ISwitch.providedBy(Site().switch)


def test_the_trace_of_a_call_holds_both_legs() -> None:
    """In order, each message once; an unknown call has none."""
    site = Site()
    talk = site.talking()
    talk.end()
    trace = site.switch.trace(site.record.id)
    assert {entry.leg for entry in trace} == {0, 1}
    assert talk.caller.call_id in trace[0].text
    assert [entry.time for entry in trace] == sorted(entry.time for entry in trace)
    assert site.switch.trace("nobody") == []


def test_trunks_with_their_health() -> None:
    """The best host says how the trunk is, disabled trunks are told too."""
    trunk = {"id": "carrier", "host": "198.51.100.7", "port": 5060, "options_ping_enabled": False}
    off = {"id": "other", "host": "198.51.100.9", "enabled": False}
    site = Site(trunks=[trunk, off], routing={"routes": []})
    site.trunks["teams"].gateways[1].health.answered("200 to OPTIONS", 0.02)
    states = {trunk.id: trunk.state for trunk in site.switch.trunks()}
    assert states == {"teams": TrunkState.UP, "carrier": TrunkState.UNKNOWN, "other": TrunkState.DISABLED}


def test_the_teams_trunk() -> None:
    """Health per proxy, with the round trip and what went wrong."""
    site = Site()
    gateways = site.trunks["teams"].gateways
    gateways[0].health.answered("200 to OPTIONS", 0.02)
    gateways[1].health.failed("refused: nothing listens there")
    first, second, third = site.switch.teams().health_status
    assert (first.proxy, first.status, first.response_time_ms) == (next(iter(PROXIES)), HealthStatus.HEALTHY, 20.0)
    assert (second.status, second.error) == (HealthStatus.DEGRADED, "refused: nothing listens there")
    assert third.status is HealthStatus.DEGRADED


def test_the_figures() -> None:
    """Calls in progress and since the start, and why some were refused."""
    site = Site()
    site.talking().end()
    site.talking()
    site.carrier.call(replace={"Max-Forwards": "0"})
    site.run()
    figures = site.switch.statistics()
    assert (figures.active_calls, figures.total_calls) == (1, 3)
    assert figures.refused == {"too_many_hops": 1}
    assert figures.uptime_seconds == site.clock.seconds()
    site.calls.end_all()
    site.run()


def test_calls_page_by_page() -> None:
    """Newest first, each once."""
    site = Site()
    for _ in range(5):
        site.talking().end()
    seen, cursor = [], None
    while True:
        page = site.switch.calls(2, cursor)
        seen += [call.id for call in page.calls]
        cursor = page.next
        if cursor is None:
            break
    assert seen == site.calls.ids()


def test_ready_until_it_drains() -> None:
    """A switch that shuts down sends its calls elsewhere."""
    site = Site()
    assert site.switch.ready().ready
    site.calls.drain()
    assert not site.switch.ready().ready


def test_an_address_is_banned_by_hand() -> None:
    """A trunk never is."""
    site = Site()
    made = site.switch.ban("203.0.113.66", 60, "called at night")
    assert (made, made.reason if made else "") == (site.switch.bans()[0], "called at night")
    assert not site.guard.admits("203.0.113.66", "udp")
    assert site.switch.ban(CARRIER, 60, "by mistake") is None
