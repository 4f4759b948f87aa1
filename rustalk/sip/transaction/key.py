"""Which transaction a message belongs to (RFC 3261 sections 9.2, 17.1.3 and 17.2.3)."""

from __future__ import annotations

from ..message import Message, Request

__all__ = ["Key", "cancel_key", "client_key", "server_key"]

Key = tuple[str, ...]
"""Equal for all messages of one transaction on one side; no client key equals a server key."""

_COOKIE = "z9hG4bK"


def client_key(message: Message) -> Key:
    """The client transaction of a response, or of a request that we are about to send (17.1.3)."""
    return message.via.branch, message.cseq.method


def server_key(request: Request) -> Key:
    """The server transaction of a request; an ACK has the key of the INVITE that it ends (17.2.3).

    A request whose branch does not begin with the magic cookie comes from an RFC 2543 element and is known by its
    addresses. Its ACK carries the To tag of our response, so the tag does not count for INVITE.
    """
    return _server_key(request, "INVITE" if request.method == "ACK" else request.method)


def cancel_key(request: Request) -> Key:
    """The server transaction of the INVITE that a CANCEL points at (9.2)."""
    return _server_key(request, "INVITE")


def _server_key(request: Request, method: str) -> Key:
    via = request.via
    branch = via.branch
    if branch.startswith(_COOKIE) and len(branch) > len(_COOKIE):
        return branch, via.sent_by, method
    return (
        branch,
        via.sent_by,
        method,
        request.uri,
        request.from_.tag,
        "" if method == "INVITE" else request.to.tag,
        request.call_id,
        str(request.cseq.number),
        str(via),
    )
