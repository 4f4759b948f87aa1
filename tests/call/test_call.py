"""One call, where its own rules show; the rest is in tests/scenarios."""

from __future__ import annotations

import pytest

from rustalk.sip.message import Request
from tests.scenarios.site import Site


@pytest.fixture
def site() -> Site:
    """A switch."""
    return Site()


def test_a_call_ends_once(site: Site) -> None:
    """Both sides hang up at the same moment (BYE glare, F-01): one record, nothing left."""
    talk = site.talking()
    talk.caller.bye()
    talk.callee.bye()
    site.run()
    assert len(site.calls.ids()) == 1
    assert site.record.hung_up_by == "caller"
    assert site.leftovers() == {}


def test_the_reason_of_a_bye_crosses(site: Site) -> None:
    """RFC 3326: what the caller says of the end reaches the callee in its words."""
    talk = site.talking()
    talk.caller.bye([("Reason", 'Q.850;cause=31;text="network"')])
    site.run()
    assert talk.callee.received("BYE")[0].get("Reason") == 'Q.850;cause=31;text="network"'


def test_the_phrase_and_reason_of_a_refusal_cross(site: Site) -> None:
    """The caller learns what the callee said."""
    talk = site.ringing()
    talk.callee.refuse(480, [("Reason", "Q.850;cause=19")])
    site.run()
    answer = talk.caller.responses[-1]
    assert (answer.status, answer.get("Reason")) == (480, "Q.850;cause=19")


def test_a_request_for_a_call_that_has_just_ended(site: Site) -> None:
    """481, and nothing is raised."""
    talk = site.talking()
    talk.caller.bye()
    answers = talk.callee.ask("INVITE", site.teams.describe(version=2, lines=["a=inactive"]))
    info = talk.callee.ask("INFO")
    site.run(1)
    assert {answer.status for answer in [*answers, *info] if answer.status > 100} <= {481, 487}
    assert site.leftovers() == {}


def test_ports_are_leased_for_an_attempt_and_given_back(site: Site) -> None:
    """Two pairs for a call with one audio line, none after it."""
    talk = site.ringing()
    assert site.relay.pool.leased == 2
    talk.caller.cancel()
    site.run()
    assert site.relay.pool.leased == 0


def test_a_call_given_up_while_its_ports_are_opened(site: Site) -> None:
    """Nobody is called, and the ports return."""
    site.relay.slow = []
    leg = site.carrier.call()
    site.run(0.1)
    leg.cancel()
    site.run(1)
    site.relay.slow[0]()
    site.run()
    assert (leg.responses[-1].status, site.teams.calls) == (487, [])
    assert site.leftovers() == {}


def test_all_targets_of_a_call_share_its_ports(site: Site) -> None:
    """HLD-04: the address that the first target was told is that of the second."""
    site.teams.plan = lambda leg: leg.refuse(503) if len(site.teams.calls) < 3 else leg.ring()
    leg = site.carrier.call()
    site.run()
    assert len({one.invite.body for one in site.teams.calls}) == 1
    leg.cancel()
    site.run()


def test_a_call_with_media_past_us(site: Site) -> None:
    """media "direct": the descriptions cross byte for byte and no port is taken."""
    direct = Site(
        trunks=[{"id": "carrier", "host": "198.51.100.7", "port": 5060, "media": "direct"}],
        teams={"media": "direct"},
        routing={"routes": ROUTES},
    )
    direct.carrier.media_profile = "RTP/SAVP"
    talk = direct.talking()
    assert isinstance(talk.callee.invite, Request)
    assert talk.callee.invite.body == talk.caller.local
    assert talk.caller.remote == talk.callee.local
    assert direct.relay.streams == []
    talk.end()


def test_plain_media_do_not_pass_us_to_teams(site: Site) -> None:
    """MED-01: nothing here can encrypt what flows past us, so the caller is refused with that reason."""
    direct = Site(teams={"media": "direct"}, routing={"routes": [{**ROUTES[0], "media": "direct"}]})
    leg = direct.carrier.call()
    direct.run()
    assert leg.statuses == [488]
    assert 'text="srtp_required' in (leg.responses[-1].get("Reason") or "")


ROUTES = [{"id": "to-teams", "pattern": "", "source": "carrier", "destination": {"type": "Trunk", "value": "teams"}}]
