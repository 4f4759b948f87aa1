"""What a request must satisfy before anybody looks at what it wants (RFC 3261 section 8.2)."""

from __future__ import annotations

from rustalk.sip.message import Field, Request

__all__ = ["ALLOW", "SDP", "SUPPORTED", "inspect", "offers"]

SDP = "application/sdp"
ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, NOTIFY"
SUPPORTED = "timer"
_METHODS = frozenset(ALLOW.split(", "))
_OPTIONS = frozenset(SUPPORTED.split(", "))


def inspect(request: Request, allow: str = ALLOW) -> tuple[int, list[Field]] | None:
    """The status and fields to refuse a request with, None when it may go on.

    405, 416, 420, 415 and 406 in the order of section 8.2: method, scheme, extensions, content.
    """
    if request.method not in _METHODS:
        return 405, [("Allow", allow)]
    if not request.uri.startswith("sip:") and request.target.scheme not in ("sip", "sips", "tel"):
        return 416, []
    if request.get("Require") is not None or request.get("Proxy-Require") is not None:
        unknown = (request.tokens("Require") | request.tokens("Proxy-Require")) - _OPTIONS
    else:
        unknown = set()
    if unknown:
        return 420, [("Unsupported", ", ".join(sorted(unknown)))]
    if request.method in ("INVITE", "UPDATE"):
        return _inspect_content(request)
    return None


def _inspect_content(request: Request) -> tuple[int, list[Field]] | None:
    if request.body and request.content_type != SDP:
        return 415, [("Accept", SDP)]
    if request.body and (request.get("Content-Encoding") or "identity").lower() != "identity":
        return 415, [("Accept-Encoding", "identity")]
    accept = request.get("Accept")
    if accept is not None and request.method == "INVITE":
        ranges = {item.partition(";")[0].strip(" \t").lower() for item in request.items("Accept")}
        if not ranges & {SDP, "application/*", "*/*"}:
            return 406, [("Accept", SDP)]
    return None


def offers(request: Request) -> bool:
    """Whether the request carries a session description."""
    return bool(request.body) and request.content_type == SDP
