"""Both sides of a call learn the same end, and so do its records, whatever the call went through before."""

from __future__ import annotations

import pytest

from rustalk.observe.snapshots import CallSnapshot
from tests.fakes.agents import Leg
from tests.scenarios.site import SBC, Site, Talk
from tests.scenarios.test_transfer import OBJECT, dialog_of, refer

END = [("Reason", "Q.850;cause=16;text=bye")]


def join(site: Site, leg: Leg, mate: Leg) -> str:
    """Let somebody connect the far ends of two calls of theirs; the last thing that they are told."""
    leg.ask("REFER", fields=[("Refer-To", f"<sip:+15551230002@{SBC}?Replaces={dialog_of(mate).escaped()}>")])
    site.run(2)
    return leg.received("NOTIFY")[-1].body.decode().split()[1]


def joined(site: Site, caller: str = "carrier", callee: str = "teams") -> tuple[Leg, Leg]:
    """Two who were called, and talk now over two calls that their caller has joined."""
    first, second = site.talking(caller, callee), site.talking(caller, callee)
    assert join(site, first.caller, second.caller) == "200"
    return first.callee, second.callee


def records(site: Site) -> list[CallSnapshot]:
    """What is remembered of the calls, the oldest first."""
    return [site.calls.look(each) for each in reversed(site.calls.ids())]


@pytest.mark.parametrize("which", [0, 1])
def test_the_operator_ends_two_joined_calls(site: Site, which: int) -> None:
    """RFC 5589 section 7: the record of each of the two says who ended it, and why."""
    both = joined(site)
    site.calls.hang_up(site.calls.ids()[which])
    site.run()
    assert [(record.reason, record.hung_up_by) for record in records(site)] == [("operator", "switch")] * 2
    assert all("operator" in (leg.received("BYE")[-1].get("Reason") or "") for leg in both)


@pytest.mark.parametrize("which", [0, 1])
def test_one_of_two_joined_calls_has_no_media(site: Site, which: int) -> None:
    """The other one ends for the same reason."""
    joined(site)
    site.relay.streams[which].on_silence()
    site.run()
    assert [(record.reason, record.hung_up_by) for record in records(site)] == [("no_media", "switch")] * 2


def test_one_who_was_joined_hangs_up(site: Site) -> None:
    """Both calls end as usual, by the side that it came from; the Reason reaches the other one."""
    one, other = joined(site)
    one.bye(END)
    site.run()
    assert other.received("BYE")[-1].get("Reason") == END[0][1]
    assert [(record.reason, record.hung_up_by) for record in records(site)] == [
        ("normal", "callee"),
        ("normal", "caller"),
    ]


def test_nobody_hands_a_call_on_before_it_is_theirs(site: Site) -> None:
    """RFC 3515 section 2.4.2: who has answered a transfer, but not joined the call yet, hears 491, not nothing."""
    talk = site.talking("carrier", "teams")
    site.carrier.answers["INVITE"] = 0
    refer(talk, talk.callee, OBJECT)
    new = site.teams.last
    new.answer(body=site.teams.describe(version=9, lines=["a=inactive"]))
    site.run()
    assert refer(talk, new, OBJECT) == [491]
    answers = new.ask("NOTIFY", fields=[("Event", "refer"), ("Subscription-State", "active")])
    site.run()
    assert [answer.status for answer in answers] == [491]
    talk.end()


def test_the_called_side_hangs_up_before_the_caller_may_hear_its_answer(site: Site) -> None:
    """RFC 3262 section 3: the 2xx waits for a PRACK; when there is no call any more the INVITE is refused."""
    talk = site.ringing(fields=[("Require", "100rel")])
    talk.callee.ring()
    site.run(0.1)
    talk.callee.answer()
    site.run(0.1)
    talk.callee.bye(END)
    site.run()
    assert talk.caller.statuses[-1] == 480
    assert talk.caller.responses[-1].get("Reason") == END[0][1]
    assert (site.record.reason, site.record.hung_up_by, site.record.sip_status) == ("normal", "callee", 480)


def test_two_who_were_joined_are_not_joined_again(site: Site) -> None:
    """RFC 5589 section 7: nobody would be left in either call; 481, and the two talk on."""
    one, other = joined(site)
    assert join(site, one, other) == "481"
    assert (one.over, other.over) == (False, False)
    Talk(site, one, other).end()


def test_the_ends_of_a_chain_of_calls_are_not_joined_again(site: Site) -> None:
    """The same over four calls."""
    one, other = joined(site, "other", "carrier")
    third, fourth = site.talking("other", "carrier"), site.talking("other", "carrier")
    assert join(site, other, third.callee) == "200"
    assert join(site, third.caller, fourth.caller) == "200"
    assert join(site, one, fourth.callee) == "481"
    Talk(site, one, fourth.callee).end()
