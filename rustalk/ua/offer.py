"""New media that a peer wants in the middle of a dialog, until somebody has decided about them (RFC 3264)."""

from __future__ import annotations

from typing import Protocol

from rustalk.sip.message import Request

from .endpoint import ServerTransaction

__all__ = ["Negotiation", "Offer"]


class Negotiation(Protocol):
    """What an offer came in, an early dialog or a session: it sends the answer."""

    def offer_accepted(self, offer: Offer, body: bytes) -> None:
        """Answer with this description."""

    def offer_refused(self, transaction: ServerTransaction, code: str, status: int) -> None:
        """Leave the media as they were."""


class Offer:
    """An offer of the peer. Where it wants new media without describing them ``body`` is what it is taken to mean.

    It is b'' where nothing can be taken from that: then it is accepted with an offer of ours, which its ACK answers.
    It is accepted or refused once; what comes later changes nothing, nor does it once the peer took its offer back.
    """

    __slots__ = ("_negotiation", "body", "transaction", "withdrawn")

    def __init__(self, negotiation: Negotiation, transaction: ServerTransaction, body: bytes) -> None:
        self._negotiation: Negotiation | None = negotiation
        self.transaction = transaction
        self.body = body
        self.withdrawn = False

    def accept(self, body: bytes) -> None:
        """Answer with this description; nothing happens when the peer has taken its offer back."""
        negotiation, self._negotiation = self._negotiation, None
        if negotiation is not None:
            negotiation.offer_accepted(self, body)

    def refuse(self, code: str, status: int = 0) -> None:
        """Leave the media as they were, for a cause of the registry of reasons."""
        negotiation, self._negotiation = self._negotiation, None
        if negotiation is not None:
            negotiation.offer_refused(self.transaction, code, status)

    def cancelled(self, cancel: Request) -> None:
        """The peer cancelled its re-INVITE."""
        self.withdrawn = True
        self.refuse("caller_cancelled")

    def transaction_failed(self, cause: str) -> None:
        """The connection that it came on is gone, and for the peer it has failed."""
        self.withdrawn = True
        self.refuse("caller_lost")
