"""A call as a record: what is left of it when it is over, and what can be told while it lasts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import TypedDict

from rustalk.observe.snapshots import CallSnapshot, CallState, LegSnapshot, MediaSnapshot, SentSnapshot
from rustalk.rtp.quality import Rating, rate_received, rate_sent
from rustalk.rtp.statistics import StreamStatistics
from rustalk.sdp.names import codec_names
from rustalk.sip.message import Request
from rustalk.ua.endpoint import ServerTransaction
from rustalk.ua.subject import Subject

from .call import Call
from .course import Course
from .leg import CalleeLeg, CallerLeg, Leg
from .switchboard import Placed

__all__ = ["handed_on", "refused", "snapshot"]

_NOT_VOICE = frozenset({"telephone-event", "cn", "red"})


def snapshot(call: Call, *, measured: bool = True) -> CallSnapshot:
    """The call as it is now; unless it is ``measured``, without what its media are like."""
    if call.ended_at is None:
        state = CallState.RINGING if call.answered_at is None else CallState.ACTIVE
    else:
        state = CallState.FAILED if call.answered_at is None else CallState.ENDED
    sides = [leg for leg in (call.caller, call.callee) if leg is not None and leg.peer[0]]
    if call.turned:
        sides.reverse()
    legs = (*(_leg(call, leg, measured) for leg in sides), *(_gone(call, leg) for leg in _former(call, sides)))
    return CallSnapshot(
        id=call.id,
        state=state,
        caller=call.subject.caller,
        called=call.subject.called,
        started=call.started_at,
        source_trunk=call.source,
        destination_trunk=call.destination,
        answered=call.answered_at,
        ended=call.ended_at,
        legs=legs,
        reason=call.code,
        sip_status=call.status,
        hung_up_by=call.hung_up_by,
        said=call.said,
        route=call.way.route,
        original_caller=call.origin.caller,
        original_called=call.origin.called,
        transferred_to=call.transferred_to,
        transferred_from=call.transferred_from,
        tenant=call.subject.tenant,
        caller_name=call.subject.display,
        caller_domain=call.domains[0],
        called_domain=call.domains[1],
        part_of=call.subject.part_of,
    )


def domains(request: Request) -> tuple[str, str]:
    """What stands behind the names of who calls and who is called."""
    return request.from_.uri.host, request.to.uri.host


def handed_on(call: Call, leg: Leg, onward: str, now: datetime) -> CallSnapshot:
    """The call as it was when the side ``leg`` handed it on: the call of the id ``onward`` is what became of it.

    Who stays is counted there, once for both.
    """
    so_far = snapshot(call)
    legs = tuple(replace(each, goes_on=each.sip_call_id != leg.call_id) for each in so_far.legs[:2])
    return replace(
        so_far,
        state=CallState.ENDED,
        ended=now,
        legs=(*legs, *so_far.legs[2:]),
        reason="transferred",
        hung_up_by=call.role(leg),
        transferred_to=onward,
    )


def refused(
    call_id: str,
    transaction: ServerTransaction,
    source: str,
    origin: Subject,
    placed: Placed,
    code: str,
    status: int,
    now: datetime,
) -> CallSnapshot:
    """A call that never began."""
    peer, subject = transaction.flow.peer, placed.subject
    leg = LegSnapshot(
        sip_call_id=transaction.call_id,
        direction="in",
        trunk=source,
        peer=f"{peer[0]}:{peer[1]}",
        transport=transaction.flow.transport,
        started=now,
        ended=now,
        sip_status=status,
        caller=origin.caller,
        called=origin.called,
        from_tag=transaction.request.from_.tag,
    )
    caller_domain, called_domain = domains(transaction.request)
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
        route=placed.route,
        original_caller=origin.caller,
        original_called=origin.called,
        tenant=subject.tenant,
        caller_name=subject.display,
        caller_domain=caller_domain,
        called_domain=called_domain,
        part_of=subject.part_of,
    )


def _leg(call: Call, leg: Leg, measured: bool) -> LegSnapshot:
    return LegSnapshot(
        **_who(leg),
        codecs=_codecs(leg),
        media=_media(call, leg) if measured else None,
        **_went(call, leg.course),
    )


def _gone(call: Call, leg: Leg) -> LegSnapshot:
    """A side that is no more: it did not answer, or another one took its place."""
    return LegSnapshot(
        **_who(leg),
        codecs=_codecs(leg),
        **_went(call, leg.course),
        reason=leg.course.code or None,
    )


def _former(call: Call, sides: Iterable[Leg]) -> Iterable[Leg]:
    """Every leg that the call has had besides these: those tried in vain, and those that were replaced."""
    seen = [id(leg) for leg in sides]
    for leg in (*call.former, *call.tried):
        forked = leg.branches if isinstance(leg, CalleeLeg) else ()
        for each in (leg, *forked):
            if id(each) not in seen and each.peer[0]:
                seen.append(id(each))
                yield each


class _Peer(TypedDict):
    sip_call_id: str
    direction: str
    trunk: str | None
    peer: str
    transport: str


def _who(leg: Leg) -> _Peer:
    """The fields of a leg that tell who is there; one that leads into another call is nobody's own."""
    return {
        "sip_call_id": leg.call_id,
        "direction": "in" if leg.called_us else "out",
        "trunk": leg.trunk if isinstance(leg, (CallerLeg, CalleeLeg)) else None,
        "peer": f"{leg.peer[0]}:{leg.peer[1]}",
        "transport": leg.transport,
    }


class _Times(TypedDict, total=False):
    started: datetime
    progressed: datetime | None
    answered: datetime | None
    ended: datetime | None
    sip_status: int | None
    caller: str
    called: str
    from_tag: str
    to_tag: str


def _went(call: Call, course: Course) -> _Times:
    """The fields of a leg that tell how its INVITE went."""
    return {
        "started": course.started,
        "progressed": course.progressed,
        "answered": course.answered,
        "ended": course.ended or call.ended_at,
        "sip_status": course.status,
        "caller": course.caller,
        "called": course.called,
        "from_tag": course.tags[0],
        "to_tag": course.tags[1],
    }


def _codecs(leg: Leg) -> tuple[str, ...]:
    """What both descriptions on this leg name, in the order of the one that is the answer to an early offer.

    With a late offer the other one is the answer, and some answer with more than they were offered.
    """
    session = leg.session
    if session is None:
        return ()
    both = (session.local, session.remote) if leg.side == 0 else (session.remote, session.local)
    names, others = (codec_names(body) for body in both)
    return tuple(name for name in names if name in others) if others else names


def _media(call: Call, leg: Leg) -> MediaSnapshot | None:
    """What arrived from this leg, all its streams together; what cannot be added up is that of the first."""
    if call.media.direct:
        return None
    streams = [pair[leg.side] for pair in call.media.statistics()]
    if not streams:
        return None
    first, codec = streams[0], _voice(_codecs(leg))
    return MediaSnapshot(
        packets=sum(stream.packets for stream in streams),
        bytes=sum(stream.bytes for stream in streams),
        lost=_total(stream.lost for stream in streams),
        reordered=_total(stream.reordered for stream in streams),
        jitter_ms=_rounded(first.jitter_ms if first.packets else None, 3),
        loss_percent=_rounded(first.loss_percent, 3),
        round_trip_ms=_rounded(first.round_trip_ms, 3),
        sent=_sent(first, codec),
        **_rated(rate_received(first, codec)),
    )


def _sent(stream: StreamStatistics, codec: str) -> SentSnapshot | None:
    """What we sent to the leg, as it reports it."""
    reported = stream.reported
    if reported is None:
        return None
    return SentSnapshot(
        packets=reported.packets,
        lost=reported.lost,
        jitter_ms=_rounded(reported.jitter_ms, 3),
        loss_percent=_rounded(reported.loss_percent, 3),
        round_trip_ms=_rounded(stream.round_trip_ms, 3),
        **_rated(rate_sent(stream, codec)),
    )


class _Rated(TypedDict, total=False):
    mos: float
    r_factor: float
    mos_inputs: Mapping[str, object]


def _rated(rating: Rating | None) -> _Rated:
    """The fields of a snapshot that a rating gives."""
    if rating is None:
        return {}
    inputs = {
        name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(rating.inputs).items()
    }
    return {"mos": round(rating.mos, 2), "r_factor": round(rating.r_factor, 1), "mos_inputs": inputs}


def _voice(codecs: tuple[str, ...]) -> str:
    """The codec that the answer puts first; empty where it names none."""
    return next((codec for codec in codecs if codec.lower() not in _NOT_VOICE), "")


def _total(counts: Iterable[int | None]) -> int | None:
    """The sum, None if one of them was not counted."""
    known = list(counts)
    return None if None in known else sum(count or 0 for count in known)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
