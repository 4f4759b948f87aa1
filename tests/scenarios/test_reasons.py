"""Every code of the registry reaches somebody in a Reason header; those of phones are in test_house_reasons.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rustalk.media.ports import NoFilesError
from rustalk.ua.reasons import REASONS
from tests.fakes.agents import Leg
from tests.scenarios.site import CARRIER, CARRIER2, PLAIN, PROXIES, REGION, Site
from tests.scenarios.test_house_reasons import HOUSE

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


def failing(site: Site, fault: Exception) -> Site:
    """The relay cannot open a stream."""
    site.relay.fault = fault
    refuse(site)
    site.relay.fault = None
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


def asked(site: Site, method: str, **parts: Any) -> Site:
    """A request outside any dialog."""
    site.carrier.ask(method, **parts)
    site.run()
    return site


def merged_twice(site: Site) -> Site:
    """The same INVITE over two ways: two branches, one Call-ID, From tag and CSeq."""
    first = site.carrier.call()
    site.carrier.call(call_id=first.call_id, replace={"From": first.invite.get("From")})
    site.run()
    first.cancel()
    site.run(1)
    return site


def hasty(site: Site) -> Site:
    """A second re-INVITE while the first still waits for the other side."""
    site.teams.answers["INVITE"] = 0
    talk = site.talking()
    for version in (2, 3):
        talk.caller.ask("INVITE", site.carrier.describe(version=version, lines=["a=inactive"]))
    site.run(1)
    talk.callee.agree(talk.callee.waiting.pop())
    site.run(1)
    return site


def crossed(site: Site) -> Site:
    """Both sides change the session at once (HLD-06)."""
    site.teams.answers["INVITE"] = 0
    talk = site.talking()
    talk.caller.ask("INVITE", site.carrier.describe(version=2, lines=["a=inactive"]))
    talk.callee.ask("INVITE", site.teams.describe(version=2, lines=["a=inactive"]))
    site.run(1)
    talk.callee.waiting.pop().respond(491)
    site.run(1)
    talk.end()
    return site


def unheard_ring(site: Site) -> Site:
    """Reliable rings without a PRACK."""
    talk = site.ringing(fields=[("Require", "100rel")])
    talk.callee.ring()
    site.run(40)
    return site


def handed_on(site: Site, status: int) -> Site:
    """A transfer that who asked for does not wait for."""
    talk = site.talking()
    talk.callee.ask("REFER", fields=[("Refer-To", "<sip:sip.pstnhub.microsoft.com:5061;x-m=8>")])
    site.run()
    leg = site.teams.last
    if status == 200:
        leg.answer()
        site.run()
        leg.bye()
    else:
        talk.callee.bye()
        leg.refuse(status)
    site.run()
    return site


def replaced_late(site: Site) -> Site:
    """Replaces for a ringing call, when it is answered."""
    talk = site.talking()
    dialog = talk.callee.dialog
    value = f"{dialog.call_id};to-tag={dialog.remote_tag};from-tag={dialog.local_tag};early-only"
    site.teams.call(fields=[("Replaces", value)])
    site.run()
    talk.end()
    return site


def trunks_with(**keys: Any) -> list[dict[str, Any]]:
    """The carrier with these keys, and the other provider."""
    plain = {"port": 5060, **PLAIN}
    return [{"id": "carrier", "host": CARRIER, **plain, **keys}, {"id": "other", "host": CARRIER2, **plain}]


def stranger_to_us(site: Site) -> Site:
    """Teams calls a tenant that is none of ours."""
    site.teams.call(uri="sip:+15551230002@b.example.com:5061;user=phone;transport=tls")
    site.run(1)
    return site


def full(site: Site) -> Site:
    """Two calls to a trunk that takes one."""
    legs = [site.carrier.call(), site.carrier.call()]
    site.run()
    end(site, legs)
    return site


def secure_only(site: Site) -> Site:
    """A carrier without TLS that sends the caller to a sips: number of its own."""
    site.ringing("teams", "carrier").callee.refuse(302, [("Contact", "<sips:+15559990003@198.51.100.7>")])
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
    yield "bad_request", refuse(build(), replace={"Contact": None})
    yield "bad_method", asked(build(), "SUBSCRIBE")
    yield "bad_scheme", refuse(build(), uri="mailto:bob@example.com")
    yield "bad_extension", refuse(build(), fields=[("Require", "teleport")])
    yield "bad_content", refuse(build(), replace={"Content-Type": "text/plain"})
    yield "unacceptable", refuse(build(), fields=[("Accept", "text/plain")])
    yield "short_interval", refuse(build(), fields=[("Session-Expires", "30"), ("Supported", "timer")])
    yield "merged_request", merged_twice(build())
    yield "no_dialog", asked(build(), "BYE", to_tag="none")
    yield "glare", crossed(build())
    yield "still_busy", hasty(build())
    yield "already_answered", replaced_late(build())
    yield "unknown_source", unknown(build())
    yield "draining", draining(build())
    yield "too_many_calls", too_many(build(limits={"max_calls": 1}))
    yield "calls_too_fast", too_fast(build(limits={"calls_per_second": 1}))
    yield "loop_detected", looped(build())
    yield "too_many_hops", refuse(build(), replace={"Max-Forwards": "0"})
    yield "no_number", refuse(build(), uri="sip:192.0.2.10")
    yield "bad_media", refuse(build(), body=b"v=0\r\nnonsense")
    yield "srtp_required", refuse(build(trunks=trunks_with(srtp="required")))
    yield "unknown_tenant", stranger_to_us(build(teams={"tenants": [{"id": "a", "fqdn": "a.example.com"}]}))
    yield "trunk_full", full(build(teams={"max_calls": 1}))
    yield "trunk_too_fast", full(build(teams={"max_cps": 1}))
    yield "no_route", refuse(build(routing={"routes": []}))
    yield "route_refused", refuse(build(routing=routed("reject", "403")))
    yield "route_hangup", refuse(build(routing=routed("accept", "486")))
    yield "no_media_ports", without_ports(build())
    yield "no_files", failing(build(), NoFilesError("none is left"))
    yield "tls_required", secure_only(build())
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
    yield "no_prack", unheard_ring(build())
    yield "transferred", handed_on(build(), 200)
    yield "transfer_failed", handed_on(build(), 486)
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
    """The log, the record and the Reason header speak one vocabulary; ``interrupted`` is told by nobody but records."""
    seen = set()
    for code, site in scenarios(build):
        assert f'text="{code}' in reasons(site), code
        seen.add(code)
    assert seen | {"internal_error", "interrupted"} | set(HOUSE) == set(REASONS)


def test_a_fault_of_our_own_is_500(build: Build) -> None:
    """internal_error: the caller gets 500 with its reason, the log the details; nothing stays."""
    site = build()
    site.expected_failures += 1
    leg = failing(site, RuntimeError("the relay is broken")).carrier.last
    assert leg.statuses == [500]
    assert 'text="internal_error' in reasons(site)
