"""RFC 3264 as a table: whether the body of a SIP message is an offer or an answer, and who broke the order.

There is one ``OfferAnswer`` for each dialog, early ones included. It knows no SIP; the caller says in which kind of
message a description was sent or received, and also when such a message had none. The pairs are those of RFC 6337
table 1.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from enum import Enum, auto

from rustalk.sdp.crypto import Crypto
from rustalk.sdp.errors import SdpError
from rustalk.sdp.model import Media, Session

__all__ = ["Carrier", "LocalOfferError", "Meaning", "OfferAnswer", "RemoteOfferError", "State", "check_answer"]


class Carrier(Enum):
    """The kinds of message that can carry a description."""

    INVITE = auto()
    PROVISIONAL = auto()  # 1xx to INVITE, without 100rel
    RELIABLE = auto()  # 1xx to INVITE, with 100rel (RFC 3262)
    ANSWERED = auto()  # 2xx to INVITE
    ACK = auto()
    PRACK = auto()
    PRACKED = auto()  # 2xx to PRACK
    UPDATE = auto()
    UPDATED = auto()  # 2xx to UPDATE


class Meaning(Enum):
    """What a description is for."""

    OFFER = auto()
    ANSWER = auto()
    PREVIEW = auto()  # the answer in an unreliable 1xx: usable at once, binding only when the 2xx repeats it
    REPEAT = auto()  # comes after the answer and says nothing new (RFC 3261 section 13.2.1)


class State(Enum):
    """Where one dialog stands."""

    STABLE = auto()
    INVITED_LOCAL = auto()  # we sent an INVITE without offer: the peer owes one
    INVITED_REMOTE = auto()  # the peer did: we owe one
    OFFERED_LOCAL = auto()  # our offer waits for the peer's answer
    OFFERED_REMOTE = auto()  # the peer's offer waits for ours


class LocalOfferError(Exception):
    """We tried what RFC 3264 forbids; a bug of ours, or an offer of ours that must wait."""


class RemoteOfferError(Exception):
    """The peer did what RFC 3264 forbids; ``status`` is what to answer if it was a request.

    491 is glare, two offers that crossed; 500 is an offer on top of one that we have still to answer, and goes out with
    Retry-After of 0 to 10 s (RFC 3261 section 14.2, RFC 3311 section 5.2).
    """

    def __init__(self, cause: str, status: int) -> None:
        super().__init__(cause)
        self.status = status


# Which message answers the offer that came in which (RFC 6337 table 1).
_ANSWERS = {
    (Carrier.INVITE, Carrier.PROVISIONAL): Meaning.PREVIEW,
    (Carrier.INVITE, Carrier.RELIABLE): Meaning.ANSWER,
    (Carrier.INVITE, Carrier.ANSWERED): Meaning.ANSWER,
    (Carrier.RELIABLE, Carrier.PRACK): Meaning.ANSWER,
    (Carrier.ANSWERED, Carrier.ACK): Meaning.ANSWER,
    (Carrier.PRACK, Carrier.PRACKED): Meaning.ANSWER,
    (Carrier.UPDATE, Carrier.UPDATED): Meaning.ANSWER,
}
# The last chance of the answer: without a body here the offer stays unanswered.
_MUST_ANSWER = {
    (Carrier.INVITE, Carrier.ANSWERED),
    (Carrier.RELIABLE, Carrier.PRACK),
    (Carrier.ANSWERED, Carrier.ACK),
    (Carrier.PRACK, Carrier.PRACKED),
    (Carrier.UPDATE, Carrier.UPDATED),
}
_OFFERS_WHEN_STABLE = {Carrier.INVITE, Carrier.UPDATE, Carrier.PRACK}
_OFFERS_WHEN_INVITED = {Carrier.RELIABLE, Carrier.ANSWERED}


@dataclass(frozen=True, slots=True)
class _Side:
    """How one side, as sender of a message, stands to the states: symmetry halves the table."""

    name: str
    invited: State
    offered: State


_US = _Side("we", State.INVITED_LOCAL, State.OFFERED_LOCAL)
_PEER = _Side("the peer", State.INVITED_REMOTE, State.OFFERED_REMOTE)


class OfferAnswer:
    """The offer/answer state of one dialog. ``sent`` and ``received`` take the messages in their order.

    Both return what the description means, None when there was none. A violation leaves the state as it was.
    """

    __slots__ = ("_carrier", "_previewed", "state")

    def __init__(self) -> None:
        self.state = State.STABLE
        self._carrier: Carrier | None = None
        self._previewed = False

    def fork(self) -> OfferAnswer:
        """A copy for another early dialog of the same INVITE."""
        copy = OfferAnswer()
        copy.state, copy._carrier, copy._previewed = self.state, self._carrier, self._previewed
        return copy

    def sent(self, carrier: Carrier, *, body: bool) -> Meaning | None:
        """We send this; LocalOfferError if we must not."""
        try:
            return self._pass(carrier, body, _US, _PEER)
        except _OutOfOrderError as violation:
            raise LocalOfferError(str(violation)) from None

    def received(self, carrier: Carrier, *, body: bool) -> Meaning | None:
        """The peer sent this; RemoteOfferError if it must not."""
        try:
            return self._pass(carrier, body, _PEER, _US)
        except _OutOfOrderError as violation:
            glare = self.state in (State.OFFERED_LOCAL, State.INVITED_LOCAL)
            raise RemoteOfferError(str(violation), 491 if glare else 500) from None

    def refused(self, carrier: Carrier) -> None:
        """The INVITE, UPDATE or PRACK was refused or cancelled: its offer is as if it had never been made."""
        invited = self.state in (State.INVITED_LOCAL, State.INVITED_REMOTE)
        if carrier is self._carrier or (carrier is Carrier.INVITE and (invited or self._carrier is Carrier.RELIABLE)):
            self._settle()

    def _pass(self, carrier: Carrier, body: bool, sender: _Side, other: _Side) -> Meaning | None:
        if self.state is other.offered:
            return self._answer(carrier, body, sender)
        if self.state is other.invited and carrier in _OFFERS_WHEN_INVITED:
            return self._offer_late(carrier, body, sender)
        if self.state is State.STABLE:
            return self._begin(carrier, body, sender)
        return self._wait(carrier, body, sender)

    def _begin(self, carrier: Carrier, body: bool, sender: _Side) -> Meaning | None:
        """Nothing is open: a request with a body offers, an INVITE without one asks for an offer."""
        if not body:
            if carrier is Carrier.INVITE:
                self.state = sender.invited
            return None
        return self._offer(carrier, sender) if carrier in _OFFERS_WHEN_STABLE else Meaning.REPEAT

    def _offer_late(self, carrier: Carrier, body: bool, sender: _Side) -> Meaning | None:
        """The INVITE had no offer: a reliable 1xx may bring it, the 2xx must."""
        if body:
            return self._offer(carrier, sender)
        if carrier is Carrier.ANSWERED:
            raise _OutOfOrderError(f"{sender.name} answered an INVITE without offer and made none")
        return None

    def _answer(self, carrier: Carrier, body: bool, sender: _Side) -> Meaning | None:
        """The sender owes an answer to ``self._carrier``."""
        assert self._carrier is not None
        exchange = (self._carrier, carrier)
        meaning = _ANSWERS.get(exchange)
        if meaning is None:
            return self._wait(carrier, body, sender)
        if not body and not self._previewed and exchange in _MUST_ANSWER:
            raise _OutOfOrderError(f"{sender.name} left an offer without answer in {carrier.name}")
        if meaning is Meaning.PREVIEW:
            self._previewed |= body
        elif body or exchange in _MUST_ANSWER:
            self._settle()
        return meaning if body else None

    def _wait(self, carrier: Carrier, body: bool, sender: _Side) -> Meaning | None:
        """Something is open that this message does not close: no new offer may come in between."""
        if carrier is Carrier.INVITE or (body and carrier in _OFFERS_WHEN_STABLE):
            raise _OutOfOrderError(f"{sender.name} may not offer in {carrier.name} while {self.state.name} is open")
        return Meaning.REPEAT if body else None

    def _offer(self, carrier: Carrier, sender: _Side) -> Meaning:
        self.state, self._carrier, self._previewed = sender.offered, carrier, False
        return Meaning.OFFER

    def _settle(self) -> None:
        self.state, self._carrier, self._previewed = State.STABLE, None, False


class _OutOfOrderError(Exception):
    """Somebody broke the order; whose fault it is stands with the caller."""


def check_answer(offer: Session, answer: Session, *, keyed: Container[int] = ()) -> None:
    """Raise SdpError unless ``answer`` can be the answer to ``offer``.

    The keys of the lines ``keyed``, by index, are not looked at: whoever made them judges them.

    It must have as many media sections of the same kinds (RFC 3264 section 6), and SRTP keys exactly where the offer
    had them, under an offered tag with that tag's suite (RFC 4568 section 5.1.2, MED-04).
    """
    if len(answer.media) != len(offer.media):
        last = answer.media[-1].line if answer.media else 1
        raise SdpError(f"the answer has {len(answer.media)} media sections, the offer {len(offer.media)}", last)
    for index, (offered, answered) in enumerate(zip(offer.media, answer.media, strict=True)):
        if answered.kind != offered.kind:
            raise SdpError(f"the answer says m={answered.kind} where the offer said m={offered.kind}", answered.line)
        if answered.port and offered.port and index not in keyed:
            _check_crypto(offered, answered)


def _check_crypto(offered: Media, answered: Media) -> None:
    given = answered.cryptos
    if given and _named(offered, given[0]):
        return
    suites = {line.tag: line.suite for line in offered.cryptos}
    if bool(suites) != bool(given):
        missing = "answer" if suites else "offer"
        raise SdpError(f"the {missing} has no a=crypto line; both or neither must have one", answered.line)
    if given and not any(suites.get(line.tag) == line.suite for line in given):
        raise SdpError("no a=crypto line of the answer has a tag and suite of the offer", answered.line)


def _named(offered: Media, line: Crypto) -> bool:
    """Whether an offer has a line that begins with this tag and suite, as nearly all are written."""
    head = f"a=crypto:{line.tag} {line.suite} ".encode("ascii")
    return any(each.startswith(head) for each in offered.lines)
