"""After the answer: events of one leg become requests of the other, as far as the other needs to know."""

from __future__ import annotations

from twisted.logger import Logger
from twisted.python.failure import Failure

from rustalk.interfaces import IFlow
from rustalk.media.ports import NoPortsError
from rustalk.media.session import MediaSession, SessionClosedError
from rustalk.sdp.errors import SdpError
from rustalk.sdp.own import unheld
from rustalk.sdp.parse import parse
from rustalk.sip.message import Response

from .events import Asked, Proposal
from .leg import Conversation

__all__ = ["Relayed", "described", "informed", "offered", "same"]

log = Logger()

_PASSED = (488, 491, 415, 606)


def offered(media: MediaSession, offer: Proposal, side: int, own: Conversation, other: Conversation) -> None:
    """The session of a side, ``own``, wants other media: ask the other one, unless nothing changes for it (HLD-04)."""
    if not offer.body:
        offer.accept(_opened(media, side, other) or own.local)
        return

    def leased(_: object) -> None:
        if not offer.withdrawn:
            _pass_on(media, offer, side, own, other)

    def unleased(failure: Failure) -> None:
        if isinstance(failure.value, SessionClosedError):
            offer.refuse("no_dialog")
        elif isinstance(failure.value, (SdpError, NoPortsError)):
            log.info("An offer cannot be used: {error}", error=failure.getErrorMessage())
            offer.refuse("bad_media" if isinstance(failure.value, SdpError) else "no_media_ports", 488)
        else:
            _failed(failure, offer)

    media.lease(offer.body, side).addCallbacks(leased, unleased).addErrback(_failed, offer)


def _opened(media: MediaSession, side: int, other: Conversation) -> bytes | None:
    """What a side is offered that asks for it: what the other one said last, as if that held nobody (RFC 6337 5.3)."""
    try:
        body = unheld(parse(other.remote)).to_bytes()
        return media.translate(body, 1 - side, offer=True)
    except SdpError as error:
        log.info("There is nothing to offer: {error}", error=str(error))
        return None


def _failed(reason: Failure, offer: Proposal) -> None:
    log.failure("An offer could not be passed on", reason)
    offer.refuse("internal_error")


def _pass_on(media: MediaSession, offer: Proposal, side: int, own: Conversation, other: Conversation) -> None:
    body = _translated(media, offer.body, side)
    if body is None:
        offer.refuse("bad_media")
    elif same(body, other.local):
        _settle(media, offer, other.remote, side)
    else:
        _ask(media, offer, body, side, own, other)


def _ask(media: MediaSession, offer: Proposal, body: bytes, side: int, own: Conversation, other: Conversation) -> None:
    def done(status: int, answer: bytes) -> None:
        accepted = 200 <= status < 300 and bool(answer)
        if accepted and offer.withdrawn:
            _translated(media, answer, 1 - side)
            described(media, own.remote, side, other, own)
        elif accepted:
            _settle(media, offer, answer, side)
        else:
            media.revert(side)
            offer.refuse("far_end", status if status in _PASSED else 488)

    if not other.offer(body, done):
        media.revert(side)
        offer.refuse("glare")


def _settle(media: MediaSession, offer: Proposal, answer: bytes, side: int) -> None:
    """Answer an offer with what the other side says."""
    body = _translated(media, answer, 1 - side)
    if body is None:
        media.revert(side)
        offer.refuse("bad_media")
    else:
        offer.accept(body)


def described(
    media: MediaSession, body: bytes, side: int, other: Conversation, own: Conversation | None = None
) -> bool:
    """A side described its media in an ACK, or took an offer back: the other one hears of it if it changes anything.

    Where that holds or talks otherwise than the session of the side, ``own``, has been told, it hears of that in turn.
    False for a description that cannot be used.
    """
    translated = _translated(media, body, side)
    if translated is None:
        return False

    def done(status: int, answer: bytes) -> None:
        if 200 <= status < 300 and answer:
            told = _translated(media, answer, 1 - side)
            if own is not None and told is not None and _differs(told, own.local):
                own.offer(told, heard)

    def heard(status: int, answer: bytes) -> None:
        if 200 <= status < 300 and answer:
            _translated(media, answer, side)

    if not same(translated, other.local):
        other.offer(translated, done)
    return True


def _differs(told: bytes, before: bytes) -> bool:
    """Whether two readable descriptions of ours differ in who talks, or to where."""
    first, second = (
        [(media.port, media.direction, media.cryptos) for media in parse(body).media] for body in (told, before)
    )
    return first != second


def same(one: bytes, other: bytes) -> bool:
    """Whether two of our descriptions say the same; the version in o= counts what was never sent too."""
    return one == other or _said(one) == _said(other)


def _said(body: bytes) -> list[bytes]:
    return [line for line in body.split(b"\r\n") if not line.startswith(b"o=")]


def _translated(media: MediaSession, body: bytes, side: int) -> bytes | None:
    """What the other side is told; None for a description that cannot be used."""
    try:
        return media.translate(body, side)
    except SdpError as error:
        log.info("A description cannot be used: {error}", error=str(error))
        return None


def informed(transaction: Asked, other: Conversation, takes_info: bool) -> None:
    """A side sent INFO: it crosses to a side that takes it, and is refused for one that does not (HDR-09)."""
    request = transaction.request
    if not takes_info:
        transaction.refuse("bad_method", fields=[("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, NOTIFY")])
        return
    fields = [(name, value) for name, value in request.fields if name in ("Content-Type", "Info-Package")]
    other.ask("INFO", fields, request.body, Relayed(transaction))


class Relayed:
    """Hands the answer to a request back to who asked."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Asked) -> None:
        self._transaction = transaction

    def response_received(self, response: Response, flow: IFlow) -> None:
        if response.status >= 300:
            self._transaction.refuse("far_end", status=response.status)
        elif response.status >= 200:
            self._transaction.respond(response.status)

    def request_failed(self, cause: str) -> None:
        self._transaction.refuse("target_silent", status=500)  # 408 is not for these (RFC 4320 section 4.1)
