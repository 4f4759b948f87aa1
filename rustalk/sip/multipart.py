"""A body of several parts (RFC 2046 section 5.1, RFC 5621): find one, and put another text in its place.

Every octet outside the replaced part stays as it was, since a signature or a location (RFC 6442) may depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import RemoteProtocolError
from .headers import parse_params, unquote
from .uri import find

__all__ = ["Multipart", "Part"]

_MAX_PARTS = 16
_MAX_BOUNDARY = 70
_SPACE = b" \t"


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its media type in lower case without parameters, and where in the body its own content stands."""

    type: str
    start: int
    end: int
    id: str = ""


@dataclass(frozen=True, slots=True)
class Multipart:
    """A body of several parts. ``content_type`` is the header value as it came, boundary and all."""

    content_type: str
    body: bytes
    parts: tuple[Part, ...]

    @classmethod
    def parse(cls, content_type: str, body: bytes) -> Multipart:
        """Cut a body at its boundary; a part that is a multipart itself stays whole.

        Raises RemoteProtocolError: 400 for one without a usable boundary, without its end, or of more than 16 parts.
        """
        return cls(content_type, body, tuple(_parts(body, _boundary(content_type))))

    def find(self, type: str) -> Part | None:
        """The first part of a media type."""
        return next((part for part in self.parts if part.type == type), None)

    def content(self, part: Part) -> bytes:
        """What stands in a part."""
        return self.body[part.start : part.end]

    def replaced(self, part: Part, content: bytes) -> bytes:
        """The body with another content in this part; a Content-Length in the part's own head is set right.

        Raises ValueError for a content in which the boundary stands.
        """
        if b"--" + _boundary(self.content_type) in content:
            raise ValueError("the new part holds the boundary")
        head = self.body[: part.start]
        at = _length_at(head)
        if at is not None:
            head = head[: at[0]] + str(len(content)).encode() + head[at[1] :]
        return head + content + self.body[part.end :]


def _boundary(content_type: str) -> bytes:
    kind, semicolon, rest = content_type.partition(";")
    if not kind.strip(" \t").lower().startswith("multipart/"):
        raise RemoteProtocolError(f"not a multipart body: {content_type[:60]!r}")
    text = find(parse_params(semicolon + rest), "boundary") or ""
    text = unquote(text) if text.startswith('"') else text
    if not 0 < len(text) <= _MAX_BOUNDARY or not text.isascii() or not text.isprintable() or text.endswith(" "):
        raise RemoteProtocolError(f"the multipart body has no usable boundary: {content_type[:80]!r}")
    return text.encode()


def _parts(body: bytes, boundary: bytes) -> list[Part]:
    parts: list[Part] = []
    delimiter = b"--" + boundary
    at, after = _delimiter(body, delimiter, 0)
    while not body.startswith(b"--", at + len(delimiter)):
        if len(parts) == _MAX_PARTS:
            raise RemoteProtocolError(f"a multipart body of more than {_MAX_PARTS} parts", 413)
        start = after
        at, after = _delimiter(body, delimiter, start - 2)
        parts.append(_part(body, start, at - 2))
    return parts


def _delimiter(body: bytes, delimiter: bytes, start: int) -> tuple[int, int]:
    """Where the next line that is a delimiter begins, and where the line behind it does."""
    found = 0 if start == 0 and body.startswith(delimiter) else body.find(b"\r\n" + delimiter, start) + 2
    while found != 1:
        end = body.find(b"\r\n", found)
        line = body[found : end if end >= 0 else len(body)]
        if line[len(delimiter) :].strip(_SPACE) in (b"", b"--"):
            return found, end + 2 if end >= 0 else len(body)
        found = body.find(b"\r\n" + delimiter, found) + 2
    raise RemoteProtocolError("a multipart body without its last boundary")


def _part(body: bytes, start: int, end: int) -> Part:
    """A part: perhaps fields, an empty line, its content."""
    if start >= end:
        return Part("text/plain", end, end)
    if body.startswith(b"\r\n", start):
        return Part("text/plain", min(start + 2, end), end)
    blank = body.find(b"\r\n\r\n", start, end)
    head = body[start : blank if blank >= 0 else end]
    kind, ident = "text/plain", ""
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        match name.strip(" \t").lower():
            case "content-type" | "c":
                kind = value.partition(";")[0].strip(" \t").lower()
            case "content-id":
                ident = value.strip(" \t")
    return Part(kind, blank + 4 if 0 <= blank <= end - 4 else end, end, ident)


def _length_at(head: bytes) -> tuple[int, int] | None:
    """Where the value of Content-Length stands in the fields at the end of ``head``."""
    if not head.endswith(b"\r\n\r\n"):
        return None
    end = len(head) - 4
    while (start := head.rfind(b"\r\n", 0, end) + 2) > 1:
        line = head[start:end]
        if not line or line.startswith(b"--"):
            return None
        name, colon, value = line.partition(b":")
        if colon and name.strip(_SPACE).lower() in (b"content-length", b"l"):
            first = end - len(value.lstrip(_SPACE))
            return first, first + len(value.strip(_SPACE))
        end = start - 2
    return None
