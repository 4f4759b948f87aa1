"""After the answer: events of one leg become requests of the other, as far as the other needs to know."""

from __future__ import annotations

from twisted.logger import Logger

from rustalk.interfaces import IFlow
from rustalk.media.ports import NoPortsError
from rustalk.media.session import MediaSession
from rustalk.sdp.errors import SdpError
from rustalk.sip.message import Response
from rustalk.ua.endpoint import ServerTransaction
from rustalk.ua.session import Offer, Session

__all__ = ["described", "informed", "offered"]

log = Logger()

_PASSED = (488, 491, 415, 606)


def offered(media: MediaSession, offer: Offer, side: int, other: Session) -> None:
    """A side wants other media: ask the other side, unless nothing changes for it (HLD-04)."""
    try:
        body = media.translate(offer.body, side)
    except (SdpError, NoPortsError) as error:
        log.info("Refused new media: {error}", error=str(error), call_id=other.dialog.call_id)
        offer.refuse(488)
        return
    if body == other.local:
        _settle(media, offer, other.remote, side)
        return

    def done(status: int, answer: bytes) -> None:
        if 200 <= status < 300 and answer:
            _settle(media, offer, answer, side)
        else:
            media.revert(side)
            offer.refuse(status if status in _PASSED else 488)

    previous = other.local
    if not other.offer(body, done):
        media.revert(side)
        other.local = previous
        offer.refuse(491)


def _settle(media: MediaSession, offer: Offer, answer: bytes, side: int) -> None:
    """Answer an offer with what the other side says."""
    try:
        offer.accept(media.translate(answer, 1 - side))
    except (SdpError, NoPortsError) as error:
        log.info("Refused new media: {error}", error=str(error))
        media.revert(side)
        offer.refuse(488)


def described(media: MediaSession, body: bytes, side: int, other: Session) -> None:
    """A side described its media in an ACK: the other one hears of it only where that changes something for it."""
    try:
        translated = media.translate(body, side)
    except (SdpError, NoPortsError) as error:
        log.info("Ignored a description in an ACK: {error}", error=str(error), call_id=other.dialog.call_id)
        return
    if translated == other.local:
        return

    def done(status: int, answer: bytes) -> None:
        if 200 <= status < 300 and answer:
            media.translate(answer, 1 - side)

    other.offer(translated, done)


def informed(transaction: ServerTransaction, other: Session, takes_info: bool) -> None:
    """A side sent INFO: it crosses to a side that takes it, and is refused for one that does not (HDR-09)."""
    request = transaction.request
    if not takes_info:
        transaction.respond(405, fields=[("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, NOTIFY")])
        return
    fields = [(name, value) for name, value in request.fields if name in ("Content-Type", "Info-Package")]
    other.info(fields, request.body, _Relayed(transaction))


class _Relayed:
    """Hands the answer to an INFO back to who asked."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: ServerTransaction) -> None:
        self._transaction = transaction

    def response_received(self, response: Response, flow: IFlow) -> None:
        if response.status >= 200:
            self._transaction.respond(response.status)

    def request_failed(self, cause: str) -> None:
        self._transaction.respond(408)
