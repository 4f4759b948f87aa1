"""Whose fault it is.

SipError
+-- LocalProtocolError     our own code asked for something the protocol forbids
+-- RemoteProtocolError    the peer broke the protocol; carries the status to answer
"""

from __future__ import annotations

__all__ = ["LocalProtocolError", "RemoteProtocolError", "SipError"]


class SipError(Exception):
    """The root of everything that can go wrong in the protocol."""


class LocalProtocolError(SipError):
    """We tried something that SIP does not allow; a bug of ours, never the network's doing."""


class RemoteProtocolError(SipError):
    """The peer sent something that SIP does not allow.

    ``status`` is what a server answers to such a request. ``fields`` are the header fields understood before the
    error, enough to route that answer when they hold a Via; they are empty when not even that much was readable.
    """

    def __init__(
        self, reason: str, status: int = 400, method: str = "", fields: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.method = method
        self.fields = fields
