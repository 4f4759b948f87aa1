"""Bytes into a session description, within limits.

Forgiven, because nobody is misled: lines ended by LF alone, blank lines at the end, a missing o=, s= or t= line,
unknown lines and attributes, attributes that make no sense. Refused: what two programs could read in two ways.
"""

from __future__ import annotations

import re
from itertools import pairwise

from rustalk.sdp.errors import SdpError
from rustalk.sdp.grammar import CONNECTION, MEDIA, address
from rustalk.sdp.model import Connection, Direction, Media, Session

__all__ = ["DIRECTIONS", "parse"]

DIRECTIONS = {b"a=" + direction.encode("ascii"): direction for direction in Direction}

_LINES = re.compile(rb"(?:[A-Za-z]=[^\r\n\0]*+(?:\n|\Z))++")
_LINE = re.compile(rb"[A-Za-z]=[^\r\n\0]*+")


def parse(body: bytes, *, max_bytes: int = 65536, max_lines: int = 2048, max_media: int = 32) -> Session:
    """Read a session description.

    Raises SdpError, and nothing else whatever the bytes, if RFC 4566 is broken harmfully or a limit exceeded.
    """
    lines = _split(body, max_bytes, max_lines)
    starts = [number for number, line in enumerate(lines) if line[:2] == b"m="]
    if len(starts) > max_media:
        raise SdpError(f"more than {max_media} media sections", starts[max_media] + 1)
    bounds = [*starts, len(lines)]
    head = lines[: bounds[0]]
    connection = _connection(head, 0)
    direction = _direction(head) or Direction.SENDRECV
    sections = [_media(lines[start:end], start, connection, direction) for start, end in pairwise(bounds)]
    return Session(tuple(head), tuple(sections))


def _split(body: bytes, max_bytes: int, max_lines: int) -> list[bytes]:
    """The lines without their ends, each of them known to have the form ``x=...``."""
    if len(body) > max_bytes:
        raise SdpError(f"the description has {len(body)} bytes, at most {max_bytes} are read", 1)
    if body.count(b"\n") > max_lines:
        raise SdpError(f"more than {max_lines} lines", max_lines + 1)
    text = body.replace(b"\r\n", b"\n").rstrip(b"\n")
    lines = text.split(b"\n")
    if not _LINES.fullmatch(text):
        bad = next(number for number, line in enumerate(lines, 1) if not _LINE.fullmatch(line))
        raise SdpError("not of the form 'letter=value', or with a NUL or a CR without LF in it", bad)
    if lines[0].rstrip(b" ") != b"v=0":
        raise SdpError("a session description begins with 'v=0'", 1)
    return lines


def _media(lines: list[bytes], start: int, connection: Connection | None, direction: Direction) -> Media:
    match = MEDIA.fullmatch(lines[0])
    if match is None:
        raise SdpError("expected 'm=<media> <port> <protocol> <formats>'", start + 1)
    kind, _, port, count, proto, formats = match.groups()
    if int(port) > 65535:
        raise SdpError("a port is at most 65535", start + 1)
    return Media(
        kind=kind.decode("ascii"),
        port=int(port),
        count=int(count or 1),
        proto=proto.decode("ascii"),
        formats=tuple(formats.decode("ascii").split()),
        connection=_connection(lines, start) or connection,
        direction=_direction(lines) or direction,
        lines=tuple(lines),
        line=start + 1,
    )


def _connection(lines: list[bytes], start: int) -> Connection | None:
    """The first c= line; more of them are only for multicast, which no call uses."""
    for number, line in enumerate(lines, start + 1):
        if line[:2] == b"c=":
            match = CONNECTION.fullmatch(line)
            host = address(match[1], match[2]) if match else None
            if host is None:
                raise SdpError("expected 'c=IN IP4 <address>' or 'c=IN IP6 <address>', not a name", number)
            return Connection(host)
    return None


def _direction(lines: list[bytes]) -> Direction | None:
    for line in lines:
        if found := DIRECTIONS.get(line.rstrip(b" ")):
            return found
    return None
