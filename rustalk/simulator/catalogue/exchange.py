"""Transfers that a PBX asks for, and redirection by a carrier: Teams must see neither REFER, Replaces nor 3xx."""

from __future__ import annotations

from ..media import CARRIER_TONE
from ..taken import TakenCall
from .claim import need, same
from .pair import Pair
from .refer import embedded, fragments, replaces, told_of
from .scene import Scene
from .site import ROLES
from .story import story

__all__: list[str] = []

CARRIER = ROLES[0].number


def _at_sbc(scene: Scene, number: str, extra: str = "") -> str:
    return f"<sip:{number}@{scene.site.inside}:{scene.site.ports.carrier}{extra}>"


@story("XFR-04", "HDR-09", "HLD-04")
async def blind_transfer_by_a_pbx(scene: Scene) -> None:
    """REFER by a PBX: the SBC calls the target itself; Teams keeps its dialog, address and port."""
    pair = await scene.talk_to_teams("pbx")
    response = await pair.carrier.request("REFER", fields=[("Refer-To", _at_sbc(scene, CARRIER))])
    same(response.status if response else 0, 202, "the answer to REFER")
    call = await scene.arrival("carrier")
    call.ring(180)
    call.accept()
    need(await call.confirmed(), "the 200 got no ACK")
    await told_of(scene, pair.carrier, 200)
    await scene.until(lambda: pair.carrier.ended_by, "the BYE to the PBX")
    await scene.audio(pair.teams, call)


@story("XFR-04")
async def failed_transfer_by_a_pbx(scene: Scene) -> None:
    """The target of a PBX's REFER is busy: the call between the PBX and Teams goes on."""
    pair = await scene.talk_to_teams("pbx")
    response = await pair.carrier.request("REFER", fields=[("Refer-To", _at_sbc(scene, CARRIER))])
    same(response.status if response else 0, 202, "the answer to REFER")
    (await scene.arrival("carrier")).refuse(486)
    await told_of(scene, pair.carrier, 486)
    await scene.audio(pair.teams, pair.carrier)


@story("XFR-04")
async def transfer_without_a_subscription(scene: Scene) -> None:
    """REFER with norefersub (RFC 4488): 2xx says Refer-Sub: false, and no NOTIFY follows."""
    pair = await scene.talk_to_teams("pbx")
    fields = [("Refer-To", _at_sbc(scene, CARRIER)), ("Refer-Sub", "false"), ("Supported", "norefersub")]
    response = await pair.carrier.request("REFER", fields=fields)
    need(response is not None and 200 <= response.status < 300, f"REFER was answered {response}")
    same(((response and response.get("Refer-Sub")) or "").partition(";")[0], "false", "Refer-Sub in the answer")
    call = await scene.arrival("carrier")
    call.accept()
    need(await call.confirmed(), "the 200 got no ACK")
    await scene.audio(pair.teams, call)
    need(not fragments(pair.carrier), "a NOTIFY came although none was wanted")


@story("XFR-07", "HDR-10")
async def attended_transfer_by_a_pbx(scene: Scene) -> None:
    """REFER with Replaces by a PBX that talks to both: the two are joined, and no Replaces goes to Teams."""
    pair = await scene.talk_to_teams("pbx")
    other = await _call_carrier(scene, "pbx")
    uri = _at_sbc(scene, CARRIER, embedded(replaces(other.placed)))
    response = await pair.carrier.request("REFER", fields=[("Refer-To", uri)])
    same(response.status if response else 0, 202, "the answer to REFER")
    await told_of(scene, pair.carrier, 200)
    for call in (pair.carrier, other.placed):
        await scene.over(call, "the BYE to the PBX")
    other.taken.sound.end.expect(440)
    await scene.audio(pair.teams, other.taken)


@story("XFR-07", "HDR-10")
async def replaces_by_a_pbx(scene: Scene) -> None:
    """INVITE with Replaces by a PBX: another of its phones takes the call over; Teams sees no Replaces."""
    pair = await scene.talk_to_teams("pbx")
    placed = await scene.dial_teams("pbx", fields=[("Replaces", replaces(pair.carrier))])
    same(await placed.final(), 200, "the answer to INVITE with Replaces")
    await scene.until(lambda: pair.carrier.ended_by, "the BYE of the replaced call")
    await scene.audio(pair.teams, placed)


async def _call_carrier(scene: Scene, role: str) -> Pair:
    """A call from a role to the carrier: both speak the carrier's tone."""
    placed = await scene.dial_teams(role, to=CARRIER)
    pair = Pair(placed, await scene.arrival("carrier"))
    await scene.answer(pair)
    for call in (pair.placed, pair.taken):
        call.sound.end.expect(CARRIER_TONE)
    await scene.audio(pair.placed, pair.taken)
    return pair


@story("XFR-08")
async def redirection_is_followed(scene: Scene) -> None:
    """302 of a carrier: the SBC calls the new number, and Teams sees none of it."""
    pair = await scene.to_carrier()
    other = f"{CARRIER[:-1]}9"
    address, port = scene.places["carrier"]
    pair.taken.refuse(302, fields=[("Contact", f"<sip:{other}@{address}:{port}>")])
    call = await scene.arrival("carrier")
    same(call.incoming.target.user, other, "the number that is called then")
    moved = Pair(pair.placed, call)
    await scene.answer(moved)
    await scene.audio(moved.teams, moved.carrier)


@story("XFR-08")
async def redirection_in_a_circle(scene: Scene) -> None:
    """302 to the same number again and again ends in a refusal that is no 3xx."""
    pair = await scene.to_carrier()
    address, port = scene.places["carrier"]
    contact = ("Contact", f"<sip:{CARRIER}@{address}:{port}>")
    call: TakenCall = pair.taken
    for _ in range(8):
        call.refuse(302, fields=[contact])
        await scene.pause(0.2)
        if pair.placed.status:
            break
        call = await scene.arrival("carrier", 2.0)
    need(await pair.placed.final() >= 400, f"the caller got {pair.placed.status}")
