"""Which proxy gets a call, and what happens when it fails: the real switch, sockets that really stay silent."""

from __future__ import annotations

from dataclasses import replace

import pytest
import pytest_twisted

from rustalk.simulator.link import Mode
from rustalk.simulator.scripts import answers
from rustalk.simulator.taken import TakenCall
from rustalk.simulator.teams import PROXIES
from tests.live.meeting import OTHER_FQDN, PLAN, Meet, Meeting, meetings, sound

meet = pytest.fixture(meetings)

ONE, TWO, THREE = PROXIES
PATIENT = replace(PLAN, hang_up=False)


async def fresh(met: Meeting, mode: Mode | None) -> None:
    """Let the first proxy behave so, with no connection left from before."""
    first = met.teams.entrances[ONE]
    await met.teams.set_mode(ONE, None)
    place = (first.address, first.port)
    await met.until(lambda: all(flow.peer != place for flow in met.transport.connections), "the old one to close")
    if mode is not None:
        await met.teams.set_mode(ONE, mode)


async def call_after(met: Meeting) -> float:
    """Make a call that must be answered; the seconds until the second proxy got its INVITE."""
    began = met.timeline.seconds()
    assert (await met.to_teams()).answered
    return next(one.time for one in met.arrivals("INVITE") if one.place == TWO) - began


@pytest_twisted.ensureDeferred
async def test_the_first_is_always_the_first(meet: Meet) -> None:
    """FO-01, NET-01: no round robin; gone, the second gets the call; back, the first again."""
    met = await meet()
    assert [(await met.to_teams()).status for _ in range(3)] == [200] * 3
    await fresh(met, None)
    assert (await met.to_teams()).answered
    await met.teams.set_mode(ONE, Mode.UP)
    assert (await met.to_teams()).answered
    assert met.order("INVITE") == [ONE, ONE, ONE, TWO, ONE]


@pytest_twisted.ensureDeferred
async def test_one_that_is_down_comes_last(meet: Meet) -> None:
    """FO-01, OPT-04: after three failed pings a call does not even try it, until it answers again."""
    met = await meet()
    await fresh(met, None)
    await met.timeline.push(181)
    assert met.states()[0] == "down"
    placed = await met.to_teams()
    assert sound(placed, await met.taken(by="teams"))
    assert met.teams.entrances[ONE].touched == 1
    await met.teams.set_mode(ONE, Mode.UP)
    await met.timeline.push(60)
    assert (await met.to_teams()).answered
    assert met.order("INVITE") == [TWO, ONE]


@pytest.mark.parametrize("mode", [Mode.STALLED, Mode.MUTE])
@pytest_twisted.ensureDeferred
async def test_a_silent_proxy_costs_less_than_six_seconds(meet: Meet, mode: Mode) -> None:
    """FO-02, FO-05, T13: a handshake that never ends, and a proxy that takes the INVITE and says nothing."""
    met = await meet()
    await fresh(met, mode)
    assert await call_after(met) < 6


@pytest_twisted.ensureDeferred
async def test_a_silent_proxy_on_an_old_connection(meet: Meet) -> None:
    """FO-02, FO-05: it fell silent after its last OPTIONS; the call is cancelled there and gets through elsewhere."""
    met = await meet()
    await met.teams.set_mode(ONE, Mode.MUTE)
    assert await call_after(met) < 6
    assert sound(await met.taken(by="teams"))


@answers("wakes-up")
async def wakes_up(call: TakenCall) -> None:
    """Nothing for longer than a proxy may be silent, then 180 and 200: it must get ACK and BYE."""
    call.keep_on_cancel = True
    await call.pause(5.5)
    call.ring(180)
    call.accept()
    await call.confirmed()
    await call.talk(call.plan.patience)


@pytest_twisted.ensureDeferred
async def test_a_proxy_that_wakes_up_too_late(meet: Meet) -> None:
    """FO-05, RNG-08: its answer gets ACK and BYE, by its own route; the call that the second took is not disturbed."""
    met = await meet()
    met.teams.answer_with("wakes-up", region=ONE)
    long = replace(PLAN, talk=3.0)
    placed = met.to_teams(plan=long)
    await met.timeline.push(8)
    assert (await placed).answered
    await met.taken(2, by="teams")
    late, taken = sorted(met.teams.results, key=lambda result: result.script != "wakes-up")
    assert (late.acknowledged, late.ended_by, taken.acknowledged, taken.ended_by) == (True, "peer", True, "peer")
    assert set(met.order("BYE")) == {met.teams.inside.name}


@pytest_twisted.ensureDeferred
async def test_a_refused_connection_costs_less_than_a_second(meet: Meet) -> None:
    """FO-02."""
    met = await meet()
    await fresh(met, None)
    assert await call_after(met) < 1


@pytest.mark.parametrize("status", [0, 100])
@pytest_twisted.ensureDeferred
async def test_a_connection_that_breaks_before_the_ring(meet: Meet, status: int) -> None:
    """FO-02: the proxy has the INVITE, perhaps said 100, and is gone; the next one is tried at once."""
    met = await meet()
    met.teams.answer_with("slow" if status else "silent", region=ONE)
    began = met.timeline.seconds()
    placed = met.to_teams()
    await met.until(lambda: met.requests("INVITE", ONE), "the INVITE")
    await met.timeline.push(0.05, step=0.01)
    await met.teams.set_mode(ONE, None)
    await met.until(lambda: met.requests("INVITE", TWO), "the INVITE at the second")
    assert met.timeline.seconds() - began < 1.5
    assert (await placed).answered


@pytest_twisted.ensureDeferred
async def test_a_connection_that_breaks_while_it_rings(meet: Meet) -> None:
    """FO-04: the caller has heard a ring, so nobody else is called; it gets a final answer, not silence."""
    met = await meet()
    met.teams.answer_with("rings")
    placed = met.to_teams()
    await met.until(lambda: met.carrier.agent.calls and met.requests("INVITE", ONE), "the ring")
    await met.timeline.push(0.5)
    await met.teams.set_mode(ONE, None)
    result = await placed
    assert (result.status, [one.status for one in result.progress]) == (503, [180])
    assert met.order("INVITE") == [ONE]


@pytest_twisted.ensureDeferred
async def test_a_name_that_does_not_resolve(meet: Meet) -> None:
    """FO-02: DNS failure at the first proxy; the call goes to the second, and the log names the cause."""
    met = await meet(unknown=ONE, healthy=False)
    assert await call_after(met) < 6
    assert any(line.startswith(f"Gateway {ONE}") and "suspect" in line for line in met.log.lines)


@pytest_twisted.ensureDeferred
async def test_503_goes_to_the_next_at_once(meet: Meet) -> None:
    """FO-02: Retry-After: 1 does not hold the call up, nothing is sent to the first again, Call-ID is another."""
    met = await meet()
    met.teams.answer_with("unavailable", region=ONE)
    assert await call_after(met) < 1
    first, second = met.requests("INVITE")
    assert met.order("INVITE") == [ONE, TWO]
    assert first.call_id != second.call_id


@pytest_twisted.ensureDeferred
async def test_503_everywhere_is_told_to_the_caller(meet: Meet) -> None:
    """FO-02: each of the three is tried once, then the carrier gets 503."""
    met = await meet()
    met.teams.answer_with("unavailable")
    assert (await met.to_teams()).status == 503
    assert met.order("INVITE") == [ONE, TWO, THREE]


@pytest.mark.parametrize(("script", "status"), [("declined", 603), ("busy", 486)])
@pytest_twisted.ensureDeferred
async def test_a_user_who_declined_is_not_called_again(meet: Meet, script: str, status: int) -> None:
    """FO-03."""
    met = await meet()
    met.teams.answer_with(script)
    assert (await met.to_teams()).status == status
    assert met.order("INVITE") == [ONE]


@pytest_twisted.ensureDeferred
async def test_no_second_ringing(meet: Meet) -> None:
    """FO-04: 180, then 503."""
    met = await meet()
    met.teams.answer_with("rings-then-unavailable")
    placed = await met.to_teams()
    assert ([one.status for one in placed.progress], placed.status) == ([180], 503)
    assert met.order("INVITE") == [ONE]


@pytest.mark.parametrize(("script", "tries"), [("unavailable", 2), ("rings-then-unavailable", 1)])
@pytest_twisted.ensureDeferred
async def test_teams_may_go_elsewhere(meet: Meet, script: str, tries: int) -> None:
    """FO-06: what the carrier cannot take is 503 at Teams, which tries its next SBC unless it has heard a ring."""
    met = await meet()
    met.teams.learn_host(OTHER_FQDN, "127.0.0.1")
    met.carrier.answer_with(script)
    placed = await met.from_teams(trunks=[met.trunk, f"{OTHER_FQDN}:{met.ports.teams}"])
    assert (placed.status, len(placed.trunks)) == (503, tries)


@pytest_twisted.ensureDeferred
async def test_a_silent_carrier_is_told_in_time(meet: Meet) -> None:
    """FO-07: 100 at once, and a final answer before Teams' ten seconds are over."""
    met = await meet()
    met.carrier.silent = True
    began = met.timeline.seconds()
    placed = met.from_teams()
    await met.until(lambda: met.responses("INVITE", 100), "100 Trying")
    assert met.timeline.seconds() - began < 1
    await met.timeline.push(9)
    assert (await placed).status == 503
    assert met.responses("INVITE", 503)[0].get("Retry-After")


@pytest_twisted.ensureDeferred
async def test_a_carrier_that_takes_its_time(meet: Meet) -> None:
    """FO-07: 100 and nothing more for 12 s; Teams hears 503 before it gives up, and the carrier gets CANCEL."""
    met = await meet()
    slow = replace(PLAN, patience=12)
    met.carrier.answer_with("slow", plan=slow)
    placed = met.from_teams(plan=slow)
    await met.until(lambda: met.carrier.seen.get("INVITE"), "the INVITE")
    await met.timeline.push(10)
    result = await placed
    assert (result.status, result.cause) == (503, "")
    await met.until(lambda: met.carrier.seen.get("CANCEL"), "the CANCEL")


@pytest.mark.parametrize("source", ["127.0.0.3", "127.0.0.5", "127.0.0.77"])
@pytest_twisted.ensureDeferred
async def test_the_same_call_from_another_address(meet: Meet, source: str) -> None:
    """FO-08, NET-06, NET-07: Teams may call from any address of its range and any port, known to a name or not."""
    met = await meet()
    first = await met.from_teams()
    again = await met.from_teams(source=source)
    assert sound(first, again, await met.taken(2, by="carrier"))
    assert first.call_id != again.call_id


@pytest_twisted.ensureDeferred
async def test_a_switch_that_drains_says_503(meet: Meet) -> None:
    """FO-09: the call in progress goes on, a new one gets 503 with Retry-After and finds another SBC."""
    met = await meet()
    running = met.from_teams("call")
    await met.until(lambda: met.responses("INVITE", 200), "the answer")
    met.switch.calls.drain()
    refused = await met.from_teams()
    assert (refused.status, refused.progress) == (503, ())
    assert met.responses("INVITE", 503)[0].get("Retry-After")
    assert sound(await running)


@pytest_twisted.ensureDeferred
async def test_a_dialog_keeps_its_route(meet: Meet) -> None:
    """FO-10, HDR-08: the proxy that took the call is gone; the BYE goes where Record-Route said, to no other proxy."""
    met = await meet()
    placed = met.to_teams()
    await met.until(lambda: met.requests("ACK"), "the ACK")
    await fresh(met, None)
    assert sound(await placed, await met.taken(by="teams"))
    assert met.order("BYE") == [met.teams.inside.name]
    assert met.requests("BYE")[0].target.host == "api-du-a-uswe2.pstnhub.microsoft.com"


@pytest_twisted.ensureDeferred
async def test_a_call_from_teams_outlives_the_connection_it_came_on(meet: Meet) -> None:
    """FO-10, HDR-07: the carrier hangs up after Teams' connection is gone; the BYE finds its way by the Route."""
    met = await meet()
    met.carrier.answer_with("answer")
    placed = met.from_teams(plan=PATIENT)
    await met.until(lambda: met.responses("INVITE", 200), "the answer")
    for link in list(met.teams._links):
        link.close()
    assert (await placed).ended_by == "peer"
    assert met.order("BYE") == [met.teams.inside.name]


@pytest_twisted.ensureDeferred
async def test_the_ack_goes_by_the_route_when_it_can(meet: Meet) -> None:
    """FO-10, RNG-08: the host of Record-Route is away for a moment; the repeated 200 gets its ACK there, not here."""
    met = await meet()
    await met.teams.inside.close()
    placed = met.to_teams()
    await met.until(lambda: any("No way to acknowledge" in line for line in met.log.lines), "a failure")
    await met.teams.inside.open()
    await met.timeline.push(1)
    assert (await placed).answered
    assert (await met.taken(by="teams")).acknowledged
    assert set(met.order("ACK")) == {met.teams.inside.name}
