"""A call as a record: what is left of it when it is over, and what can be told while it lasts."""

from __future__ import annotations

from datetime import UTC, datetime

from rustalk.observe.snapshots import CallSnapshot, CallState, LegSnapshot, MediaSnapshot
from rustalk.sdp.names import codec_names
from rustalk.ua.endpoint import ServerTransaction
from rustalk.ua.subject import Subject

from .call import Call
from .leg import Leg

__all__ = ["refused", "snapshot"]


def snapshot(call: Call) -> CallSnapshot:
    """The call as it is now."""
    if call.ended_at is None:
        state = CallState.RINGING if call.answered_at is None else CallState.ACTIVE
    else:
        state = CallState.FAILED if call.answered_at is None else CallState.ENDED
    legs = tuple(_leg(call, leg) for leg in (call.caller, call.callee) if leg is not None)
    return CallSnapshot(
        id=call.id,
        state=state,
        caller=call.subject.caller,
        called=call.subject.called,
        started=call.started_at,
        source_trunk=call.caller.trunk if call.caller is not None else None,
        destination_trunk=call.destination,
        answered=call.answered_at,
        ended=call.ended_at,
        legs=legs,
        reason=call.code,
        sip_status=call.status,
        hung_up_by=call.hung_up_by,
    )


def refused(
    call_id: str, transaction: ServerTransaction, source: str, subject: Subject, code: str, status: int
) -> CallSnapshot:
    """A call that never began."""
    now = datetime.now(UTC)
    peer = transaction.flow.peer
    leg = LegSnapshot(
        sip_call_id=transaction.call_id,
        direction="in",
        trunk=source,
        peer=f"{peer[0]}:{peer[1]}",
        transport=transaction.flow.transport,
    )
    return CallSnapshot(
        id=call_id,
        state=CallState.FAILED,
        caller=subject.caller,
        called=subject.called,
        started=now,
        source_trunk=source,
        ended=now,
        legs=(leg,),
        reason=code,
        sip_status=status,
        hung_up_by="switch",
    )


def _leg(call: Call, leg: Leg) -> LegSnapshot:
    return LegSnapshot(
        sip_call_id=leg.call_id,
        direction="in" if leg.side == 0 else "out",
        trunk=leg.trunk,
        peer=f"{leg.peer[0]}:{leg.peer[1]}",
        transport=leg.transport,
        codecs=_codecs(leg),
        media=_media(call, leg.side),
    )


def _codecs(leg: Leg) -> tuple[str, ...]:
    """What the answer on this leg names: the callee's own, or the one that we gave to the caller."""
    session = leg.session
    if session is None:
        return ()
    return codec_names(session.local if leg.side == 0 else session.remote)


def _media(call: Call, side: int) -> MediaSnapshot | None:
    """What arrived from this side, all its streams together; jitter is that of the first."""
    if call.media.direct:
        return None
    streams = [pair[side] for pair in call.media.statistics()]
    if not streams:
        return None
    return MediaSnapshot(
        packets=sum(stream.packets for stream in streams),
        bytes=sum(stream.bytes for stream in streams),
        lost=sum(stream.lost for stream in streams),
        reordered=sum(stream.reordered for stream in streams),
        jitter_ms=streams[0].jitter_ms,
        mos=streams[0].mos,
    )
