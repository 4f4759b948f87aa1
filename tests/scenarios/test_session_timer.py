"""Session timers (RFC 4028), each leg by itself."""

from __future__ import annotations

from collections.abc import Callable

from rustalk.sip.message import Field
from tests.scenarios.site import Site

TIMER = ("Supported", "timer")


def expires(seconds: int, refresher: str = "") -> list[Field]:
    """The fields of a peer that wants a session timer."""
    return [TIMER, ("Session-Expires", f"{seconds};refresher={refresher}" if refresher else str(seconds))]


def test_we_refresh_for_the_caller_that_wants_it(site: Site) -> None:
    """HDR-16: refresher=uas: a re-INVITE with the same description at half time, and nothing on the other leg."""
    talk = site.talking(fields=expires(600, "uas"))
    assert talk.caller.responses[-1].get("Session-Expires") == "600;refresher=uas"
    site.run(301)
    (refresh,) = talk.caller.received("INVITE")
    assert refresh.body == talk.caller.responses[-1].body
    assert refresh.get("Session-Expires") == "600;refresher=uac"
    site.run(900)
    assert len(talk.caller.received("INVITE")) == 4
    assert talk.callee.requests == []
    talk.end()


def test_we_refresh_for_the_callee_that_wants_it(site: Site) -> None:
    """HDR-16: a 200 with refresher=uac makes us refresh on that leg."""
    talk = site.ringing("carrier", "teams")
    talk.callee.answer(fields=[("Require", "timer"), ("Session-Expires", "600;refresher=uac")])
    site.run(301)
    (refresh,) = talk.callee.received("INVITE")
    assert refresh.body == talk.callee.invite.body
    assert talk.caller.requests == []
    talk.end()


def test_a_200_without_session_expires_works(site: Site) -> None:
    """HDR-16: no timer runs then."""
    talk = site.talking()
    site.run(3600)
    assert talk.callee.requests == []
    talk.end()


def test_a_peer_that_stops_refreshing_ends_the_call(site: Site) -> None:
    """RFC 4028 section 10: BYE on both legs shortly before the interval is over."""
    talk = site.talking(fields=expires(600, "uac"))
    site.run(567)
    assert not talk.is_over
    site.run(2)
    assert talk.is_over
    assert site.record.reason == "session_expired"
    for leg in (talk.caller, talk.callee):
        assert "session_expired" in (leg.received("BYE")[0].get("Reason") or "")


def test_a_peer_that_refreshes_keeps_the_call(site: Site) -> None:
    """RFC 4028 section 9: each refresh starts the interval anew."""
    talk = site.talking(fields=expires(600, "uac"))
    for _ in range(5):
        site.run(400)
        talk.caller.ask("UPDATE", fields=expires(600, "uac"))
    site.run(400)
    assert not talk.is_over
    talk.end()


def test_a_refresh_that_is_refused_for_good_ends_the_call(site: Site) -> None:
    """RFC 4028 section 10: without a successful refresh the session ends, and one refusal is not the end."""
    talk = site.talking(fields=expires(600, "uas"))
    site.carrier.answers["INVITE"] = 500
    site.run(400)
    assert not talk.is_over
    assert len(talk.caller.received("INVITE")) > 2
    site.run(250)
    assert talk.is_over
    assert site.record.reason == "session_expired"


def test_a_refresh_that_meets_glare_is_sent_again(site: Site) -> None:
    """HLD-06: 491, and seconds later a second try."""
    talk = site.talking(fields=expires(600, "uas"))
    site.carrier.answers["INVITE"] = 491
    site.run(301)
    site.carrier.answers["INVITE"] = 200
    site.run(10)
    assert len(talk.caller.received("INVITE")) == 2
    site.run(500)
    assert not talk.is_over
    talk.end()


def test_a_refresh_that_is_never_answered_ends_the_call(site: Site) -> None:
    """A peer that says 100 and nothing more does not keep a dead call."""
    site.carrier.answers["INVITE"] = 0
    talk = site.talking(fields=expires(600, "uas"))
    site.run(700)
    assert talk.is_over
    assert site.record.reason == "session_expired"


def test_too_small_an_interval_gets_422(build: Callable[..., Site]) -> None:
    """HDR-16: 422 with Min-SE."""
    site = build(sip={"min_se": 300})
    leg = site.carrier.call(fields=expires(120))
    site.run()
    assert leg.statuses == [422]
    assert leg.responses[-1].get("Min-SE") == "300"


def test_too_small_an_interval_in_a_refresh_gets_422(build: Callable[..., Site]) -> None:
    """RFC 4028 section 9: for UPDATE and re-INVITE too, and the call goes on."""
    site = build(sip={"min_se": 300})
    talk = site.talking(fields=expires(600, "uac"))
    answers = talk.caller.ask("UPDATE", fields=expires(120, "uac"))
    site.run()
    assert [response.status for response in answers] == [422]
    talk.end()


def test_a_422_makes_us_ask_for_more(build: Callable[..., Site]) -> None:
    """HDR-16: the INVITE again, in the same call, with the interval that the peer bears."""
    site = build(sip={"session_expires": 120})
    leg = site.carrier.call()
    site.run()
    site.teams.last.refuse(422, [("Min-SE", "300")])
    site.run()
    again = site.teams.last
    assert again.invite.get("Session-Expires") == "300"
    assert again.invite.cseq.number == 2
    assert again.call_id == site.teams.calls[0].call_id
    again.answer()
    site.run()
    assert leg.statuses == [200]
    leg.bye()
    site.run()


def test_a_peer_that_says_422_for_ever_is_given_up(build: Callable[..., Site]) -> None:
    """A3 of session timers: at most four times more."""
    site = build(sip={"session_expires": 120})
    site.teams.plan = lambda leg: leg.refuse(422, [("Min-SE", str(300 * len(site.teams.calls)))])
    leg = site.carrier.call()
    site.run(2)
    assert len(site.teams.calls) == 5
    assert leg.statuses == [503]


def test_a_bye_stops_the_timers(site: Site) -> None:
    """Nothing is refreshed any more; the fixture sees that no timer is left."""
    talk = site.talking(fields=expires(90, "uas"))
    talk.end()
    site.run(500)
    assert talk.caller.received("INVITE") == []
