"""A request arrives: who sent it, and what it wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.logger import Logger

from rustalk.interfaces import IFlow
from rustalk.observe.counters import Counters
from rustalk.security.identity import Identity, Refusal
from rustalk.security.limits import TokenBucket
from rustalk.sip.message import Request
from rustalk.ua.dialogs import Dialogs
from rustalk.ua.endpoint import ServerTransaction, Verdict
from rustalk.ua.inspect import Unfit, inspect
from rustalk.ua.options import answer_options

from .calls import Calls
from .target import Trunk

__all__ = ["Entry"]

log = Logger()


class Entry:
    """Decides about every request that belongs to no transaction yet.

    The switch is no open relay: only a configured trunk and an authenticated Teams peer are listened to, and a request
    in a dialog only from the trunk that the dialog is with.
    """

    def __init__(
        self,
        *,
        identify: Callable[[IFlow], Identity | Refusal],
        dialogs: Dialogs,
        calls: Calls,
        trunks: Mapping[str, Trunk],
        strangers: TokenBucket,
        now: Callable[[], float],
        counters: Counters,
    ) -> None:
        self._identify = identify
        self._dialogs = dialogs
        self._calls = calls
        self._trunks = trunks
        self._strangers = strangers
        self._now = now
        self._counters = counters

    def screen(self, flow: IFlow) -> Verdict:
        """Whether requests of this peer are looked at; strangers get at most a few answers a second (A38)."""
        identity = self._identify(flow)
        if isinstance(identity, Identity):
            return "admit"
        if identity.silent or not self._strangers.take(self._now()):
            return "drop"
        log.info(
            "Refused {transport} {host} with 403: unknown_source, {detail}",
            transport=flow.transport,
            host=flow.peer[0],
            detail=identity.detail,
        )
        return "reject"

    def request_received(self, transaction: ServerTransaction) -> None:
        """A new request of a peer that we know."""
        request, flow = transaction.request, transaction.flow
        identity = self._identify(flow)
        if not isinstance(identity, Identity):  # known a moment ago; its address has just changed hands
            transaction.refuse("unknown_source")
        elif request.to.tag:
            self._in_dialog(transaction, identity)
        elif request.method == "INVITE":
            self._calls.invite_received(transaction, identity.trunk)
        elif request.method == "OPTIONS":
            trunk = self._trunks[identity.trunk]
            contact = trunk.contact(flow, "")
            if self._calls.draining:
                after = ("Retry-After", str(self._calls.retry_after))
                transaction.refuse("draining", fields=[("Contact", contact), after])
            else:
                answer_options(transaction, contact, allow=trunk.allow)
        else:
            unfit = inspect(request, self._trunks[identity.trunk].allow) or Unfit("no_dialog")
            transaction.refuse(unfit.code, fields=unfit.fields)

    def _in_dialog(self, transaction: ServerTransaction, identity: Identity) -> None:
        usage = self._dialogs.find(transaction.request)
        if usage is None or usage.trunk != identity.trunk:
            transaction.refuse("no_dialog")
        else:
            usage.request_received(transaction)

    def ack_received(self, request: Request, flow: IFlow) -> None:
        """An ACK to a 2xx, from the trunk that the dialog is with."""
        usage = self._dialogs.find(request)
        if usage is None:
            return
        identity = self._identify(flow)
        if isinstance(identity, Identity) and identity.trunk == usage.trunk:
            usage.ack_received(request)

    def flow_lost(self, flow: IFlow, reason: str) -> None:
        """A connection is gone; its dialogs find another."""
        if flow.reliable:
            self._dialogs.flow_lost(flow)
