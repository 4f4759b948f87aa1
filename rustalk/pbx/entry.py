"""A request arrives: who sent it, and what it wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from twisted.logger import Logger

from rustalk.call.calls import Calls
from rustalk.call.target import Trunk
from rustalk.config.model import Extension
from rustalk.interfaces import IFlow
from rustalk.observe.counters import Counters
from rustalk.security.identity import Identity, Refusal
from rustalk.security.limits import TokenBucket
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Request
from rustalk.ua.dialogs import Dialogs, Usage
from rustalk.ua.endpoint import ServerTransaction, Verdict
from rustalk.ua.inspect import Unfit, inspect
from rustalk.ua.options import answer_options

from .directory import EXTENSION, calling_extension
from .locate import Locator, flow_key

__all__ = ["Entry", "House", "Service", "Watch"]

log = Logger()

Service = Callable[[ServerTransaction, Extension], None]
"""What answers one method outside of a dialog, for an extension that has shown who it is."""

_OF_CALLS = frozenset(("CANCEL", "ACK", "BYE", "PRACK", "UPDATE", "INFO", "REFER", "NOTIFY"))


class Authenticates(Protocol):
    """Who tells who a phone is."""

    def authenticate(self, transaction: ServerTransaction) -> Extension | None:
        """The extension that sent this; None where the request has been answered, or will not be."""


class Watch(Protocol):
    """Who is told of strangers."""

    def scans(self, address: str, user_agent: str) -> bool:
        """Whether a request with this User-Agent is a scanner's, and so not to be answered."""

    def stranger(self, address: str, user_agent: str = "", method: str = "") -> None:
        """A request came from somebody who may send none."""


@dataclass(frozen=True, slots=True)
class House:
    """The phones, as requests of theirs need them.

    ``serves`` says whether phones are taken on the profile of a flow. ``services`` answer what is no call, by method.
    """

    serves: Callable[[IFlow], bool]
    locator: Locator
    authenticator: Authenticates
    services: Mapping[str, Service] = field(default_factory=dict)


class Entry:
    """Decides about every request that belongs to no transaction yet.

    The switch is no open relay: only a configured trunk, an authenticated Teams peer and a phone that has shown its
    password are listened to, and a request in a dialog only from who the dialog is with.
    """

    def __init__(
        self,
        *,
        identify: Callable[[IFlow], Identity | Refusal],
        dialogs: Dialogs,
        calls: Calls,
        peers: Mapping[str, Trunk],
        house: House,
        strangers: TokenBucket,
        now: Callable[[], float],
        counters: Counters,
        watch: Watch | None = None,
    ) -> None:
        self._identify = identify
        self._dialogs = dialogs
        self._calls = calls
        self._peers = peers
        self._house = house
        self._services: dict[str, Service] = {"INVITE": self._invite, **house.services}
        self._strangers = strangers
        self._now = now
        self._counters = counters
        self._watch = watch

    def screen(self, flow: IFlow, request: Request | None) -> Verdict:
        """Whether this request is looked at, None being what is none.

        Strangers get at most a few answers a second (A38).
        """
        identity = self._identify(flow)
        if isinstance(identity, Identity) or (request is not None and self._call_of(flow, request) is not None):
            return "admit"
        if self._is_watched(flow, request):
            return "drop"
        if self._may_be_phone(flow, request):
            return "admit"
        if self._watch is not None:
            self._watch.stranger(flow.peer[0], method=request.method if request is not None else "")
        if identity.silent or not self._strangers.take(self._now()):
            return "drop"
        log.info(
            "Refused {transport} {host} with 403: unknown_source, {detail}",
            transport=flow.transport,
            host=flow.peer[0],
            detail=identity.detail,
        )
        return "reject"

    def _call_of(self, flow: IFlow, request: Request) -> Usage | None:
        """The call that a request is of, where it comes from where its peer was when that began.

        That holds whoever is configured there by now. Phones may share an address: theirs counts with its port.
        """
        try:
            usage = self._dialogs.find(request)
        except RemoteProtocolError:
            return None
        began = usage.began if usage is not None else None
        if usage is None or began is None or (began.transport, began.peer[0]) != (flow.transport, flow.peer[0]):
            return None
        return usage if began.peer == flow.peer or not calling_extension(usage.trunk) else None

    def _is_watched(self, flow: IFlow, request: Request | None) -> bool:
        """Whether this is a scanner, to which nobody is here."""
        agent = (request.get("User-Agent") or "") if request is not None else ""
        return self._watch is not None and bool(agent) and self._watch.scans(flow.peer[0], agent)

    def _may_be_phone(self, flow: IFlow, request: Request | None) -> bool:
        """Whether to ask who this is: a method that phones use, or a dialog that there is."""
        if request is None or not self._house.serves(flow):
            return False
        if request.method in self._services or self._house.locator.knows(flow.peer[0]):
            return True
        try:
            return self._dialogs.find(request) is not None
        except RemoteProtocolError:
            return False

    def request_received(self, transaction: ServerTransaction) -> None:
        """A new request of a peer that we know, or want to know."""
        usage = self._call_of(transaction.flow, transaction.request)
        if usage is not None:
            usage.request_received(transaction)
            return
        identity = self._identify(transaction.flow)
        if isinstance(identity, Identity) and not self._is_of_phone(transaction):
            self._of_trunk(transaction, identity.trunk)
        elif self._house.serves(transaction.flow):
            self._of_phone(transaction)
        else:  # known a moment ago; its address has just changed hands
            transaction.refuse("unknown_source")

    def _is_of_phone(self, transaction: ServerTransaction) -> bool:
        """Whether a request from the address of a trunk is a phone's: it registers, or is registered over this flow."""
        if not self._house.serves(transaction.flow):
            return False
        if transaction.request.method in self._house.services:
            return True
        number = transaction.request.from_.uri.number
        return self._speaks_for(transaction.flow, number)

    def _speaks_for(self, flow: IFlow, number: str) -> bool:
        """Whether an extension is registered over this very flow."""
        key = flow_key(flow)
        return any(binding.flow == key for binding in self._house.locator.all(number))

    # Trunks.

    def _of_trunk(self, transaction: ServerTransaction, trunk: str) -> None:
        request, flow = transaction.request, transaction.flow
        if request.to.tag:
            self._in_dialog(transaction, trunk)
        elif request.method == "INVITE":
            self._calls.invite_received(transaction, trunk)
        elif request.method == "OPTIONS":
            self._answer_options(transaction, self._peers[trunk].contact(flow, ""), self._peers[trunk].allow)
        else:
            unfit = inspect(request, self._peers[trunk].allow) or Unfit("no_dialog")
            transaction.refuse(unfit.code, fields=unfit.fields)

    def _answer_options(self, transaction: ServerTransaction, contact: str, allow: str) -> None:
        if self._calls.draining:
            after = ("Retry-After", str(self._calls.retry_after))
            transaction.refuse("draining", fields=[("Contact", contact), after])
        else:
            answer_options(transaction, contact, allow=allow)

    def _in_dialog(self, transaction: ServerTransaction, peer: str) -> None:
        usage = self._dialogs.find(transaction.request)
        if usage is None or usage.trunk != peer:
            transaction.refuse("no_dialog")
        else:
            usage.request_received(transaction)

    # Phones.

    def _of_phone(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        if request.to.tag:
            self._in_phone_dialog(transaction)
            return
        service = self._services.get(request.method)
        if service is None:
            self._without_service(transaction)
            return
        extension = self._house.authenticator.authenticate(transaction)
        if extension is not None:
            service(transaction, extension)

    def _in_phone_dialog(self, transaction: ServerTransaction) -> None:
        """A request of a dialog: from the flow of the registration, or with the password."""
        usage = self._dialogs.find(transaction.request)
        number = calling_extension(usage.trunk) if usage is not None else ""
        if usage is None or not number:
            transaction.refuse("no_dialog")
        elif self._speaks_for(transaction.flow, number):
            usage.request_received(transaction)
        else:
            extension = self._house.authenticator.authenticate(transaction)
            if extension is not None:
                self._in_dialog(transaction, EXTENSION + extension.extension)

    def _without_service(self, transaction: ServerTransaction) -> None:
        number = transaction.request.from_.uri.number
        if transaction.request.method == "OPTIONS" and self._speaks_for(transaction.flow, number):
            peer = self._peers[EXTENSION + number]
            self._answer_options(transaction, peer.contact(transaction.flow, ""), peer.allow)
        elif transaction.request.method in _OF_CALLS:
            transaction.refuse("no_dialog")
        else:
            transaction.refuse("unknown_source")

    def _invite(self, transaction: ServerTransaction, extension: Extension) -> None:
        self._calls.invite_received(transaction, EXTENSION + extension.extension)

    def ack_received(self, request: Request, flow: IFlow) -> None:
        """An ACK to a 2xx, from who the dialog is with; that of a phone is known by its tags, which nobody guesses."""
        usage = self._dialogs.find(request)
        if usage is None:
            return
        identity = self._identify(flow)
        known = calling_extension(usage.trunk) or self._call_of(flow, request) is not None
        if known or (isinstance(identity, Identity) and identity.trunk == usage.trunk):
            usage.ack_received(request)

    def flow_lost(self, flow: IFlow, reason: str) -> None:
        """A connection is gone; its dialogs find another, and its phones register again."""
        if flow.reliable:
            self._dialogs.flow_lost(flow)
            self._house.locator.flow_lost(flow)
