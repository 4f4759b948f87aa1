"""Attended transfer: INVITE with Replaces from Teams (XFR-07)."""

from __future__ import annotations

from .claim import need, same
from .refer import replaces
from .scene import Scene
from .story import story

__all__: list[str] = []


@story("XFR-07", "HDR-10")
async def attended_transfer_by_replaces(scene: Scene) -> None:
    """INVITE with Replaces from Teams: the new call takes the audio, the replaced one gets BYE."""
    pair = await scene.talk_to_teams()
    placed = await scene.dial_carrier(fields=[("Replaces", replaces(pair.teams))])
    same(await placed.final(), 200, "the answer to INVITE with Replaces")
    await scene.until(lambda: pair.teams.ended_by, "the BYE of the replaced call")
    await scene.audio(placed, pair.carrier)
    await scene.no_arrival("carrier", 0.1)


@story("XFR-07", "MED-01")
async def attended_transfer_of_a_plain_call(scene: Scene) -> None:
    """INVITE with Replaces where the far side has plain RTP."""
    pair = await scene.talk_to_carrier("plain")
    placed = await scene.dial_carrier("plain", fields=[("Replaces", replaces(pair.teams))])
    same(await placed.final(), 200, "the answer to INVITE with Replaces")
    await scene.until(lambda: pair.teams.ended_by, "the BYE of the replaced call")
    await scene.audio(placed, pair.carrier)


@story("XFR-07")
async def replaces_of_an_unknown_call(scene: Scene) -> None:
    """Replaces that names no dialog is answered 481 and calls nobody."""
    placed = await scene.dial_carrier(fields=[("Replaces", "nobody@nowhere;to-tag=1;from-tag=2")])
    same(await placed.final(), 481, "the answer to INVITE with Replaces")
    await scene.no_arrival("carrier", 0.1)


@story("XFR-07")
async def replaces_with_wrong_tags(scene: Scene) -> None:
    """The Call-ID alone names no dialog: the tags must match as well."""
    pair = await scene.talk_to_teams()
    wrong = f"{pair.teams.call_id};to-tag=wrong;from-tag=wrong"
    placed = await scene.dial_carrier(fields=[("Replaces", wrong)])
    same(await placed.final(), 481, "the answer to INVITE with Replaces")
    await scene.audio(pair.teams, pair.carrier)


@story("XFR-07")
async def early_only_finds_an_answered_call(scene: Scene) -> None:
    """Replaces with early-only does not take an answered call: 486 (RFC 3891 section 3)."""
    pair = await scene.talk_to_teams()
    placed = await scene.dial_carrier(fields=[("Replaces", replaces(pair.teams, ";early-only"))])
    same(await placed.final(), 486, "the answer to early-only")
    await scene.audio(pair.teams, pair.carrier)


@story("XFR-07")
async def ringing_call_is_picked_up(scene: Scene) -> None:
    """Replaces with early-only takes a call that still rings: the ringing one is cancelled, the caller is answered."""
    pair = await scene.to_teams()
    pair.taken.ring(180)
    await scene.until(lambda: pair.placed.progress, "180 at the caller")
    placed = await scene.dial_carrier(fields=[("Replaces", replaces(pair.taken, ";early-only"))])
    same(await placed.final(), 200, "the answer to INVITE with Replaces")
    same(await pair.placed.final(), 200, "what the caller got")
    need(await pair.taken.cancel(2.0), "the call that rang was not cancelled")
    await scene.audio(placed, pair.placed)
