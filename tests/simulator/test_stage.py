"""Where scripts are played."""

from __future__ import annotations

from dataclasses import replace

import pytest_twisted
from twisted.internet.defer import CancelledError

from rustalk.simulator.teams import PROXIES, SimTeams
from tests.fakes.patience import until
from tests.fakes.sbc import FQDN, QUICK, Sbc

USER = "+441273652000"


@pytest_twisted.ensureDeferred
async def test_the_script_for_place_and_number_goes_before_those_for_either(teams: SimTeams, sbc: Sbc) -> None:
    stage = sbc.stage
    stage.answer_with("busy", "", "", None)
    stage.answer_with("rings", "", "+1", None)
    stage.answer_with("slow", "a", "", None)
    stage.answer_with("hold", "a", "+1", QUICK)
    asked = [("b", "+2"), ("b", "+1"), ("a", "+2"), ("a", "+1")]
    assert [stage.answering(*one)[0].name for one in asked] == ["busy", "rings", "slow", "hold"]


@pytest_twisted.ensureDeferred
async def test_a_cancelled_call_gives_its_ports_back_and_is_no_result(teams: SimTeams, sbc: Sbc) -> None:
    placed = teams.place_call("+15550100", USER, trunks=[f"{FQDN}:{sbc.entrance.port}"])
    failures: list[object] = []
    placed.addErrback(lambda failure: failures.append(failure.type))
    await until(lambda: bool(sbc.agent.calls))
    placed.cancel()
    await until(lambda: bool(failures))
    assert failures == [CancelledError]
    assert teams.results == []


@pytest_twisted.ensureDeferred
async def test_what_breaks_a_script_becomes_the_cause_of_its_call(teams: SimTeams, sbc: Sbc) -> None:
    teams.forget_host(FQDN)
    result = await sbc.place_call(PROXIES[0], USER, "call", replace(QUICK, hang_up=False, patience=0.5))
    await until(lambda: bool(teams.results))
    assert result.answered
    assert "does not resolve" in teams.results[0].cause
