"""One side of a call: a dialog and its manners, speaking only events."""

from __future__ import annotations

from collections.abc import Callable

from rustalk.interfaces import IFlow
from rustalk.sip.message import Request, Response
from rustalk.ua.endpoint import ServerTransaction
from rustalk.ua.outgoing import Outgoing
from rustalk.ua.session import Offer, Session

from .events import Answered, Described, Ended, Event, Informed, Offered, Progressed, Refused

__all__ = ["CalleeLeg", "CallerLeg", "Leg"]

_CAUSES = {
    "bye": "normal",
    "gone": "peer_gone",
    "lost": "peer_lost",
    "no_ack": "no_ack",
    "session_expired": "session_expired",
}


class Leg:
    """What both sides have: after the answer a session, and somebody who hears its events."""

    __slots__ = ("call_id", "hear", "peer", "session", "transport", "trunk")

    side: int

    def __init__(self, trunk: str, flow: IFlow, call_id: str, hear: Callable[[Leg, Event], None]) -> None:
        self.trunk = trunk
        self.call_id = call_id
        self.peer = flow.peer
        self.transport = flow.transport
        self.hear = hear
        self.session: Session | None = None

    # What the session tells.

    def offer_received(self, offer: Offer) -> None:
        """The peer wants other media."""
        self.hear(self, Offered(offer))

    def answer_received(self, body: bytes) -> None:
        """The peer described its media in an ACK."""
        self.hear(self, Described(body))

    def info_received(self, transaction: ServerTransaction) -> None:
        """The peer sent INFO."""
        self.hear(self, Informed(transaction))

    def session_ended(self, cause: str, request: Request | None) -> None:
        """The session is over."""
        self.hear(self, Ended(_CAUSES[cause], (request.get("Reason") or "") if request is not None else ""))


class CallerLeg(Leg):
    """The side that called us. Its INVITE is answered by the call; until then it can only give up."""

    __slots__ = ()

    side = 0

    def call_cancelled(self, cancel: Request | None) -> None:
        """CANCEL, or the caller's connection is lost."""
        if cancel is None:
            self.hear(self, Ended("caller_lost"))
        else:
            self.hear(self, Ended("caller_cancelled", cancel.get("Reason") or ""))


class CalleeLeg(Leg):
    """One attempt to call somebody."""

    __slots__ = ("outgoing", "progressing")

    side = 1

    def __init__(self, trunk: str, flow: IFlow, call_id: str, hear: Callable[[Leg, Event], None]) -> None:
        super().__init__(trunk, flow, call_id, hear)
        self.outgoing: Outgoing | None = None
        self.progressing = False

    def progressed(self, response: Response) -> None:
        """A 1xx above 100."""
        self.progressing = True
        self.hear(self, Progressed(response.status, response.body))

    def answered(self, session: Session, response: Response) -> None:
        """The first 2xx."""
        self.session = session
        self.outgoing = None
        self.hear(self, Answered(response.body))

    def refused(self, response: Response) -> None:
        """The final refusal."""
        self.outgoing = None
        self.hear(self, Refused(response.status, "", response.reason, response.get("Reason") or ""))

    def unanswered(self, cause: str) -> None:
        """No final response."""
        self.outgoing = None
        self.hear(self, Refused(0, cause))

    def cancel(self, reason: str) -> None:
        """Stop calling; whoever answers now is told BYE."""
        if self.outgoing is not None:
            self.outgoing.cancel([("Reason", reason)] if reason else [])
            self.outgoing = None
