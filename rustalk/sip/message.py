"""Requests and responses: a start line, header fields in order, a body (RFC 3261 section 7).

Header fields stay text until somebody asks for their meaning. Text is UTF-8; a byte that is not survives as a
surrogate and leaves as the same byte. Content-Length is not among the fields: the body is its own length.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .errors import LocalProtocolError, RemoteProtocolError
from .headers import CSeq, NameAddr, Via, parse_number, split_list
from .status import reason_phrase
from .uri import Uri

__all__ = ["Field", "Message", "Request", "Response"]

Field = tuple[str, str]
"""A header field: its canonical name and its value as written, unfolded."""


class Message:
    """What requests and responses have in common. Built once, then only read."""

    __slots__ = ("_call_id", "_contacts", "_cseq", "_from", "_to", "_via", "body", "fields", "raw")

    def __init__(self, fields: Iterable[Field] = (), body: bytes = b"", raw: bytes = b"") -> None:
        self.fields = list(fields)
        self.body = body
        self.raw = raw
        self._call_id = ""
        self._via: Via | None = None
        self._from: NameAddr | None = None
        self._to: NameAddr | None = None
        self._cseq: CSeq | None = None
        self._contacts: list[NameAddr] | None = None

    def get(self, name: str) -> str | None:
        """The first field of this canonical name."""
        for key, value in self.fields:
            if key == name:
                return value
        return None

    def all(self, name: str) -> list[str]:
        """Every field of this name, as written; comma lists are not split."""
        return [value for key, value in self.fields if key == name]

    def items(self, name: str) -> list[str]:
        """Every value of this name, comma lists split."""
        return [item for value in self.all(name) if value for item in split_list(value)]

    def addresses(self, name: str) -> list[NameAddr]:
        """Every value of this name as an address."""
        return [NameAddr.parse(item) for item in self.items(name)]

    def tokens(self, name: str) -> set[str]:
        """The option tags or methods of this name (Supported, Require, Allow ...)."""
        return {token.strip(" \t") for value in self.all(name) for token in value.split(",")} - {""}

    def number(self, name: str, limit: int = 0xFFFFFFFF) -> int | None:
        """A decimal field, None when absent; anything after a semicolon or a space is a parameter or comment."""
        value = self.get(name)
        if value is None:
            return None
        return parse_number(name, value.partition(";")[0].partition(" ")[0].strip(" \t"), limit)

    def understand(self, first: Mapping[str, str]) -> None:
        """Parse the fields that every element needs, so that what passes here can be answered.

        ``first`` holds the first value of each name. Raises RemoteProtocolError.
        """
        try:
            via, sender, to, cseq = first["Via"], first["From"], first["To"], first["CSeq"]
            call_id = first["Call-ID"]
        except KeyError as missing:
            raise RemoteProtocolError(f"the message has no {missing.args[0]}") from None
        if not call_id:
            raise RemoteProtocolError("the Call-ID is empty")
        self._via = Via.parse(via if "," not in via else split_list(via)[0])
        self._from = NameAddr.parse(sender)
        self._to = NameAddr.parse(to)
        self._cseq = CSeq.parse(cseq)
        self._call_id = call_id

    def _need(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise RemoteProtocolError(f"the message has no {name}")
        return value

    @property
    def via(self) -> Via:
        """The topmost Via."""
        if self._via is None:
            self._via = Via.parse(split_list(self._need("Via"))[0])
        return self._via

    @property
    def vias(self) -> list[Via]:
        """Every Via, topmost first."""
        return [Via.parse(item) for item in self.items("Via")]

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        if not self._call_id:
            self._call_id = self._need("Call-ID")
        return self._call_id

    @property
    def cseq(self) -> CSeq:
        """Sequence number and method."""
        if self._cseq is None:
            self._cseq = CSeq.parse(self._need("CSeq"))
        return self._cseq

    @property
    def from_(self) -> NameAddr:
        """The From address."""
        if self._from is None:
            self._from = NameAddr.parse(self._need("From"))
        return self._from

    @property
    def to(self) -> NameAddr:
        """The To address."""
        if self._to is None:
            self._to = NameAddr.parse(self._need("To"))
        return self._to

    @property
    def contacts(self) -> list[NameAddr]:
        """Every Contact; empty for ``*`` as well as for none."""
        if self._contacts is None:
            self._contacts = [] if self.get("Contact") == "*" else self.addresses("Contact")
        return self._contacts

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact: only that one counts outside registrations (HDR-01)."""
        return self.contacts[0] if self.contacts else None

    @property
    def content_type(self) -> str:
        """The media type of the body in lower case, without parameters; '' when there is none."""
        return (self.get("Content-Type") or "").partition(";")[0].strip(" \t").lower()

    @property
    def start_line(self) -> str:
        """The first line, without its end."""
        raise LocalProtocolError("a message is a request or a response")

    def to_bytes(self) -> bytes:
        """The message as it goes on the wire.

        Raises LocalProtocolError when a field would break out of its line or is no text.
        """
        lines = [self.start_line]
        lines += [f"{name}: {value}" for name, value in self.fields]
        head = "\r\n".join(lines)
        if head.count("\n") != len(self.fields) or head.count("\r") != len(self.fields):
            raise LocalProtocolError("a header field holds a line end")
        try:
            return f"{head}\r\nContent-Length: {len(self.body)}\r\n\r\n".encode("utf-8", "surrogateescape") + self.body
        except UnicodeEncodeError:
            raise LocalProtocolError("a header field holds a character that UTF-8 does not have") from None

    def __repr__(self) -> str:
        return f"<{self.start_line} {self.get('CSeq')} {self.get('Call-ID')}>"


class Request(Message):
    """A request. ``uri`` is the Request-URI as text, ``target`` the same parsed."""

    __slots__ = ("_target", "method", "uri")

    def __init__(
        self, method: str, uri: str, fields: Iterable[Field] = (), body: bytes = b"", raw: bytes = b""
    ) -> None:
        super().__init__(fields, body, raw)
        self.method = method
        self.uri = uri
        self._target: Uri | None = None

    @property
    def start_line(self) -> str:
        return f"{self.method} {self.uri} SIP/2.0"

    @property
    def target(self) -> Uri:
        """The Request-URI, parsed."""
        if self._target is None:
            self._target = Uri.parse(self.uri)
        return self._target

    @property
    def max_forwards(self) -> int | None:
        """How many hops are left, None when the request does not say (RFC 2543)."""
        value = self.get("Max-Forwards")
        return None if value is None else parse_number("Max-Forwards", value, 255)

    def response(
        self,
        status: int,
        reason: str = "",
        *,
        to_tag: str = "",
        fields: Iterable[Field] = (),
        body: bytes = b"",
    ) -> Response:
        """A response to this request, as section 8.2.6 says; ``to_tag`` is added when To has none."""
        echoed: list[Field] = []
        for name, value in self.fields:
            if name == "To" and to_tag and not self.to.tag:
                echoed.append((name, f"{value};tag={to_tag}"))
            elif name in ("Via", "From", "To", "Call-ID", "CSeq"):
                echoed.append((name, value))
        echoed.extend(fields)
        return Response(status, reason, echoed, body)


class Response(Message):
    """A response: a status code and its phrase."""

    __slots__ = ("reason", "status")

    def __init__(
        self, status: int, reason: str = "", fields: Iterable[Field] = (), body: bytes = b"", raw: bytes = b""
    ) -> None:
        super().__init__(fields, body, raw)
        self.status = status
        self.reason = reason or reason_phrase(status)

    @property
    def start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"
