"""Bytes to messages: one datagram, or a stream cut at Content-Length (RFC 3261 sections 7.3, 7.5 and 18.3).

Nothing here trusts a length, a case or a line end: header blocks end in exactly CRLF CRLF, numbers are ASCII digits,
and each limit is an argument. What is wrong becomes a RemoteProtocolError that carries what was understood so far.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import RemoteProtocolError
from .grammar import FORBIDDEN, REQUEST_LINE, STATUS_LINE
from .headers import canonical, parse_number
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
_VERSION = re.compile(r"SIP/[0-9]+\.[0-9]+", re.IGNORECASE | re.ASCII)


def parse_datagram(data: bytes, limits: Limits) -> Message | None:
    """The message of one datagram; None for a keep-alive (nothing but line ends).

    Octets behind the Content-Length are ignored (18.3). Raises RemoteProtocolError.
    """
    if data[:1] in (b"\r", b"\n"):
        data = data.lstrip(b"\r\n")
    if not data.strip(b"\0\r\n \t"):
        return None
    if len(data) > limits.message:
        raise RemoteProtocolError("the message is too large", 513)
    end = data.find(b"\r\n\r\n")
    if end < 0:
        raise RemoteProtocolError("the header fields do not end")
    start, fields, length = _parse_head(data[:end], limits)
    body = data[end + 4 :]
    if length is not None:
        if length > len(body):
            raise _blame("Content-Length is larger than the datagram", start, fields)
        body = body[:length]
    return _build(start, fields, body, data, limits)


class StreamParser:
    """Cuts a TCP or TLS byte stream into messages.

    A ``FramingError`` among the results says that the stream cannot be followed any further: the connection must close.
    ``pings`` counts the double CRLF keep-alives met (RFC 5626 section 3.5.1).
    """

    __slots__ = ("_buffer", "_limits", "_need", "_scanned", "pings")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._scanned = 0
        self._need = 0
        self.pings = 0

    @property
    def partial(self) -> bool:
        """Whether part of a message is waiting for its rest."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[Message | RemoteProtocolError]:
        """Take in bytes; return the messages complete now, and an error for each that was framed but not understood."""
        self._buffer += data
        found: list[Message | RemoteProtocolError] = []
        while (message := self._next()) is not None:
            found.append(message)
            if isinstance(message, FramingError):
                break
        return found

    def _next(self) -> Message | RemoteProtocolError | None:
        buffer = self._buffer
        if not self._need:
            self._skip_keep_alive()
            end = buffer.find(b"\r\n\r\n", max(0, self._scanned - 3))
            if end < 0:
                self._scanned = len(buffer)
                if len(buffer) > self._limits.head:
                    return FramingError("the header fields are too long", 513)
                return None
            if end > self._limits.head:
                return FramingError("the header fields are too long", 513)
            length = self._content_length(bytes(buffer[:end]))
            if isinstance(length, RemoteProtocolError):
                return length
            if end + 4 + length > self._limits.message:
                return FramingError("the message is too large", 513)
            self._scanned = end
            self._need = end + 4 + length
        if len(buffer) < self._need:
            return None
        data, end = bytes(buffer[: self._need]), self._scanned
        del buffer[: self._need]
        self._need = self._scanned = 0
        try:
            start, fields, _ = _parse_head(data[:end], self._limits)
            return _build(start, fields, data[end + 4 :], data, self._limits)
        except RemoteProtocolError as error:
            return error

    def _skip_keep_alive(self) -> None:
        buffer = self._buffer
        while buffer[:4] == b"\r\n\r\n":
            self.pings += 1
            del buffer[:4]
            self._scanned = 0
        if buffer[:2] == b"\r\n" and len(buffer) > 2 and buffer[2:3] != b"\r":
            del buffer[:2]
            self._scanned = 0

    def _content_length(self, head: bytes) -> int | RemoteProtocolError:
        try:
            start, fields, length = _parse_head(head, self._limits)
            if length is None:
                raise _blame("a message on a stream needs Content-Length", start, fields)
        except RemoteProtocolError as error:
            return FramingError(error.reason, error.status, error.method, error.fields)
        return length


class FramingError(RemoteProtocolError):
    """Where the next message begins is no longer known; the connection must close."""


def _blame(reason: str, start: str, fields: list[Field], status: int = 400) -> RemoteProtocolError:
    return RemoteProtocolError(reason, status, start.partition(" ")[0], tuple(fields))


def _parse_head(head: bytes, limits: Limits) -> tuple[str, list[Field], int | None]:
    """Start line, fields without Content-Length, and the Content-Length."""
    if len(head) > limits.head:
        raise RemoteProtocolError("the header fields are too long", 513)
    suspects = head.translate(None, _PLAIN)
    if suspects != b"\r\n" * (len(suspects) // 2) and FORBIDDEN.search(head) is not None:
        raise RemoteProtocolError("a control character or a lone line end in the header fields")
    if b"\r\n " in head or b"\r\n\t" in head:
        head = re.sub(rb"[ \t]*\r\n[ \t]+", b" ", head)
    lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    if len(lines) - 1 > limits.fields:
        raise RemoteProtocolError("too many header fields", 513)
    start = lines[0]
    fields: list[Field] = []
    length: int | None = None
    seen: set[str] = set()
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        name = canonical(name)
        if not colon or not name:
            raise _blame(f"not a header field: {line[:60]!r}", start, fields)
        value = value.strip(" \t")
        if len(value) > limits.field:
            raise _blame(f"the header field {name} is too long", start, fields, 513)
        if name in _SINGLE:
            if name in seen:
                raise _blame(f"{name} stands twice", start, fields)
            seen.add(name)
            if name == "Content-Length":
                length = _length(value, start, fields)
                continue
        fields.append((name, value))
    return start, fields, length


def _length(value: str, start: str, fields: list[Field]) -> int:
    try:
        return parse_number("Content-Length", value, 0x7FFFFFFF)
    except RemoteProtocolError as error:
        raise _blame(error.reason, start, fields) from None


def _build(start: str, fields: list[Field], body: bytes, raw: bytes, limits: Limits) -> Message:
    message: Message
    match = REQUEST_LINE.fullmatch(start)
    try:
        if match is not None:
            message = _request(match[1], match[2], fields, body, raw, limits)
        else:
            message = _response(start, fields, body, raw)
        # The fields every element needs are parsed now, so that what passes here can be answered.
        _ = message.via, message.from_, message.to, message.cseq
        if not message.call_id:
            raise RemoteProtocolError("the Call-ID is empty")
    except RemoteProtocolError as error:
        raise RemoteProtocolError(error.reason, error.status, start.partition(" ")[0], tuple(fields)) from None
    return message


def _request(method: str, uri: str, fields: list[Field], body: bytes, raw: bytes, limits: Limits) -> Request:
    if len(uri) > limits.uri:
        raise RemoteProtocolError("the Request-URI is too long", 414)
    request = Request(method, uri, fields, body, raw)
    if request.target.headers:
        raise RemoteProtocolError("the Request-URI carries header fields")
    if request.cseq.method != method:
        raise RemoteProtocolError(f"CSeq counts {request.cseq.method}, the request is {method}")
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
