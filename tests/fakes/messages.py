"""Small SIP messages, made from bytes as the network would bring them."""

from __future__ import annotations

from typing import Any

from rustalk.sip.message import Message, Request, Response
from rustalk.sip.parse import Limits, parse_datagram

__all__ = ["LIMITS", "make_request", "make_response", "parse", "request_wire", "wire"]

LIMITS = Limits()


def wire(start: str, *lines: str, body: bytes = b"") -> bytes:
    """The bytes of a message with exactly these lines."""
    return "\r\n".join((start, *lines, "", "")).encode("utf-8", "surrogateescape") + body


def parse(data: bytes) -> Message:
    """The message of a datagram that holds one."""
    message = parse_datagram(data, LIMITS)
    assert message is not None
    return message


def request_wire(
    method: str = "INVITE",
    *lines: str,
    uri: str = "sip:bob@biloxi.example.com",
    via: str = "SIP/2.0/UDP client.atlanta.example.com:5060;branch=z9hG4bK74bf9",
    to: str = "Bob <sip:bob@biloxi.example.com>",
    cseq: str = "",
    body: bytes = b"",
) -> bytes:
    """The bytes of a request with the fields that each needs, and these lines behind them."""
    return wire(
        f"{method} {uri} SIP/2.0",
        f"Via: {via}",
        "Max-Forwards: 70",
        "From: Alice <sip:alice@atlanta.example.com>;tag=9fxced76sl",
        f"To: {to}",
        "Call-ID: 3848276298220188511@atlanta.example.com",
        f"CSeq: {cseq or f'2 {method}'}",
        *lines,
        f"Content-Length: {len(body)}",
        body=body,
    )


def make_request(method: str = "INVITE", *lines: str, **parts: Any) -> Request:
    """The request of ``request_wire``."""
    message = parse(request_wire(method, *lines, **parts))
    assert isinstance(message, Request)
    return message


def make_response(request: Request, status: int, *lines: str, tag: str = "8321234356") -> Response:
    """A response to a request, as it comes back from the network."""
    fields = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
    message = parse(request.response(status, to_tag=tag, fields=fields).to_bytes())
    assert isinstance(message, Response)
    return message
