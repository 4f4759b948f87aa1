"""The OPTIONS that asks whether a host takes calls (RFC 3261 section 11; OPT-06, OPT-09, OPT-10)."""

from __future__ import annotations

from rustalk.sip.message import Request
from rustalk.ua.inspect import ALLOW

__all__ = ["compose_options"]


def compose_options(
    host: str, transport: str, sender: str, contact: str, call_id: str, hops: int, product: str, allow: str = ALLOW
) -> Request:
    """OPTIONS to ``host``; ``transport`` is the parameter of its URI, ``sender`` our From with its tag."""
    return Request(
        "OPTIONS",
        f"sip:{host}{transport}",
        [
            ("Max-Forwards", str(hops)),
            ("From", sender),
            ("To", f"<sip:{host}>"),
            ("Call-ID", call_id),
            ("CSeq", "1 OPTIONS"),
            ("Contact", contact),
            ("Allow", allow),
            ("Accept", "application/sdp"),
            ("User-Agent", product),
        ],
    )
