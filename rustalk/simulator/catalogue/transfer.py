"""Blind transfer by Teams: REFER, and hold with music, which is one too (section 1.7)."""

from __future__ import annotations

from rustalk.sdp.model import Direction

from ..call import Call
from ..description import facts
from ..taken import TakenCall
from .claim import has, need, same
from .refer import Asked, ask, embedded, fragments, target, told_of
from .scene import Scene
from .site import COLLEAGUE, ROLES
from .story import story

__all__: list[str] = []

OBJECT = "8:orgid:47f6c1b2-9f8e-4a8e-b1de-1c2d3e4f5a6b"
MUSIC = "28:orgid:0b5c1f7e-0000-4a8e-b1de-moh"
CARRIER, PLAIN = ROLES[0].number, ROLES[1].number


async def _arrived(scene: Scene, asked: Asked, number: str, *, uri: str = "") -> TakenCall:
    """The INVITE that a REFER has brought about, held to XFR-03 and XFR-04."""
    call = await scene.arrival()
    invite = call.incoming
    same(invite.uri, uri or asked.uri, "XFR-04: the Request-URI")
    same(invite.to.address, uri or asked.uri, "XFR-04: To")
    same(invite.get("Referred-By"), asked.by, "XFR-03: Referred-By")
    same(invite.from_.uri.user, number, "XFR-04: the number in From")
    same(invite.from_.uri.host, scene.site.fqdn, "XFR-04: the host in From")
    found = facts(invite.body)
    same(found and found.audio.direction, Direction.SENDRECV, "XFR-04: the direction of the new offer")
    return call


async def _take_over(scene: Scene, old: Call, call: TakenCall, carrier: Call) -> None:
    """The target rings and answers: NOTIFY tells both, the old call ends, the new one has the audio."""
    call.ring(180)
    await scene.until(lambda: any(" 180 " in line for line in fragments(old)), "a NOTIFY with 180")
    call.accept()
    need(await call.confirmed(), "RNG-08: the 200 got no ACK")
    await told_of(scene, old, 200)
    if not await old.talk(1.0):
        need(await old.hang_up() in (200, 481), "the BYE of the transferred call was refused")
    await scene.audio(call, carrier)
    need(not carrier.ended_by, "the call of the transferred party has ended")


@story("XFR-01", "OPT-10")
async def transfer_is_announced(scene: Scene) -> None:
    """Allow lists REFER and NOTIFY, in the INVITE to Teams and in the answers to it."""
    pair = await scene.talk_to_teams()
    for method in ("REFER", "NOTIFY"):
        has(pair.taken.incoming.tokens("Allow"), method, "Allow in the INVITE")
    other = await scene.talk_to_carrier()
    for method in ("REFER", "NOTIFY"):
        has(other.placed.answers[0].tokens("Allow"), method, "Allow in the 200")


@story("XFR-02", "XFR-03", "XFR-04", "XFR-09")
async def blind_transfer_to_an_object(scene: Scene) -> None:
    """REFER to a target without a user part: its URI and Referred-By are copied byte for byte, and audio moves over."""
    pair = await scene.talk_to_teams()
    asked = await ask(scene, pair.teams, target(scene, object=OBJECT, extra=";x-t=8f6b;x-y=2"))
    call = await _arrived(scene, asked, CARRIER)
    need(call.call_id != pair.teams.call_id, "XFR-04: the new INVITE has the old Call-ID")
    await _take_over(scene, pair.teams, call, pair.carrier)


@story("XFR-02", "XFR-05")
async def blind_transfer_to_a_number(scene: Scene) -> None:
    """REFER to an outside number at Teams' host: the INVITE goes to Teams, not by a short cut to the carrier."""
    pair = await scene.talk_to_teams()
    asked = await ask(scene, pair.teams, target(scene, number=PLAIN))
    call = await _arrived(scene, asked, CARRIER)
    await _take_over(scene, pair.teams, call, pair.carrier)


@story("XFR-04")
async def blind_transfer_by_the_caller(scene: Scene) -> None:
    """A Teams user who has called out transfers: From of the new INVITE is the number that was called."""
    pair = await scene.talk_to_carrier()
    asked = await ask(scene, pair.teams, target(scene, object=OBJECT))
    call = await _arrived(scene, asked, CARRIER)
    await _take_over(scene, pair.teams, call, pair.carrier)


@story("XFR-04", "MED-01")
async def blind_transfer_of_a_plain_call(scene: Scene) -> None:
    """The transferred party is a carrier with plain RTP."""
    pair = await scene.talk_to_teams("plain")
    asked = await ask(scene, pair.teams, target(scene, object=OBJECT))
    call = await _arrived(scene, asked, PLAIN)
    await _take_over(scene, pair.teams, call, pair.carrier)


@story("HDR-22")
async def refer_to_of_four_hundred_characters(scene: Scene) -> None:
    """A Refer-To and Referred-By of more than 400 characters cross unchanged."""
    pair = await scene.talk_to_teams()
    asked = await ask(scene, pair.teams, target(scene, object=f"8:orgid:{'a' * 400}", extra=";x-t=1"))
    need(len(asked.uri) > 400, "the story's own URI is too short")
    call = await _arrived(scene, asked, CARRIER)
    await _take_over(scene, pair.teams, call, pair.carrier)


@story("XFR-06", "HDR-04")
async def refer_to_without_plus(scene: Scene) -> None:
    """A Refer-To number without + is normalised, since no translation rule of Teams has touched it."""
    pair = await scene.talk_to_teams()
    uri = target(scene, number=COLLEAGUE[1:])
    wanted = target(scene, number=COLLEAGUE)
    scene.teams.referred.add(wanted)
    asked = await ask(scene, pair.teams, uri)
    call = await scene.arrival()
    same(call.incoming.target.user, COLLEAGUE, "XFR-06: the number in the Request-URI")
    same(call.incoming.get("Referred-By"), asked.by, "XFR-03: Referred-By")
    await _take_over(scene, pair.teams, call, pair.carrier)


@story("HDR-10", "XFR-04")
async def refer_to_with_embedded_replaces(scene: Scene) -> None:
    """A Refer-To that asks for Replaces: the INVITE goes to its URI without it, since Teams takes none from an SBC."""
    pair = await scene.talk_to_teams()
    uri = target(scene, object=OBJECT)
    scene.teams.referred.add(uri)
    asked = await ask(scene, pair.teams, uri + embedded("a@b;to-tag=1;from-tag=2"))
    call = await _arrived(scene, asked, CARRIER, uri=uri)
    await _take_over(scene, pair.teams, call, pair.carrier)


@story("XFR-04")
async def failed_transfer_keeps_the_call(scene: Scene) -> None:
    """The target is busy: NOTIFY says 486, and the old call goes on with its audio."""
    pair = await scene.talk_to_teams()
    asked = await ask(scene, pair.teams, target(scene, object=OBJECT))
    call = await _arrived(scene, asked, CARRIER)
    call.refuse(486)
    await told_of(scene, pair.teams, 486)
    need(not pair.teams.ended_by and not pair.carrier.ended_by, "the old call has ended with the failed transfer")
    await scene.audio(pair.teams, pair.carrier)


@story("XFR-04", "HLD-03", "XFR-09")
async def transfer_of_a_held_call(scene: Scene) -> None:
    """Teams holds, then transfers: the new offer is sendrecv, not the held one."""
    pair = await scene.talk_to_teams()
    same((await pair.teams.reinvite(Direction.INACTIVE)).status, 200, "the answer to hold")
    asked = await ask(scene, pair.teams, target(scene, object=OBJECT))
    call = await _arrived(scene, asked, CARRIER)
    await _take_over(scene, pair.teams, call, pair.carrier)


@story("HLD-03", "XFR-02", "XFR-09")
async def music_on_hold_by_refer(scene: Scene) -> None:
    """Hold with music is a transfer to an object, resuming another one back; the carrier only hears it."""
    pair = await scene.talk_to_teams()
    asked = await ask(scene, pair.teams, target(scene, object=MUSIC))
    music = await _arrived(scene, asked, CARRIER)
    await _take_over(scene, pair.teams, music, pair.carrier)
    back = await ask(scene, music, target(scene, object=OBJECT))
    call = await _arrived(scene, back, CARRIER)
    await _take_over(scene, music, call, pair.carrier)
    methods = {one.method for one in scene.wire.requests("carrier", "INVITE", "REFER", "BYE", "NOTIFY")}
    need(methods <= {"INVITE"}, f"the carrier was told of the hold by {methods}")


@story("XFR-04")
async def teams_ends_the_transferred_call_at_once(scene: Scene) -> None:
    """Teams says BYE in the old call as soon as the REFER is accepted; the transfer goes on."""
    pair = await scene.talk_to_teams()
    asked = await ask(scene, pair.teams, target(scene, object=OBJECT))
    call = await _arrived(scene, asked, CARRIER)
    need(await pair.teams.hang_up() in (200, 481), "the BYE of the transferred call was refused")
    call.ring(180)
    await scene.pause(0.1)
    call.accept()
    need(await call.confirmed(), "RNG-08: the 200 got no ACK")
    await scene.audio(call, pair.carrier)


@story("XFR-04")
async def refer_outside_a_dialog(scene: Scene) -> None:
    """A REFER in a dialog that is over is answered 481."""
    pair = await scene.talk_to_teams()
    await pair.teams.hang_up()
    await scene.pause(0.1)
    response = await pair.teams.request("REFER", fields=[("Refer-To", f"<{target(scene, object=OBJECT)}>")])
    same(response.status if response else 0, 481, "the answer to REFER")
