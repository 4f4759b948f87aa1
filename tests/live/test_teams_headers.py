"""What the two sides write to each other in a real call, header by header."""

from __future__ import annotations

from dataclasses import replace

import pytest
import pytest_twisted

from rustalk.simulator.call import Call
from rustalk.simulator.placed import PlacedCall
from rustalk.simulator.scripts import calls
from rustalk.simulator.teams import PROXIES, TRAP_HOST
from tests.live.meeting import FQDN, OTHER_FQDN, PLAN, SUBSCRIBER, USER, Meet, meetings, sound

meet = pytest.fixture(meetings)

ANY_NUMBER = {"routes": [
    {"id": "to-teams", "pattern": "", "source": "carrier", "destination": {"type": "Trunk", "value": "teams"}},
    {"id": "to-carrier", "pattern": "", "source": "teams", "destination": {"type": "Trunk", "value": "carrier"}},
]}  # fmt: skip
PATIENT = replace(PLAN, hang_up=False)
LASTING = replace(PLAN, talk=690.0, patience=1000.0)
LONG = f"<sip:sip.pstnhub.microsoft.com:5061;x-m=8:orgid:{'a' * 400};x-tt={'B' * 900}%3D>"


@calls("asks-for-too-much")
async def asks_for_too_much(call: PlacedCall) -> None:
    """Sends what Teams does not allow, and goes on talking."""
    if not 200 <= await call.final() < 300:
        return
    call.cause = await _refusals(call)
    await call.finish()


async def _refusals(call: Call) -> str:
    """The statuses that these methods get, where they are not as they should be. A carrier takes INFO."""
    to_carrier = call.style.upper
    allowed = {
        "INFO": (200,) if to_carrier else (405,),
        "UPDATE": (200,),
        "MESSAGE": (405,),
        "PRACK": (481,),
    }
    found = {}
    for method, statuses in allowed.items():
        response = await call.request(method)
        if response is None or response.status not in statuses:
            found[method] = response.status if response else 0
    return str(found) if found else ""


@pytest_twisted.ensureDeferred
async def test_an_invite_for_teams(meet: Meet) -> None:
    """HDR-01, HDR-03, HDR-04, HDR-05, HDR-06, HDR-15, OPT-08: as section 3.4 of the contract draws it."""
    met = await meet()
    assert sound(await met.to_teams(), await met.taken(by="teams"))
    (invite,) = met.requests("INVITE")
    port = met.teams.entrances[PROXIES[0]].port
    assert invite.uri == f"sip:{USER}@{PROXIES[0]}:{port};user=phone;transport=tls"
    assert invite.get("To") == f"<sip:{USER}@{PROXIES[0]}>"
    assert (invite.get("From") or "").startswith(f"<sip:{SUBSCRIBER}@{FQDN}>;tag=")
    assert invite.all("Contact") == [f"<sip:{SUBSCRIBER}@{FQDN}:{met.ports.teams};transport=tls>"]
    assert (invite.get("User-Agent") or "").startswith("RusTalk/")
    assert [invite.get(name) for name in ("Record-Route", "Require", "Replaces")] == [None] * 3
    assert b"sips:" not in invite.raw
    (sent,) = [entry for entry in met.switch.trace.of_call([invite.call_id]) if entry.summary.startswith("INVITE")]
    assert (sent.peer, sent.text.splitlines()[0]) == (f"127.0.0.2:{port}", invite.start_line)


@pytest_twisted.ensureDeferred
async def test_numbers_get_their_plus(meet: Meet) -> None:
    """HDR-04, HDR-05: also where the carrier writes none; what is no number stays as it is."""
    met = await meet(routing=ANY_NUMBER)
    assert (await met.to_teams(to=USER[1:], from_=SUBSCRIBER[1:])).answered
    assert (await met.to_teams(from_="anonymous")).answered
    first, second = met.requests("INVITE")
    assert (first.target.user, first.from_.uri.user) == (USER, SUBSCRIBER)
    assert second.from_.uri.user == "anonymous"


@pytest.mark.parametrize(("domain", "status"), [(FQDN, 200), ("demo.example", 200), ("other.example", 403)])
@pytest_twisted.ensureDeferred
async def test_teams_finds_the_tenant_by_our_contact(meet: Meet, domain: str, status: int) -> None:
    """HDR-02: registered as it is, registered as the parent, not registered."""
    met = await meet(domain=domain, healthy=False)
    assert (await met.to_teams()).status == status


@pytest_twisted.ensureDeferred
async def test_a_number_that_teams_does_not_know(meet: Meet) -> None:
    """HDR-02, FO-03: 404 crosses with the Reason of Teams, semicolons and all, and no other proxy is asked."""
    met = await meet()
    placed = await met.to_teams(to="+441273659999")
    assert placed.status == 404
    (refusal,) = [one for one in met.with_carrier if one.start_line.startswith("SIP/2.0 404")]
    assert "511404 the number was not found" in (refusal.get("Reason") or "")
    assert len(met.requests("INVITE")) == 1


@pytest_twisted.ensureDeferred
async def test_what_teams_gets_back_for_its_invite(meet: Meet) -> None:
    """HDR-07, HDR-08: our FQDN in the Contact of 180 and 200, Record-Route as it came, and one To tag."""
    met = await meet()
    placed = await met.from_teams()
    assert sound(placed, await met.taken(by="carrier"))
    ringing, answer = met.responses("INVITE", 180)[0], met.responses("INVITE", 200)[0]
    for response in (ringing, answer):
        contact = response.contact
        assert contact is not None
        assert (contact.uri.host, contact.uri.port, contact.uri.param("transport")) == (FQDN, met.ports.teams, "tls")
        assert response.all("Record-Route") == [
            f"<sip:{met.teams.inside.name}:{met.teams.inside.port};transport=tls;lr>"
        ]
    assert ringing.to.tag == answer.to.tag


@pytest_twisted.ensureDeferred
async def test_teams_comes_back_by_our_name(meet: Meet) -> None:
    """HDR-07: ACK, re-INVITE and BYE of Teams come over new connections, found by the name in our Contact."""
    met = await meet()
    before = len([line for line in met.log.lines if "is closed" in line])
    assert sound(await met.from_teams("hold"), await met.taken(by="carrier"))
    await met.until(lambda: len([line for line in met.log.lines if "is closed" in line]) > before + 3, "the ends")


@pytest_twisted.ensureDeferred
async def test_requests_of_a_dialog(meet: Meet) -> None:
    """HDR-08: ACK and BYE to the host of Record-Route, the Contact byte for byte, and nobody dials port 443."""
    met = await meet()
    met.carrier.answer_with("answer")
    await met.to_teams()
    for request in (*met.requests("ACK"), *met.requests("BYE")):
        assert request.uri.startswith(f"sip:{TRAP_HOST}:{met.teams.trap.port};x-i=")
        assert ";x-c=" in request.uri
        assert [route.uri.host for route in request.addresses("Route")] == [met.teams.inside.name]
    assert met.teams.trap.touched == 0


@pytest.mark.parametrize("way", ["to_teams", "from_teams"])
@pytest_twisted.ensureDeferred
async def test_nothing_that_teams_does_not_take(meet: Meet, way: str) -> None:
    """HDR-09: INFO, UPDATE, MESSAGE and PRACK of either side stop at the switch."""
    met = await meet()
    placed = await getattr(met, way)("asks-for-too-much", plan=PLAN)
    assert sound(placed, await met.taken(by="teams" if way == "to_teams" else "carrier"))
    methods = {one.message.start_line.partition(" ")[0] for one in met.seen}
    assert methods - {"SIP/2.0"} <= {"OPTIONS", "INVITE", "ACK", "BYE"}


@pytest_twisted.ensureDeferred
async def test_a_call_that_is_forwarded(meet: Meet) -> None:
    """HDR-14, HDR-18: 181 before 180, and a caller with an extension in its number."""
    met = await meet(routing=ANY_NUMBER)
    met.teams.answer_with("forwarded")
    placed = met.to_teams(from_="+14025557334;ext=7334")
    assert sound(await met.taken(by="teams"))
    assert (await placed).status == 200


@pytest_twisted.ensureDeferred
async def test_numbers_with_an_extension_and_short_ones(meet: Meet) -> None:
    """HDR-18: both from Teams; neither is bent."""
    met = await meet(routing=ANY_NUMBER)
    for number in ("+14025557334;ext=7334", "+1001"):
        assert (await met.from_teams(to=number)).answered
    users = [message.uri for message in met.with_carrier if getattr(message, "method", "") == "INVITE"]
    assert users[0].startswith("sip:+14025557334@")
    assert users[1].startswith("sip:+1001@")


@pytest_twisted.ensureDeferred
async def test_long_headers(meet: Meet) -> None:
    """HDR-22: Referred-By of more than 400 characters, History-Info with escaped commas, a PAI pair."""
    met = await meet()
    history = ", ".join(
        f"<sip:+4412736520{n:02}@sip.pstnhub.microsoft.com:5061;user=phone?Reason=SIP%3Bcause%3D302%3Btext%3D%22a%2C%22>"
        f";index=1.{n}"
        for n in range(20)
    )
    identity = f"<tel:{USER}>, <sip:user@{OTHER_FQDN}>"
    fields = [("Referred-By", LONG), ("History-Info", history), ("P-Asserted-Identity", identity), ("Privacy", "id")]
    assert sound(await met.from_teams(fields=fields), await met.taken(by="carrier"))


@pytest_twisted.ensureDeferred
async def test_what_a_udp_carrier_gets_fits_into_a_datagram(meet: Meet) -> None:
    """HDR-21, HDR-20: 2 kB of Teams with upper-case names become less than 1300 bytes."""
    met = await meet()
    await met.from_teams()
    invites = [message for message in met.with_carrier if getattr(message, "method", "") == "INVITE"]
    trace = met.switch.trace.of_call([met.carrier.results[0].call_id])
    sizes = [len(entry.text) for entry in trace if entry.summary.startswith("INVITE")]
    assert len(invites) == len(sizes) == 1
    assert sizes[0] < 1300


@pytest_twisted.ensureDeferred
async def test_the_session_timer_of_teams(meet: Meet) -> None:
    """HDR-16, HDR-17: 3600 and Min-SE 300, no refresher named: we choose less, Teams refreshes, the call goes on."""
    met = await meet(sip={"session_expires": 600})
    met.carrier.answer_with("listen", plan=LASTING)
    placed = met.from_teams(plan=LASTING)
    await met.until(lambda: met.responses("INVITE", 200), "the answer")
    assert met.responses("INVITE", 200)[0].get("Session-Expires") == "600;refresher=uac"
    await met.timeline.push(700, step=1)
    result = await placed
    assert (result.answered, result.ended_by, result.cause) == (True, "us", "")
    answers = {(response.cseq.number, response.body) for response in met.responses("INVITE", 200)}
    assert sorted(number for number, _ in answers) == [1, 2, 3]
    assert len({body for _, body in answers}) == 1


@pytest_twisted.ensureDeferred
async def test_an_interval_that_is_too_short_for_teams(meet: Meet) -> None:
    """HDR-16: 422 with Min-SE 300 is answered by an INVITE with 300, and the call is made."""
    met = await meet(sip={"session_expires": 120})
    placed = await met.to_teams()
    assert sound(placed, await met.taken(by="teams"))
    asked = [(request.number("Session-Expires"), request.number("Min-SE")) for request in met.requests("INVITE")]
    assert [seconds for seconds, _ in asked] == [120, 300]
    assert asked[1][1] == 300


@pytest_twisted.ensureDeferred
async def test_no_session_timer_at_all(meet: Meet) -> None:
    """HDR-16: a 200 of Teams without Session-Expires, since we asked for none."""
    met = await meet(sip={"session_expires": 0})
    assert sound(await met.to_teams(), await met.taken(by="teams"))
    assert met.requests("INVITE")[0].get("Session-Expires") is None


@pytest.mark.parametrize("way", ["to_teams", "from_teams"])
@pytest_twisted.ensureDeferred
async def test_the_same_description_again(meet: Meet, way: str) -> None:
    """HDR-17: Teams offers what it offered before; the answer is the same, and the carrier hears nothing of it."""
    met = await meet()
    met.teams.answer_with("same-again")
    met.carrier.answer_with("listen")
    if way == "to_teams":
        placed, taken = met.to_teams(plan=PATIENT), met.taken(by="teams")
        assert sound(await placed)
    else:
        placed, taken = met.from_teams("same-again"), met.taken(by="carrier")
        assert sound(await placed)
    assert sound(await taken)
    bodies = {message.body for message in met.responses("INVITE", 200) if message.body}
    assert len(bodies) == 1
    assert len([m for m in met.with_carrier if getattr(m, "method", "") == "INVITE"]) == 1
