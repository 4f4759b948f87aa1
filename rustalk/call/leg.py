"""One side of a call: a dialog and its manners, speaking only events."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Protocol

from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Field, Request, Response
from rustalk.ua.endpoint import ClientListener, ServerTransaction
from rustalk.ua.exchange import Exchange
from rustalk.ua.inspect import description
from rustalk.ua.offer import Offer
from rustalk.ua.session import Session

from .course import Course
from .events import (
    Answered,
    Described,
    Ended,
    Event,
    Informed,
    Notified,
    Offered,
    Progressed,
    Referred,
    Refused,
    Updated,
)

__all__ = ["CalleeLeg", "CallerLeg", "Conversation", "Dialled", "Leg"]

_CAUSES = {
    "bye": "normal",
    "gone": "peer_gone",
    "lost": "peer_lost",
    "no_ack": "no_ack",
    "session_expired": "session_expired",
    "undescribed": "bad_media",
}


class Wire(Protocol):
    """Where a leg leads, as it is told to people."""

    @property
    def peer(self) -> tuple[str, int]:
        """The peer's address and port."""

    @property
    def transport(self) -> str:
        """'UDP', 'TCP' or 'TLS'."""


class Conversation(Protocol):
    """What a call needs of an answered leg: a dialog of ours, or the way into another call."""

    local: bytes
    remote: bytes
    ended: bool

    def offer(self, body: bytes, done: Callable[[int, bytes], None]) -> bool:
        """Offer new media; False when another offer is under way."""

    def ask(self, method: str, fields: Iterable[Field], body: bytes, listener: ClientListener) -> None:
        """Send a request that leaves media alone."""

    def bye(self, fields: Iterable[Field] = ()) -> None:
        """End it."""


class Dialled(Protocol):
    """What a leg needs of the INVITE that was sent for it, or the several of a fork."""

    def is_ringing(self, call_id: str, our_tag: str, their_tag: str) -> bool:
        """Whether these name a dialog that rings."""

    def cancel(self, fields: Iterable[Field] = ()) -> None:
        """Give it up."""


class Leg:
    """What both sides have: after the answer a session, and somebody who hears its events.

    ``side`` is 0 for the side that called us and 1 for the one that we called, whoever stands there after a transfer;
    ``called_us`` tells whose INVITE it was.
    """

    called_us = False

    __slots__ = ("call_id", "course", "hear", "peer", "session", "side", "transport", "trunk")

    def __init__(
        self, trunk: str, flow: Wire, call_id: str, hear: Callable[[Leg, Event], None], course: Course, side: int
    ) -> None:
        self.side = side
        self.trunk = trunk
        self.call_id = call_id
        self.peer = flow.peer
        self.transport = flow.transport
        self.hear = hear
        self.course = course
        self.session: Conversation | None = None

    def begin(self, session: Session) -> None:
        """The INVITE is answered, and has become a session."""
        self.session = session
        ours, theirs = session.dialog.local_tag, session.dialog.remote_tag
        self.course.tags = (theirs, ours) if self.called_us else (ours, theirs)
        self.course.succeeds()

    # What the session tells.

    def offer_received(self, offer: Offer) -> None:
        """The peer wants other media."""
        self.hear(self, Offered(offer))

    def answer_received(self, body: bytes) -> None:
        """The peer described its media in an ACK."""
        self.hear(self, Described(body))

    def updated(self, offer: Offer, exchange: Exchange) -> None:
        """The peer wants other early media."""
        self.hear(self, Updated(offer, exchange))

    def info_received(self, transaction: ServerTransaction) -> None:
        """The peer sent INFO."""
        self.hear(self, Informed(transaction))

    def refer_received(self, transaction: ServerTransaction) -> None:
        """The peer sent REFER."""
        self.hear(self, Referred(transaction))

    def notify_received(self, transaction: ServerTransaction) -> None:
        """The peer sent NOTIFY."""
        self.hear(self, Notified(transaction))

    def session_parted(self, delay: timedelta) -> None:
        """The peer has answered our BYE."""
        if self.course.parted is not None:
            self.course.parted(delay)

    def session_ended(self, cause: str, request: Request | None) -> None:
        """The session is over."""
        reason = (request.get("Reason") or "") if request is not None else ""
        self.hear(self, Ended(_CAUSES[cause], reason, by_switch=cause != "bye"))


class CallerLeg(Leg):
    """A peer that called us. Its INVITE is answered by the call; until then it can only give up."""

    called_us = True

    __slots__ = ()

    def __init__(
        self, trunk: str, flow: Wire, call_id: str, hear: Callable[[Leg, Event], None], course: Course, side: int = 0
    ) -> None:
        super().__init__(trunk, flow, call_id, hear, course, side)

    def call_cancelled(self, cancel: Request | None, code: str = "caller_lost") -> None:
        """CANCEL, or the caller's connection is lost, or it acknowledged no ring."""
        if cancel is None:
            self.hear(self, Ended(code, by_switch=code != "caller_lost"))
        else:
            self.hear(self, Ended("caller_cancelled", cancel.get("Reason") or ""))


class CalleeLeg(Leg):
    """One attempt to call somebody."""

    __slots__ = ("branches", "outgoing")

    def __init__(
        self, trunk: str, flow: Wire, call_id: str, hear: Callable[[Leg, Event], None], course: Course, side: int = 1
    ) -> None:
        super().__init__(trunk, flow, call_id, hear, course, side)
        self.outgoing: Dialled | None = None
        self.branches: tuple[CalleeLeg, ...] = ()

    def progressed(self, response: Response, exchange: Exchange | None) -> None:
        """A 1xx above 100."""
        self.course.rings()
        self.hear(self, Progressed(response.status, description(response), exchange))

    def answered(self, session: Session, exchange: Exchange | None) -> None:
        """The first 2xx."""
        self.outgoing = None
        self.begin(session)
        self.hear(self, Answered(session.remote, exchange))

    def refused(self, response: Response) -> None:
        """The final refusal."""
        self.outgoing = None
        self.course.fails(response.status)
        contacts = _by_preference(response) if response.status < 400 else ()
        self.hear(self, Refused(response.status, "", response.reason, response.get("Reason") or "", contacts))

    def unanswered(self, cause: str) -> None:
        """No final response."""
        self.outgoing = None
        self.course.fails(0, cause)
        self.hear(self, Refused(0, cause))

    def ringing(self, call_id: str, our_tag: str, their_tag: str) -> CalleeLeg | None:
        """Who rings here in a dialog that these name: this leg, or one of its branches."""
        if self.outgoing is None or not self.outgoing.is_ringing(call_id, our_tag, their_tag):
            return None
        found = (branch.ringing(call_id, our_tag, their_tag) for branch in self.branches)
        return next((each for each in found if each is not None), self)

    def adopt(self, winner: CalleeLeg) -> None:
        """Be the leg of several that has answered."""
        self.trunk, self.call_id = winner.trunk, winner.call_id
        self.peer, self.transport, self.course = winner.peer, winner.transport, winner.course
        self.branches = tuple(each for each in self.branches if each is not winner)
        self.session, winner.session = winner.session, None
        self.outgoing = None
        if isinstance(self.session, Session):
            self.session.listener = self

    def cancel(self, reason: str, code: str = "") -> None:
        """Stop calling, for the Reason header ``reason``; whoever answers now is told BYE."""
        if self.outgoing is not None:
            self.course.cancelled(code)
            self.outgoing.cancel([("Reason", reason)] if reason else [])
            self.outgoing = None


def _by_preference(response: Response) -> tuple[str, ...]:
    """The addresses of a 3xx, the highest q first (RFC 3261 section 8.1.3.4)."""
    try:
        ranked = sorted(response.contacts, key=lambda contact: -_preference(contact.param("q")))
    except RemoteProtocolError:
        return ()
    return tuple(contact.address for contact in ranked)


def _preference(text: str | None) -> float:
    try:
        return float(text or "1")
    except ValueError:
        return 0.0
