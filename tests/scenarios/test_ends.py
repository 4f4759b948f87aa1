"""Both sides of a call learn the same end, and so do its records, whatever the call went through before."""

from __future__ import annotations

import pytest

from rustalk.observe.snapshots import CallSnapshot
from tests.fakes.agents import Leg
from tests.scenarios.site import Site
from tests.scenarios.test_transfer import OBJECT, dialog_of, refer

END = [("Reason", "Q.850;cause=16;text=bye")]


def joined(site: Site) -> tuple[Leg, Leg]:
    """Two at Teams who talk over two calls that the carrier has joined."""
    first, second = site.talking("carrier", "teams"), site.talking("carrier", "teams")
    replaces = dialog_of(second.caller).escaped()
    refer(first, first.caller, f"sip:+15551230002@{site.carrier.switch[0]}?Replaces={replaces}")
    site.run(1)
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
    talk = Talk(site, one, other)
    target = f"sip:+15551230002@{site.carrier.switch[0]}?Replaces={dialog_of(other).escaped()}"
    assert refer(talk, one, target) == [202]
    site.run(1)
    assert b"481" in one.received("NOTIFY")[-1].body
    assert (one.over, other.over) == (False, False)
    talk.end()


def test_two_at_the_ends_of_three_calls_are_not_joined_again(site: Site) -> None:
    """The same over one more call in between."""
    one, other = joined(site)
    third = site.talking("teams", "carrier")
    switch = site.carrier.switch[0]
    refer(third, other, f"sip:+15551230002@{switch}?Replaces={dialog_of(third.caller).escaped()}")
    site.run(1)
    assert (other.over, third.caller.over) == (True, True)
    again = site.talking("carrier", "teams")
    again.end()
    third.callee.bye(END)
    site.run()
    assert one.received("BYE")[-1].get("Reason") == END[0][1]
