"""Media bypass and local media optimisation: Teams clients send to us without a processor between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.agents import Leg
from tests.scenarios.site import Site, Talk

Build = Callable[..., Site]
ICE = ("a=ice-ufrag:teams", "a=ice-pwd:0123456789012345678901", "a=rtcp-mux")
CANDIDATE = "a=candidate:1 1 UDP 2130706431 {} 50012 typ host"


@pytest.fixture
def bypass(build: Build) -> Site:
    """A switch whose Teams trunk has media bypass."""
    return build(teams={"media_bypass": True})


def client(site: Site, host: str = "192.168.7.7", version: int = 1, *lines: str) -> bytes:
    """The description of a Teams client in somebody's home."""
    return site.teams.describe(version=version, lines=[*ICE, CANDIDATE.format(host), *lines])


def said(body: bytes, name: bytes) -> list[bytes]:
    """The attribute lines of this name."""
    return [line for line in body.split(b"\r\n") if line.startswith(b"a=" + name)]


def talking(site: Site, caller: str = "carrier") -> Talk:
    """An answered call between the carrier and a Teams client."""
    if caller == "teams":
        return site.talking("teams", "carrier", body=client(site))
    talk = site.ringing()
    talk.callee.answer(body=client(site))
    site.run()
    return talk


def teams_leg(talk: Talk) -> Leg:
    """The leg of Teams."""
    return talk.caller if talk.caller.agent.name == "teams" else talk.callee


@pytest.mark.parametrize("caller", ["carrier", "teams"])
def test_a_client_is_told_one_candidate(bypass: Site, caller: str) -> None:
    """ICE-01: ice-lite, one host candidate with our address; the carrier sees nothing of it."""
    talk = talking(bypass, caller)
    text = teams_leg(talk).remote
    assert said(text, b"ice-lite")
    (candidate,) = said(text, b"candidate")
    assert b" 203.0.113.10 " in candidate
    assert candidate.endswith(b"typ host")
    other = talk.callee if caller == "teams" else talk.caller
    assert not any(said(other.remote, name) for name in (b"ice", b"candidate", b"rtcp-mux"))
    talk.end()


def test_media_of_a_client_may_come_from_anywhere(bypass: Site, build: Build) -> None:
    """NET-09: a client's address is not in Microsoft's networks; without bypass only these may send."""
    plain = build()
    for site, networks in ((bypass, 0), (plain, 2)):
        talk = talking(site)
        assert len(site.relay.streams[0].within[1]) == networks
        talk.end()


def test_candidate_and_key_stay_from_183_to_200(bypass: Site) -> None:
    """RNG-06: outbound bypass call; ufrag, pwd, candidate and key are the same, under the same tag."""
    talk = bypass.ringing("teams", "carrier", body=client(bypass))
    talk.callee.ring(183, body=bypass.carrier.describe())
    bypass.run()
    talk.callee.answer(body=bypass.carrier.describe())
    bypass.run()
    early, final = talk.caller.responses[-2:]
    for name in (b"ice-ufrag", b"ice-pwd", b"candidate", b"crypto"):
        assert said(early.body, name) == said(final.body, name) != []
    assert early.to.tag == final.to.tag
    talk.end()


def test_several_clients_answer_with_media(bypass: Site) -> None:
    """RNG-02, RNG-05: 183 of two clients, 200 of the second: one set of our credentials, the key of the second."""
    talk = bypass.ringing()
    stream = bypass.relay.streams[0]
    ours = []
    for tag, host in (("A", "192.168.7.7"), ("B", "192.168.7.8")):
        talk.callee.ring(183, tag=tag, body=client(bypass, host))
        bypass.run()
        credentials = stream.credentials[1]
        assert credentials is not None
        ours.append((credentials.ufrag, credentials.password))
    talk.callee.answer(tag="B", body=client(bypass, "192.168.7.8"))
    bypass.run()
    assert ours[0] == ours[1]
    assert talk.caller.statuses[-1] == 200
    talk.end()


def test_refer_is_offered_and_no_session_timer_needed(bypass: Site) -> None:
    """ICE-08: Allow has REFER; a call of Teams without a session timer gets none, and one to Teams works without."""
    talk = talking(bypass, "teams")
    final = talk.caller.responses[-1]
    assert "REFER" in (final.get("Allow") or "")
    assert (final.get("Session-Expires"), final.get("Require")) == (None, None)
    bypass.run(3600)
    assert talk.caller.received("INVITE") == []
    talk.end()
    talk = talking(bypass)
    assert "REFER" in (talk.callee.invite.get("Allow") or "")
    talk.end()


def test_teams_hands_a_bypass_call_on(bypass: Site) -> None:
    """ICE-08, XFR-09: REFER in a bypass call; the new leg is offered ICE-lite again, the carrier keeps its place."""
    talk = talking(bypass)
    target = "<sip:sip.pstnhub.microsoft.com:5061;transport=tls;x-m=8:orgid:7c1d>"
    talk.callee.ask("REFER", fields=[("Refer-To", target)])
    bypass.run()
    leg = bypass.teams.last
    assert leg is not talk.callee
    assert said(leg.invite.body, b"ice-lite")
    leg.answer(body=client(bypass, "192.168.9.9"))
    bypass.run()
    assert (talk.callee.over, talk.caller.over) == (True, False)
    talk.caller.bye()
    bypass.run()
    assert leg.over


def test_the_final_candidates_of_a_client(bypass: Site) -> None:
    """ICE-04: a re-INVITE with remote-candidates is answered here with our candidate; the carrier hears nothing."""
    talk = talking(bypass)
    before = said(talk.callee.remote, b"candidate")
    number = before[0].split()[5].decode()
    offer = client(bypass, "192.168.7.7", 2, f"a=remote-candidates:1 203.0.113.10 {number}")
    answers = talk.callee.ask("INVITE", offer)
    bypass.run()
    assert answers[-1].status == 200
    assert said(answers[-1].body, b"candidate") == before
    assert talk.caller.received("INVITE") == []
    talk.end()


def test_a_restart_of_ice(bypass: Site) -> None:
    """ICE-05: a new ufrag of Teams gets a new one of ours; address, port and the carrier stay as they were."""
    talk = talking(bypass)
    before = talk.callee.remote
    offer = client(bypass, "52.114.0.9", 2).replace(b"ice-ufrag:teams", b"ice-ufrag:again")
    answers = talk.callee.ask("INVITE", offer.replace(b"0123456789", b"abcdefghij"))
    bypass.run()
    after = answers[-1].body
    assert said(after, b"ice-ufrag") != said(before, b"ice-ufrag")
    assert said(after, b"ice-pwd") != said(before, b"ice-pwd")
    assert said(after, b"candidate") == said(before, b"candidate")
    assert talk.caller.received("INVITE") == []
    talk.end()


def test_two_that_only_answer_checks(bypass: Site) -> None:
    """ICE-06: the other end is an SBC too, ICE-lite like us: audio goes to where its description says."""
    talk = bypass.ringing()
    lite = bypass.teams.describe(port=4444).replace(b"t=0 0\r\n", b"t=0 0\r\na=ice-lite\r\n")
    talk.callee.answer(body=lite + "".join(f"{line}\r\n" for line in ICE).encode())
    bypass.run()
    assert bypass.relay.streams[0].expected[1][0] == ("52.114.0.1", 4444)
    talk.end()


@pytest.mark.parametrize(("where", "address"), [("Internal", "10.0.0.10"), ("external", "203.0.113.10"), ("", "")])
def test_a_user_inside_is_told_the_inside_address(build: Build, where: str, address: str) -> None:
    """LMO-01: X-MS-UserLocation decides, whatever its case; the site and the path of Teams stay here (HDR-19)."""
    site = build(teams={"internal_media_address": "10.0.0.10"})
    fields: list[Any] = [("X-MS-MediaPath", "sbc.example.com"), ("X-MS-UserSite", "hq")]
    fields += [("X-MS-UserLocation", where)] if where else []
    talk = site.talking("teams", "carrier", fields=fields)
    assert f"c=IN IP4 {address or '203.0.113.10'}\r".encode() in talk.caller.remote
    assert b"X-MS" not in talk.callee.invite.to_bytes()
    assert b"10.0.0.10" not in talk.callee.invite.body
    talk.end()
