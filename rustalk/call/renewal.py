"""Media that change before the answer (RFC 3311, RFC 6337): who must know of it is asked in its early dialog."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger
from twisted.python.failure import Failure

from rustalk.media.ports import NoPortsError
from rustalk.media.session import MediaSession, SessionClosedError
from rustalk.sdp.errors import SdpError
from rustalk.sdp.model import Direction
from rustalk.sdp.parse import parse

from .bridge import same
from .events import Early, Proposal

__all__ = ["Renewal"]

log = Logger()

_PASSED = (488, 491, 415, 606)
_CALLER, _CALLED = 0, 1
_FITTING = {
    Direction.SENDRECV: frozenset(Direction),
    Direction.SENDONLY: frozenset((Direction.RECVONLY, Direction.INACTIVE)),
    Direction.RECVONLY: frozenset((Direction.SENDONLY, Direction.INACTIVE)),
    Direction.INACTIVE: frozenset((Direction.INACTIVE,)),
}
"""What may answer a direction (RFC 3264 section 6.1)."""


class Renewal:
    """The offers of both sides before the answer, one at a time.

    Between two of them the media stand as if the caller had offered what it said last and the called side had answered
    with what it said last, which is what the answer of any fork can follow. The called side is the branch that was
    heard last (RNG-02); where its early dialog cannot carry an offer, only what changes nothing for it is taken.
    """

    __slots__ = ("_branch", "_caller", "_heard", "_media", "_open", "_then")

    def __init__(self, media: MediaSession) -> None:
        self._media = media
        self._caller: Early | None = None
        self._branch: Early | None = None
        self._heard = b""
        self._open: Proposal | None = None
        self._then: Callable[[], None] | None = None

    def begin(self, caller: Early) -> None:
        """Somebody calls; ``caller`` is the early dialog with it."""
        self._caller = caller

    def follow(self, body: bytes, branch: Early | None) -> None:
        """The called side described its media in a response of this branch, None for one that cannot be asked."""
        self._heard, self._branch = body, branch

    def settle(self, then: Callable[[], None]) -> None:
        """Call ``then`` once no offer is under way: the answer must not overtake what it answers."""
        if self._open is None:
            then()
        else:
            self._then = then

    def stop(self) -> None:
        """The call is over, or answered."""
        offer, self._open = self._open, None
        self._then = self._caller = self._branch = None
        if offer is not None:
            offer.refuse("normal", 487)

    # One offer.

    def offered(self, offer: Proposal, side: int, by: Early) -> None:
        """A side offers other media in its early dialog ``by``."""
        if self._open is not None or self._caller is None or not (self._heard or side == _CALLED):
            offer.refuse("glare")
            return
        self._open = offer
        waiting = self._media.lease(offer.body, side)
        waiting.addCallback(lambda _: self._leased(offer, side, by)).addErrback(self._failed, offer)

    def _failed(self, reason: Failure, offer: Proposal) -> None:
        if self._open is not offer:
            return
        if isinstance(reason.value, (SdpError, NoPortsError, SessionClosedError)):
            log.info("Early media are not changed: {error}", error=reason.getErrorMessage())
            self._give_up(offer, "no_media_ports" if isinstance(reason.value, NoPortsError) else "bad_media", 488)
        else:
            log.failure("Early media could not be changed", reason)
            self._give_up(offer, "internal_error")

    def _leased(self, offer: Proposal, side: int, by: Early) -> None:
        if self._open is not offer:
            return
        other = self._branch if side == _CALLER else self._caller
        told = other.local if other is not None else self._media.sent(1 - side) or b""
        text = self._media.translate(offer.body, side, offer=True)
        if same(text, told):
            self._answer(offer, side, by, self._said(1 - side))
        elif side == _CALLED and not self._must_know(other):
            self._answer(offer, side, by, self._said(_CALLER), ours=True)
        elif other is None or not other.takes_offers:
            self._give_up(offer, "bad_media")
        else:
            self._ask(offer, side, by, other, text)

    def _said(self, side: int) -> bytes:
        """What a side has said last."""
        if side == _CALLED:
            return self._heard
        return self._caller.remote if self._caller is not None else b""

    def _must_know(self, caller: Early | None) -> bool:
        """Whether the caller has to be asked: one that has been told nothing, or cannot be, hears of it in the answer.

        Media that flow past us are another matter: the caller sends them itself.
        """
        return caller is not None and bool(caller.local) and (self._media.direct or caller.takes_offers)

    def _ask(self, offer: Proposal, side: int, by: Early, other: Early, text: bytes) -> None:
        if side == _CALLER:
            self._go_on_hearing()

        def done(status: int, answer: bytes) -> None:
            if self._open is not offer:
                return
            if not (200 <= status < 300 and answer):
                self._give_up(offer, "far_end", status if status in _PASSED else 488)
                return
            try:
                self._answer(offer, side, by, answer)
            except (SdpError, SessionClosedError) as error:
                log.info("The answer to early media cannot be used: {error}", error=str(error))
                self._give_up(offer, "bad_media")

        if not other.offer(text, done):
            self._give_up(offer, "glare")

    def _go_on_hearing(self) -> None:
        """Until the called side answers, what it said last is the best guess."""
        try:
            self._media.translate(self._heard, _CALLED, offer=False)
        except SdpError as error:
            log.debug("Early media pause until they are agreed anew: {error}", error=str(error))

    # What is in force.

    def _answer(self, offer: Proposal, side: int, by: Early, answer: bytes, *, ours: bool = False) -> None:
        """Answer an offer with what the other side says, ``ours`` where that said it before and is not asked again.

        Raises SdpError where that is no answer to the offer.
        """
        told = self._media.translate(answer, 1 - side, offer=False)
        if ours:
            _check_directions(offer.body, told)
        if side == _CALLED:
            self._put(answer, offer.body)
            self.follow(offer.body, by)
        else:
            self.follow(answer, self._branch)
        self._open = None
        offer.accept(told)
        self._proceed()

    def _give_up(self, offer: Proposal, code: str, status: int = 0) -> None:
        """Refuse an offer; what was in force before is in force again."""
        try:
            self._put(self._said(_CALLER), self._heard)
        except (SdpError, SessionClosedError) as error:
            log.info("Early media cannot be taken back: {error}", error=str(error))
        self._open = None
        offer.refuse(code, status)
        self._proceed()

    def _put(self, caller: bytes, called: bytes) -> None:
        self._media.translate(caller, _CALLER, offer=True)
        if called:
            self._media.translate(called, _CALLED, offer=False)

    def _proceed(self) -> None:
        then, self._then = self._then, None
        if then is not None:
            then()


def _check_directions(offer: bytes, answer: bytes) -> None:
    """Raise SdpError for an answer that talks where the offer does not listen, or the other way round."""
    for offered, answered in zip(parse(offer).media, parse(answer).media, strict=True):
        if offered.port and answered.port and answered.direction not in _FITTING[offered.direction]:
            raise SdpError(f"a={answered.direction} is no answer to a={offered.direction}", offered.line)
