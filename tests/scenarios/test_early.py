"""What the caller hears before the answer, and answers that come from several phones."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rustalk.sip.dialog import Dialog
from tests.scenarios.site import SBC, Site, Talk

POLICY = [("first", [180], False), ("pass", [180, 183, 180], True), ("ring", [180], False)]


def policy(build: Callable[..., Site], name: str) -> Site:
    """A switch whose trunk towards the called side has this policy."""
    return build(teams={"early_media": name})


def ring_three_times(talk: Talk) -> None:
    """180, then 183 with a description from another phone, then 180 from a third."""
    agent = talk.callee.agent
    talk.callee.ring(180, tag="a")
    talk.site.run()
    talk.callee.ring(183, tag="b", body=agent.describe())
    talk.site.run()
    talk.callee.ring(180, tag="c")
    talk.site.run()


@pytest.mark.parametrize(("name", "heard", "described"), POLICY)
def test_several_18x_with_different_tags(
    build: Callable[..., Site], name: str, heard: list[int], described: bool
) -> None:
    """RNG-01, RNG-02, RNG-03: the policies first, pass and ring."""
    site = policy(build, name)
    talk = site.ringing("carrier", "teams")
    ring_three_times(talk)
    assert talk.caller.statuses == heard
    assert any(response.body for response in talk.caller.responses) is described
    talk.callee.answer(tag="c")
    site.run()
    assert talk.caller.statuses[-1] == 200
    assert talk.caller.responses[-1].body
    talk.end()


def test_183_alone_is_180_until_audio_comes(build: Callable[..., Site]) -> None:
    """RNG-03: silent early media would take the caller's ringback away; with real audio the 183 crosses."""
    site = policy(build, "first")
    talk = site.ringing("carrier", "teams")
    talk.callee.ring(183, body=site.teams.describe())
    site.run(2)
    assert talk.caller.statuses == [180]
    site.relay.streams[0].packets[1] = 5
    site.run()
    assert talk.caller.statuses == [180, 183]
    assert talk.caller.responses[-1].body
    talk.callee.answer()
    site.run()
    talk.end()


@pytest.mark.parametrize("name", ["first", "pass"])
def test_the_tone_of_teams_before_any_phone_rings(build: Callable[..., Site], name: str) -> None:
    """RNG-04, MED-16: a bot of Teams plays a ring tone in a 183, before the 180; it is heard."""
    site = policy(build, name)
    talk = site.ringing("carrier", "teams")
    talk.callee.ring(183, tag="bot", body=site.teams.describe(port=4100))
    site.run(0.05)
    assert site.relay.streams[0].expected[1][0] == ("52.114.0.1", 4100)
    site.relay.streams[0].packets[1] = 50
    site.run()
    heard = [response.status for response in talk.caller.responses if response.body]
    assert heard == [183]
    talk.callee.ring(180, tag="phone")
    site.run(2)
    talk.callee.answer(tag="phone", body=site.teams.describe(port=4200))
    site.run()
    assert talk.caller.statuses[-1] == 200
    assert site.relay.streams[0].expected[1][0] == ("52.114.0.1", 4200)
    talk.end()


def test_with_policy_ring_even_audio_does_not_make_a_183(build: Callable[..., Site]) -> None:
    """RNG-03: always 180, never a description."""
    site = policy(build, "ring")
    talk = site.ringing("carrier", "teams")
    talk.callee.ring(183, body=site.teams.describe())
    site.run()
    site.relay.streams[0].packets[1] = 5
    site.run()
    assert talk.caller.statuses == [180]
    talk.caller.cancel()
    site.run()


def test_call_is_being_forwarded_does_not_disturb(site: Site) -> None:
    """HDR-14: 100, 181, 180, 200."""
    talk = site.ringing("carrier", "teams")
    talk.callee.ring(181)
    talk.callee.ring(180)
    site.run()
    talk.callee.answer()
    site.run()
    assert talk.caller.statuses == [181, 180, 200]
    talk.end()


def test_the_answer_may_come_under_a_new_tag(site: Site) -> None:
    """RNG-02: 180 of phones A and B, 200 of phone C; ACK and BYE go to C."""
    talk = site.ringing("carrier", "teams")
    talk.callee.ring(tag="A")
    talk.callee.ring(tag="B")
    site.run()
    talk.callee.answer(tag="C")
    site.run()
    (ack,) = talk.callee.acks
    assert ack.to.tag == "C"
    talk.caller.bye()
    site.run()
    assert [bye.to.tag for bye in talk.callee.received("BYE")] == ["C"]


def test_a_second_phone_that_answers_is_hung_up(site: Site) -> None:
    """RNG-02, F-01: a forked second 2xx gets ACK and BYE, and the call goes on with the first."""
    talk = site.ringing("carrier", "teams")
    talk.callee.answer(tag="A")
    talk.callee.answer(tag="B")
    site.run()
    assert sorted(ack.to.tag for ack in talk.callee.acks) == ["A", "B"]
    (bye,) = talk.callee.received("BYE")
    assert bye.to.tag == "B"
    assert "completed elsewhere" in (bye.get("Reason") or "")
    assert len(site.calls) == 1
    talk.callee.over = False
    del talk.callee.dialogs["B"]
    talk.caller.bye()
    site.run()
    assert [request.to.tag for request in talk.callee.received("BYE")] == ["B", "A"]


def test_a_forked_answer_does_not_disturb_the_session_timer(site: Site) -> None:
    """The second 2xx, without a session timer, changes nothing for the first."""
    talk = site.ringing("carrier", "teams")
    timer = [("Require", "timer"), ("Session-Expires", "600;refresher=uas")]
    talk.callee.answer(tag="A", fields=timer)
    talk.callee.answer(tag="B")
    site.run()
    site.run(700)
    assert site.record.reason == "session_expired"


def test_different_early_media_are_answered_under_another_tag(site: Site) -> None:
    """RNG-02: one To tag stands for one description; an answer with another one forks towards the caller."""
    talk = site.ringing("teams", "carrier")
    talk.callee.ring(183, tag="a", body=site.carrier.describe())
    site.run()
    talk.callee.answer(tag="b", body=site.carrier.describe(lines=["a=ptime:30"]))
    site.run()
    early, final = talk.caller.responses[-2:]
    assert early.to.tag != final.to.tag
    assert site.relay.streams[0].local(0)[0] != SBC
    talk.end()


def test_early_media_that_cannot_be_read_is_ringing(site: Site) -> None:
    """A broken description in a 183 takes nothing from the call."""
    talk = site.ringing("carrier", "teams")
    talk.callee.ring(183, body=b"nonsense")
    site.run()
    talk.callee.answer()
    site.run()
    assert talk.caller.statuses == [183, 200]
    talk.end()


@pytest.mark.parametrize(
    ("method", "described", "status"), [("UPDATE", False, 200), ("UPDATE", True, 500), ("INFO", False, 405)]
)
def test_requests_in_the_early_dialog(site: Site, method: str, described: bool, status: int) -> None:
    """RFC 3311: a target refresh is taken, media are settled by the answer."""
    talk = site.ringing("carrier", "teams")
    talk.callee.ring()
    site.run()
    leg = talk.caller
    leg.dialogs["early"] = Dialog.as_client(leg.responses[-1], leg.invite.get("From") or "", leg.invite.from_.tag)
    answers = leg.ask(method, site.carrier.describe(version=2) if described else b"")
    site.run()
    assert [answer.status for answer in answers] == [status]
    leg.cancel()
    site.run()
