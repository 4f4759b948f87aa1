"""What follows for the packets of one media line from what both sides have said of it."""

from __future__ import annotations

from collections.abc import Mapping

from rustalk.media.crossing import mirrored
from rustalk.media.line import Line
from rustalk.media.security import Own
from rustalk.media.side import MediaSide
from rustalk.rtp.treatment import Treatment
from rustalk.sdp.codec import EVENT, NOISE, Codec

__all__ = ["conclude"]

_NOTHING: Mapping[str, Codec] = {}
_PLAIN = Treatment()
_NOISE = 13
_G711 = frozenset({"pcmu", "pcma"})


def conclude(
    lines: tuple[Line, Line], own: tuple[Own | None, Own | None], sides: tuple[MediaSide, MediaSide]
) -> tuple[Treatment, Treatment] | None:
    """The treatments of both sides; None where packets are carried byte for byte."""
    if lines[0].ending is None and lines[1].ending is None:
        return None
    treatments = _treatment(0, lines, own[0], sides), _treatment(1, lines, own[1], sides)
    return None if treatments == (_PLAIN, _PLAIN) else treatments


def _treatment(side: int, lines: tuple[Line, Line], own: Own | None, sides: tuple[MediaSide, MediaSide]) -> Treatment:
    """What is done to what ``side`` sends and gets."""
    ours, theirs = lines[side].ending, lines[1 - side].ending
    said = ours.said if ours is not None else _NOTHING
    sent = theirs.told if theirs is not None else _NOTHING
    wanted = theirs.said if theirs is not None else _NOTHING
    noise = any(each.strip_comfort_noise for each in sides)
    plain = Treatment(
        receive=ours.key if ours is not None else None,
        send=own.key if own is not None else None,
        payloads=_payloads(sent, wanted),
        strip=_noises(said, wanted) if noise else frozenset(),
    )
    return plain if sides[0].dtmf == sides[1].dtmf else _dialling(plain, said, sent, sides[side])


def _payloads(sent: Mapping[str, Codec], wanted: Mapping[str, Codec]) -> dict[int, int]:
    """The payload types that the other side knows by another number."""
    same = {number for number, codec in sent.items() if number in wanted and wanted[number].key == codec.key}
    pairs = ((number, mirrored(codec, wanted)) for number, codec in sent.items() if number not in same)
    return {int(number): int(there) for number, there in pairs if there is not None}


def _noises(*known: Mapping[str, Codec]) -> frozenset[int]:
    """The payload types of comfort noise, said or static."""
    return frozenset(
        {_NOISE} | {int(number) for each in known for number, codec in each.items() if codec.is_named(NOISE)}
    )


def _dialling(plain: Treatment, said: Mapping[str, Codec], sent: Mapping[str, Codec], side: MediaSide) -> Treatment:
    """Where digits are heard and how they are dialled; a side that dials by INFO is neither heard nor dialled here."""
    if side.dtmf == "info":
        return plain
    rate = _voice_rate(said, sent)
    event = _event(said, rate) if side.dtmf == "rfc4733" else None
    voice = next((int(number) for number, codec in said.items() if codec.name.lower() in _G711), None)
    heard = _event(sent, rate) if side.dtmf == "rfc4733" else None
    return Treatment(
        plain.receive,
        plain.send,
        plain.payloads,
        plain.strip,
        "tones" if heard is None else "events",
        event if event is not None else heard,
        voice if event is None else None,
    )


def _voice_rate(said: Mapping[str, Codec], sent: Mapping[str, Codec]) -> int:
    """The clock rate of the first voice that both know."""
    keys = {codec.key for codec in sent.values()}
    shared = (codec.rate for codec in said.values() if codec.is_voice and codec.key in keys)
    return next(shared, 8000)


def _event(known: Mapping[str, Codec], rate: int) -> int | None:
    """The telephone-event with the clock of the voice (RFC 4733 section 2.1), else any."""
    events = [(codec.rate, int(number)) for number, codec in known.items() if codec.is_named(EVENT)]
    return next((number for clock, number in events if clock == rate), events[0][1] if events else None)
