"""Parts of a call's story that answering and calling scripts share."""

from __future__ import annotations

from rustalk.sdp.model import Direction

from .call import Call, CallError

__all__ = ["hold_and_resume", "move", "offer_again"]


async def offer_again(call: Call) -> None:
    """A re-INVITE with the identical description; it must be taken (HDR-17)."""
    response = await call.reinvite(same=True)
    if response.status != 200:
        raise CallError(f"the identical re-INVITE was answered {response.status}")


async def hold_and_resume(call: Call) -> None:
    """Hold with a=inactive, then a=sendrecv; each must be answered with the same direction (HLD-03)."""
    for direction in (Direction.INACTIVE, Direction.SENDRECV):
        response = await call.reinvite(direction)
        answered = call.remote.audio.direction if call.remote else None
        if response.status != 200 or answered is not direction:
            raise CallError(f"a={direction} was answered {response.status} with a={answered}")
        await call.pause(call.plan.ring)


async def move(call: Call) -> None:
    """Other ports and another key, as after a transfer on this side; the other side may not notice (HLD-04)."""
    call.move()
    response = await call.reinvite()
    if response.status != 200:
        raise CallError(f"the re-INVITE with a new address was answered {response.status}")
