"""Too much at once, shutting down, and calls that the switch itself ends."""

from __future__ import annotations

from collections.abc import Callable

from tests.scenarios.site import PROXIES, Site


def test_the_limit_of_calls(build: Callable[..., Site]) -> None:
    """F-14: 503 with Retry-After beyond limits.max_calls, and room again when a call ends."""
    site = build(limits={"max_calls": 1, "retry_after": 7})
    talk = site.talking()
    leg = site.carrier.call()
    site.run()
    assert leg.statuses == [503]
    assert leg.responses[-1].get("Retry-After") == "7"
    assert "too_many_calls" in (leg.responses[-1].get("Reason") or "")
    talk.end()
    site.talking().end()


def test_the_limit_of_new_calls_a_second(build: Callable[..., Site]) -> None:
    """A6, F-14: beyond limits.calls_per_second 503 with Retry-After, and a moment later again a call."""
    site = build(limits={"calls_per_second": 2})
    legs = [site.carrier.call() for _ in range(5)]
    site.run(0.1)
    refused = [leg for leg in legs if leg.over]
    assert len(refused) == 3
    assert all("calls_too_fast" in (leg.responses[-1].get("Reason") or "") for leg in refused)
    for leg in legs:
        leg.cancel()
    site.run(1)
    site.talking().end()


def test_draining_refuses_new_calls_and_waits_for_the_old_ones(site: Site) -> None:
    """FO-09: 503 to INVITE and OPTIONS, so that Teams goes elsewhere; the call in progress goes on."""
    talk = site.talking()
    drained: list[None] = []
    site.calls.drain().addCallback(drained.append)
    leg = site.carrier.call()
    options = site.teams.ask("OPTIONS")
    site.run()
    assert leg.statuses == [503]
    assert "draining" in (leg.responses[-1].get("Reason") or "")
    assert [response.status for response in options] == [503]
    assert not talk.is_over
    assert drained == []
    talk.end()
    assert drained == [None]


def test_draining_an_idle_switch_is_done_at_once(site: Site) -> None:
    """FO-09: nothing to wait for."""
    drained: list[None] = []
    site.calls.drain().addCallback(drained.append)
    assert drained == [None]


def test_shutting_down_ends_what_is_left(site: Site) -> None:
    """BYE for calls that talk, 503 for those that ring, each with the reason."""
    talk = site.talking()
    waiting = site.ringing("teams", "carrier")
    site.calls.drain()
    site.calls.end_all()
    site.run()
    assert talk.is_over
    assert waiting.is_over
    assert waiting.caller.statuses == [503]
    assert "shutdown" in (talk.caller.received("BYE")[0].get("Reason") or "")
    assert "shutdown" in (talk.callee.received("BYE")[0].get("Reason") or "")


def test_the_operator_ends_a_call(site: Site) -> None:
    """BYE on both legs."""
    talk = site.talking()
    assert site.switch.hang_up(site.record.id)
    site.run()
    assert talk.is_over
    assert site.record.reason == "operator"
    assert site.record.hung_up_by == "switch"


def test_the_operator_ends_a_call_that_rings(site: Site) -> None:
    """The caller gets 480, the callee CANCEL."""
    talk = site.ringing()
    site.switch.hang_up(site.record.id)
    site.run()
    assert talk.caller.statuses == [480]
    assert talk.callee.cancelled is not None
    assert not site.switch.hang_up("nobody")


def test_a_call_without_audio_ends(site: Site) -> None:
    """F-03: media.timeout; both sides hear why."""
    talk = site.talking()
    site.relay.streams[0].on_silence()
    site.run()
    assert talk.is_over
    assert site.record.reason == "no_media"
    assert "no_media" in (talk.callee.received("BYE")[0].get("Reason") or "")


def test_one_way_audio_is_only_reported(site: Site) -> None:
    """media.one_way_after warns."""
    talk = site.talking()
    site.relay.streams[0].on_one_way(0)
    site.relay.streams[0].on_one_way(0)
    site.run()
    assert not talk.is_over
    talk.end()


def test_without_ports_a_call_gets_503(site: Site) -> None:
    """F-12: the range is used up; the trunk's hosts are not blamed and not asked in vain."""
    taken = [site.relay.pool.lease() for _ in range(site.relay.pool.free)]
    leg = site.carrier.call()
    site.run()
    assert leg.statuses == [503]
    assert site.record.reason == "no_media_ports"
    assert site.network.attempts == []
    assert {gateway.health.state for gateway in site.trunks["teams"].gateways} == {"unknown"}
    for port in taken:
        site.relay.pool.release(port)
    site.talking().end()


def test_a_flood_of_silent_callers_leaves_nothing(build: Callable[..., Site]) -> None:
    """F-02: INVITEs that are never finished are gone after the ring timeout and 64*T1."""
    site = build(sip={"ring_timeout": 10})
    for _ in range(50):
        site.carrier.call()
    site.run(0.2)
    site.network.silent.add(site.carrier.hosts[0])
    site.run(11)
    assert len(site.calls) == 0
    site.run(70)
    assert site.endpoint.transactions == 0


def test_many_failovers_leave_nothing(site: Site) -> None:
    """F-04: each attempt has a Call-ID of its own, and all are forgotten with the call."""
    site.teams.plan = lambda leg: leg.refuse(503)
    for _ in range(5):
        site.carrier.call()
        site.run()
    assert len(site.teams.calls) == 5 * len(PROXIES)
