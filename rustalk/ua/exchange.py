"""Offers and answers in a dialog whose INVITE has no final answer yet: UPDATE, and PRACK (RFC 3311, RFC 6337)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from twisted.logger import Logger

from rustalk.interfaces import IFlow
from rustalk.sip.dialog import Dialog
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Field, Message, Response

from .endpoint import Endpoint, ServerTransaction
from .inspect import SDP, description, inspect
from .offer import Offer
from .route import Path

__all__ = ["Exchange", "ExchangeListener"]

log = Logger()

_LATER = ("Retry-After", "2")
_GLARE = 491


class ExchangeListener(Protocol):
    """Who decides about media."""

    def updated(self, offer: Offer, exchange: Exchange) -> None:
        """The peer wants other early media; the offer must be accepted or refused."""


class Exchange:
    """What both sides of an early dialog said last, and the one offer that may be under way in it.

    ``local`` is the description that the peer has of us, ``remote`` the one that we have of it. ``is_settled`` tells
    whether the offer of the INVITE, or that of an 18x, has been answered for good, which takes a reliable 18x: only
    then may anybody offer again. ``takes_updates`` tells whether the peer knows UPDATE.
    """

    __slots__ = (
        "_allow",
        "_busy",
        "_contact",
        "_dialog",
        "_endpoint",
        "_listener",
        "_path",
        "_pending",
        "is_settled",
        "local",
        "remote",
        "takes_updates",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        dialog: Dialog,
        path: Path,
        listener: ExchangeListener,
        *,
        contact: str,
        allow: str,
        local: bytes = b"",
        remote: bytes = b"",
    ) -> None:
        self.local = local
        self.remote = remote
        self.is_settled = False
        self.takes_updates = False
        self._endpoint = endpoint
        self._dialog = dialog
        self._path = path
        self._listener = listener
        self._contact = contact
        self._allow = allow
        self._busy: ServerTransaction | None = None
        self._pending: _Update | None = None

    @property
    def takes_offers(self) -> bool:
        """Whether the peer can be asked for other media before the answer."""
        return self.is_settled and self.takes_updates

    def note_methods(self, message: Message) -> None:
        """Read from a message of the peer whether it knows UPDATE; one without Allow tells nothing."""
        if message.get("Allow") is not None:
            self.takes_updates = "UPDATE" in message.tokens("Allow")

    # Offers of ours.

    def offer(self, body: bytes, done: Callable[[int, bytes], None]) -> bool:
        """Offer other media in an UPDATE; ``done`` gets its final status, 0 for none, and the answer.

        False when an offer is under way, or there is nobody who could be asked.
        """
        if not self.takes_offers or self._pending is not None or self._busy is not None:
            return False
        previous, self.local = self.local, body

        def settled(status: int, answer: bytes) -> None:
            self._pending = None
            if 200 <= status < 300 and answer:
                self.remote = answer
            else:
                self.local = previous
            done(status, answer)

        self._pending = update = _Update(self._dialog, settled)
        request = self._dialog.request("UPDATE", [*self._fields(), ("Content-Type", SDP)], body)

        def use(flow: IFlow) -> None:
            self._endpoint.send(request, flow, update)

        self._path.follow(self._dialog.next_hop, use, update.request_failed)
        return True

    # Offers of the peer.

    def received(self, transaction: ServerTransaction) -> None:
        """An UPDATE, or a PRACK, which may bring an offer once the one before is settled (RFC 3311 section 5.2)."""
        request = transaction.request
        unfit = inspect(request, self._allow)
        if unfit is not None:
            transaction.refuse(unfit.code, fields=unfit.fields)
            return
        if request.method == "UPDATE":
            self._dialog.refresh_target(request)
        body = description(request)
        if not body:
            transaction.respond(200, fields=self._fields())
        elif not self.is_settled or self._busy is not None:
            transaction.refuse("still_busy", fields=[_LATER])
        elif self._pending is not None:
            transaction.refuse("glare")
        else:
            self._busy = transaction
            offer = Offer(self, transaction, body)
            transaction.listener = offer
            self._listener.updated(offer, self)

    def offer_accepted(self, offer: Offer, body: bytes) -> None:
        """The call took the peer's offer and answers it."""
        if self._busy is not offer.transaction:
            return
        self._busy = None
        self.local, self.remote = body, offer.body
        offer.transaction.respond(200, fields=[*self._fields(), ("Content-Type", SDP)], body=body)

    def offer_refused(self, transaction: ServerTransaction, code: str, status: int) -> None:
        """The call did not take the peer's offer, or the peer took it back."""
        if self._busy is transaction:
            self._busy = None
            transaction.refuse(code, status=status)

    def end(self) -> None:
        """The dialog is over, or answered: an offer of the peer is refused, one of ours is as good as refused."""
        busy, self._busy = self._busy, None
        if busy is not None:
            busy.listener = None
            busy.refuse("normal", status=487)
        if self._pending is not None:
            self._pending.finish(_GLARE, b"")

    def _fields(self) -> Iterable[Field]:
        return [("Contact", self._contact), ("Allow", self._allow)]


class _Update:
    """One UPDATE of ours on its way."""

    __slots__ = ("_dialog", "_done")

    def __init__(self, dialog: Dialog, done: Callable[[int, bytes], None]) -> None:
        self._dialog = dialog
        self._done: Callable[[int, bytes], None] | None = done

    def response_received(self, response: Response, flow: IFlow) -> None:
        """The final one counts; a 2xx may move the peer (RFC 3311 section 4)."""
        if response.status < 200:
            return
        if response.status < 300:
            try:
                self._dialog.refresh_target(response)
            except RemoteProtocolError as error:
                log.info("Kept the old target: {reason}", reason=error.reason, call_id=response.call_id)
        self.finish(response.status, description(response))

    def request_failed(self, cause: str) -> None:
        """No answer."""
        self.finish(0, b"")

    def finish(self, status: int, body: bytes) -> None:
        """Tell who asked, once."""
        done, self._done = self._done, None
        if done is not None:
            done(status, body)
