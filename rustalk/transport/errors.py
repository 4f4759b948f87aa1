"""What can go wrong between us and a peer, before and beside SIP."""

from __future__ import annotations

from typing import Literal

__all__ = ["Cause", "ListenError", "TransportError"]

Cause = Literal["dns", "refused", "timeout", "tls", "lost", "unsupported"]


class TransportError(Exception):
    """A peer could not be reached, or was lost.

    ``cause`` is one word for the failover rules and the metrics, ``reason`` a sentence for the log. ``unsupported`` is
    our own doing: no such profile, no listener for that protocol, no TLS credentials of that name.
    """

    def __init__(self, cause: Cause, reason: str) -> None:
        super().__init__(f"{cause}: {reason}")
        self.cause = cause
        self.reason = reason


class ListenError(Exception):
    """A SIP profile could not open its address; the text names the profile, the address and what to change."""
