"""OPTIONS in both directions over real mutual TLS: how Teams and the switch learn of each other."""

from __future__ import annotations

import pytest
import pytest_twisted

from rustalk.simulator.link import Mode
from rustalk.simulator.teams import PROXIES
from tests.live.meeting import FQDN, Meet, meetings

meet = pytest.fixture(meetings)

NOT_YET = ("REFER", "PRACK", "SUBSCRIBE", "MESSAGE")


@pytest_twisted.ensureDeferred
async def test_the_switch_begins(meet: Meet) -> None:
    """OPT-01: the first thing that Teams gets, at every proxy, is an OPTIONS of ours."""
    met = await meet()
    for proxy in PROXIES:
        assert next(one for one in met.seen if one.place == proxy).message.start_line.startswith("OPTIONS ")


@pytest_twisted.ensureDeferred
async def test_once_a_minute_to_each_of_the_three(meet: Meet) -> None:
    """OPT-02, NET-01: in five minutes five, never more than 60 s apart, each over the same connection."""
    met = await meet()
    await met.timeline.push(299)
    for region in met.teams.regions.values():
        assert region.in_options_seen == 5
        assert region.interval <= 60.5
    assert [met.teams.entrances[proxy].touched for proxy in PROXIES] == [1, 1, 1]


@pytest_twisted.ensureDeferred
async def test_never_demoted_and_back_with_the_next_options(meet: Meet) -> None:
    """OPT-03, OPT-04: alive after ten minutes; gone for 180 s it is demoted, and back with the next OPTIONS."""
    met = await meet()
    await met.timeline.push(600)
    assert all(region.active for region in met.teams.regions.values())
    await met.teams.set_mode(PROXIES[2], None)
    await met.timeline.push(200)
    lost = met.teams.regions[PROXIES[2]]
    assert (lost.demoted, lost.demoted_by_new_rule) == (True, False)
    assert met.states() == ["up", "up", "down"]
    await met.timeline.push(110)
    assert met.teams.regions[PROXIES[2]].demoted_by_new_rule
    await met.teams.set_mode(PROXIES[2], Mode.UP)
    await met.timeline.push(61)
    await met.until(met.healthy, "the recovery")


@pytest_twisted.ensureDeferred
async def test_without_pings_teams_never_begins(meet: Meet) -> None:
    """OPT-05: that is allowed, and the operator is told."""
    met = await meet(healthy=False, teams={"options_ping_enabled": False})
    await met.timeline.push(130)
    assert met.requests("OPTIONS") == []
    assert not any(region.active for region in met.teams.regions.values())
    assert sum("Teams gives no calls to an SBC that sends no OPTIONS" in warning for warning in met.warnings) == 1


@pytest_twisted.ensureDeferred
async def test_what_stands_in_our_options(meet: Meet) -> None:
    """OPT-06, OPT-07, OPT-08, OPT-09, HDR-15, NET-07: the paired name and our port, the proxy's own name, no more."""
    met = await meet()
    ours = f"{FQDN}:{met.ports.teams}"
    for proxy in PROXIES:
        (request,) = met.requests("OPTIONS", proxy)
        place = f"sip:{proxy}:{met.teams.entrances[proxy].port}"
        assert request.uri == f"{place};transport=tls"
        assert request.get("To") == f"<{place}>"
        assert (request.get("From") or "").partition(";tag=")[0] == f"<sip:{ours}>"
        assert request.get("Contact") == f"<sip:{ours};transport=tls>"
        assert (request.get("Via") or "").startswith(f"SIP/2.0/TLS {ours};branch=z9hG4bK")
        assert (request.cseq.method, request.max_forwards) == ("OPTIONS", 70)
        assert (request.get("User-Agent") or "").startswith("RusTalk/")
        assert request.get("Record-Route") is None
        assert b"sips:" not in request.raw


@pytest_twisted.ensureDeferred
async def test_allow_is_the_same_everywhere(meet: Meet) -> None:
    """OPT-10: OPTIONS, the 200 to Teams' OPTIONS, INVITE and its 200 say the same, and nothing that is not so."""
    met = await meet()
    await met.to_teams()
    await met.from_teams()
    said = [*met.requests("OPTIONS"), *met.responses("OPTIONS", 200), *met.requests("INVITE")]
    said += met.responses("INVITE", 200)
    assert len(said) == 8
    allow = {frozenset(message.tokens("Allow")) for message in said}
    assert len(allow) == 1
    (methods,) = allow
    assert "notify" in {method.lower() for method in methods}
    assert not methods & {method.lower() for method in NOT_YET}


@pytest_twisted.ensureDeferred
async def test_the_answer_to_an_options_of_teams(meet: Meet) -> None:
    """OPT-11: 200 on the connection that it came on, with our name in Contact and a To tag, without any question."""
    met = await meet()
    answers = met.responses("OPTIONS", 200)
    assert len(answers) == 3
    for answer in answers:
        assert answer.get("Contact") == f"<sip:{FQDN}:{met.ports.teams};transport=tls>"
        assert answer.to.tag
        assert (answer.get("Server") or "").startswith("RusTalk/")
    assert max(region.out_options_ms for region in met.teams.regions.values()) < 2000


@pytest_twisted.ensureDeferred
async def test_both_directions_count(meet: Meet) -> None:
    """OPT-12: when Teams cannot find us we are pinging in vain, and both sides can tell."""
    met = await meet()
    met.teams.forget_host(FQDN)
    await met.timeline.push(65)
    for region in met.teams.regions.values():
        assert (region.in_options_seen, region.out_options_ok, region.active) == (2, False, False)
    assert met.states() == ["up", "up", "up"]
    met.teams.learn_host(FQDN, "127.0.0.1")
    await met.timeline.push(60)
    await met.until(met.healthy, "OPTIONS of Teams")


@pytest_twisted.ensureDeferred
async def test_the_health_that_the_api_shows(meet: Meet) -> None:
    """OPT-13: 200, 200, -, -, -, 200 at one proxy, while the others stay up; the cause is told."""
    met = await meet()
    await met.timeline.push(30)
    seen = [met.states()[1]]
    for mode in (Mode.UP, Mode.MUTE, Mode.MUTE, Mode.MUTE, Mode.UP):
        await met.teams.set_mode(PROXIES[1], mode)
        await met.timeline.push(60)
        seen.append(met.states()[1])
        if mode is Mode.MUTE:
            told = (await met.get("/api/v1/teams/status"))["health_status"]
    assert seen == ["up", "up", "suspect", "suspect", "down", "up"]
    assert [one["status"] for one in told] == ["healthy", "down", "healthy"]
    assert [one["error"] for one in told] == [None, "no answer to OPTIONS", None]


@pytest_twisted.ensureDeferred
async def test_an_answer_that_is_hardly_one(meet: Meet) -> None:
    """OPT-14, HDR-20: 200 with upper-case names, no To tag, no Contact and our Via as it was."""
    met = await meet()
    for request in met.requests("OPTIONS"):
        trace = met.switch.trace.of_call([request.call_id])
        (answer,) = [entry.text for entry in trace if not entry.sent]
        lines = answer.splitlines()
        assert lines[0] == "SIP/2.0 200 OK"
        assert {f"TO: {request.get('To')}", f"VIA: {request.get('Via')}"} <= set(lines)
        assert not any(line.startswith("CONTACT") for line in lines)


@pytest_twisted.ensureDeferred
async def test_the_operator_is_told_when_nobody_answers(meet: Meet) -> None:
    """OPT-15: in the log with the cause, in /ready, and in the status."""
    met = await meet()
    for proxy in PROXIES:
        await met.teams.set_mode(proxy, None)
    await met.timeline.push(185)
    ready = await met.get("/ready")
    assert ready["ready"] is False
    assert "no host of trunk teams answers" in str(ready)
    assert {one["status"] for one in (await met.get("/api/v1/teams/status"))["health_status"]} == {"down"}
    down = [line for line in met.log.lines if line.startswith(f"Gateway {PROXIES[0]}") and " is down" in line]
    assert "nothing listens there" in down[0]
