"""Who calls whom, read from an INVITE."""

from __future__ import annotations

from rustalk.sip.message import Request
from rustalk.ua.subject import Subject

__all__ = ["read_subject"]


def read_subject(request: Request) -> Subject:
    """The called number from the Request-URI, the caller's from From; one hop less to go."""
    caller = request.from_
    hops = request.max_forwards
    return Subject(
        caller=caller.uri.number,
        called=request.target.number,
        display=caller.display,
        max_forwards=70 if hops is None else hops - 1,
    )
