"""What Teams' clients do with a call, and what the caller hears of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import pytest_twisted

from rustalk.simulator.result import CallResult
from tests.live.meeting import PLAN, Meet, Meeting, meetings, sound

meet = pytest.fixture(meetings)

SLOW = replace(PLAN, ring=0.4)
"""Enough time between the steps before the answer for audio to arrive."""


def heard(placed: CallResult) -> list[tuple[int, bool]]:
    """The provisional responses that the caller got, each with whether it described media."""
    return [(one.status, one.sdp) for one in placed.progress]


async def played(met: Meeting, script: str) -> tuple[CallResult, CallResult]:
    """A call of the carrier that Teams answers by this script, as both ends saw it."""
    met.teams.answer_with(script, plan=SLOW)
    placed = await met.to_teams(plan=replace(SLOW, hang_up=False))
    return placed, await met.taken(by="teams")


@pytest_twisted.ensureDeferred
async def test_three_clients_ring(meet: Meet) -> None:
    """RNG-01: two 180 with tags of their own and a 200 of a third; the carrier hears one 180 and gets one dialog."""
    met = await meet()
    placed, taken = await played(met, "forked")
    assert sound(placed, taken)
    assert heard(placed) == [(180, False)]


@pytest.mark.parametrize("script", ["early-media", "early-forks"])
@pytest_twisted.ensureDeferred
async def test_early_audio(meet: Meet, script: str) -> None:
    """RNG-02, RNG-03: 183 becomes 180 until audio is there, then 183; the fork that answers is the one heard."""
    met = await meet()
    placed, taken = await played(met, script)
    assert sound(placed, taken)
    assert heard(placed) == [(180, False), (183, True)]


@pytest.mark.parametrize(
    ("policy", "progress"), [("ring", [(180, False)]), ("pass", [(183, True)]), ("first", [(180, False), (183, True)])]
)
@pytest_twisted.ensureDeferred
async def test_the_policy_for_early_audio(meet: Meet, policy: str, progress: list[tuple[int, bool]]) -> None:
    """RNG-03: a setting of the trunk."""
    met = await meet(teams={"early_media": policy})
    placed, taken = await played(met, "early-media")
    assert sound(placed, taken)
    assert heard(placed) == progress


@pytest_twisted.ensureDeferred
async def test_a_second_client_answers_too_late(meet: Meet) -> None:
    """RNG-02: the 200 of another tag gets ACK and BYE; the first call goes on with its own audio."""
    met = await meet()
    placed, taken = await played(met, "second-answer")
    assert sound(placed, taken)
    assert len({request.to.tag for request in met.requests("ACK")}) == 2
    assert len(met.requests("BYE")) == 1


@pytest_twisted.ensureDeferred
async def test_the_answer_is_acknowledged_at_once(meet: Meet) -> None:
    """RNG-08: one ACK, on the right route, before any copy of the 200."""
    met = await meet()
    placed = await met.to_teams()
    assert sound(placed, await met.taken(by="teams"))
    assert met.order("ACK") == [met.teams.inside.name]


@pytest_twisted.ensureDeferred
async def test_teams_never_acknowledges(meet: Meet) -> None:
    """RNG-08: after 64*T1 both sides get BYE, and the record says why."""
    met = await meet()
    met.carrier.answer_with("listen", plan=replace(PLAN, patience=60))
    placed = met.from_teams("no-ack", plan=replace(PLAN, patience=60))
    await met.until(lambda: met.responses("INVITE", 200), "the answer")
    await met.timeline.push(34)
    assert ((await placed).ended_by, (await met.taken(by="carrier")).ended_by) == ("peer", "peer")
    (call,) = (await met.get("/api/v1/calls"))["calls"]
    assert call["reason"] == "no_ack"


@pytest_twisted.ensureDeferred
async def test_the_caller_gives_up(meet: Meet) -> None:
    """RNG-01: CANCEL goes to the proxy that rings, on the connection of its INVITE."""
    met = await meet()
    met.teams.answer_with("rings")
    placed = await met.to_teams("give-up")
    assert placed.status == 487
    await met.until(lambda: met.order("CANCEL") == met.order("INVITE"), "the CANCEL")


@pytest_twisted.ensureDeferred
async def test_the_answer_crosses_the_cancel(meet: Meet) -> None:
    """RNG-02, RNG-08: it gets ACK, then BYE."""
    met = await meet()
    met.teams.answer_with("answers-the-cancelled")
    placed = await met.to_teams("give-up")
    taken = await met.taken(by="teams")
    assert placed.status == 487
    assert (taken.acknowledged, taken.cause) == (True, "")
