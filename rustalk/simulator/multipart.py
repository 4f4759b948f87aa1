"""Bodies of several parts (RFC 2046 section 5.1): a session description with a location beside it (EMG-01)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rustalk.sip.headers import parse_params, unquote
from rustalk.sip.message import Field, Message

__all__ = ["Part", "compose", "description", "parts"]

SDP = "application/sdp"


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its own header fields as written, in order, and its bytes."""

    fields: tuple[Field, ...]
    body: bytes

    @property
    def kind(self) -> str:
        """The media type in lower case; '' when it is not given."""
        values = (value for name, value in self.fields if name.lower() == "content-type")
        return next(values, "").partition(";")[0].strip().lower()

    def to_bytes(self) -> bytes:
        """The part as it stands between two boundaries."""
        head = "".join(f"{name}: {value}\r\n" for name, value in self.fields)
        return head.encode() + b"\r\n" + self.body


def compose(every: Iterable[Part], boundary: str) -> tuple[str, bytes]:
    """A multipart/mixed body and its Content-Type."""
    line = b"--" + boundary.encode()
    body = b"".join(line + b"\r\n" + part.to_bytes() + b"\r\n" for part in every) + line + b"--\r\n"
    return f"multipart/mixed;boundary={boundary}", body


def parts(message: Message) -> list[Part]:
    """The parts of a message's body; a body that is not multipart is one part by itself."""
    value = message.get("Content-Type") or SDP
    kind, semicolon, rest = value.partition(";")
    if not kind.strip().lower().startswith("multipart/"):
        return [Part((("Content-Type", value),), message.body)] if message.body else []
    parameters = {name.lower(): text or "" for name, text in parse_params(semicolon + rest)}
    boundary = parameters.get("boundary", "")
    boundary = unquote(boundary) if boundary.startswith('"') else boundary
    pieces = (b"\r\n" + message.body).split(b"\r\n--" + boundary.encode())
    return [_part(piece) for piece in pieces[1:] if not piece.startswith(b"--")]


def description(message: Message) -> bytes:
    """The session description in a message, alone or as a part; b'' when there is none."""
    return next((part.body for part in parts(message) if part.kind == SDP), b"")


def _part(piece: bytes) -> Part:
    head, _, body = piece.partition(b"\r\n\r\n")
    lines = [line.decode("utf-8", "surrogateescape") for line in head.split(b"\r\n") if line.strip()]
    split = (line.partition(":") for line in lines)
    return Part(tuple((name.strip(), value.strip()) for name, _, value in split), body)
