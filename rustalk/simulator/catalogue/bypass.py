"""Media bypass: Teams' clients reach the SBC themselves, by ICE (section 1.9)."""

from __future__ import annotations

from rustalk.sdp.model import Direction

from ..call import Call
from ..ice import IceAgent
from ..taken import TakenCall
from .claim import need, same
from .pair import Pair
from .refer import ask, target, told_of
from .scene import PACKETS, Scene
from .story import story

__all__: list[str] = []


def _ice(call: Call) -> IceAgent:
    agent = call.sound.end.ice
    if agent is None:
        raise TypeError("the end has no ICE agent: the story has not set the scene")
    return agent


async def _nominated(scene: Scene, call: Call) -> None:
    """Checks are answered with our own address in them; then the pair is nominated (ICE-02, ICE-03)."""
    agent = _ice(call)
    await scene.until(lambda: agent.answered, "ICE-02: the answer to a connectivity check")
    same(agent.mapped, (call.sound.end.address, call.sound.end.port), "ICE-02: XOR-MAPPED-ADDRESS")
    agent.nominate()
    await scene.until(lambda: agent.selected, "ICE-03: the answer to the check with USE-CANDIDATE")
    same(agent.asked, 0, "ICE-02: checks that the SBC has sent, which is ICE-lite")


@story("ICE-01", "ICE-02", "ICE-03", "ICE-07", "ICE-08")
async def client_is_called(scene: Scene) -> None:
    """A carrier calls a client: full checks, nomination, audio both ways; the other leg gets no STUN."""
    scene.teams.media = "client"
    pair = await scene.to_teams()
    await scene.answer(pair)
    await _nominated(scene, pair.teams)
    await scene.audio(pair.teams, pair.carrier)


@story("ICE-01", "ICE-02", "ICE-03", "ICE-08")
async def client_calls(scene: Scene) -> None:
    """A client calls a carrier: the answer is ICE-lite with one candidate (the reject list)."""
    scene.teams.media = "client"
    pair = await scene.to_carrier()
    await scene.answer(pair)
    await _nominated(scene, pair.teams)
    await scene.audio(pair.teams, pair.carrier)


@story("ICE-03", "MED-01", "ICE-07")
async def client_calls_a_plain_carrier(scene: Scene) -> None:
    """The same with a carrier of plain RTP."""
    scene.teams.media = "client"
    pair = await scene.to_carrier("plain")
    await scene.answer(pair)
    await _nominated(scene, pair.teams)
    await scene.audio(pair.teams, pair.carrier)


@story("ICE-02")
async def check_with_a_wrong_password(scene: Scene) -> None:
    """A check whose integrity is wrong gets no success; the right one after it does."""
    scene.teams.media = "client"
    pair = await scene.to_teams()
    await scene.answer(pair)
    await _nominated(scene, pair.teams)
    agent = _ice(pair.teams)
    before = agent.answered
    if agent.peer is not None:
        agent.check(agent.peer, password="not-the-password-of-the-peer", again=False)
    await scene.pause(0.3)
    same(agent.answered, before, "ICE-02: successes of a check with a wrong password")
    await scene.audio(pair.teams, pair.carrier)


@story("ICE-04")
async def final_candidates_are_confirmed(scene: Scene) -> None:
    """The re-INVITE with a=remote-candidates is answered with the same candidate, fragment and password."""
    scene.teams.media = "client"
    pair = await scene.to_teams()
    await scene.answer(pair)
    await _nominated(scene, pair.teams)
    before = _described(pair)
    _ice(pair.teams).final = True
    same((await pair.teams.reinvite()).status, 200, "the answer to the final candidates")
    same(_described(pair), before, "ICE-04: candidate, fragment and password of the answer")
    await scene.audio(pair.teams, pair.carrier)


def _checked(taken: TakenCall, fork: str) -> bool:
    agent = taken.end_of(fork).ice
    return agent is not None and agent.answered > 0


def _described(pair: Pair) -> tuple[list[str], list[str], list[str]]:
    found = pair.teams.remote
    if found is None:
        return [], [], []
    return found.lines("a=candidate:"), found.lines("a=ice-ufrag:"), found.lines("a=ice-pwd:")


@story("ICE-05")
async def ice_restarts(scene: Scene) -> None:
    """An offer with a new fragment and password: the answer has new ones too, checks go well, audio goes on."""
    scene.teams.media = "client"
    pair = await scene.to_carrier()
    await scene.answer(pair)
    await _nominated(scene, pair.teams)
    _, ufrag, password = _described(pair)
    _ice(pair.teams).restart()
    same((await pair.teams.reinvite()).status, 200, "the answer to the restart")
    _, new_ufrag, new_password = _described(pair)
    need(new_ufrag != ufrag and new_password != password, "ICE-05: the answer has the old fragment or password")
    await _nominated(scene, pair.teams)
    await scene.audio(pair.teams, pair.carrier)


@story("ICE-05", "XFR-09")
async def client_call_moves_to_a_processor(scene: Scene) -> None:
    """A bypass call becomes a conference: ICE restarts at another address with another key."""
    scene.teams.media = "client"
    pair = await scene.to_teams()
    await scene.answer(pair)
    await _nominated(scene, pair.teams)
    pair.teams.move()
    same((await pair.teams.reinvite()).status, 200, "the answer to the move")
    await _nominated(scene, pair.teams)
    await scene.audio(pair.teams, pair.carrier)


@story("HLD-03", "HLD-04", "ICE-02")
async def client_holds_and_resumes(scene: Scene) -> None:
    """Hold and resume of a client without an ICE restart: the same candidate, fragment and password, audio again."""
    scene.teams.media = "client"
    pair = await scene.to_teams()
    await scene.answer(pair)
    await _nominated(scene, pair.teams)
    same((await pair.teams.reinvite(Direction.INACTIVE)).status, 200, "the answer to hold")
    await scene.quiet(pair.teams)
    before = _described(pair)
    same((await pair.teams.reinvite(Direction.SENDRECV)).status, 200, "the answer to resuming")
    same(_described(pair), before, "ICE: candidate, fragment and password of the answer")
    await scene.audio(pair.teams, pair.carrier)


@story("ICE-08", "XFR-04", "XFR-09")
async def client_transfers(scene: Scene) -> None:
    """REFER on a bypass trunk: the new INVITE offers ICE, its client checks and nominates, audio moves over."""
    scene.teams.media = "client"
    pair = await scene.to_teams()
    await scene.answer(pair)
    await _nominated(scene, pair.teams)
    await ask(scene, pair.teams, target(scene, object="8:orgid:client"))
    call = await scene.arrival()
    call.ring(180)
    call.accept()
    need(await call.confirmed(), "RNG-08: the 200 got no ACK")
    await told_of(scene, pair.teams, 200)
    await _nominated(scene, call)
    await scene.audio(call, pair.carrier)


@story("ICE-06")
async def another_lite_end(scene: Scene) -> None:
    """The far end is another SBC, ICE-lite too: no checks at all, and audio flows."""
    scene.teams.media = "sbc"
    for pair in (await scene.to_teams(), await scene.to_carrier()):
        await scene.answer(pair)
        await scene.audio(pair.teams, pair.carrier)
        same(_ice(pair.teams).asked, 0, "ICE-06: checks that the SBC has sent, which is ICE-lite")


@story("RNG-05", "RNG-02", "MED-16")
async def early_media_before_nomination(scene: Scene) -> None:
    """A client streams after 183 without any nomination: the carrier hears it, and the digits it dials arrive."""
    scene.teams.media = "client"
    pair = await scene.to_teams()
    pair.taken.ring(183, early=True)
    await scene.audio(pair.carrier)
    pair.placed.sound.end.dial("5")
    await scene.until(lambda: pair.taken.end_of("a").digits == "5", "RNG-05: the digit during early media")
    await scene.answer(pair)
    await _nominated(scene, pair.teams)
    await scene.audio(pair.teams, pair.carrier)


@story("ICE-03", "RNG-02", "MED-06")
async def two_clients_check_at_once(scene: Scene) -> None:
    """Two forks check and stream at once, a third answers: all checks are answered, the winner is heard."""
    scene.teams.media = "client"
    pair = await scene.to_teams()
    for fork in "ab":
        pair.taken.ring(183, fork, early=True)
        await scene.pause(0.1)
    await scene.until(lambda: all(_checked(pair.taken, fork) for fork in "ab"), "ICE-03: the answers to two forks")
    pair.taken.accept("c")
    need(await pair.taken.confirmed(), "RNG-08: the 200 got no ACK")
    await _nominated(scene, pair.teams)
    await scene.audio(pair.teams, pair.carrier, packets=PACKETS)


@story("RNG-06", "ICE-01")
async def candidate_stays_between_183_and_200(scene: Scene) -> None:
    """Candidate, fragment and password of the 183 are those of the 200."""
    scene.teams.media = "client"
    pair = await scene.to_carrier()
    pair.taken.ring(183, early=True)
    await scene.until(lambda: pair.placed.remote, "the early description at Teams")
    early = _described(pair)
    await scene.answer(pair)
    same(_described(pair), early, "RNG-06: candidate, fragment and password of the 200")
    await _nominated(scene, pair.teams)
    await scene.audio(pair.teams, pair.carrier)


@story("ICE-01", "MED-14")
async def bypass_and_processor_side_by_side(scene: Scene) -> None:
    """A client's call and a media processor's at the same time: ICE in the one, none in the other's answer."""
    scene.teams.media = "client"
    first = await scene.to_carrier()
    await scene.answer(first)
    scene.teams.media = "processor"
    second = await scene.to_carrier("plain")
    await scene.answer(second)
    await _nominated(scene, first.teams)
    await scene.audio(first.teams, first.carrier, second.teams, second.carrier)
