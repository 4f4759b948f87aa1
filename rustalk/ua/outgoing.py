"""An INVITE we sent, until somebody answers it (RFC 3261 section 13.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from twisted.logger import Logger

from rustalk.interfaces import IFlow
from rustalk.sip.dialog import Dialog
from rustalk.sip.digest import Credentials
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Field, Request, Response
from rustalk.sip.session_timer import SessionTimer

from .acknowledgement import Acknowledgement
from .challenge import authorize
from .dialogs import Dialogs
from .early import EarlyDialog
from .endpoint import ClientTransaction, Endpoint, ServerTransaction
from .exchange import Exchange, ExchangeListener
from .inspect import ALLOW, SDP, SUPPORTED, description
from .reliable import is_reliable
from .route import Path
from .session import Session, SessionListener
from .timeouts import Timeout

__all__ = ["Invitation", "Outgoing", "OutgoingListener"]

log = Logger()

_BRANCHES = 16


@dataclass(frozen=True, slots=True)
class Invitation:
    """What an INVITE says. ``from_`` and ``to`` are header values without a tag; times are seconds.

    ``patience`` is how long a peer may keep silent before the attempt is given up: no 100, no 18x, nothing (FO-05).
    ``enclosed`` is the Content-Type and the text of a body that has ``body``, the session description, as a part.
    """

    uri: str
    from_: str
    to: str
    contact: str
    body: bytes
    fields: tuple[Field, ...] = ()
    max_forwards: int = 70
    credentials: Credentials | None = None
    patience: float = 5.0
    allow: str = ALLOW
    supported: str = SUPPORTED
    enclosed: tuple[str, bytes] | None = None

    @property
    def content(self) -> tuple[str, bytes]:
        """Content-Type and body of the INVITE."""
        return self.enclosed or (SDP, self.body)


class OutgoingListener(SessionListener, ExchangeListener, Protocol):
    """Who asked for the call.

    ``exchange`` is that of the branch that a response is of, None where no reliable 18x has made an early dialog.
    """

    def progressed(self, response: Response, exchange: Exchange | None) -> None:
        """A 1xx above 100."""

    def answered(self, session: Session, exchange: Exchange | None) -> None:
        """The first 2xx; its ACK is on the way."""

    def refused(self, response: Response) -> None:
        """The final refusal."""

    def unanswered(self, cause: str) -> None:
        """No usable final response came: 'silent', 'timeout', 'transport', or 'bad_answer' for a 2xx that is none."""


class Outgoing:
    """One INVITE of ours, sent again with credentials or a longer session interval when the peer asks for that."""

    __slots__ = (
        "_acks",
        "_call_id",
        "_cancelled",
        "_challenge",
        "_dialogs",
        "_early",
        "_endpoint",
        "_flow",
        "_invitation",
        "_listener",
        "_number",
        "_path",
        "_rung",
        "_silence",
        "_tag",
        "_timer",
        "_transaction",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        dialogs: Dialogs,
        path: Path,
        flow: IFlow,
        invitation: Invitation,
        listener: OutgoingListener,
        *,
        call_id: str,
        timer: SessionTimer,
    ) -> None:
        self._endpoint = endpoint
        self._dialogs = dialogs
        self._path = path
        self._flow = flow
        self._invitation = invitation
        self._listener: OutgoingListener | None = listener
        self._call_id = call_id
        self._tag = endpoint.token()
        self._timer = timer
        self._number = 0
        self._challenge: Response | None = None
        self._cancelled: tuple[Field, ...] | None = None
        self._acks: dict[str, Acknowledgement | None] = {}
        self._early: dict[str, EarlyDialog] = {}
        self._rung: frozenset[str] = frozenset()
        self._transaction: ClientTransaction | None = None
        self._silence: Timeout | None = None
        self._send(())

    def _send(self, extra: Iterable[Field]) -> None:
        invitation = self._invitation
        self._number += 1
        self._silence = self._endpoint.timeouts.start(invitation.patience, self._silent)
        content, body = invitation.content
        request = Request(
            "INVITE",
            invitation.uri,
            [
                ("Max-Forwards", str(invitation.max_forwards)),
                ("From", f"{invitation.from_};tag={self._tag}"),
                ("To", invitation.to),
                ("Call-ID", self._call_id),
                ("CSeq", f"{self._number} INVITE"),
                ("Contact", invitation.contact),
                ("Allow", invitation.allow),
                ("Supported", invitation.supported),
                *self._timer.offer()[1:],
                *invitation.fields,
                ("User-Agent", self._endpoint.product),
                *extra,
                ("Content-Type", content),
            ],
            body,
        )
        self._transaction = self._endpoint.send(request, self._flow, self)

    def is_ringing(self, call_id: str, our_tag: str, their_tag: str) -> bool:
        """Whether these name a branch that rings."""
        return call_id == self._call_id and our_tag == self._tag and their_tag in self._rung

    def cancel(self, fields: Iterable[Field] = ()) -> None:
        """Give the call up: CANCEL, and BYE to whoever answered meanwhile. Nothing more is reported."""
        self._listener = None
        self._cancelled = tuple(fields)
        self._stop_silence()
        self._leave_early()
        if self._transaction is not None:
            self._transaction.cancel(self._cancelled)

    # What the transaction tells.

    def response_received(self, response: Response, flow: IFlow) -> None:
        """One response of one of the branches."""
        self._stop_silence()
        if response.status < 200:
            if response.status > 100 and self._listener is not None and self._is_new(response):
                if len(self._rung) < _BRANCHES:
                    self._rung |= {response.to.tag}
                self._listener.progressed(response, self._heard(response))
        elif response.status < 300:
            self._accepted(response)
        elif not self._try_again(response):
            self._leave_early()
            listener, self._listener = self._listener, None
            if listener is not None:
                listener.refused(response)

    def _is_new(self, response: Response) -> bool:
        """Whether an 18x tells anything: one that must be acknowledged may come again (RFC 3262 section 4)."""
        if not is_reliable(response):
            return True
        tag = response.to.tag
        early = self._early.get(tag)
        if early is None:
            if len(self._early) == _BRANCHES or self._listener is None:
                return False
            early = self._early[tag] = EarlyDialog(
                self._endpoint,
                self._dialogs,
                Dialog.as_client(response, f"{self._invitation.from_};tag={self._tag}", self._tag),
                self._path,
                self._listener,
                trunk=self._listener.trunk,
                contact=self._invitation.contact,
                allow=self._invitation.allow,
                offered=self._invitation.body,
            )
        return early.acknowledge(response)

    def _heard(self, response: Response) -> Exchange | None:
        """The exchange of the branch that said this, with what it said."""
        early = self._early.get(response.to.tag)
        if early is None:
            return None
        early.exchange.remote = description(response) or early.exchange.remote
        return early.exchange

    def _leave_early(self) -> None:
        """No branch rings any more; how far each has counted is kept for those that answer all the same."""
        for early in self._early.values():
            early.end()

    def _accepted(self, response: Response) -> None:
        """A 2xx: the first makes the session; its copies get their ACK again; another branch's is ended at once."""
        tag = response.to.tag
        if tag in self._acks:
            acknowledgement = self._acks[tag]
            if acknowledgement is not None:
                acknowledgement.send()
            return
        self._acks[tag] = None
        try:
            dialog = Dialog.as_client(response, f"{self._invitation.from_};tag={self._tag}", self._tag)
        except RemoteProtocolError as error:
            log.warn("An answer is unusable: {reason}", reason=error.reason, call_id=self._call_id)
            self._report("bad_answer")
            return
        exchange = self._heard(response)
        early = self._early.pop(tag, None)
        if early is not None:  # its PRACKs and UPDATEs have counted on
            dialog.local_seq, dialog.remote_seq = early.dialog.local_seq, early.dialog.remote_seq
            early.leave()
        self._leave_early()
        listener, self._listener = self._listener, None
        timer = self._timer if listener is not None else SessionTimer(0)
        timer.agreed(response)
        session = Session(
            self._endpoint,
            self._dialogs,
            dialog,
            self._path,
            listener or _Nobody(),
            contact=self._invitation.contact,
            local=self._invitation.body if exchange is None else exchange.local,
            remote=description(response) if exchange is None else exchange.remote,
            timer=timer,
            allow=self._invitation.allow,
        )
        self._acks[tag] = session.acknowledge(self._number)
        session.wind_timer()
        if listener is not None:
            listener.answered(session, exchange)
        else:
            session.bye(self._cancelled or [("Reason", 'SIP;cause=200;text="Call completed elsewhere"')])

    def _try_again(self, response: Response) -> bool:
        """Send the INVITE once more where the refusal says how (22.2, RFC 4028 section 7.3)."""
        if self._listener is None:
            return False
        if response.status in (401, 407) and self._challenge is None:
            self._challenge = response
        elif response.status != 422 or not self._timer.refused(response):
            return False
        fields = self._authorization()
        if fields is not None:
            self._leave_early()
            self._early.clear()
            self._send(fields)
        return fields is not None

    def _authorization(self) -> list[Field] | None:
        """The answer to the challenge we got, if we got one; None when it is not ours to answer."""
        if self._challenge is None:
            return []
        invitation = self._invitation
        request = Request("INVITE", invitation.uri, body=invitation.content[1])
        return authorize(request, self._challenge, invitation.credentials, self._endpoint.token())

    def request_failed(self, cause: str) -> None:
        """No final response."""
        self._stop_silence()
        self._report(cause)

    def _silent(self) -> None:
        self._silence = None
        if self._transaction is not None:
            self._cancelled = ()
            self._transaction.cancel()
        self._report("silent")

    def _report(self, cause: str) -> None:
        self._leave_early()
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.unanswered(cause)

    def _stop_silence(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None


class _Nobody:
    """Listens to a session that is being ended."""

    trunk = transport = ""
    peer = ("", 0)

    def offer_received(self, offer: object) -> None:
        pass

    def answer_received(self, body: bytes) -> None:
        pass

    def info_received(self, transaction: ServerTransaction) -> None:
        transaction.refuse("no_dialog")

    def refer_received(self, transaction: ServerTransaction) -> None:
        transaction.refuse("no_dialog")

    def notify_received(self, transaction: ServerTransaction) -> None:
        transaction.refuse("no_dialog")

    def session_parted(self, delay: timedelta) -> None:
        pass

    def session_ended(self, cause: str, request: Request | None) -> None:
        pass
