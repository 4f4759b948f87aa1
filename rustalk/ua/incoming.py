"""An INVITE we got, until it is answered or refused (RFC 3261 section 13.3)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Protocol

from rustalk.interfaces import IFlow
from rustalk.sip.dialog import Dialog
from rustalk.sip.message import Field, Request
from rustalk.sip.session_timer import SessionTimer

from .dialogs import Beginning, Dialogs
from .endpoint import ServerTransaction
from .exchange import Exchange, ExchangeListener
from .inspect import ALLOW, SDP, description
from .reasons import reason_field
from .reliable import ReliableRing, wants_reliable
from .route import Path
from .session import Session, SessionListener

__all__ = ["Incoming", "IncomingListener"]

_LATER = ("Retry-After", "2")


class IncomingListener(SessionListener, ExchangeListener, Protocol):
    """Who rings the phone."""

    def call_cancelled(self, cancel: Request | None, code: str = "caller_lost") -> None:
        """The caller gave up, or is lost for the reason of this ``code``; the INVITE has its final answer."""


class Incoming:
    """One incoming INVITE. Its 18x and 2xx carry one To tag of ours, unless ``answer`` is told to fork.

    ``exchange`` is what both sides said in the early dialog.
    Raises RemoteProtocolError for an INVITE that can make no dialog, since it has no usable Contact.
    """

    __slots__ = (
        "_dialogs",
        "_is_early",
        "_path",
        "_reliable",
        "_tag",
        "allow",
        "contact",
        "dialog",
        "exchange",
        "finished",
        "listener",
        "request",
        "timer",
        "transaction",
    )

    def __init__(
        self,
        transaction: ServerTransaction,
        dialogs: Dialogs,
        path: Path,
        listener: IncomingListener,
        *,
        contact: str,
        timer: SessionTimer,
        allow: str = ALLOW,
    ) -> None:
        self.transaction = transaction
        self.request = transaction.request
        self.listener = listener
        self.contact = contact
        self.timer = timer
        self.allow = allow
        self.finished = False
        self._dialogs = dialogs
        self._path = path
        self._tag = transaction.endpoint.token()
        self.dialog = Dialog.as_server(self.request, self._tag)
        self._is_early = False
        self.exchange = Exchange(
            transaction.endpoint,
            self.dialog,
            path,
            listener,
            contact=contact,
            allow=allow,
            remote=description(self.request),
        )
        self.exchange.note_methods(self.request)
        self._reliable = ReliableRing(transaction, self._unacknowledged) if wants_reliable(self.request) else None
        transaction.listener = self

    @property
    def description(self) -> bytes:
        """The caller's session description that counts: of the INVITE, or of a later PRACK or UPDATE; b'' for none."""
        return self.exchange.remote

    def provisional(self, status: int, body: bytes = b"", fields: Iterable[Field] = ()) -> None:
        """Send a 1xx above 100; the first one makes the early dialog.

        To a caller that waits for our offer the first reliable one must bring it (RFC 3262 section 5): what comes
        before that rings unreliably.
        """
        if self.finished:
            return
        if not self._is_early:
            self._is_early = True
            self._dialogs.add(self)
        fields = [*self._dialog_fields(), *_described(body), *fields]
        self.exchange.local = body or self.exchange.local
        if self._reliable is not None and (self.exchange.local or self.description):
            self._reliable.send(status, self._tag, fields, body)
        else:
            self.transaction.respond(status, to_tag=self._tag, fields=fields, body=body)

    def settle(self, then: Callable[[], None]) -> None:
        """Call ``then`` once all that rang is acknowledged, which is when a 2xx may go out (RFC 3262 section 3)."""
        if self._reliable is None:
            then()
        else:
            self._reliable.settle(then)

    def answer(self, body: bytes, *, fork: bool = False) -> Session:
        """Send the 2xx and become a session. ``fork``: under a new tag, since the media differ from the early ones."""
        self._leave_early()
        if fork:
            self._tag = self.transaction.endpoint.token()
            self.dialog = Dialog.as_server(self.request, self._tag)
        self.finished = True
        self.transaction.listener = None
        session = Session(
            self.transaction.endpoint,
            self._dialogs,
            self.dialog,
            self._path,
            self.listener,
            contact=self.contact,
            local=body,
            remote=self.description,
            timer=self.timer,
            allow=self.allow,
        )
        fields = [
            *self._dialog_fields(),
            *self.timer.answer(self.request),
            ("Server", self.transaction.endpoint.product),
            *_described(body),
        ]
        response = self.request.response(200, to_tag=self._tag, fields=fields, body=body)
        session.answer_with(self.transaction, response)
        session.wind_timer()
        return session

    def reject(self, status: int, reason: str = "", fields: Iterable[Field] = ()) -> None:
        """Send the final refusal; a second one is not sent."""
        if self.finished:
            return
        self.finished = True
        self._leave_early()
        self.transaction.respond(status, reason, to_tag=self._tag, fields=fields)

    def _unacknowledged(self) -> None:
        self.reject(504, fields=[reason_field("no_prack")])
        self.listener.call_cancelled(None, "no_prack")

    def _dialog_fields(self) -> list[Field]:
        routes = [("Record-Route", value) for value in self.request.all("Record-Route")]
        return [*routes, ("Contact", self.contact), ("Allow", self.allow)]

    def _leave_early(self) -> None:
        if self._reliable is not None:
            self._reliable.stop()
        self.exchange.end()
        if self._is_early:
            self._dialogs.remove(self)
            self._is_early = False

    # What the caller does meanwhile.

    def cancelled(self, cancel: Request) -> None:
        """CANCEL came: 487 to the INVITE (9.2)."""
        self._give_up(cancel)

    def transaction_failed(self, cause: str) -> None:
        """The caller's connection is gone before the call was answered, or nobody acknowledged our refusal."""
        self._give_up(None)

    def _give_up(self, cancel: Request | None) -> None:
        if not self.finished:
            self.reject(487, fields=[reason_field("caller_cancelled" if cancel is not None else "caller_lost")])
            self.listener.call_cancelled(cancel)

    # The early dialog.

    @property
    def trunk(self) -> str:
        """The trunk of the caller."""
        return self.listener.trunk

    @property
    def began(self) -> Beginning:
        """Where the caller was when it called."""
        return self.listener

    def request_received(self, transaction: ServerTransaction) -> None:
        """Before the answer only BYE ends something (15); media may change once an 18x that described them is settled.

        Raises RemoteProtocolError for a broken PRACK.
        """
        request = transaction.request
        self.dialog.receive(request)
        if request.method == "BYE":
            transaction.respond(200)
            self._give_up(request)
        elif request.method == "PRACK":
            if self._reliable is not None and self._reliable.acknowledged(request, self._tag):
                self._acknowledged(transaction, self._reliable.described)
            else:
                transaction.refuse("no_dialog")
        elif request.method == "UPDATE":
            self.exchange.received(transaction)
        elif request.method == "INVITE":
            transaction.refuse("still_busy", fields=[_LATER])
        else:
            transaction.refuse("bad_method", fields=[("Allow", self.allow)])

    def _acknowledged(self, transaction: ServerTransaction, is_described: bool) -> None:
        """A PRACK may answer the offer of its 18x, so that the ACK need not, or make one (RFC 3262 section 5)."""
        body = description(transaction.request)
        if not is_described or self.description:
            self.exchange.is_settled |= is_described
            self.exchange.received(transaction)
            return
        transaction.respond(200)
        if body:
            self.exchange.is_settled = True
            self.exchange.remote = body
            self.listener.answer_received(body)

    def ack_received(self, request: Request) -> None:
        """An ACK has no place before the answer."""

    def flows_lost(self, flows: Collection[IFlow]) -> None:
        """The transaction tells by itself."""


def _described(body: bytes) -> list[Field]:
    return [("Content-Type", SDP)] if body else []
