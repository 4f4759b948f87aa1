"""Several who ring together: one call for the caller, an INVITE for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from rustalk.call.events import Refused
from rustalk.call.fork import Fork, Ring
from rustalk.call.switchboard import Placed
from rustalk.call.target import Target
from rustalk.ua.subject import Subject
from tests.scenarios.site import CARRIER, OTHER, PLAIN, Site


class Board:
    """A switchboard that sends every call to a fork, and then to nobody."""

    def __init__(self, site: Site, delays: Sequence[float], **how: Any) -> None:
        self.site, self.delays, self.how = site, delays, how
        self.then: list[Target] = []

    def tenant(self, subject: Subject, source: str) -> str | None:
        return None

    def place(self, subject: Subject, source: str, header: Any = None) -> Placed:
        peers = [self.site.trunks[name] for name in ("carrier", "other")]
        rings = [Ring(peer.targets()[0], delay) for peer, delay in zip(peers, self.delays, strict=True)]
        return Placed(subject, (Fork(rings, **self.how), *self.then))

    def is_emergency(self, subject: Subject, source: str) -> bool:
        return False

    def onward(self, placed: Placed, source: str, refusal: Refused) -> Placed | None:
        return None

    def asker(self, peer: str, source: str) -> str:
        return source

    def picks_up(self, source: str, peer: str) -> bool:
        return source == peer


def forked(*delays: float, **how: Any) -> tuple[Site, Any]:
    """A call from Teams that rings at two carriers."""
    site = Site()
    site.calls._switchboard = cast(Any, Board(site, delays, **how))
    leg = site.teams.call()
    site.run()
    return site, leg


@pytest.mark.parametrize(("winner", "loser"), [("carrier", "other"), ("other", "carrier")])
def test_the_first_to_answer_has_the_call(winner: str, loser: str) -> None:
    """The others are told that it was answered elsewhere (RNG-07), and the record names who has it."""
    site, leg = forked(0, 0, is_group=True)
    for side in (winner, loser):
        site.side(side).last.ring()
    site.run()
    site.side(winner).last.answer()
    site.run()
    assert leg.statuses[-1] == 200
    [cancel] = site.side(loser).requests("CANCEL")
    assert "completed elsewhere" in (cancel.get("Reason") or "")
    assert site.record.destination_trunk == winner
    assert site.trunks[loser].limit.calls == 0
    leg.bye()
    site.run()
    assert site.side(winner).last.over
    assert not site.leftovers()


def test_who_answers_may_hang_up_too() -> None:
    """The session that has won speaks for the call."""
    site, leg = forked(0, 0)
    site.other.last.answer()
    site.run()
    site.other.last.bye()
    site.run()
    assert leg.over
    assert site.record.hung_up_by == "callee"
    assert not site.leftovers()


def test_two_answers_at_once_leave_one_call() -> None:
    """The later one is acknowledged and ended (RNG-08)."""
    site, leg = forked(0, 0)
    site.carrier.last.answer()
    site.other.last.answer()
    site.run()
    assert leg.statuses[-1] == 200
    assert sorted(len(site.side(name).requests("BYE")) for name in ("carrier", "other")) == [0, 1]
    leg.bye()
    site.run()
    assert not site.leftovers()


def test_one_hears_one_ring() -> None:
    """Two phones ring, none of them can be listened to before the answer."""
    site, leg = forked(0, 0)
    site.carrier.last.ring(183, body=site.carrier.describe())
    site.other.last.ring()
    site.run(2)
    assert {status for status in leg.statuses if status > 100} == {180}
    leg.cancel()
    site.run()
    assert site.carrier.requests("CANCEL")
    assert site.other.requests("CANCEL")
    assert not site.leftovers()


def test_refusals_of_some_leave_the_rest_ringing() -> None:
    """The call goes on as long as one of them rings."""
    site, leg = forked(0, 0)
    site.carrier.last.refuse(486)
    site.run()
    site.other.last.answer()
    site.run()
    assert leg.statuses[-1] == 200
    leg.bye()
    site.run()
    assert not site.leftovers()


@pytest.mark.parametrize(("first", "second", "status"), [(486, 480, 480), (603, 486, 603), (503, 486, 486)])
def test_the_best_of_all_refusals_counts(first: int, second: int, status: int) -> None:
    """RFC 3261 section 16.7 step 6."""
    site, leg = forked(0, 0, is_group=True)
    site.carrier.last.refuse(first)
    site.other.last.refuse(second)
    site.run()
    assert leg.statuses[-1] == status
    assert not site.leftovers()


def test_who_declines_declines_for_all_his_phones() -> None:
    """A 6xx ends it on every phone of one person, as it must in a fork (RFC 3261 section 21.6)."""
    site, leg = forked(0, 0)
    site.carrier.last.refuse(603)
    site.run()
    assert leg.statuses[-1] == 603
    assert site.other.requests("CANCEL")
    assert not site.leftovers()


def test_a_member_with_a_delay_rings_later() -> None:
    """Nobody is called before his time, nor after somebody has answered."""
    site, leg = forked(0, 5, is_group=True)
    assert not site.other.requests("INVITE")
    site.carrier.last.ring()
    site.run(5)
    assert site.other.requests("INVITE")
    leg.cancel()
    site.run()
    assert not site.leftovers()


def test_a_delayed_member_is_not_called_for_a_call_that_is_answered() -> None:
    """Its timer went with the fork."""
    site, leg = forked(0, 5, is_group=True)
    site.carrier.last.answer()
    site.run(10)
    assert not site.other.requests("INVITE")
    leg.bye()
    site.run()
    assert not site.leftovers()


def test_a_fork_rings_for_its_time_and_then_the_next_one_is_tried() -> None:
    """Who has not answered within the time hears CANCEL."""
    site = Site()
    board = Board(site, (0, 0), within=10.0, is_group=True)
    board.then = [site.trunks["carrier"].targets()[0]]
    site.calls._switchboard = cast(Any, board)
    leg = site.teams.call()
    site.run(1)
    site.other.last.ring()
    site.carrier.last.ring()
    site.run(10)
    assert len(site.carrier.requests("INVITE")) == 2
    assert len(site.other.requests("CANCEL")) == 1
    site.carrier.last.answer()
    site.run()
    assert leg.statuses[-1] == 200
    leg.bye()
    site.run()
    assert not site.leftovers()


def test_a_full_member_does_not_ring() -> None:
    """Each member of a group counts its own calls."""
    places = {"carrier": CARRIER, "other": OTHER}
    site = Site(trunks=[{"id": id, "host": host, **PLAIN, "max_calls": 1} for id, host in places.items()])
    site.trunks["carrier"].limit.take()
    site.calls._switchboard = cast(Any, Board(site, (0, 0), is_group=True))
    leg = site.teams.call()
    site.run()
    assert not site.carrier.requests("INVITE")
    site.other.last.refuse(486)
    site.run()
    assert leg.statuses[-1] == 486
    site.trunks["carrier"].limit.release()
    assert not site.leftovers()
