"""Ringing, forks, early media, refusals and the end of calls that nobody answered (section 1.5)."""

from __future__ import annotations

from ..placed import PlacedCall
from ..taken import TakenCall
from .claim import has, need, same
from .scene import Scene
from .site import ROLES
from .story import story
from .wire import TEAMS

__all__: list[str] = []

ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'


def _heard(placed: PlacedCall) -> list[tuple[int, bool]]:
    return [(one.status, one.sdp) for one in placed.progress]


async def _answered_on(scene: Scene, placed: PlacedCall, taken: TakenCall, fork: str) -> None:
    taken.accept(fork)
    need(await taken.confirmed(), "RNG-08: the 200 got no ACK")
    same(await placed.final(), 200, "what the caller got")
    acks = scene.wire.requests(TEAMS, "ACK")
    same(acks[-1].to.tag if acks else "", taken.tag_of(fork), "RNG-02: the tag of the ACK")
    await scene.audio(placed, taken)


@story("RNG-01")
async def three_clients_ring(scene: Scene) -> None:
    """180 under three tags and a 200 under a fourth: the carrier has one dialog and hears ringing."""
    pair = await scene.to_teams()
    for fork in "abc":
        pair.taken.ring(180, fork)
        await scene.pause(0.05)
    await _answered_on(scene, pair.placed, pair.taken, "d")
    need((180, False) in _heard(pair.placed), f"the carrier heard {_heard(pair.placed)}")
    tags = {one.tag for one in pair.placed.progress}
    same(len(tags | {pair.placed.confirmed_dialog.remote_tag}), 1, "RNG-01: the dialogs that the carrier saw")


@story("RNG-02", "MED-06")
async def early_media_of_two_forks(scene: Scene) -> None:
    """183 with descriptions and keys of two forks; the 200 of a third with its own: the carrier hears that one."""
    pair = await scene.to_teams()
    for fork in "ab":
        pair.taken.ring(183, fork, early=True)
        await scene.pause(0.15)
    await _answered_on(scene, pair.placed, pair.taken, "c")


@story("RNG-02", "MED-06", "MED-01")
async def early_media_of_two_forks_to_a_plain_carrier(scene: Scene) -> None:
    """The same where SRTP ends at the SBC: each fork's key is its own."""
    pair = await scene.to_teams("plain")
    for fork in "ab":
        pair.taken.ring(183, fork, early=True)
        await scene.pause(0.15)
    await _answered_on(scene, pair.placed, pair.taken, "c")


@story("RNG-02")
async def second_client_answers_too_late(scene: Scene) -> None:
    """A late 2xx of another tag gets ACK and BYE; the first call goes on."""
    pair = await scene.to_teams()
    await scene.answer(pair, "a")
    pair.taken.accept("b")
    need(await pair.taken.confirmed(), "RNG-02: the second 200 got no ACK")
    await scene.until(lambda: pair.taken.tag_of("b") in pair.taken.byes, "the BYE of the second answer")
    await scene.audio(pair.teams, pair.carrier)


@story("RNG-03")
async def silent_early_media_becomes_ringing(scene: Scene) -> None:
    """183 with a description and without audio is 180 for the carrier, so that its own ringing goes on."""
    pair = await scene.to_teams()
    pair.taken.ring(180)
    await scene.pause(0.05)
    pair.taken.end_of("a").carry = lambda data: None
    pair.taken.ring(183, early=True)
    await scene.pause(0.3)
    same(_heard(pair.placed), [(180, False)], "RNG-03: what the carrier heard")
    pair.taken.refuse(480)
    need(await pair.placed.final() >= 400, "the refusal did not reach the carrier")


@story("RNG-04", "MED-16")
async def early_media_is_heard(scene: Scene) -> None:
    """A 183 with audio: both sides hear each other before the answer."""
    pair = await scene.to_teams()
    pair.taken.ring(183, early=True)
    await scene.until(lambda: (183, True) in _heard(pair.placed), f"183 at the carrier, {_heard(pair.placed)}")
    await scene.audio(pair.placed, pair.taken)
    await _answered_on(scene, pair.placed, pair.taken, "a")


@story("RNG-06")
async def nothing_changes_between_183_and_200(scene: Scene) -> None:
    """Towards Teams address, port and key of the 183 are those of the 200."""
    for role in ("carrier", "plain"):
        pair = await scene.to_carrier(role)
        pair.taken.ring(183, early=True)
        early = await _early(scene, pair.placed)
        pair.taken.accept()
        need(await pair.taken.confirmed(), "the 200 got no ACK")
        same(await pair.placed.final(), 200, "what Teams got")
        same(_kept(pair.placed), early, "RNG-06: address, port, key and ICE of the 200")
        await scene.audio(pair.teams, pair.carrier)


async def _early(scene: Scene, placed: PlacedCall) -> list[bytes]:
    await scene.until(lambda: placed.remote, "the early description at Teams")
    return _kept(placed)


def _kept(placed: PlacedCall) -> list[bytes]:
    lines = placed.remote.audio.lines if placed.remote else ()
    return [line for line in lines if line.startswith((b"m=", b"c=", b"a=crypto", b"a=ice", b"a=candidate"))]


@story("RNG-07")
async def answered_elsewhere(scene: Scene) -> None:
    """A PBX's fork was answered elsewhere: the CANCEL to Teams says so, or Teams shows a missed call."""
    pair = await scene.to_teams("pbx")
    pair.taken.ring(180)
    await scene.until(lambda: pair.placed.progress, "180 at the PBX")
    pair.placed.cancel([("Reason", ELSEWHERE)])
    need(await pair.taken.cancel(), "no CANCEL came to Teams")
    same(pair.taken.seen[-1].get("Reason"), ELSEWHERE, "RNG-07: Reason in the CANCEL")
    same(await pair.placed.final(), 487, "what the PBX got")


@story("RNG-01")
async def caller_gives_up(scene: Scene) -> None:
    """CANCEL while it rings ends the call at Teams, without a reason that nobody gave."""
    pair = await scene.to_teams()
    pair.taken.ring(180)
    await scene.until(lambda: pair.placed.progress, "180 at the carrier")
    pair.placed.cancel()
    need(await pair.taken.cancel(), "no CANCEL came to Teams")
    same(await pair.placed.final(), 487, "what the carrier got")


@story("RNG-01")
async def teams_user_gives_up(scene: Scene) -> None:
    """CANCEL of Teams while the carrier rings."""
    pair = await scene.to_carrier()
    pair.taken.ring(180)
    await scene.until(lambda: pair.placed.progress, "180 at Teams")
    pair.placed.cancel([("Reason", ELSEWHERE)])
    need(await pair.taken.cancel(), "no CANCEL came to the carrier")
    has(pair.taken.seen[-1].get("Reason") or "", "cause=200", "Reason in the CANCEL")
    same(await pair.placed.final(), 487, "what Teams got")


@story("RNG-02", "RNG-08")
async def answer_crosses_cancel(scene: Scene) -> None:
    """A 200 that crosses our CANCEL gets ACK and BYE."""
    pair = await scene.to_teams()
    pair.taken.keep_on_cancel = True
    pair.taken.ring(180)
    await scene.until(lambda: pair.placed.progress, "180 at the carrier")
    pair.placed.cancel()
    need(await pair.taken.cancel(), "no CANCEL came to Teams")
    pair.taken.ended_by = ""
    pair.taken.accept()
    need(await pair.taken.confirmed(), "RNG-08: the 200 that crossed the CANCEL got no ACK")
    await scene.until(lambda: pair.taken.byes, "the BYE of the answer that crossed the CANCEL")


@story("HDR-14")
async def call_is_being_forwarded(scene: Scene) -> None:
    """100, 181, 180, 200 of Teams."""
    pair = await scene.to_teams()
    pair.taken.ring(100)
    pair.taken.ring(181)
    await scene.pause(0.05)
    pair.taken.ring(180)
    await _answered_on(scene, pair.placed, pair.taken, "a")


@story("RNG-03", "FO-07")
async def carrier_queues_the_call(scene: Scene) -> None:
    """Several 182 of a carrier, then 180 and 200: Teams hears of progress in time and gets the answer."""
    pair = await scene.to_carrier()
    for place in (3, 2, 1):
        pair.taken.ring(182, fields=[("Reason", f'SIP;cause=182;text="{place} callers before you"')])
        await scene.pause(0.1)
    await scene.until(lambda: pair.placed.progress, "any progress at Teams")
    await scene.answer(pair)
    await scene.audio(pair.teams, pair.carrier)


@story("FO-02")
async def region_is_unavailable(scene: Scene) -> None:
    """503 with Retry-After: the next proxy gets the call at once; the carrier notices nothing."""
    pair = await scene.to_teams()
    pair.taken.refuse(503, fields=[("Retry-After", "1")])
    second = await scene.arrival(seconds=0.9)
    need(second.link.entrance != pair.taken.link.entrance, "FO-02: the same proxy was tried again")
    need(second.call_id != pair.taken.call_id, "FO-02: the same Call-ID was used again")
    second.ring(180)
    await _answered_on(scene, pair.placed, second, "a")


@story("FO-03")
async def user_declines(scene: Scene) -> None:
    """603: nobody else is tried, and the carrier gets a refusal of the user, not of the network."""
    pair = await scene.to_teams()
    pair.taken.ring(180)
    pair.taken.refuse(603)
    same(await pair.placed.final() // 100, 6, "the class of what the carrier got")
    await scene.no_arrival(TEAMS)


@story("FO-03")
async def user_is_busy(scene: Scene) -> None:
    """486: the carrier gets it, and nobody else is tried."""
    pair = await scene.to_teams()
    pair.taken.refuse(486)
    same(await pair.placed.final(), 486, "what the carrier got")
    await scene.no_arrival(TEAMS)


@story("FO-04")
async def unavailable_after_ringing(scene: Scene) -> None:
    """503 after 180: nobody else is tried, or the user's phones would ring twice."""
    pair = await scene.to_teams()
    pair.taken.ring(180)
    await scene.until(lambda: pair.placed.progress, "180 at the carrier")
    pair.taken.refuse(503, fields=[("Retry-After", "1")])
    need(await pair.placed.final() >= 400, "the refusal did not reach the carrier")
    await scene.no_arrival(TEAMS)


@story("RNG-08")
async def slow_answer(scene: Scene) -> None:
    """100, nothing for a while, then 180 and 200."""
    pair = await scene.to_teams()
    pair.taken.ring(100)
    await scene.pause(3.0)
    await scene.answer(pair)
    await scene.audio(pair.teams, pair.carrier)


# Reliable provisional responses (RFC 3262): carriers want them, Teams has none (the reject list).


@story("HDR-09", "RNG-06")
async def carrier_rings_reliably(scene: Scene) -> None:
    """A reliable 183 of a carrier gets its PRACK from the SBC; Teams sees no 100rel."""
    pair = await scene.to_carrier()
    has(pair.taken.incoming.tokens("Supported"), "100rel", "Supported in the INVITE to the carrier")
    pair.taken.ring(183, early=True, reliable=True)
    await scene.until(lambda: _rack(pair.taken), "the PRACK")
    same(_rack(pair.taken), f"1 {pair.taken.incoming.get('CSeq')}", "RAck")
    await scene.answer(pair)
    await scene.audio(pair.teams, pair.carrier)


def _rack(call: TakenCall) -> str:
    return next((one.get("RAck") or "" for one in call.seen if one.method == "PRACK"), "")


@story("HDR-09")
async def carrier_requires_reliable_ringing(scene: Scene) -> None:
    """A carrier that requires 100rel gets its ringing reliably; Teams is not asked for it."""
    pair = await scene.to_teams(fields=[("Require", "100rel"), ("Supported", "100rel")])
    pair.taken.ring(180)
    await scene.until(lambda: pair.placed.provisional, "a provisional response at the carrier")
    response = pair.placed.provisional[0]
    has(response.tokens("Require"), "100rel", "Require of the first 18x")
    need(response.get("RSeq"), "the reliable 18x has no RSeq")
    await scene.until(lambda: scene.wire.responses("carrier", "PRACK"), "the answer to PRACK")
    same(scene.wire.responses("carrier", "PRACK")[-1].status, 200, "the answer to PRACK")
    await scene.answer(pair)
    await scene.audio(pair.teams, pair.carrier)


@story("HDR-09", "HDR-11")
async def carrier_requires_reliable_ringing_and_offers_late(scene: Scene) -> None:
    """No offer and 100rel required: the SBC offers in its reliable 18x or in the 200, never asks Teams for an offer."""
    pair = await scene.to_teams(fields=[("Require", "100rel"), ("Supported", "100rel")], offer=False)
    pair.taken.ring(183, early=True)
    await scene.answer(pair)
    await scene.audio(pair.teams, pair.carrier)


@story("FO-09")
async def nobody_is_there(scene: Scene) -> None:
    """404 of the carrier reaches Teams as 404."""
    pair = await scene.to_carrier("plain")
    same(pair.taken.incoming.target.user, ROLES[1].number, "the number at the carrier")
    pair.taken.refuse(404)
    same(await pair.placed.final(), 404, "what Teams got")
