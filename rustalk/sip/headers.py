"""Header fields that have a structure: Via, From, To, Contact, Route, CSeq (RFC 3261 section 20)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from .errors import RemoteProtocolError
from .grammar import (
    COMMA_ITEM,
    CSEQ,
    NAME_ADDR,
    NUMBER,
    PARAM,
    PARAMS,
    PLAIN_ADDR,
    PLAIN_PARAMS,
    PLAIN_VIA,
    TOKEN,
    VIA,
)
from .uri import Params, Uri, find, format_host

__all__ = [
    "KNOWN_NAMES",
    "CSeq",
    "NameAddr",
    "Via",
    "canonical",
    "format_params",
    "parse_number",
    "parse_params",
    "quote",
    "split_list",
    "unquote",
]

_SHOWN = """
Accept Accept-Encoding Accept-Language Alert-Info Allow Allow-Events Also Authentication-Info Authorization
Call-ID Call-Info Contact Content-Disposition Content-Encoding Content-Language Content-Length Content-Type
CSeq Date Diversion Error-Info Event Expires From Geolocation History-Info Identity In-Reply-To Max-Forwards
Min-Expires Min-SE MIME-Version Organization P-Asserted-Identity P-Preferred-Identity Path Priority Privacy
Proxy-Authenticate Proxy-Authorization Proxy-Require RAck Reason Record-Route Refer-To Referred-By Replaces
Reply-To Request-Disposition Require Retry-After Route RSeq Server Service-Route Session-Expires SIP-ETag
SIP-If-Match Subject Subscription-State Supported Timestamp To Unsupported User-Agent User-to-User Via Warning
WWW-Authenticate
"""
_COMPACT = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "n": "Identity-Info",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}
KNOWN_NAMES = {
    spelling: name
    for short, name in [(name, name) for name in _SHOWN.split()] + list(_COMPACT.items())
    for spelling in (short, short.lower(), short.upper())
}
"""Canonical names by the spellings that are seen: as written here, lower case, upper case."""


def canonical(name: str) -> str:
    """The usual spelling of a header name, from any case or its compact form; '' when it is no token.

    White space before the colon is legal (section 7.3.1) and goes; an unknown name stays as it is.
    """
    known = KNOWN_NAMES.get(name)
    if known is not None:
        return known
    name = name.rstrip(" \t")
    return KNOWN_NAMES.get(name.lower(), name) if TOKEN.fullmatch(name) else ""


class CSeq(NamedTuple):
    """A sequence number and the method it counts."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> CSeq:
        """Understand a CSeq value; the number must fit 31 bits (section 8.1.1.5)."""
        number, _, method = text.partition(" ")
        if method.isalpha() and number.isdigit() and text.isascii() and len(number) < 10:
            return cls(int(number), method)
        match = CSEQ.fullmatch(text)
        if match is None or int(match[1]) > 0x7FFFFFFF:
            raise RemoteProtocolError(f"bad CSeq {text[:60]!r}")
        return cls(int(match[1]), match[2])


def parse_number(name: str, text: str, limit: int) -> int:
    """A decimal header value from 0 to ``limit``, in plain ASCII digits only."""
    if NUMBER.fullmatch(text) is None or int(text) > limit:
        raise RemoteProtocolError(f"bad {name} {text[:60]!r}")
    return int(text)


def parse_params(text: str) -> Params:
    """Parameters behind a value: ``;name=value;name``, white space allowed around each sign."""
    if not text:
        return ()
    if PLAIN_PARAMS.fullmatch(text) is not None:
        return _split_params(text)
    if PARAMS.fullmatch(text) is None:
        raise RemoteProtocolError(f"bad parameters {text[:80]!r}")
    return tuple((m[1], m[2]) for m in PARAM.finditer(text))


def _split_params(text: str) -> Params:
    """Parameters in which each semicolon and each first equals sign is what it seems."""
    pieces = [piece.partition("=") for piece in text[1:].split(";")]
    return tuple([(name, value if equals else None) for name, equals, value in pieces])


def format_params(params: Params) -> str:
    """The text of parameters, each with its semicolon."""
    return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in params)


def split_list(text: str) -> list[str]:
    """The items of a comma list; commas in quoted strings and in angle brackets do not separate."""
    if "," not in text:
        return [text]
    items, position = [], 0
    while True:
        match = COMMA_ITEM.match(text, position)
        item = match[0].strip(" \t") if match else ""
        if not item:
            raise RemoteProtocolError(f"empty item or open quote in a list: {text[:80]!r}")
        items.append(item)
        position = match.end() if match else position
        if position == len(text):
            return items
        if text[position] != ",":
            raise RemoteProtocolError(f"open quote or bracket in a list: {text[:80]!r}")
        position += 1


_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")


def quote(text: str) -> str:
    """A quoted-string; control characters are dropped, quotes and backslashes escaped."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + _UNSAFE.sub("", text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquote(text: str) -> str:
    """What a quoted-string says: without its quotes, escaped characters as themselves."""
    inner = text[1:-1]
    return re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL) if "\\" in inner else inner


@dataclass(frozen=True, slots=True)
class Via:
    """One hop a request came through (section 20.42)."""

    transport: str
    host: str
    port: int | None
    params: Params

    @classmethod
    def parse(cls, text: str) -> Via:
        """Understand one Via value."""
        plain = PLAIN_VIA.fullmatch(text)
        match = plain or VIA.fullmatch(text)
        if match is None:
            raise RemoteProtocolError(f"bad Via {text[:80]!r}")
        transport, host, port, rest = match.groups()
        if port is not None and not 0 < int(port) < 65536:
            raise RemoteProtocolError(f"bad port in Via {text[:80]!r}")
        if plain is not None:
            return cls(transport, host, int(port) if port else None, _split_params(rest) if rest else ())
        host = host[1:-1] if host[0] == "[" else host
        return cls(transport.upper(), host, int(port) if port else None, parse_params(rest))

    def __str__(self) -> str:
        port = f":{self.port}" if self.port is not None else ""
        return f"SIP/2.0/{self.transport} {format_host(self.host)}{port}{format_params(self.params)}"

    @property
    def branch(self) -> str:
        """The transaction's name at the element that wrote this Via; '' from an RFC 2543 element."""
        return find(self.params, "branch") or ""

    @property
    def sent_by(self) -> str:
        """Host and port as they count for transaction matching (section 17.2.3)."""
        return f"{self.host.lower()}:{self.port or (5061 if self.transport == 'TLS' else 5060)}"


class NameAddr:
    """A display name, an address and the header's parameters: From, To, Contact, Route, Record-Route, Refer-To.

    ``address`` is the URI as text; ``uri`` parses it when first asked for and may raise RemoteProtocolError.
    """

    __slots__ = ("_uri", "address", "display", "params")

    def __init__(self, address: str, params: Params = (), display: str = "") -> None:
        self.address = address
        self.params = params
        self.display = display
        self._uri: Uri | None = None

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """Understand one name-addr or addr-spec; in the latter the parameters belong to the header (section 20.10)."""
        match = PLAIN_ADDR.fullmatch(text)
        if match is not None:
            plain, address, tag = match.groups()
            return cls(address, (("tag", tag),) if tag else (), plain.strip(" \t"))
        match = NAME_ADDR.fullmatch(text)
        if match is not None:
            quoted, plain, address, rest = match.groups()
            display = unquote(quoted) if quoted is not None else plain.rstrip(" \t")
            return cls(address, parse_params(rest), display)
        address, semicolon, rest = text.partition(";")
        address = address.strip(" \t")
        if not address or any(c in address for c in '<>" \t?,') or ":" not in address:
            raise RemoteProtocolError(f"bad address {text[:80]!r}")
        return cls(address, parse_params(semicolon + rest))

    @property
    def uri(self) -> Uri:
        """The address, parsed."""
        if self._uri is None:
            self._uri = Uri.parse(self.address)
        return self._uri

    @property
    def tag(self) -> str:
        """The tag parameter, '' when absent."""
        return find(self.params, "tag") or ""

    def param(self, name: str) -> str | None:
        """A header parameter: '' when it stands without a value, None when absent."""
        return find(self.params, name)

    def __str__(self) -> str:
        display = f"{quote(self.display)} " if self.display else ""
        return f"{display}<{self.address}>{format_params(self.params)}"

    def __repr__(self) -> str:
        return f"NameAddr({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NameAddr) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash((self.address, self.params))
