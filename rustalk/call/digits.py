"""Digits in INFO, as many PBXs send them: application/dtmf-relay says ``Signal=5``, application/dtmf just ``5``."""

from __future__ import annotations

import re
from typing import NamedTuple

from rustalk.sip.message import Field, Request

__all__ = ["Digit", "compose", "read"]

_RELAY = "application/dtmf-relay"
_PLAIN = "application/dtmf"
_SIGNAL = re.compile(rb"(?:^|\n)[ \t]*signal[ \t]*=[ \t]*([0-9*#A-Da-d])[ \t]*(?:\r|\n|\Z)", re.IGNORECASE)
_DURATION = re.compile(rb"(?:^|\n)[ \t]*duration[ \t]*=[ \t]*([0-9]{1,5})[ \t]*(?:\r|\n|\Z)", re.IGNORECASE)
_ONE = re.compile(rb"\s*([0-9*#A-Da-d])\s*")
_USUAL = 100
_SHORTEST, _LONGEST = 40, 8000


class Digit(NamedTuple):
    """One key: 0-9, ``*``, ``#`` or A-D, and for how many milliseconds it was held."""

    digit: str
    milliseconds: int = _USUAL


def read(request: Request) -> Digit | None:
    """The digit of an INFO, None for one about something else. A duration is taken to be from 40 to 8000 ms."""
    if request.content_type == _PLAIN:
        match = _ONE.fullmatch(request.body)
        return Digit(match[1].decode().upper()) if match is not None else None
    match = _SIGNAL.search(request.body) if request.content_type == _RELAY else None
    if match is None:
        return None
    said = _DURATION.search(request.body)
    held = int(said[1]) if said is not None else _USUAL
    return Digit(match[1].decode().upper(), min(max(held, _SHORTEST), _LONGEST))


def compose(digit: Digit) -> tuple[list[Field], bytes]:
    """Fields and body of an INFO with this digit."""
    body = f"Signal={digit.digit}\r\nDuration={digit.milliseconds}\r\n"
    return [("Content-Type", _RELAY)], body.encode()
