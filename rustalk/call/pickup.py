"""An INVITE with Replaces for a call that still rings: its caller answers it in place of who was called (RFC 3891)."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from twisted.logger import Logger

from rustalk.sdp.errors import SdpError
from rustalk.sdp.parked import parked
from rustalk.ua.incoming import Incoming
from rustalk.ua.reasons import reason_field
from rustalk.ua.timeouts import Timeouts

from .call import Call
from .events import Answered
from .leg import CallerLeg, Leg
from .target import Limit

__all__ = ["pick_up"]

log = Logger()

_TRIES = 100
_PAUSE = 0.1
_KEY = 30


def pick_up(call: Call, old: Leg, leg: CallerLeg, incoming: Incoming, limit: Limit, timeouts: Timeouts) -> None:
    """Answer the ringing call with ``leg``, at whose ``limit`` it counts from then on.

    Its caller offers media and so did ours: it is taken on hold, and then asked like anybody who answers a call. One
    that brings no offer gets ours at once, and its ACK answers.
    """
    offer = call.media.sent(1) or b""
    if not incoming.description:
        _picked_up(call, old, leg, limit)
        leg.begin(incoming.answer(offer))
        return
    try:
        body = parked(incoming.description, offer, secrets.token_bytes(_KEY))
    except SdpError as error:
        log.info("Call {call} was not picked up: {error}", call=call.id, error=str(error))
        incoming.reject(488, fields=[reason_field("bad_media")])
        return
    _picked_up(call, old, leg, limit)
    session = incoming.answer(body)
    leg.begin(session)

    def done(status: int, answer: bytes) -> None:
        if 200 <= status < 300 and answer:
            leg.hear(leg, Answered(answer))
        else:
            call.give_up("bad_media")

    def ask(again: Callable[..., None], tries: int) -> None:
        """Ask for its media as soon as it has acknowledged the answer.

        It is handed itself: a closure that knew itself would wait for the garbage collector, and the call with it.
        """
        if session.ended or leg.session is not session:
            return
        if not session.offer(offer, done):
            if tries:
                timeouts.start(_PAUSE, again, again, tries - 1)
            else:
                call.give_up("no_ack")

    timeouts.start(_PAUSE, ask, ask, _TRIES)


def _picked_up(call: Call, old: Leg, leg: CallerLeg, limit: Limit) -> None:
    limit.take()
    call.hold(limit, leg.side)
    call.picked_up(old, leg)
