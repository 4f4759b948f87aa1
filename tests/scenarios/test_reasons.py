"""Every code of the registry reaches somebody in a Reason header."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rustalk.call.reasons import REASONS
from tests.fakes.agents import Leg
from tests.scenarios.site import CARRIER, PROXIES, REGION, Site

Build = Callable[..., Site]
SHORT = ("Supported", "timer"), ("Session-Expires", "90;refresher=uac")
SHORT_OURS = ("Supported", "timer"), ("Session-Expires", "90;refresher=uas")


def refuse(site: Site, **parts: Any) -> Site:
    """A call that is refused."""
    site.carrier.call(**parts)
    site.run(1)
    return site


def routed(action: str, value: str) -> dict[str, Any]:
    """The only route."""
    destination = {"type": "Hangup", "value": value}
    return {"routes": [{"id": "only", "pattern": "", "action": action, "destination": destination}]}


def busy(site: Site) -> Site:
    """The callee refuses."""
    site.teams.plan = lambda leg: leg.refuse(486)
    return refuse(site)


def unknown(site: Site) -> Site:
    """A stranger calls."""
    site.stranger.call()
    site.run()
    return site


def draining(site: Site) -> Site:
    """A call while the switch drains."""
    site.calls.drain()
    return refuse(site)


def looped(site: Site) -> Site:
    """Our INVITE comes back."""
    talk = site.ringing()
    site.teams.call(call_id=talk.callee.call_id)
    site.run()
    talk.caller.cancel()
    site.run()
    return site


def without_ports(site: Site) -> Site:
    """No media port is left."""
    taken = [site.relay.pool.lease() for _ in range(site.relay.pool.free)]
    refuse(site)
    for port in taken:
        site.relay.pool.release(port)
    return site


def failing(site: Site) -> Site:
    """The relay has a fault of its own."""
    site.relay.is_broken = True
    refuse(site)
    site.relay.is_broken = False
    return site


def unreachable(site: Site) -> Site:
    """No proxy can be connected."""
    site.network.refusing.update(PROXIES.values())
    return refuse(site)


def silent(site: Site) -> Site:
    """The only host of the carrier says nothing."""
    site.network.silent.add(CARRIER)
    site.teams.call()
    site.run(7)
    return site


def ringing(site: Site) -> Site:
    """Nobody answers."""
    site.ringing().callee.ring()
    site.run(12)
    return site


def unmoved(site: Site) -> Site:
    """The carrier says 100 to a call from Teams and then nothing, so that Teams must be told in time (FO-07)."""
    site.ringing("teams", "carrier")
    site.run(10)
    return site


def broken_answer(site: Site) -> Site:
    """A 200 without Contact."""
    site.ringing().callee.answer(without=["Contact"])
    site.run(40)
    return site


def cancelled(site: Site) -> Site:
    """The caller gives up."""
    site.ringing().caller.cancel()
    site.run()
    return site


def lost(site: Site) -> Site:
    """The caller's connection breaks."""
    site.ringing("teams", "carrier")
    for host in (*PROXIES.values(), REGION[1]):
        site.network.break_all(host)
    site.run(40)
    return site


def ended(site: Site) -> Site:
    """Somebody hangs up."""
    site.talking().end()
    return site


def unacknowledged(site: Site) -> Site:
    """No ACK."""
    site.carrier.acks = False
    site.ringing().callee.answer()
    site.run(40)
    return site


def expired(site: Site) -> Site:
    """The peer does not refresh."""
    site.talking(fields=SHORT)
    site.run(90)
    return site


def gone(site: Site) -> Site:
    """The caller does not know the call any more."""
    site.carrier.answers["INVITE"] = 481
    site.talking(fields=SHORT_OURS)
    site.run(60)
    return site


def vanished(site: Site) -> Site:
    """The caller does not answer any more."""
    site.talking(fields=SHORT_OURS)
    site.network.silent.add(CARRIER)
    site.run(100)
    return site


def unheard(site: Site) -> Site:
    """No audio."""
    site.talking()
    site.relay.streams[0].on_silence()
    site.run()
    return site


def hung_up(site: Site) -> Site:
    """The operator ends the call."""
    site.talking()
    site.switch.hang_up(site.record.id)
    site.run()
    return site


def shut_down(site: Site) -> Site:
    """The switch stops."""
    site.talking()
    site.calls.end_all()
    site.run()
    return site


def untargeted(site: Site) -> Site:
    """A trunk without hosts."""
    site.trunks["teams"].gateways = ()
    return refuse(site)


def too_fast(site: Site) -> Site:
    """Two calls where one a second is allowed."""
    legs = [site.carrier.call(), site.carrier.call()]
    site.run()
    end(site, legs)
    return site


def too_many(site: Site) -> Site:
    """Two calls where one is allowed."""
    legs = [site.carrier.call(), site.carrier.call()]
    site.run()
    end(site, legs)
    return site


def end(site: Site, legs: list[Leg]) -> None:
    """Cancel what still rings."""
    for leg in legs:
        leg.cancel()
    site.run(1)


def scenarios(build: Build) -> Iterator[tuple[str, Site]]:
    """Each code with a switch on which it happened."""
    yield "unknown_source", unknown(build())
    yield "draining", draining(build())
    yield "too_many_calls", too_many(build(limits={"max_calls": 1}))
    yield "calls_too_fast", too_fast(build(limits={"calls_per_second": 1}))
    yield "loop_detected", looped(build())
    yield "too_many_hops", refuse(build(), replace={"Max-Forwards": "0"})
    yield "no_number", refuse(build(), uri="sip:192.0.2.10")
    yield "no_offer", refuse(build(), body=b"")
    yield "bad_media", refuse(build(), body=b"v=0\r\nnonsense")
    yield "no_route", refuse(build(routing={"routes": []}))
    yield "route_refused", refuse(build(routing=routed("reject", "403")))
    yield "route_hangup", refuse(build(routing=routed("accept", "486")))
    yield "no_media_ports", without_ports(build())
    yield "no_target", untargeted(build())
    yield "target_unreachable", unreachable(build())
    yield "target_silent", silent(build())
    yield "no_progress", unmoved(build())
    yield "ring_timeout", ringing(build(sip={"ring_timeout": 10}))
    yield "far_end", busy(build())
    yield "bad_answer", broken_answer(build())
    yield "caller_cancelled", cancelled(build())
    yield "caller_lost", lost(build())
    yield "normal", ended(build())
    yield "no_ack", unacknowledged(build())
    yield "session_expired", expired(build())
    yield "peer_gone", gone(build())
    yield "peer_lost", vanished(build())
    yield "no_media", unheard(build())
    yield "operator", hung_up(build())
    yield "shutdown", shut_down(build())


def reasons(site: Site) -> str:
    """Every Reason header that anybody got."""
    agents = site.carrier, site.other, site.teams, site.stranger
    return "\n".join(message.get("Reason") or "" for agent in agents for message in agent.messages)


def test_every_code_is_seen_on_the_wire(build: Build) -> None:
    """The log, the record and the Reason header speak one vocabulary."""
    seen = set()
    for code, site in scenarios(build):
        assert f'text="{code}' in reasons(site), code
        seen.add(code)
    assert seen | {"internal_error"} == set(REASONS)


def test_a_fault_of_our_own_is_500(build: Build) -> None:
    """internal_error: the caller gets 500 with its reason, the log the details; nothing stays."""
    site = build()
    site.expected_failures += 1
    leg = failing(site).carrier.last
    assert leg.statuses == [500]
    assert 'text="internal_error' in reasons(site)
