"""Calls: those in progress and the last ones that ended; their SIP messages; hanging up."""

from __future__ import annotations

from datetime import UTC, datetime

from twisted.internet.interfaces import IReactorTime

from rustalk.observe.printable import printable
from rustalk.observe.snapshots import CallSnapshot, CallState, LegSnapshot, MediaSnapshot, SentSnapshot
from rustalk.observe.switch import ISwitch
from rustalk.observe.trace import TraceEntry

from . import schema
from .errors import ApiError, unfit
from .listing import PAGING
from .moment import moment
from .route import Answer, Ask, Route

__all__ = ["Calls"]

_UNKNOWN = ("call-not-found",)
_CALL = schema.record(
    {"id": {"type": "string"}, "from": {"type": "string"}, "to": {"type": "string"}, "status": {"type": "string"}}
)
_PAGE = 100
_LARGEST_PAGE = 1000


class Calls:
    """``/api/v1/calls``. The clock tells how long a call has lasted so far."""

    def __init__(self, switch: ISwitch, clock: IReactorTime) -> None:
        self._switch = switch
        self._clock = clock

    def routes(self) -> list[Route]:
        """The routes of this resource."""
        one = "/api/v1/calls/<call_id>"
        return [
            Route(
                "GET",
                "/api/v1/calls",
                self.list,
                "Calls, newest first.",
                area="calls",
                query=PAGING,
                gives=schema.record(
                    {
                        "calls": schema.array(_CALL),
                        "total": {"type": "integer"},
                        "next": {"type": ["string", "null"]},
                    }
                ),
            ),
            Route("GET", one, self.show, "One call with its legs.", area="calls", gives=_CALL, problems=_UNKNOWN),
            Route(
                "DELETE",
                one,
                self.hang_up,
                "Hang the call up on both sides.",
                least="operator",
                area="calls",
                changes=True,
                problems=(*_UNKNOWN, "call-over"),
            ),
            Route(
                "GET",
                f"{one}/trace",
                self.trace,
                "The call's SIP messages, secrets taken out.",
                area="calls",
                problems=_UNKNOWN,
            ),
        ]

    async def list(self, ask: Ask) -> Answer:
        """Give a page of calls."""
        limit = ask.number("limit", _PAGE, 1, _LARGEST_PAGE)
        cursor = ask.query.get("cursor") or None
        if cursor is not None and self._switch.call(cursor) is None:
            raise unfit("cursor", "a call that is known still; begin with the first page")
        page = self._switch.calls(limit, cursor)
        now = self._now()
        return Answer({"calls": [_call(call, now) for call in page.calls], "total": page.total, "next": page.next})

    async def show(self, ask: Ask) -> Answer:
        """Give one call."""
        return Answer(_call(self._find(ask), self._now()))

    async def hang_up(self, ask: Ask) -> Answer:
        """End one call."""
        call = self._find(ask)
        if not self._switch.hang_up(call.id):
            raise ApiError("call-over", "The call has ended already; nothing was done.")
        return Answer({"success": True, "message": "The call is being hung up.", "id": call.id})

    async def trace(self, ask: Ask) -> Answer:
        """Give the messages of one call."""
        call = self._find(ask)
        legs = [{"leg": number, "trunk": leg.trunk, "peer": leg.peer} for number, leg in enumerate(call.legs)]
        return Answer({"id": call.id, "legs": legs, "messages": [_message(e) for e in self._switch.trace(call.id)]})

    def _find(self, ask: Ask) -> CallSnapshot:
        call = self._switch.call(ask.path["call_id"])
        if call is None:
            raise ApiError("call-not-found", "No call has this id, or it ended too long ago; see /api/v1/calls.")
        return call

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.seconds(), UTC)


def _call(call: CallSnapshot, now: datetime) -> dict[str, object]:
    return {
        "id": call.id,
        "from": printable(call.caller),
        "to": printable(call.called),
        "status": call.state.value,
        "source_trunk": call.source_trunk,
        "destination_trunk": call.destination_trunk,
        "start_time": moment(call.started),
        "answer_time": moment(call.answered),
        "end_time": moment(call.ended),
        "duration": call.duration(now),
        "reason": call.reason,
        "sip_status": call.sip_status,
        "hung_up_by": call.hung_up_by,
        "said": printable(call.said) or None,
        "over": call.state in (CallState.ENDED, CallState.FAILED),
        "legs": [_leg(leg) for leg in call.legs],
    }


def _leg(leg: LegSnapshot) -> dict[str, object]:
    media = leg.media
    return {
        "sip_call_id": printable(leg.sip_call_id),
        "direction": leg.direction,
        "trunk": leg.trunk,
        "peer": leg.peer,
        "transport": leg.transport,
        "codecs": [printable(codec) for codec in leg.codecs],
        "media": media
        and {
            "packets": media.packets,
            "bytes": media.bytes,
            "lost": media.lost,
            "reordered": media.reordered,
            **_quality(media),
            "sent": media.sent and {"packets": media.sent.packets, "lost": media.sent.lost, **_quality(media.sent)},
        },
    }


def _quality(media: MediaSnapshot | SentSnapshot) -> dict[str, object]:
    """What both directions of a leg have."""
    return {
        "loss_percent": media.loss_percent,
        "jitter_ms": media.jitter_ms,
        "round_trip_ms": media.round_trip_ms,
        "mos": media.mos,
        "r_factor": media.r_factor,
        "mos_inputs": media.mos_inputs,
    }


def _message(entry: TraceEntry) -> dict[str, object]:
    return {
        "time": moment(datetime.fromtimestamp(entry.time, UTC)),
        "leg": entry.leg,
        "direction": "out" if entry.sent else "in",
        "peer": entry.peer,
        "transport": entry.transport,
        "summary": entry.summary,
        "text": entry.text,
    }
