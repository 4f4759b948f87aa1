"""How a peer writes its messages: Teams as seen in traces, the carrier as the RFC prints it.

Teams sends upper-case header names, glues an unquoted display name to the bracket, names an IP address in Via, and
splits Record-Route and Contact over two hosts (HDR-08, HDR-20). The identifiers are made of the ``hexadecimal`` handed
in, a function from a count of characters to that many random hexadecimal digits.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from rustalk.sip.message import Field, Message, Request
from rustalk.sip.uri import format_host

__all__ = ["TEAMS_ALLOW", "TEAMS_PRODUCT", "Style", "guid", "hexadecimal", "teams_style", "with_call"]

TEAMS_ALLOW = "INVITE,ACK,OPTIONS,CANCEL,BYE,NOTIFY"
TEAMS_PRODUCT = "Microsoft.PSTNHub.SIPProxy v.2026.11.2.4 i.EUWE.6"

Hexadecimal = Callable[[int], str]

_TEAMS_ORDER = ("From", "To", "CSeq", "Call-ID", "Max-Forwards", "Via", "Record-Route", "Route", "Contact")


@dataclass(frozen=True, slots=True)
class Style:
    """The hand a peer writes: what it calls itself, and how its lines look.

    ``order`` are the fields that come first, in that order; the others follow as they were added.
    """

    kind: str
    host: str
    port: int
    contact: str
    product: str
    allow: str
    hexadecimal: Hexadecimal
    record_route: str = ""
    upper: bool = False
    order: tuple[str, ...] = ()
    branch_length: int = 16

    def via(self) -> str:
        """A new Via value, with a new branch."""
        branch = "z9hG4bK" + self.hexadecimal(self.branch_length)
        rport = "" if self.upper else ";rport"
        return f"SIP/2.0/{self.kind} {format_host(self.host)}:{self.port};branch={branch}{rport}"

    def tag(self) -> str:
        """A new tag or Call-ID."""
        return self.hexadecimal(32)

    def contacts(self) -> list[Field]:
        """What names this peer's place in a dialog: Record-Route where it writes one, Contact always."""
        routes: list[Field] = [("Record-Route", self.record_route)] if self.record_route else []
        return [*routes, ("Contact", self.contact)]

    def features(self, request: bool) -> list[Field]:
        """The fields that tell what program this is and what it can do."""
        return [("Allow", self.allow), ("User-Agent" if request else "Server", self.product)]

    def request(self, method: str, uri: str, fields: Iterable[Field], body: bytes = b"") -> Request:
        """A request with a new Via on top of these fields."""
        own: list[Field] = [("Via", self.via()), ("Max-Forwards", "70"), *fields]
        if body and not any(name == "Content-Type" for name, _ in own):
            own.append(("Content-Type", "application/sdp"))
        return Request(method, uri, own, body)

    def encode(self, message: Message) -> bytes:
        """The message as this peer puts it on the wire."""
        if not self.upper:
            return message.to_bytes()
        ranks = {name: rank for rank, name in enumerate(self.order)}
        ordered = sorted(message.fields, key=lambda field: ranks.get(field[0], len(ranks)))
        ordered.append(("Content-Length", str(len(message.body))))
        lines = [message.start_line, *(f"{name.upper()}: {value}" for name, value in ordered)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape") + message.body


def hexadecimal(count: int) -> str:
    """So many random hexadecimal digits."""
    return secrets.token_hex((count + 1) // 2)[:count]


def guid(hexadecimal: Hexadecimal) -> str:
    """A random identifier in the form 8-4-4-4-12."""
    text = hexadecimal(32)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def teams_style(address: str, port: int, *, in_dialog: tuple[str, int], hexadecimal: Hexadecimal) -> Style:
    """The style of a Teams proxy at this IP address (sections 3.1 to 3.3 of the document).

    ``in_dialog`` is the host and port of the Record-Route. The Contact here is the one of an OPTIONS; a call gets its
    own by ``with_call``.
    """
    host, sip_port = in_dialog
    return Style(
        kind="TLS",
        host=address,
        port=port,
        contact=f"<sip:{host}:{sip_port}>",
        product=TEAMS_PRODUCT,
        allow=TEAMS_ALLOW,
        hexadecimal=hexadecimal,
        record_route=f"<sip:{host}:{sip_port};transport=tls;lr>",
        upper=True,
        order=_TEAMS_ORDER,
        branch_length=8,
    )


def with_call(style: Style, trap: tuple[str, int]) -> Style:
    """The style for one call: its Contact is on the API host, never to be dialled, with the call's parameters."""
    make = style.hexadecimal
    path = f"{make(32)}/d/8/{make(32)}"
    return replace(style, contact=f"<sip:{trap[0]}:{trap[1]};x-i={guid(make)};x-c={path}>")
