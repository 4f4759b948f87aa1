"""Scripts for calls that the simulator makes."""

from __future__ import annotations

from .call import CallError
from .midcall import hold_and_resume, move, offer_again
from .placed import PlacedCall
from .scripts import calls

__all__: list[str] = []


@calls("call")
async def call(call: PlacedCall) -> None:
    """Waits for the answer, talks, hangs up."""
    if 200 <= await call.final() < 300:
        await call.finish()


@calls("give-up")
async def give_up(call: PlacedCall) -> None:
    """Cancels as soon as it rings."""
    if not await call.first(call.plan.patience):
        raise CallError("nothing beyond 100 Trying came")
    await call.pause(call.plan.ring)
    call.cancel()
    if await call.final() not in (487, 200):
        raise CallError(f"the cancelled INVITE ended with {call.status}")
    if call.status == 200:
        call.ended_by = ""
        await call.hang_up()


@calls("hold", "HLD-03")
async def hold(call: PlacedCall) -> None:
    """After the answer: holds with a=inactive, resumes, hangs up."""
    if not 200 <= await call.final() < 300:
        return
    await call.talk(call.plan.talk / 2)
    await hold_and_resume(call)
    await call.finish()


@calls("same-again", "HDR-17")
async def same_again(call: PlacedCall) -> None:
    """After the answer: a re-INVITE with the identical description; address, port and key must stay."""
    if not 200 <= await call.final() < 300:
        return
    await call.talk(call.plan.talk / 2)
    await offer_again(call)
    await call.finish()


@calls("no-ack", "RNG-08")
async def no_ack(call: PlacedCall) -> None:
    """Never acknowledges the answer, and waits for the other side to end the call."""
    call.withhold_ack = True
    if 200 <= await call.final() < 300 and not await call.talk(call.plan.patience):
        call.cause = "the call was not ended although its 200 got no ACK"


@calls("refresh", "HLD-05", "HDR-16")
async def refresh(call: PlacedCall) -> None:
    """A carrier's session refresh: an identical re-INVITE twice while audio flows."""
    if not 200 <= await call.final() < 300:
        return
    for _ in range(2):
        await call.talk(call.plan.talk / 3)
        await offer_again(call)
    await call.finish()


@calls("move", "HLD-04")
async def moves(call: PlacedCall) -> None:
    """After the answer: twice a re-INVITE with other ports and another key, as a carrier's transfer makes one."""
    if not 200 <= await call.final() < 300:
        return
    for _ in range(2):
        await call.talk(call.plan.talk / 3)
        await move(call)
    await call.finish()
