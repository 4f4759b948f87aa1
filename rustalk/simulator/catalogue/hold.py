"""Hold, session refresh and changes of address (section 1.6)."""

from __future__ import annotations

from dataclasses import dataclass

from rustalk.sdp.model import Direction
from rustalk.sip.message import Request

from ..call import Call
from ..description import facts, swapped, written
from ..link import Link
from .claim import UnmetError, need, same
from .scene import Scene
from .story import story
from .wire import TEAMS

__all__: list[str] = []


def _answered(call: Call) -> Direction | None:
    """The direction of the other side's last description."""
    return call.remote.audio.direction if call.remote else None


async def _hold(call: Call, direction: Direction, answer: Direction) -> None:
    same((await call.reinvite(direction)).status, 200, f"the answer to a={direction}")
    same(_answered(call), answer, f"the direction that answers a={direction}")


@story("HLD-03", "HLD-04", "MED-05")
async def teams_holds_and_resumes_elsewhere(scene: Scene) -> None:
    """a=inactive, then a=sendrecv from another media processor with another key; our address and port stay."""
    pair = await scene.talk_to_teams()
    await _hold(pair.teams, Direction.INACTIVE, Direction.INACTIVE)
    await scene.quiet(pair.teams)
    pair.teams.move()
    await _hold(pair.teams, Direction.SENDRECV, Direction.SENDRECV)
    await scene.audio(pair.teams, pair.carrier)


@story("HLD-03", "MED-01")
async def teams_holds_a_plain_call(scene: Scene) -> None:
    """The same with a carrier of plain RTP at the other end."""
    pair = await scene.talk_to_carrier("plain")
    await _hold(pair.teams, Direction.INACTIVE, Direction.INACTIVE)
    await scene.quiet(pair.teams)
    pair.teams.move()
    await _hold(pair.teams, Direction.SENDRECV, Direction.SENDRECV)
    await scene.audio(pair.teams, pair.carrier)


async def _held_by_carrier(scene: Scene, role: str, direction: Direction, answer: Direction) -> None:
    pair = await scene.talk_to_teams(role)
    await _hold(pair.carrier, direction, answer)
    offers = [_direction(one) for one in scene.wire.invites(TEAMS)[1:]]
    need(set(offers) <= {Direction.INACTIVE}, f"HLD-01: Teams was offered {offers}")
    await scene.quiet(pair.carrier)
    await _hold(pair.carrier, Direction.SENDRECV, Direction.SENDRECV)
    await scene.audio(pair.teams, pair.carrier)


def _direction(request: Request) -> Direction | None:
    found = facts(request.body)
    return found.audio.direction if found else None


@story("HLD-01")
async def carrier_holds_sendonly(scene: Scene) -> None:
    """a=sendonly of a carrier is a=inactive for Teams, and a=recvonly or inactive for the carrier."""
    pair = await scene.talk_to_teams()
    same((await pair.carrier.reinvite(Direction.SENDONLY)).status, 200, "the answer to a=sendonly")
    need(_answered(pair.carrier) in (Direction.RECVONLY, Direction.INACTIVE), f"it was {_answered(pair.carrier)}")
    same(_answered(pair.teams), Direction.INACTIVE, "HLD-01: what Teams was offered")
    await scene.quiet(pair.carrier)
    await _hold(pair.carrier, Direction.SENDRECV, Direction.SENDRECV)
    await scene.audio(pair.teams, pair.carrier)


@story("HLD-01")
async def carrier_holds_recvonly(scene: Scene) -> None:
    """a=recvonly of a carrier never reaches Teams."""
    pair = await scene.talk_to_carrier()
    same((await pair.carrier.reinvite(Direction.RECVONLY)).status, 200, "the answer to a=recvonly")
    need(_answered(pair.carrier) in (Direction.SENDONLY, Direction.INACTIVE), f"it was {_answered(pair.carrier)}")
    await _hold(pair.carrier, Direction.SENDRECV, Direction.SENDRECV)
    await scene.audio(pair.teams, pair.carrier)


@story("HLD-01", "HLD-03")
async def carrier_holds_inactive(scene: Scene) -> None:
    """a=inactive of a carrier, and back."""
    await _held_by_carrier(scene, "carrier", Direction.INACTIVE, Direction.INACTIVE)


@story("HLD-01", "MED-01")
async def plain_carrier_holds(scene: Scene) -> None:
    """a=inactive of a carrier with plain RTP, and back."""
    await _held_by_carrier(scene, "plain", Direction.INACTIVE, Direction.INACTIVE)


@story("HLD-02")
async def carrier_holds_with_no_address(scene: Scene) -> None:
    """c=0.0.0.0 of a carrier is our own address with a=inactive for Teams."""
    pair = await scene.talk_to_teams()
    address = scene.places["carrier"][0]
    usual = pair.carrier.sound.describe
    pair.carrier.sound.describe = written(usual, swapped(f"c=IN IP4 {address}", "c=IN IP4 0.0.0.0"))
    same((await pair.carrier.reinvite(Direction.SENDRECV)).status, 200, "the answer to c=0.0.0.0")
    same(_answered(pair.teams), Direction.INACTIVE, "HLD-02: what Teams was offered")
    pair.carrier.sound.describe = usual
    await _hold(pair.carrier, Direction.SENDRECV, Direction.SENDRECV)
    await scene.audio(pair.teams, pair.carrier)


@story("HLD-01", "HDR-09")
async def carrier_holds_by_update(scene: Scene) -> None:
    """UPDATE of a carrier is answered, and Teams is told by re-INVITE only (RFC 3311)."""
    pair = await scene.talk_to_teams()
    for direction in (Direction.INACTIVE, Direction.SENDRECV):
        pair.carrier.sound.turn(direction)
        response = await pair.carrier.request("UPDATE", pair.carrier.sound.text())
        same(response.status if response else 0, 200, f"the answer to UPDATE with a={direction}")
        await scene.until(lambda: _answered(pair.teams) == pair.carrier.sound.direction, "the re-INVITE to Teams")
    await scene.until(lambda: pair.teams.sound.direction is Direction.SENDRECV, "the end of the hold")
    pair.carrier.sound.end.speak()
    await scene.audio(pair.teams)


@story("HLD-04")
async def both_sides_hold(scene: Scene) -> None:
    """Teams holds, then the carrier holds, Teams resumes, the carrier resumes: audio only at the end."""
    pair = await scene.talk_to_teams()
    await _hold(pair.teams, Direction.INACTIVE, Direction.INACTIVE)
    same((await pair.carrier.reinvite(Direction.INACTIVE)).status, 200, "the carrier's hold")
    same((await pair.teams.reinvite(Direction.SENDRECV)).status, 200, "Teams' resume")
    await _hold(pair.carrier, Direction.SENDRECV, Direction.SENDRECV)
    same((await pair.teams.reinvite(Direction.SENDRECV)).status, 200, "Teams' second resume")
    await scene.audio(pair.teams, pair.carrier)


@story("HLD-04")
async def carrier_moves(scene: Scene) -> None:
    """The carrier changes address and key mid-call; the Teams leg keeps our address and port."""
    pair = await scene.talk_to_carrier()
    for _ in range(2):
        pair.carrier.move()
        await _hold(pair.carrier, Direction.SENDRECV, Direction.SENDRECV)
        await scene.audio(pair.teams, pair.carrier)


@story("HLD-04", "MED-01")
async def plain_carrier_moves(scene: Scene) -> None:
    """The same where SRTP ends at the SBC."""
    pair = await scene.talk_to_teams("plain")
    pair.carrier.move()
    await _hold(pair.carrier, Direction.SENDRECV, Direction.SENDRECV)
    await scene.audio(pair.teams, pair.carrier)


@story("HLD-05")
async def carrier_refreshes(scene: Scene) -> None:
    """A carrier's session refresh is answered by the SBC: nothing of it reaches Teams."""
    pair = await scene.talk_to_teams()
    before = len(scene.wire.requests(TEAMS, "INVITE", "UPDATE"))
    for _ in range(2):
        same((await pair.carrier.reinvite(same=True)).status, 200, "the answer to the refresh")
        await scene.pause(0.2)
    same(len(scene.wire.requests(TEAMS, "INVITE", "UPDATE")), before, "the offers at Teams")
    await scene.audio(pair.teams, pair.carrier)


@story("HDR-17")
async def teams_refreshes(scene: Scene) -> None:
    """The identical description again, as seen after 27 minutes: same address, port and key, audio goes on."""
    pair = await scene.talk_to_teams()
    before = pair.teams.remote.audio.lines if pair.teams.remote else ()
    same((await pair.teams.reinvite(same=True)).status, 200, "the answer to the refresh")
    after = pair.teams.remote.audio.lines if pair.teams.remote else ()
    keys = [[line for line in lines if line.startswith((b"a=crypto", b"m=", b"c="))] for lines in (before, after)]
    same(keys[1], keys[0], "HDR-17: m=, c= and a=crypto of the answer")
    await scene.audio(pair.teams, pair.carrier)


@story("HLD-06")
async def offers_cross_towards_teams(scene: Scene) -> None:
    """Teams answers 491 to our offer: it comes again later, by the SBC itself or by the carrier that it told."""
    pair = await scene.talk_to_teams()
    pair.teams.manual = frozenset(("INVITE",))
    pair.carrier.background(_held_at_last(scene, pair.carrier))
    (await _offer(pair.teams)).reply(491)
    (await _offer(pair.teams)).accept()
    pair.teams.manual = frozenset()
    await scene.until(lambda: _answered(pair.carrier) is Direction.INACTIVE, "the answer to the carrier's hold")
    same(pair.carrier.cause, "", "the carrier's hold")


@story("HLD-06")
async def offers_cross_from_teams(scene: Scene) -> None:
    """A re-INVITE of Teams meets one of ours: 491, and a later one is taken."""
    pair = await scene.talk_to_teams()
    pair.teams.manual = frozenset(("INVITE",))
    pair.carrier.background(_held_at_last(scene, pair.carrier))
    offer = await _offer(pair.teams)
    same((await pair.teams.reinvite(Direction.SENDRECV)).status, 491, "HLD-06: the answer to the crossing re-INVITE")
    offer.accept()
    pair.teams.manual = frozenset()
    await scene.until(lambda: _answered(pair.carrier) is Direction.INACTIVE, "the answer to the carrier's hold")
    await _hold(pair.carrier, Direction.SENDRECV, Direction.SENDRECV)
    same((await pair.teams.reinvite(Direction.SENDRECV)).status, 200, "the answer to a later re-INVITE")
    await scene.audio(pair.teams, pair.carrier)


@dataclass(frozen=True, slots=True)
class _Offer:
    """A re-INVITE that waits for what the story does with it."""

    call: Call
    request: Request
    link: Link

    def reply(self, status: int) -> None:
        self.call.reply(self.request, self.link, status)

    def accept(self) -> None:
        self.call.accept_offer(self.request, self.link)


async def _offer(call: Call) -> _Offer:
    """The next re-INVITE of a call that leaves them to the story."""
    found = await call.requests.take(call.plan.patience)
    if found is None:
        raise UnmetError("HLD-06: no re-INVITE came")
    return _Offer(call, *found)


async def _held_at_last(scene: Scene, call: Call) -> None:
    """Hold, and after 491 again once the time of RFC 3261 section 14.1 has passed."""
    response = await call.reinvite(Direction.INACTIVE)
    if response.status == 491:
        await scene.pause(2.5)
        response = await call.reinvite(Direction.INACTIVE)
    same(response.status, 200, "the answer to the hold")


@story("HDR-11")
async def carrier_offers_late_in_the_call(scene: Scene) -> None:
    """A re-INVITE of a carrier without a description: the SBC makes the offer, Teams gets one with a description."""
    pair = await scene.talk_to_teams()
    same((await pair.carrier.reinvite(offer=False)).status, 200, "the answer to a re-INVITE without an offer")
    need(pair.carrier.remote is not None, "the 200 has no offer")
    await scene.audio(pair.teams, pair.carrier)


@story("MED-11")
async def rtcp_goes_on_during_hold(scene: Scene) -> None:
    """On hold RTCP still reaches both ends."""
    for role in ("carrier", "plain"):
        pair = await scene.talk_to_teams(role)
        await _hold(pair.teams, Direction.INACTIVE, Direction.INACTIVE)
        ends = (pair.teams, pair.carrier)
        before = [call.sound.counts.rtcp_verified for call in ends]

        def more(ends: tuple[Call, Call] = ends, before: list[int] = before) -> bool:
            return all(call.sound.counts.rtcp_verified > old for call, old in zip(ends, before, strict=True))

        await scene.until(more, f"RTCP at both ends of a held call with {role}", 12.0)
