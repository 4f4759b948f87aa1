"""What a request must satisfy before anybody looks at what it wants (RFC 3261 section 8.2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Field, Message, Request
from rustalk.sip.multipart import Multipart

__all__ = ["ALLOW", "SDP", "SUPPORTED", "Unfit", "description", "inspect"]

SDP = "application/sdp"
_MIXED = "multipart/mixed"
ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, NOTIFY, PRACK, REFER"
SUPPORTED = "timer, replaces, 100rel, norefersub"
_OPTIONS = frozenset(SUPPORTED.split(", "))


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a request is refused: a code of the registry of reasons, and the fields that tell the peer what would do."""

    code: str
    fields: tuple[Field, ...] = ()


def inspect(request: Request, allow: str = ALLOW) -> Unfit | None:
    """What to refuse a request with, None when it may go on.

    405, 416, 420, 415 and 406 in the order of section 8.2: method, scheme, extensions, content.
    """
    if request.method not in _methods(allow):
        return Unfit("bad_method", (("Allow", allow),))
    if not request.uri.startswith("sip:") and request.target.scheme not in ("sip", "sips", "tel"):
        return Unfit("bad_scheme")
    if request.get("Require") is not None or request.get("Proxy-Require") is not None:
        unknown = (request.tokens("Require") | request.tokens("Proxy-Require")) - _OPTIONS
    else:
        unknown = set()
    if unknown:
        return Unfit("bad_extension", (("Unsupported", ", ".join(sorted(unknown))),))
    if request.method in ("INVITE", "UPDATE"):
        return _inspect_content(request)
    return None


@cache
def _methods(allow: str) -> frozenset[str]:
    return frozenset(allow.split(", "))


def _inspect_content(request: Request) -> Unfit | None:
    if request.body and not _is_described(request):
        return Unfit("bad_content", (("Accept", f"{SDP}, {_MIXED}"),))
    if request.body and (request.get("Content-Encoding") or "identity").lower() != "identity":
        return Unfit("bad_content", (("Accept-Encoding", "identity"),))
    accept = request.get("Accept")
    if accept is not None and request.method == "INVITE":
        ranges = {item.partition(";")[0].strip(" \t").lower() for item in request.items("Accept")}
        if not ranges & {SDP, "application/*", "*/*"}:
            return Unfit("unacceptable", (("Accept", SDP),))
    return None


def _is_described(message: Message) -> bool:
    return message.content_type == SDP or bool(description(message))


def description(message: Message) -> bytes:
    """The session description that a message carries, alone or as a part of its body (RFC 5621); b'' for none."""
    if not message.body or message.content_type == SDP:
        return message.body
    if message.content_type != _MIXED:
        return b""
    try:
        parts = Multipart.parse(message.get("Content-Type") or "", message.body)
    except RemoteProtocolError:
        return b""
    part = parts.find(SDP)
    return parts.content(part) if part is not None else b""
