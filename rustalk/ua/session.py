"""An established session: what happens between the ACK of its INVITE and its BYE (RFC 3261 sections 12.2, 14, 15).

The session answers by itself what concerns only this leg, refreshes above all (HLD-05). What concerns the call, a new
offer, an INFO, the end, it tells its listener.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from typing import Protocol

from twisted.logger import Logger

from rustalk.interfaces import IFlow
from rustalk.sdp.errors import SdpError
from rustalk.sdp.own import resumed
from rustalk.sdp.parse import parse
from rustalk.sip.dialog import Dialog
from rustalk.sip.message import Field, Request, Response
from rustalk.sip.session_timer import SessionTimer

from .accept import Acceptance
from .acknowledgement import Acknowledgement
from .dialogs import Beginning, Dialogs
from .endpoint import ClientListener, ClientTransaction, Endpoint, ServerTransaction
from .inspect import ALLOW, SDP, description, inspect
from .offer import Offer
from .reinvite import Reinvite
from .route import Path
from .timeouts import Timeout

__all__ = ["Session", "SessionListener"]

log = Logger()


class SessionListener(Protocol):
    """Who is told what the peer does in a session with a peer of ``trunk``, which began at ``peer``."""

    trunk: str
    transport: str
    peer: tuple[str, int]

    def offer_received(self, offer: Offer) -> None:
        """The peer wants other media; the offer must be accepted or refused."""

    def answer_received(self, body: bytes) -> None:
        """The peer described its media anew in an ACK, after we offered in a 2xx."""

    def info_received(self, transaction: ServerTransaction) -> None:
        """The peer sent INFO; it must be answered."""

    def refer_received(self, transaction: ServerTransaction) -> None:
        """The peer wants the call to go elsewhere (RFC 3515); it must be answered."""

    def notify_received(self, transaction: ServerTransaction) -> None:
        """The peer tells what became of a REFER; it must be answered."""

    def session_parted(self, delay: timedelta) -> None:
        """The peer has answered our BYE with a 2xx, after so long."""

    def session_ended(self, cause: str, request: Request | None) -> None:
        """The session is over: 'bye' with the request, or why we could not go on. The dialog is gone."""


class _Parting:
    """Listens to our BYE, whose answer changes nothing but is timed (RFC 6076 section 4.4)."""

    __slots__ = ("_listener", "_now", "_sent")

    def __init__(self, listener: SessionListener, now: Callable[[], datetime]) -> None:
        self._listener = listener
        self._now = now
        self._sent = now()

    def response_received(self, response: Response, flow: IFlow) -> None:
        """The first 2xx is the end."""
        if 200 <= response.status < 300:
            self._listener.session_parted(self._now() - self._sent)

    def request_failed(self, cause: str) -> None:
        """The peer is not there any more."""


class Session:
    """One leg's dialog after its INVITE was answered.

    ``local`` is the description we sent last, ``remote`` the one the peer sent last, ``contact`` our Contact value.
    """

    __slots__ = (
        "_acceptance",
        "_allow",
        "_busy",
        "_deadline",
        "_dialogs",
        "_expiry",
        "_is_owed",
        "_parting",
        "_path",
        "_pending",
        "contact",
        "dialog",
        "ended",
        "endpoint",
        "listener",
        "local",
        "remote",
        "timer",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        dialogs: Dialogs,
        dialog: Dialog,
        path: Path,
        listener: SessionListener,
        *,
        contact: str,
        local: bytes,
        remote: bytes,
        timer: SessionTimer,
        allow: str = ALLOW,
    ) -> None:
        self.endpoint = endpoint
        self.dialog = dialog
        self.listener = listener
        self.contact = contact
        self.local = local
        self.remote = remote
        self.timer = timer
        self.ended = False
        self._allow = allow
        self._dialogs = dialogs
        self._path = path
        self._acceptance: Acceptance | None = None
        self._busy: ServerTransaction | None = None
        self._is_owed = False
        self._pending: Reinvite | None = None
        self._expiry: Timeout | None = None
        self._deadline: Timeout | None = None
        self._parting: tuple[Field, ...] | None = None
        dialogs.add(self)

    @property
    def trunk(self) -> str:
        """The trunk of the peer."""
        return self.listener.trunk

    @property
    def began(self) -> Beginning:
        """Where the peer was when the call began."""
        return self.listener

    # Requests of ours.

    def send(
        self,
        request: Request,
        listener: ClientListener,
        sent: Callable[[ClientTransaction], None] = lambda transaction: None,
    ) -> None:
        """Send a request of this dialog on the flow that its next hop asks for; ``sent`` gets the transaction then."""

        def use(flow: IFlow) -> None:
            sent(self.endpoint.send(request, flow, listener))

        def failed(cause: str) -> None:
            log.info("No way to {hop}: {cause}", hop=self.dialog.next_hop, cause=cause, call_id=self.dialog.call_id)
            listener.request_failed("transport")

        self._path.follow(self.dialog.next_hop, use, failed)

    def offer(self, body: bytes, done: Callable[[int, bytes], None]) -> bool:
        """Offer new media in a re-INVITE; False when another offer is under way (491 is for the asker to send)."""
        if self.ended or self._pending is not None or self._busy is not None or self._acceptance is not None:
            return False
        previous, self.local = self.local, body

        def settled(status: int, answer: bytes) -> None:
            if not 200 <= status < 300:
                self.local = previous
            done(status, answer)

        self._reinvite(settled)
        return True

    def _reinvite(self, done: Callable[[int, bytes], None]) -> None:
        fields = [
            ("Contact", self.contact),
            ("Allow", self._allow),
            *self.timer.offer(),
            ("User-Agent", self.endpoint.product),
            ("Content-Type", SDP),
        ]
        request = self.dialog.request("INVITE", fields, self.local)
        reinvite = self._pending = Reinvite(self, request.cseq.number, done)
        self.send(request, reinvite, reinvite.sent)

    def reinvite_done(self, reinvite: Reinvite, status: int, body: bytes, response: Response | None) -> None:
        """A re-INVITE of ours has its final answer."""
        self._pending = None
        if response is not None and 200 <= status < 300:
            if body:
                self.remote = body
            self.timer.agreed(response)
            self.wind_timer()
        elif status == 481:
            self.end("gone", None)
        elif status in (0, 408):
            self._lost("lost", 'SIP;cause=408;text="peer_lost"')

    def acknowledge(self, number: int, body: bytes = b"") -> Acknowledgement:
        """Send the ACK to a 2xx; what is returned sends it again when the 2xx comes again (13.2.2.4)."""
        acknowledgement = Acknowledgement(self.endpoint, self.dialog, self._path, number, body)
        acknowledgement.send()
        return acknowledgement

    def ask(self, method: str, fields: Iterable[Field], body: bytes, listener: ClientListener) -> None:
        """Send a request that leaves media alone: INFO, NOTIFY, REFER."""
        self.send(self.dialog.request(method, fields, body), listener)

    def bye(self, fields: Iterable[Field] = ()) -> None:
        """End the session; the peer's answer changes nothing. Our 2xx must be acknowledged first (section 15)."""
        if self.ended:
            return
        self.ended = True
        self._stop_timer()
        if self._acceptance is not None:
            self._parting = tuple(fields)
        else:
            self._part(fields)

    def _part(self, fields: Iterable[Field]) -> None:
        self._forget()
        self.send(self.dialog.request("BYE", fields), _Parting(self.listener, self.endpoint.timeouts.now))

    # Requests of the peer.

    def answer_with(self, transaction: ServerTransaction, response: Response) -> None:
        """Send the 2xx to an INVITE and repeat it until the ACK."""
        self._acceptance = Acceptance(transaction, response, self._unacknowledged)

    def request_received(self, transaction: ServerTransaction) -> None:
        """A request in this dialog."""
        request = transaction.request
        unfit = inspect(request, self._allow)
        if unfit is not None:
            transaction.refuse(unfit.code, fields=unfit.fields)
            return
        self.dialog.receive(request)
        if request.method in ("INVITE", "UPDATE"):
            self._modification_received(transaction)
        elif request.method == "BYE":
            self.end("bye", request)  # before the answer: who has it may take the call for recorded
            transaction.respond(200)
        elif request.method == "INFO":
            self.listener.info_received(transaction)
        elif request.method == "OPTIONS":
            transaction.respond(200, fields=[("Contact", self.contact), ("Allow", self._allow), ("Accept", SDP)])
        elif request.method == "REFER":
            self.listener.refer_received(transaction)
        elif request.method == "NOTIFY":
            self.listener.notify_received(transaction)
        else:  # a PRACK whose INVITE has its final answer
            transaction.refuse("no_dialog")

    def ack_received(self, request: Request) -> None:
        """The peer has our 2xx."""
        acceptance = self._acceptance
        if acceptance is None or acceptance.number != request.cseq.number:
            return
        acceptance.acknowledged()
        self._acceptance = None
        owed, self._is_owed = self._is_owed, False
        body = description(request) or (self.remote if owed else b"")
        if self._parting is not None:
            self._part(self._parting)
        elif body and (owed or body != self.remote):
            self.remote = body
            self.listener.answer_received(body)
        elif not self.remote:  # our 2xx offered, and nobody answered (RFC 3261 section 13.2.1)
            self._lost("undescribed", 'SIP;cause=488;text="bad_media"')

    def _modification_received(self, transaction: ServerTransaction) -> None:
        """A re-INVITE or UPDATE: a refresh is ours to answer, other media are the call's (section 14.2, RFC 3311)."""
        request = transaction.request
        if self._busy is not None or self._acceptance is not None:
            transaction.refuse("still_busy", fields=[("Retry-After", "1")])
            return
        if self._pending is not None:
            transaction.refuse("glare")
            return
        too_small = self.timer.too_small(request)
        if too_small is not None:
            transaction.refuse("short_interval", fields=too_small)
            return
        self.dialog.refresh_target(request)
        body = description(request)
        wanted = body or (_resumed(self.remote) if request.method == "INVITE" else b"")
        is_open = not wanted and request.method == "INVITE" and _is_nowhere(self.remote)
        if is_open or (wanted and (wanted != self.remote or _is_out_of_place(self.local, wanted))):
            self._busy = transaction
            offer = Offer(self, transaction, wanted)
            transaction.listener = offer
            self.listener.offer_received(offer)
        elif request.method == "INVITE":
            self._answer_invite(transaction, self.local)
        else:
            self._answer_update(transaction, self.local if body else b"")

    def offer_accepted(self, offer: Offer, body: bytes) -> None:
        """The call took the peer's offer and answers it."""
        transaction = offer.transaction
        if self._busy is not transaction:
            return
        self._busy = None
        self.local = body
        self.remote = offer.body or self.remote
        self._is_owed = not offer.body
        if transaction.request.method == "INVITE":
            self._answer_invite(transaction, body)
        else:
            self._answer_update(transaction, body)

    def offer_refused(self, transaction: ServerTransaction, code: str, status: int) -> None:
        """The call did not take the peer's offer, or the peer took it back."""
        if self._busy is transaction:
            self._busy = None
            transaction.refuse(code, status=status)

    def _answer_invite(self, transaction: ServerTransaction, body: bytes) -> None:
        self.answer_with(transaction, self._success(transaction.request, body))
        self.wind_timer()

    def _answer_update(self, transaction: ServerTransaction, body: bytes) -> None:
        transaction.send(self._success(transaction.request, body))
        self.wind_timer()

    def _success(self, request: Request, body: bytes) -> Response:
        fields = [
            ("Contact", self.contact),
            ("Allow", self._allow),
            *self.timer.answer(request),
            ("Server", self.endpoint.product),
        ]
        if body:
            fields.append(("Content-Type", SDP))
        return request.response(200, fields=fields, body=body)

    # The session timer, and the end.

    def wind_timer(self) -> None:
        """Refresh at half the interval when that is ours, else notice when the peer does not (RFC 4028 section 10)."""
        self._stop_timer()
        terms = self.timer.terms
        if self.ended or terms is None:
            return
        if terms.refresh_after is not None:
            self._expiry = self.endpoint.timeouts.start(terms.refresh_after, self._refresh)
        else:
            self._expiry = self.endpoint.timeouts.start(terms.give_up_after, self._expired)

    def _refresh(self) -> None:
        """Refresh, and end the session if none succeeds before the interval is over (section 10)."""
        terms = self.timer.terms
        if terms is not None and self._deadline is None:
            self._deadline = self.endpoint.timeouts.start(terms.interval / 2, self._expired)
        if self._pending is not None or self._busy is not None or self._acceptance is not None:
            self._expiry = self.endpoint.timeouts.start(2.0, self._refresh)
            return
        self._reinvite(self._refreshed)

    def _refreshed(self, status: int, body: bytes) -> None:
        """491 and every other refusal leave the session as it is: try again until it expires (section 7.4)."""
        if not 200 <= status < 300 and not self.ended:
            self._expiry = self.endpoint.timeouts.start(3.0, self._refresh)

    def _expired(self) -> None:
        self._lost("session_expired", 'SIP;cause=408;text="session_expired"')

    def _unacknowledged(self) -> None:
        self._acceptance = None
        if self._parting is not None:
            self._part(self._parting)
        else:
            self._lost("no_ack", 'SIP;cause=408;text="no_ack"')

    def _lost(self, cause: str, reason: str) -> None:
        if not self.ended:
            self.bye([("Reason", reason)])
            self.listener.session_ended(cause, None)

    def flows_lost(self, flows: Collection[IFlow]) -> None:
        """Connections are gone; the dialog finds another when it needs one."""
        self._path.lost(flows)

    def end(self, cause: str, request: Request | None) -> None:
        """The peer ended the session, or the dialog is known to be gone."""
        told = self.ended
        self.ended = True
        self._stop_timer()
        self._forget()
        if not told:
            self.listener.session_ended(cause, request)

    def _stop_timer(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _forget(self) -> None:
        self._dialogs.remove(self)
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.abandon()
        acceptance, self._acceptance = self._acceptance, None
        if acceptance is not None:
            acceptance.acknowledged()
        busy, self._busy = self._busy, None
        if busy is not None:
            busy.listener = None
            busy.refuse("normal", status=487)


def _resumed(remote: bytes) -> bytes:
    """What a peer that holds offers by asking for an offer: to talk again; b'' where it does not hold."""
    try:
        return resumed(remote) if remote else b""
    except SdpError:
        return b""


def _is_nowhere(remote: bytes) -> bool:
    """Whether a peer that holds has said no address to talk to again: only its answer to an offer of ours tells one."""
    try:
        return bool(remote) and parse(remote).is_hold
    except SdpError:
        return False


def _is_out_of_place(local: bytes, offer: bytes) -> bool:
    """Whether what we said last cannot answer this: it speaks of ICE, and the peer does not (RFC 8839 section 4.2)."""
    return b"a=ice-ufrag:" in local and b"a=ice-ufrag:" not in offer
