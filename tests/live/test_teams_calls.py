"""Whole calls between Teams and a carrier: many at once, long ones, and ends of every kind."""

from __future__ import annotations

from dataclasses import replace

import pytest
import pytest_twisted
from twisted.internet.defer import gatherResults

from rustalk.simulator.result import CallResult
from tests.live.meeting import PLAN, SUBSCRIBER, USER, ChildMeeting, Meet, meetings, sound

meet = pytest.fixture(meetings)

LASTING = replace(PLAN, talk=690.0, patience=1000.0)
PATIENT = replace(PLAN, hang_up=False)


@pytest_twisted.ensureDeferred
async def test_calls_both_ways_through_a_process(meet: Meet) -> None:
    """What the demo shows: the switch as a process of its own, a call each way, everything verified."""
    met = await meet(ChildMeeting)
    assert sound(await met.to_teams(), await met.taken(by="teams"))
    assert sound(await met.from_teams(), await met.taken(by="carrier"))
    calls = (await met.get("/api/v1/calls"))["calls"]
    assert [(call["from"], call["to"]) for call in calls] == [(USER, SUBSCRIBER), (SUBSCRIBER, USER)]
    status = await met.get("/api/v1/teams/status")
    assert (status["total_calls"], status["active_calls"]) == (2, 0)


@pytest_twisted.ensureDeferred
async def test_many_calls_at_once(meet: Meet) -> None:
    """Twelve, half of them each way: every packet of each is verified, and none is heard in another call."""
    met = await meet()
    plan = replace(PLAN, talk=0.6)
    running = [way(plan=plan) for way in (met.to_teams, met.from_teams) for _ in range(6)]
    results: list[CallResult] = await gatherResults(running)
    assert sound(*results)
    await met.taken(6, by="teams")
    await met.taken(6, by="carrier")
    assert sound(*met.teams.results, *met.carrier.results)


@pytest.mark.parametrize("way", ["to_teams", "from_teams"])
@pytest.mark.parametrize("who", ["caller", "callee"])
@pytest_twisted.ensureDeferred
async def test_either_side_hangs_up(meet: Meet, way: str, who: str) -> None:
    """The other one is told, and the record says who it was."""
    met = await meet()
    if who == "callee":
        met.teams.answer_with("answer")
        met.carrier.answer_with("answer")
    placed = await getattr(met, way)(plan=PATIENT if who == "callee" else PLAN)
    assert sound(placed, await met.taken(by="teams" if way == "to_teams" else "carrier"))
    (call,) = (await met.get("/api/v1/calls"))["calls"]
    assert (call["status"], call["reason"], call["hung_up_by"]) == ("ended", "normal", who)


@pytest_twisted.ensureDeferred
async def test_teams_gives_up(meet: Meet) -> None:
    """CANCEL of Teams: 487 for it, CANCEL for the carrier, and the record knows the cause."""
    met = await meet()
    met.carrier.answer_with("rings")
    assert (await met.from_teams("give-up")).status == 487
    assert (await met.taken(by="carrier")).ended_by == "cancel"
    (call,) = (await met.get("/api/v1/calls"))["calls"]
    assert call["reason"] == "caller_cancelled"


@pytest_twisted.ensureDeferred
async def test_the_operator_hangs_up(meet: Meet) -> None:
    """DELETE of a call is BYE to both sides, by the right routes."""
    met = await meet()
    placed = met.to_teams(plan=PATIENT)
    await met.until(lambda: met.requests("ACK"), "the answer")
    (call,) = (await met.get("/api/v1/calls"))["calls"]
    await met.get(f"/api/v1/calls/{call['id']}", "DELETE")
    assert [(await placed).ended_by, (await met.taken(by="teams")).ended_by] == ["peer", "peer"]
    assert met.order("BYE") == [met.teams.inside.name]


@pytest_twisted.ensureDeferred
async def test_a_long_call_that_we_refresh(meet: Meet) -> None:
    """HDR-16, HLD-04: our refreshes offer Teams what it knows, at the host in its Record-Route."""
    met = await meet(sip={"session_expires": 600})
    met.teams.answer_with("listen", plan=LASTING)
    placed = met.to_teams(plan=LASTING)
    await met.until(lambda: met.requests("ACK"), "the answer")
    await met.timeline.push(700, step=1)
    assert ((await placed).ended_by, (await placed).cause) == ("us", "")
    offers = {(request.cseq.number, request.body) for request in met.requests("INVITE")}
    assert len(offers) == 3
    assert len({body for _, body in offers}) == 1
    assert set(met.order("INVITE")[1:]) == {met.teams.inside.name}


@pytest_twisted.ensureDeferred
async def test_a_carrier_that_redirects(meet: Meet) -> None:
    """XFR-08: 302 never reaches Teams."""
    met = await meet()
    met.carrier.answer_with("moved")
    assert (await met.from_teams()).status == 480


@pytest_twisted.ensureDeferred
async def test_early_audio_of_a_carrier(meet: Meet) -> None:
    """MED-16, FO-07: 183 with a description of the carrier reaches Teams, and its audio after it."""
    met = await meet()
    met.carrier.answer_with("early-media", plan=replace(PLAN, ring=0.4))
    placed = await met.from_teams(plan=PATIENT)
    assert sound(placed, await met.taken(by="carrier"))
    assert [(one.status, one.sdp) for one in placed.progress] == [(180, False), (183, True)]


@pytest_twisted.ensureDeferred
async def test_no_route(meet: Meet) -> None:
    """A number that no route leads anywhere: 404 and its own reason, never a busy line."""
    met = await meet()
    placed = await met.from_teams(to="+819012345678")
    assert placed.status == 404
    (refusal,) = met.responses("INVITE", 404)
    assert "no_route" in (refusal.get("Reason") or "")


@pytest_twisted.ensureDeferred
async def test_sigterm_during_a_call(meet: Meet) -> None:
    """FO-09: the process answers Teams' next call with 503, waits for the one in progress, and ends."""
    met = await meet(ChildMeeting, server={"shutdown_timeout": 10})
    running = met.from_teams(plan=replace(PLAN, talk=1.5))
    await met.until(lambda: met.responses("INVITE", 200), "the answer")
    met.signal("TERM")
    await met.until(lambda: any("Stopping: 1 call" in line for line in met.log), "the drain")
    refused = await met.from_teams()
    assert refused.status == 503
    assert sound(await running, await met.taken(by="carrier"))
    await met.until(lambda: met.child.ended, "the end of the process")
    assert any("0 calls were ended" in line for line in met.log)
