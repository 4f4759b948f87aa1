"""SimTeams over real TLS on loopback, against the smallest SBC that pleases it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import pytest_twisted
from twisted.internet import reactor

from rustalk.simulator.link import Mode, UnreachableError, connect
from rustalk.simulator.options import RegionHealth
from rustalk.simulator.result import CallResult
from rustalk.simulator.teams import PROXIES, TRAP_HOST, SimTeams
from tests.fakes.patience import until
from tests.fakes.sbc import FQDN, QUICK, Sbc

USER = "+441273652000"
JOHN = "John Doe<+441273652000>"


def rows(teams: SimTeams) -> list[str]:
    return [violation.row for violation in teams.violations]


def trunk(sbc: Sbc) -> list[str]:
    return [f"{FQDN}:{sbc.entrance.port}"]


def went_well(result: CallResult) -> bool:
    return result.answered and result.acknowledged and result.media.good and not result.cause


# OPTIONS


@pytest_twisted.ensureDeferred
async def test_the_first_options_is_answered_and_answered_back_over_another_connection(
    teams: SimTeams, sbc: Sbc
) -> None:
    """OPT-01, OPT-12: Teams begins only then, as a TLS client with its own certificate."""
    assert not sbc.entrance.touched
    response = await sbc.ask(PROXIES[0], sbc.options(PROXIES[0]))
    assert response is not None
    assert response.status == 200
    await until(lambda: teams.regions[PROXIES[0]].active)
    assert sbc.entrance.touched == 1
    assert rows(teams) == []


@pytest_twisted.ensureDeferred
async def test_only_the_region_that_was_pinged_is_active(teams: SimTeams, sbc: Sbc) -> None:
    """OPT-02."""
    await sbc.ask(PROXIES[1], sbc.options(PROXIES[1]))
    await until(lambda: teams.regions[PROXIES[1]].active)
    assert [region.active for region in teams.regions.values()] == [False, True, False]


@pytest_twisted.ensureDeferred
async def test_the_200_carries_no_to_tag_and_no_contact(teams: SimTeams, sbc: Sbc) -> None:
    """OPT-14."""
    response = await sbc.ask(PROXIES[0], sbc.options(PROXIES[0]))
    assert response is not None
    assert (response.to.tag, response.get("Contact")) == ("", None)
    assert response.raw.startswith(b"SIP/2.0 200 OK\r\nFROM: ")


@pytest.mark.parametrize(
    ("contact", "row"),
    [("", "OPT-06"), ("<sip:192.0.2.1:5061>", "OPT-07"), ("<sip:other.example.test:5061>", "HDR-01")],
)
@pytest_twisted.ensureDeferred
async def test_an_options_that_does_not_name_the_trunk_gets_403(
    teams: SimTeams, sbc: Sbc, contact: str, row: str
) -> None:
    """OPT-06, OPT-07, HDR-01."""
    response = await sbc.ask(PROXIES[0], sbc.options(PROXIES[0], Contact=contact))
    assert response is not None
    assert response.status == 403
    assert rows(teams) == [row]
    assert teams.regions[PROXIES[0]].in_options_seen == 0


@pytest.mark.parametrize("silent", [False, True])
@pytest_twisted.ensureDeferred
async def test_an_unknown_fqdn_gets_403_or_nothing(teams: SimTeams, sbc: Sbc, silent: bool) -> None:
    """OPT-07, in both modes: the name is in the certificate but in no tenant."""
    teams.silent_on_unknown = silent
    asked = sbc.options(PROXIES[0], Contact="<sip:one.customers.example.test:5061>")
    response = await sbc.ask(PROXIES[0], asked, 0.5)
    assert (response.status if response else None) == (None if silent else 403)


@pytest_twisted.ensureDeferred
async def test_a_200_without_contact_leaves_the_trunk_inactive(teams: SimTeams, sbc: Sbc) -> None:
    """OPT-11."""
    sbc.options_contact = False
    await sbc.ask(PROXIES[0], sbc.options(PROXIES[0]))
    await until(lambda: teams.regions[PROXIES[0]].out_options_ok is False)
    assert rows(teams) == ["OPT-11"]


@pytest_twisted.ensureDeferred
async def test_a_name_that_does_not_resolve_is_told_as_the_cause(teams: SimTeams, sbc: Sbc) -> None:
    """OPT-12: "200 received but no OPTIONS from Teams"."""
    teams.forget_host(FQDN)
    await sbc.ask(PROXIES[0], sbc.options(PROXIES[0]))

    def told(region: RegionHealth) -> bool:
        return "does not resolve" in region.out_options_error

    await until(lambda: told(teams.regions[PROXIES[0]]))


# Calls from the SBC


@pytest.mark.parametrize(
    "script",
    ["answer", "forked", "early-media", "early-forks", "forwarded", "second-answer", "same-again", "hold"],
)
@pytest_twisted.ensureDeferred
async def test_a_call_from_the_sbc_is_answered_and_both_ends_hear_the_other(
    teams: SimTeams, sbc: Sbc, script: str
) -> None:
    """RNG-01, RNG-02, RNG-04, HDR-14, HDR-17, HLD-03, MED-06: every script that ends in an answer."""
    teams.answer_with(script)
    result = await sbc.place_call(PROXIES[0], USER)
    await until(lambda: bool(teams.results))
    assert result.media.good, result
    assert went_well(teams.results[0]), teams.results
    assert [str(one) for one in teams.violations] == []


@pytest_twisted.ensureDeferred
async def test_forks_ring_under_different_tags_and_the_answer_has_a_new_one(teams: SimTeams, sbc: Sbc) -> None:
    """RNG-01, RNG-02."""
    teams.answer_with("forked")
    result = await sbc.place_call(PROXIES[0], USER)
    assert [one.status for one in result.progress] == [180, 180]
    assert len({one.tag for one in result.progress}) == 2


@pytest_twisted.ensureDeferred
async def test_an_early_fork_and_the_answering_one_have_their_own_descriptions(teams: SimTeams, sbc: Sbc) -> None:
    """MED-06."""
    teams.answer_with("early-forks")
    result = await sbc.place_call(PROXIES[0], USER)
    assert [(one.status, one.sdp) for one in result.progress] == [(183, True), (180, False)]
    assert result.media.forged == 0


@pytest.mark.parametrize(
    ("script", "status", "ringing"),
    [
        ("unavailable", 503, []),
        ("declined", 603, [180]),
        ("busy", 486, []),
        ("rings-then-unavailable", 503, [180]),
        ("rings", 487, [180]),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_refusal_ends_the_call_with_its_status(
    teams: SimTeams, sbc: Sbc, script: str, status: int, ringing: list[int]
) -> None:
    """FO-02, FO-03, FO-04."""
    teams.answer_with(script)
    result = await sbc.place_call(PROXIES[0], USER, "give-up" if script == "rings" else "call")
    assert (result.status, [one.status for one in result.progress]) == (status, ringing)
    assert rows(teams) == []


@pytest_twisted.ensureDeferred
async def test_a_region_can_be_out_of_service_while_the_others_answer(teams: SimTeams, sbc: Sbc) -> None:
    """FO-02."""
    teams.answer_with("unavailable", region=PROXIES[0])
    assert (await sbc.place_call(PROXIES[0], USER)).status == 503
    assert (await sbc.place_call(PROXIES[1], USER)).status == 200


@pytest_twisted.ensureDeferred
async def test_a_200_that_crosses_the_cancel_gets_ack_and_bye(teams: SimTeams, sbc: Sbc) -> None:
    """The 200 that comes after all."""
    teams.answer_with("answers-the-cancelled")
    result = await sbc.place_call(PROXIES[0], USER, "give-up")
    await until(lambda: bool(teams.results))
    assert result.status == 200
    assert teams.results[0].cause == ""


@pytest_twisted.ensureDeferred
async def test_a_missing_ack_is_noted(teams: SimTeams, sbc: Sbc) -> None:
    """RNG-08."""
    teams.answer_with("answer", plan=replace(QUICK, patience=0.3))
    await sbc.place_call(PROXIES[0], USER, "no-ack", replace(QUICK, patience=0.6))
    assert rows(teams) == ["RNG-08"]
    assert teams.results[0].cause == "the 200 got no ACK"


@pytest.mark.parametrize(("number", "status"), [("+15550199", 404), ("+441273652001", 403)])
@pytest_twisted.ensureDeferred
async def test_a_number_that_nobody_has_or_that_is_disabled_is_refused_with_a_reason(
    teams: SimTeams, sbc: Sbc, number: str, status: int
) -> None:
    """HDR-02, OPS-03: the caller's mistake, no violation."""
    result = await sbc.place_call(PROXIES[0], number)
    assert result.status == status
    assert rows(teams) == []


# Calls to the SBC


@pytest.mark.parametrize("script", ["call", "hold", "same-again", "refresh"])
@pytest_twisted.ensureDeferred
async def test_a_call_from_teams_is_answered_and_both_ends_hear_the_other(
    teams: SimTeams, sbc: Sbc, script: str
) -> None:
    """HDR-07, HDR-17, HLD-03: each request of the dialog comes over a fresh connection to the Contact's host."""
    result = await teams.place_call("+15550100", JOHN, script, trunks=trunk(sbc))
    await until(lambda: bool(sbc.stage.results))
    assert went_well(result), result
    assert sbc.stage.results[0].media.good
    assert [str(one) for one in teams.violations] == []
    assert sbc.entrance.touched >= 3


@pytest_twisted.ensureDeferred
async def test_the_invite_has_the_shape_of_the_traces(teams: SimTeams, sbc: Sbc) -> None:
    """HDR-08, HDR-16, HDR-20, HDR-21: section 3.3 of the document."""
    seen: list[bytes] = []
    sbc.agent.watch = lambda sent, message, link: seen.append(message.raw)
    await teams.place_call("+15550100", JOHN, trunks=trunk(sbc))
    invite = seen[0].decode()
    port = sbc.entrance.port
    assert invite.startswith(
        f"INVITE sip:+15550100@{FQDN}:{port};user=phone;transport=tls SIP/2.0\r\nFROM: John Doe<sip:"
    )
    for line in ("SESSION-EXPIRES: 3600\r\n", "MIN-SE: 300\r\n", "SUPPORTED: timer\r\n", "VIA: SIP/2.0/TLS 127.0.0.2:"):
        assert line in invite
    assert 1500 < len(invite) < 2200


@pytest_twisted.ensureDeferred
async def test_a_call_can_come_from_an_address_that_no_name_leads_to(teams: SimTeams, sbc: Sbc) -> None:
    """NET-06."""
    peers: list[str] = []
    sbc.agent.watch = lambda sent, message, link: None if sent else peers.append(link.peer[0])
    result = await teams.place_call("+15550100", JOHN, trunks=trunk(sbc), source=teams.addresses.unlisted)
    assert result.answered
    assert set(peers) == {"127.0.0.5"}


@pytest_twisted.ensureDeferred
async def test_a_503_without_ringing_sends_the_call_to_the_next_trunk(teams: SimTeams, sbc: Sbc) -> None:
    """FO-06."""
    sbc.stage.answer_with("unavailable", "", "", None)
    result = await teams.place_call("+15550100", JOHN, trunks=trunk(sbc) * 2)
    assert (result.status, len(result.trunks)) == (503, 2)


@pytest_twisted.ensureDeferred
async def test_after_ringing_no_other_trunk_is_tried(teams: SimTeams, sbc: Sbc) -> None:
    """FO-06."""
    sbc.stage.answer_with("rings-then-unavailable", "", "", None)
    result = await teams.place_call("+15550100", JOHN, trunks=trunk(sbc) * 2)
    assert (result.status, len(result.trunks)) == (503, 1)


@pytest_twisted.ensureDeferred
async def test_a_trunk_that_cannot_be_reached_is_tried_from_another_region_too(teams: SimTeams, sbc: Sbc) -> None:
    """FO-08."""
    await sbc.entrance.close()
    result = await teams.place_call("+15550100", JOHN, trunks=trunk(sbc))
    assert len(result.trunks) == 2
    assert "no connection to 127.0.0.1" in result.cause


@pytest_twisted.ensureDeferred
async def test_a_trunk_that_says_nothing_counts_as_408_after_the_failover_time(teams: SimTeams, sbc: Sbc) -> None:
    """FO-07."""
    teams.failover_seconds = 0.2
    sbc.stage.answer_with("silent", "", "", None)
    result = await teams.place_call("+15550100", JOHN, trunks=trunk(sbc))
    assert result.status == 408
    assert result.cause.startswith("500001")


@pytest_twisted.ensureDeferred
async def test_a_certificate_of_another_name_is_refused(teams: SimTeams, sbc: Sbc) -> None:
    """Section 4.3: Teams checks the name that it dialled."""
    teams.learn_host("other.example.test", "127.0.0.1")
    result = await teams.place_call("+15550100", JOHN, trunks=[f"other.example.test:{sbc.entrance.port}"])
    assert "not for other.example.test" in result.cause


@pytest_twisted.ensureDeferred
async def test_teams_refreshes_the_session_at_half_time_when_the_answer_says_so(teams: SimTeams, sbc: Sbc) -> None:
    """HDR-16 (b), HDR-17: with ``refresher=uac`` the same description comes again."""
    offers: list[bytes] = []
    sbc.agent.watch = lambda sent, message, link: offers.append(message.body) if message.body and not sent else None
    sbc.stage.answer_with("listen", "", "", None)
    plan = replace(QUICK, session_expires=1, talk=0.8)
    result = await teams.place_call("+15550100", JOHN, trunks=trunk(sbc), plan=plan)
    assert went_well(result), result
    assert len(offers) == 2
    assert len(set(offers)) == 1


@pytest_twisted.ensureDeferred
async def test_the_ack_of_a_refusal_is_not_held_to_the_route_of_a_dialog(teams: SimTeams, sbc: Sbc) -> None:
    """RFC 3261 17.1.1.3: it goes where its INVITE went."""
    seen: list[str] = []
    teams.agent.watch = lambda sent, message, link: seen.append(message.start_line.partition(" ")[0])
    teams.answer_with("busy")
    await sbc.place_call(PROXIES[0], USER)
    await until(lambda: "ACK" in seen)
    assert rows(teams) == []


# Listeners


@pytest_twisted.ensureDeferred
async def test_a_refusing_proxy_refuses_and_serves_again(teams: SimTeams, sbc: Sbc) -> None:
    """FO-01, FO-02."""
    await teams.set_mode(PROXIES[0], None)
    with pytest.raises(UnreachableError):
        await sbc.dial(PROXIES[0], teams.entrances[PROXIES[0]].port)
    await teams.set_mode(PROXIES[0], Mode.UP)
    assert (await sbc.place_call(PROXIES[0], USER)).answered


@pytest_twisted.ensureDeferred
async def test_a_stalled_proxy_accepts_the_connection_and_no_more(teams: SimTeams, sbc: Sbc) -> None:
    """FO-05, T13: the black hole."""
    await teams.set_mode(PROXIES[0], Mode.STALLED)
    place = ("127.0.0.2", teams.entrances[PROXIES[0]].port)
    link = await connect(reactor, place, lambda message, link: None)
    assert link.open
    link.close()


@pytest_twisted.ensureDeferred
async def test_a_mute_proxy_shakes_hands_and_answers_nothing(teams: SimTeams, sbc: Sbc) -> None:
    """FO-05."""
    await teams.set_mode(PROXIES[0], Mode.MUTE)
    assert await sbc.ask(PROXIES[0], sbc.options(PROXIES[0]), 0.3) is None


@pytest_twisted.ensureDeferred
async def test_a_touched_trap_is_a_violation(teams: SimTeams, sbc: Sbc) -> None:
    """HDR-08: never connect to the port in the Contact."""
    link = await connect(reactor, (teams.hosts[TRAP_HOST], teams.trap.port), lambda message, link: None)
    await until(lambda: bool(teams.violations))
    link.close()
    assert rows(teams) == ["HDR-08"]


@pytest_twisted.ensureDeferred
async def test_the_server_name_that_was_asked_for_and_the_certificate_are_known(teams: SimTeams, sbc: Sbc) -> None:
    """T8, T11: SNI, and mutual TLS with the whole chain although only the root is trusted."""
    await sbc.dial(PROXIES[2], teams.entrances[PROXIES[2]].port)
    await until(lambda: any(link.names for link in teams.entrances[PROXIES[2]].links))
    link = next(iter(teams.entrances[PROXIES[2]].links))
    assert link.server_name == PROXIES[2]
    assert FQDN in link.names


def test_an_unknown_script_is_refused_with_the_names_of_all(teams: SimTeams) -> None:
    with pytest.raises(KeyError, match="forked"):
        teams.answer_with("no-such-thing")
    with pytest.raises(KeyError, match="give-up"):
        teams.place_call("+1", "+2", "no-such-thing", trunks=[])
