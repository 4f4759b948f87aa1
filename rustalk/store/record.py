"""What is kept of a call that is over: made from its snapshot, written to the journal and the database, and shown.

Times are whole milliseconds since 1970, amounts decimals as text. What came from the network is made printable and cut
to a length that every index takes, so that no caller can have a record refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from rustalk.observe.printable import printable
from rustalk.observe.snapshots import CallSnapshot, CallState, LegSnapshot, MediaSnapshot, SentSnapshot
from rustalk.rating.cost import Cost, Item

__all__ = [
    "CALL_COLUMNS",
    "LEG_COLUMNS",
    "CallRecord",
    "LegRecord",
    "breakdown",
    "call_log",
    "call_log_detail",
    "interrupted",
    "moment",
    "record_of",
]

_NAME = 128
_TEXT = 512
_MOST_LEGS = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRecord:
    """One leg, as in `LegSnapshot`; ``codecs`` is a JSON list and ``quality`` a JSON object or None."""

    number: int
    sip_call_id: str
    direction: str
    trunk: str | None = None
    peer: str
    transport: str
    caller: str = ""
    called: str = ""
    from_tag: str = ""
    to_tag: str = ""
    codecs: str = "[]"
    started: int | None = None
    progressed: int | None = None
    answered: int | None = None
    ended: int | None = None
    sip_status: int | None = None
    reason: str | None = None
    quality: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One call, the columns of the table ``call_records`` without its key.

    ``duration`` is in milliseconds and None for a call without an answer. ``source`` and ``destination`` are the ids of
    trunks, or "extension:" and a number. ``part_of`` is the id of the call at the node that this one came from, if
    it did. ``charges`` is a JSON list of the items that ``cost`` is the sum of.
    """

    id: str
    node: str = ""
    status: str
    caller: str
    called: str
    original_caller: str | None = None
    original_called: str | None = None
    caller_name: str = ""
    caller_domain: str = ""
    called_domain: str = ""
    source: str | None = None
    destination: str | None = None
    route: str = ""
    tenant: str = ""
    started: int
    answered: int | None = None
    ended: int
    duration: int | None = None
    band: int | None = None
    reason: str | None = None
    sip_status: int | None = None
    hung_up_by: str | None = None
    said: str = ""
    a_codec: str | None = None
    b_codec: str | None = None
    recording_path: str | None = None
    transferred_to: str | None = None
    transferred_from: str | None = None
    part_of: str | None = None
    cost: str | None = None
    currency: str | None = None
    card: str | None = None
    charges: str | None = None


CALL_COLUMNS = tuple(field.name for field in fields(CallRecord))
LEG_COLUMNS = tuple(field.name for field in fields(LegRecord))
_MEDIA = tuple(field.name for field in fields(MediaSnapshot))
_SENT = tuple(field.name for field in fields(SentSnapshot))
_ITEM = tuple(field.name for field in fields(Item))


def record_of(call: CallSnapshot, cost: Cost | None = None, *, node: str = "") -> dict[str, Any]:
    """The record of a call that is over, as a JSON object for the journal: the call's fields and a list of its legs."""
    ended = call.ended or call.started
    duration = max(0, _ms(ended) - _ms(call.answered)) if call.answered else None
    first, last = _voices(call)
    record = CallRecord(
        id=call.id,
        node=node,
        status=call.state.value,
        caller=_cut(call.caller),
        called=_cut(call.called),
        original_caller=_changed(call.original_caller, call.caller),
        original_called=_changed(call.original_called, call.called),
        caller_name=_cut(call.caller_name),
        caller_domain=_cut(call.caller_domain),
        called_domain=_cut(call.called_domain),
        source=call.source_trunk,
        destination=call.destination_trunk,
        route=call.route,
        tenant=call.tenant,
        started=_ms(call.started),
        answered=_ms(call.answered) if call.answered else None,
        ended=_ms(ended),
        duration=duration,
        band=None if duration is None else _band(duration),
        reason=call.reason,
        sip_status=call.sip_status,
        hung_up_by=call.hung_up_by,
        said=_cut(call.said, _TEXT),
        a_codec=first,
        b_codec=last,
        recording_path=call.recording_path or None,
        transferred_to=call.transferred_to or None,
        transferred_from=call.transferred_from or None,
        part_of=call.part_of or None,
        **_charged(cost),
    )
    legs = [_flat(_leg(number, leg), LEG_COLUMNS) for number, leg in enumerate(call.legs[:_MOST_LEGS])]
    return {**_flat(record, CALL_COLUMNS), "legs": legs}


def interrupted(record: Mapping[str, Any], ended: int, cost: Cost | None) -> dict[str, Any]:
    """The record of a call that was cut short with the process, from the one that was made at its answer.

    ``ended`` is the last moment, in milliseconds, at which it is known to have been up.
    """
    duration = max(0, ended - record["answered"])
    return {
        **record,
        "status": CallState.ENDED.value,
        "ended": ended,
        "duration": duration,
        "band": _band(duration),
        "reason": "interrupted",
        "hung_up_by": "switch",
        **_charged(cost),
        "legs": [{**leg, "ended": leg["ended"] or ended} for leg in record["legs"]],
    }


def call_log(record: CallRecord) -> dict[str, Any]:
    """The record as the list of ``/call-logs`` shows it; an amount is a number whose decimal text is exact."""
    return {
        "id": record.id,
        "call_id": record.part_of or record.id,
        "from_user": record.caller,
        "from_domain": record.caller_domain,
        "from_name": record.caller_name,
        "to_user": record.called,
        "to_domain": record.called_domain,
        "original_from": record.original_caller or record.caller,
        "original_to": record.original_called or record.called,
        "source_trunk": record.source,
        "destination_trunk": record.destination,
        "route": record.route,
        "tenant": record.tenant,
        "node": record.node,
        "start_time": moment(record.started),
        "answer_time": moment(record.answered),
        "end_time": moment(record.ended),
        "duration_seconds": None if record.duration is None else record.duration / 1000,
        "status": record.status,
        "termination_reason": record.reason,
        "sip_status": record.sip_status,
        "hung_up_by": record.hung_up_by,
        "said": record.said or None,
        "a_leg_codec": record.a_codec,
        "b_leg_codec": record.b_codec,
        "recording_path": record.recording_path,
        "transferred_to": record.transferred_to,
        "transferred_from": record.transferred_from,
        "cost": _number(record.cost),
        "currency": record.currency,
        "rate_card": record.card,
    }


def call_log_detail(record: CallRecord, legs: tuple[LegRecord, ...]) -> dict[str, Any]:
    """The record as ``/call-logs/<id>`` shows it: with its legs and what the cost is made of."""
    first = legs[0] if legs else None
    return {
        **call_log(record),
        "sip_call_id": first.sip_call_id if first else None,
        "from_tag": first.from_tag or None if first else None,
        "to_tag": first.to_tag or None if first else None,
        "charge_breakdown": breakdown(record),
        "total_cost": _number(record.cost),
        "legs": [_shown(leg) for leg in legs],
    }


def breakdown(record: CallRecord) -> list[dict[str, Any]] | None:
    """The items of the cost, with amounts as numbers; None for a call that was not rated."""
    if record.charges is None:
        return None
    amounts = ("rate", "quantity", "amount")
    return [
        {name: _number(value) if name in amounts else value for name, value in item.items()}
        for item in json.loads(record.charges)
    ]


def moment(milliseconds: int | None) -> str | None:
    """The time as ISO 8601 in UTC with milliseconds."""
    if milliseconds is None:
        return None
    time = datetime.fromtimestamp(milliseconds // 1000, UTC).replace(microsecond=milliseconds % 1000 * 1000)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _leg(number: int, leg: LegSnapshot) -> LegRecord:
    return LegRecord(
        number=number,
        sip_call_id=_cut(leg.sip_call_id, _TEXT),
        direction=leg.direction,
        trunk=leg.trunk,
        peer=leg.peer,
        transport=leg.transport,
        caller=_cut(leg.caller),
        called=_cut(leg.called),
        from_tag=_cut(leg.from_tag),
        to_tag=_cut(leg.to_tag),
        codecs=json.dumps([_cut(codec) for codec in leg.codecs]),
        started=_ms(leg.started) if leg.started else None,
        progressed=_ms(leg.progressed) if leg.progressed else None,
        answered=_ms(leg.answered) if leg.answered else None,
        ended=_ms(leg.ended) if leg.ended else None,
        sip_status=leg.sip_status,
        reason=leg.reason,
        quality=_quality(leg.media),
    )


def _quality(media: MediaSnapshot | None) -> str | None:
    if media is None:
        return None
    shown = _flat(media, _MEDIA)
    if media.sent is not None:
        shown["sent"] = _flat(media.sent, _SENT)
    return json.dumps(shown, default=dict, separators=(",", ":"))


def _shown(leg: LegRecord) -> dict[str, Any]:
    times = {f"{name}_time": moment(getattr(leg, name)) for name in ("started", "progressed", "answered", "ended")}
    return {
        "number": leg.number,
        "sip_call_id": leg.sip_call_id,
        "direction": leg.direction,
        "trunk": leg.trunk,
        "peer": leg.peer,
        "transport": leg.transport,
        "from_user": leg.caller,
        "to_user": leg.called,
        "from_tag": leg.from_tag,
        "to_tag": leg.to_tag,
        "codecs": json.loads(leg.codecs),
        **times,
        "sip_status": leg.sip_status,
        "reason": leg.reason,
        "media": None if leg.quality is None else json.loads(leg.quality),
    }


def _voices(call: CallSnapshot) -> tuple[str | None, str | None]:
    """The codec of the side that called, which is the first leg, and that of the side that answered."""
    first, last = ([*call.legs[:2], None, None])[:2]
    return _voice(first), _voice(last)


def _voice(leg: LegSnapshot | None) -> str | None:
    return _cut(leg.codecs[0]) if leg is not None and leg.codecs else None


def _charged(cost: Cost | None) -> Mapping[str, str | None]:
    if cost is None or cost.total is None:
        return {}
    items = [{name: str(value) for name, value in _flat(item, _ITEM).items()} for item in cost.items]
    return {
        "cost": f"{cost.total:f}",
        "currency": cost.currency or None,
        "card": cost.card or None,
        "charges": json.dumps(items, separators=(",", ":")),
    }


def _flat(value: object, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}


def _ms(time: datetime) -> int:
    return (time - _EPOCH) // _MILLISECOND


def _band(duration: int) -> int:
    return (duration // 1000).bit_length()


def _cut(text: str, most: int = _NAME) -> str:
    return printable(text[:most])[:most]


def _changed(original: str, now: str) -> str | None:
    return _cut(original) if original and original != now else None


def _number(amount: str | None) -> float | None:
    return None if amount is None else float(amount)
