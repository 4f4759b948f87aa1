"""Bytes to messages: one datagram, or a stream cut at Content-Length (RFC 3261 sections 7.3, 7.5 and 18.3).

Nothing here trusts a length, a case or a line end: header blocks end in exactly CRLF CRLF, numbers are ASCII digits,
and each limit is an argument. What is wrong becomes a RemoteProtocolError that carries what was understood so far.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import RemoteProtocolError
from .grammar import FORBIDDEN, PLAIN_URI, REQUEST_LINE, STATUS_LINE
from .headers import KNOWN_NAMES, canonical, parse_number
from .message import Field, Message, Request, Response

__all__ = ["FramingError", "Limits", "StreamParser", "parse_datagram"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a peer may make us hold. Sizes in bytes."""

    message: int = 65536
    head: int = 32768
    fields: int = 200
    field: int = 8192
    uri: int = 2048


_SINGLE = frozenset(("Call-ID", "CSeq", "From", "To", "Max-Forwards", "Content-Length", "Content-Type", "Expires"))
_PLAIN = bytes(c for c in range(256) if c == 9 or (c >= 32 and c != 127))
_BLANK = b"\0\r\n \t"
_FOLD = re.compile(rb"\r\n[ \t]++")
_VERSION = re.compile(r"SIP/[0-9]++\.[0-9]++", re.IGNORECASE | re.ASCII)


_Head = tuple[str, list[Field], dict[str, str], int | None]
"""Start line, fields without Content-Length, the first value of each name, and the Content-Length."""


def parse_datagram(data: bytes, limits: Limits) -> Message | None:
    """The message of one datagram; None for a keep-alive (nothing but line ends).

    Octets behind the Content-Length are ignored (18.3). Raises RemoteProtocolError.
    """
    if not data or data[0] in _BLANK:
        if not data.strip(_BLANK):
            return None
        data = data.lstrip(b"\r\n")
    if len(data) > limits.message:
        raise RemoteProtocolError("the message is too large", 513)
    end = data.find(b"\r\n\r\n")
    if end < 0:
        raise RemoteProtocolError("the header fields do not end")
    head = _parse_head(data[:end], limits)
    body = data[end + 4 :]
    length = head[3]
    if length is not None:
        if length > len(body):
            raise _blame("Content-Length is larger than the datagram", head[0], head[1])
        body = body[:length]
    return _build(head, body, data, limits)


class StreamParser:
    """Cuts a TCP or TLS byte stream into messages.

    A ``FramingError`` among the results says that the stream cannot be followed any further: the connection must close,
    and whatever else comes in is dropped. ``pings`` counts the double CRLF keep-alives met (RFC 5626 section 3.5.1).
    """

    __slots__ = ("_broken", "_buffer", "_head", "_limits", "_need", "_scanned", "pings")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._scanned = 0
        self._head: _Head | None = None
        self._need = 0
        self._broken = False
        self.pings = 0

    @property
    def partial(self) -> bool:
        """Whether part of a message is waiting for its rest; the CRLF that answers a keep-alive is no message."""
        buffer = self._buffer
        return len(buffer) > 3 or not b"\r\n\r\n".startswith(buffer)

    def feed(self, data: bytes) -> list[Message | RemoteProtocolError]:
        """Take in bytes; return the messages complete now, and an error for each that was framed but not understood."""
        found: list[Message | RemoteProtocolError] = []
        if self._broken:
            return found
        self._buffer += data
        while (message := self._next()) is not None:
            found.append(message)
            if isinstance(message, FramingError):
                self._broken = True
                self._buffer.clear()
                break
        return found

    def _next(self) -> Message | RemoteProtocolError | None:
        buffer = self._buffer
        if self._head is None:
            try:
                self._head = self._next_head()
            except RemoteProtocolError as error:
                return FramingError(error.reason, error.status, error.method, error.fields)
        if self._head is None or len(buffer) < self._need:
            return None
        head, data, end = self._head, bytes(memoryview(buffer)[: self._need]), self._scanned
        del buffer[: self._need]
        self._head, self._need, self._scanned = None, 0, 0
        try:
            return _build(head, data[end + 4 :], data, self._limits)
        except RemoteProtocolError as error:
            return error

    def _next_head(self) -> _Head | None:
        """The next head once it is complete; any error in it makes the length of the message uncertain."""
        buffer, limits = self._buffer, self._limits
        if buffer.startswith(b"\r\n"):
            self._skip_keep_alive()
        end = buffer.find(b"\r\n\r\n", max(0, self._scanned - 3))
        if end < 0:
            self._scanned = len(buffer)
            if len(buffer) > limits.head:
                raise RemoteProtocolError("the header fields are too long", 513)
            return None
        head = _parse_head(bytes(memoryview(buffer)[:end]), limits)
        length = head[3]
        if length is None:
            raise _blame("a message on a stream needs Content-Length", head[0], head[1])
        if end + 4 + length > limits.message:
            raise _blame("the message is too large", head[0], head[1], 513)
        self._scanned = end
        self._need = end + 4 + length
        return head

    def _skip_keep_alive(self) -> None:
        buffer = self._buffer
        while buffer.startswith(b"\r\n\r\n"):
            self.pings += 1
            del buffer[:4]
            self._scanned = 0
        if buffer.startswith(b"\r\n") and len(buffer) > 2 and buffer[2] != 13:
            del buffer[:2]
            self._scanned = 0


class FramingError(RemoteProtocolError):
    """Where the next message begins is no longer known; the connection must close."""


def _blame(reason: str, start: str, fields: list[Field], status: int = 400) -> RemoteProtocolError:
    return RemoteProtocolError(reason, status, start.partition(" ")[0], tuple(fields))


def _parse_head(head: bytes, limits: Limits) -> _Head:
    """Cut the lines in front of the body into names and values; only Content-Length is understood here."""
    if len(head) > limits.head:
        raise RemoteProtocolError("the header fields are too long", 513)
    # Cheap first: beside the line ends there is nothing but plain characters in nearly every message.
    if len(head.translate(None, _PLAIN)) != 2 * head.count(b"\r\n") and FORBIDDEN.search(head) is not None:
        raise RemoteProtocolError("a control character or a lone line end in the header fields")
    if b"\r\n " in head or b"\r\n\t" in head:
        if head[head.index(b"\r\n") + 2] in b" \t":
            raise RemoteProtocolError("the start line is folded")
        head = _FOLD.sub(b" ", head)
    start, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    fields: list[Field] = []
    if len(lines) > limits.fields:
        raise RemoteProtocolError("too many header fields", 513)
    first: dict[str, str] = {}
    known, crowded = KNOWN_NAMES.get, len(head) > limits.field
    for line in lines:
        spelling, colon, value = line.partition(":")
        name = known(spelling) or canonical(spelling)
        if not colon or not name:
            raise _blame(f"not a header field: {line[:60]!r}", start, fields)
        value = value.strip(" \t")
        if crowded and len(value) > limits.field:
            raise _blame(f"the header field {name} is too long", start, fields, 513)
        if name not in first:
            first[name] = value
        elif name in _SINGLE:
            raise _blame(f"{name} stands twice", start, fields)
        if name != "Content-Length":
            fields.append((name, value))
    return start, fields, first, _length(first, start, fields)


def _length(first: dict[str, str], start: str, fields: list[Field]) -> int | None:
    value = first.get("Content-Length")
    if value is None:
        return None
    if len(value) < 9 and value.isdigit() and value.isascii():
        return int(value)
    try:
        return parse_number("Content-Length", value, 0x7FFFFFFF)
    except RemoteProtocolError as error:
        raise _blame(error.reason, start, fields) from None


def _build(head: _Head, body: bytes, raw: bytes, limits: Limits) -> Message:
    start, fields, first, _ = head
    message: Message
    try:
        match = REQUEST_LINE.fullmatch(start)
        if match is not None:
            message = _request(match[1], match[2], fields, first, body, raw, limits)
        else:
            message = _response(start, fields, body, raw)
            message.understand(first)
    except RemoteProtocolError as error:
        raise _blame(error.reason, start, fields, error.status) from None
    return message


def _request(
    method: str, uri: str, fields: list[Field], first: dict[str, str], body: bytes, raw: bytes, limits: Limits
) -> Request:
    if len(uri) > limits.uri:
        raise RemoteProtocolError("the Request-URI is too long", 414)
    request = Request(method, uri, fields, body, raw)
    if PLAIN_URI.fullmatch(uri) is None and request.target.headers:
        raise RemoteProtocolError("the Request-URI carries header fields")
    request.understand(first)
    if request.cseq.method != method:
        raise RemoteProtocolError(f"CSeq counts {request.cseq.method}, the request is {method}")
    hops = first.get("Max-Forwards", "70")
    if len(hops) > 2 or not (hops.isdigit() and hops.isascii()):
        _ = request.max_forwards
    return request


def _response(start: str, fields: list[Field], body: bytes, raw: bytes) -> Response:
    match = STATUS_LINE.fullmatch(start)
    if match is None:
        last = start.rpartition(" ")[2]
        if _VERSION.fullmatch(last) and last.upper() != "SIP/2.0":
            raise RemoteProtocolError(f"version {last[:20]} is not supported", 505)
        raise RemoteProtocolError(f"not a SIP start line: {start[:60]!r}")
    return Response(int(match[1]), match[2], fields, body, raw)
