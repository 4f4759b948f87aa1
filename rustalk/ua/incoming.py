"""An INVITE we got, until it is answered or refused (RFC 3261 section 13.3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from rustalk.interfaces import IFlow
from rustalk.sip.dialog import Dialog
from rustalk.sip.message import Field, Request
from rustalk.sip.session_timer import SessionTimer

from .dialogs import Dialogs
from .endpoint import ServerTransaction
from .inspect import ALLOW, SDP
from .route import Path
from .session import Session, SessionListener

__all__ = ["Incoming", "IncomingListener"]


class IncomingListener(SessionListener, Protocol):
    """Who rings the phone."""

    def call_cancelled(self, cancel: Request | None) -> None:
        """The caller gave up; the INVITE has been answered with 487."""


class Incoming:
    """One incoming INVITE. Its 18x and 2xx carry one To tag of ours, unless ``answer`` is told to fork.

    Raises RemoteProtocolError for an INVITE that can make no dialog, since it has no usable Contact.
    """

    __slots__ = (
        "_dialogs",
        "_is_early",
        "_path",
        "_tag",
        "allow",
        "contact",
        "dialog",
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
        transaction.listener = self

    def provisional(self, status: int, body: bytes = b"", fields: Iterable[Field] = ()) -> None:
        """Send a 1xx above 100; the first one makes the early dialog."""
        if self.finished:
            return
        if not self._is_early:
            self._is_early = True
            self._dialogs.add(self)
        self.transaction.respond(
            status, to_tag=self._tag, fields=[*self._dialog_fields(), *_described(body), *fields], body=body
        )

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
            remote=self.request.body,
            timer=self.timer,
        )
        fields = [
            *self._dialog_fields(),
            *self.timer.answer(self.request),
            ("Server", self.transaction.endpoint.product),
            *_described(body),
        ]
        session.answer_with(self.transaction, self.request.response(200, to_tag=self._tag, fields=fields, body=body))
        session.wind_timer()
        return session

    def reject(self, status: int, reason: str = "", fields: Iterable[Field] = ()) -> None:
        """Send the final refusal; a second one is not sent."""
        if self.finished:
            return
        self.finished = True
        self._leave_early()
        self.transaction.respond(status, reason, to_tag=self._tag, fields=fields)

    def _dialog_fields(self) -> list[Field]:
        routes = [("Record-Route", value) for value in self.request.all("Record-Route")]
        return [*routes, ("Contact", self.contact), ("Allow", self.allow)]

    def _leave_early(self) -> None:
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
            self.reject(487)
            self.listener.call_cancelled(cancel)

    # The early dialog.

    @property
    def trunk(self) -> str:
        """The trunk of the caller."""
        return self.listener.trunk

    def request_received(self, transaction: ServerTransaction) -> None:
        """Before the answer only BYE ends something (15); media are settled by the answer."""
        request = transaction.request
        self.dialog.receive(request)
        if request.method == "BYE":
            transaction.respond(200)
            self._give_up(request)
        elif request.method == "UPDATE" and not request.body:
            self.dialog.refresh_target(request)
            transaction.respond(200, fields=[("Contact", self.contact), ("Allow", self.allow)])
        elif request.method in ("INVITE", "UPDATE"):
            transaction.respond(500, fields=[("Retry-After", "2")])
        else:
            transaction.respond(405, fields=[("Allow", self.allow)])

    def ack_received(self, request: Request) -> None:
        """An ACK has no place before the answer."""

    def flow_lost(self, flow: IFlow) -> None:
        """The transaction tells by itself."""


def _described(body: bytes) -> list[Field]:
    return [("Content-Type", SDP)] if body else []
