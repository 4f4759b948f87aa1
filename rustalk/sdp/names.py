"""Which codecs a description names, for people: the first audio line, in its order."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["codec_names"]

_AUDIO = re.compile(rb"(?:^|\n)m=audio [0-9]+(?:/[0-9]+)? [^ \r\n]+((?: [0-9]{1,3})+)")
_MAP = re.compile(rb"\na=rtpmap:([0-9]{1,3}) ([A-Za-z0-9.\-_]{1,32})")
_STATIC = {b"0": "PCMU", b"3": "GSM", b"4": "G723", b"8": "PCMA", b"9": "G722", b"13": "CN", b"18": "G729"}
_MOST = 32


@lru_cache(64)
def codec_names(body: bytes) -> tuple[str, ...]:
    """The names by a=rtpmap, else those that RFC 3551 gives to a number; a number without a name is left out.

    The last few are kept: who asks about a call asks about the same descriptions several times.
    """
    audio = _AUDIO.search(body)
    if audio is None:
        return ()
    end = body.find(b"\nm=", audio.end())
    section = body[audio.end() : end if end >= 0 else len(body)]
    names = _STATIC | {match[1]: match[2].decode("ascii") for match in _MAP.finditer(section)}
    found = (names.get(number) for number in audio[1].split()[:_MOST])
    return tuple(name for name in found if name is not None)
