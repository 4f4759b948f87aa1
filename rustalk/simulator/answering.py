"""Scripts for calls that come to the simulator: what Teams clients, or a carrier's subscribers, can do with a call."""

from __future__ import annotations

from .call import CallError
from .midcall import hold_and_resume, move, offer_again
from .scripts import answers
from .taken import TakenCall

__all__: list[str] = []


async def _answer(call: TakenCall, fork: str = "a") -> bool:
    """200 and its ACK; whether the ACK came."""
    call.accept(fork)
    return await call.confirmed()


@answers("answer", "RNG-08")
async def answer(call: TakenCall) -> None:
    """100, 180, 200; talks, then hangs up."""
    call.ring(100)
    call.ring(180)
    await call.pause(call.plan.ring)
    if await _answer(call):
        await call.finish()


@answers("listen")
async def listen(call: TakenCall) -> None:
    """100, 180, 200; talks until the caller hangs up."""
    call.ring(100)
    call.ring(180)
    await call.pause(call.plan.ring)
    if await _answer(call) and not await call.talk(call.plan.patience):
        call.cause = "the caller did not hang up"
        await call.hang_up()


@answers("forked", "RNG-01")
async def forked(call: TakenCall) -> None:
    """180 from two clients under two tags, 200 from a third under a tag never seen before."""
    call.ring(100)
    for fork in ("a", "b"):
        call.ring(180, fork)
        await call.pause(call.plan.ring)
    if await _answer(call, "c"):
        await call.finish()


@answers("early-media", "RNG-02", "RNG-04", "MED-16")
async def early_media(call: TakenCall) -> None:
    """183 with audio, then 200 under the same tag."""
    call.ring(100)
    call.ring(183, "a", early=True)
    await call.pause(call.plan.ring)
    if await _answer(call):
        await call.finish()


@answers("early-forks", "RNG-02", "MED-06")
async def early_forks(call: TakenCall) -> None:
    """183 with audio from one fork, 180 from another, 200 from the second with another port and key."""
    call.ring(100)
    call.ring(183, "a", early=True)
    await call.pause(call.plan.ring)
    call.ring(180, "b")
    await call.pause(call.plan.ring)
    if await _answer(call, "b"):
        await call.finish()


@answers("second-answer", "RNG-02")
async def second_answer(call: TakenCall) -> None:
    """200 from one fork, then a late 200 from another: that one must get ACK and BYE, the first must live."""
    call.ring(100)
    call.ring(180, "a")
    call.ring(180, "b")
    await call.pause(call.plan.ring)
    if not await _answer(call, "a"):
        return
    if not await _answer(call, "b"):
        raise CallError("the second 200 got no ACK")
    await call.talk()
    if call.tag_of("b") not in call.byes:
        raise CallError("the second answer was not ended by a BYE")
    await call.hang_up()


@answers("forwarded", "HDR-14")
async def forwarded(call: TakenCall) -> None:
    """100, 181, 180, 200."""
    call.ring(100)
    call.ring(181)
    call.ring(180)
    await call.pause(call.plan.ring)
    if await _answer(call):
        await call.finish()


@answers("unavailable", "FO-02")
async def unavailable(call: TakenCall) -> None:
    """503 with Retry-After: 1; the next datacentre must be tried at once."""
    call.refuse(503, fields=[("Retry-After", "1")])


@answers("declined", "FO-03")
async def declined(call: TakenCall) -> None:
    """180, then 603: the user declined, and nobody else may be tried."""
    call.ring(180)
    await call.pause(call.plan.ring)
    call.refuse(603)


@answers("busy", "FO-03")
async def busy(call: TakenCall) -> None:
    """486."""
    call.refuse(486)


@answers("rings-then-unavailable", "FO-04")
async def rings_then_unavailable(call: TakenCall) -> None:
    """180, then 503: after ringing no other target may be tried."""
    call.ring(180)
    await call.pause(call.plan.ring)
    call.refuse(503, fields=[("Retry-After", "1")])


@answers("slow")
async def slow(call: TakenCall) -> None:
    """100 at once, nothing else for as long as the plan's patience; then 180 and 200."""
    call.ring(100)
    if await call.cancel(call.plan.patience):
        return
    call.ring(180)
    if await _answer(call):
        await call.finish()


@answers("silent", "FO-05")
async def silent(call: TakenCall) -> None:
    """Nothing at all, not even 100."""
    await call.cancel(call.plan.patience)


@answers("rings")
async def rings(call: TakenCall) -> None:
    """180 and nothing more, until the caller gives up."""
    call.ring(180)
    if not await call.cancel():
        call.refuse(480)


@answers("answers-the-cancelled")
async def answers_the_cancelled(call: TakenCall) -> None:
    """200 after the CANCEL, as when both cross on the wire: it must get ACK, then BYE."""
    call.keep_on_cancel = True
    call.ring(180)
    if not await call.cancel():
        call.refuse(480)
        raise CallError("the caller did not cancel")
    call.accept()
    if not await call.confirmed():
        return
    await call.pause(call.plan.ring)
    deadline = call.plan.patience
    while not call.byes and deadline > 0:
        await call.pause(0.05)
        deadline -= 0.05
    if not call.byes:
        raise CallError("the answer that crossed the CANCEL got no BYE")


@answers("same-again", "HDR-17")
async def same_again(call: TakenCall) -> None:
    """Answers, then sends a re-INVITE with the identical description; address, port and key must stay."""
    call.ring(180)
    if not await _answer(call):
        return
    await call.talk(call.plan.talk / 2)
    await offer_again(call)
    await call.finish()


@answers("hold", "HLD-03")
async def hold(call: TakenCall) -> None:
    """Answers, holds with a=inactive, resumes with a=sendrecv, hangs up."""
    call.ring(180)
    if not await _answer(call):
        return
    await call.talk(call.plan.talk / 2)
    await hold_and_resume(call)
    await call.finish()


@answers("move", "HLD-04")
async def moves(call: TakenCall) -> None:
    """Answers, then sends a re-INVITE with other ports and another key, and hangs up after a while."""
    call.ring(180)
    if not await _answer(call):
        return
    await call.talk(call.plan.talk / 2)
    await move(call)
    await call.finish()


@answers("moved")
async def moved(call: TakenCall) -> None:
    """302 to another number: a carrier's, never Teams'."""
    call.refuse(302, fields=[("Contact", f"<{call.incoming.uri.replace(';user=phone', '')}>")])
