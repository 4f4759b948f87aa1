"""A REFER being carried out: somebody is called in place of the side that asked for it (RFC 3515, RFC 5589; XFR-04)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from rustalk.media.session import MediaSide
from rustalk.sdp.errors import SdpError
from rustalk.ua.reasons import REASONS, reason_field
from rustalk.ua.referral import Referral
from rustalk.ua.subject import Subject
from rustalk.ua.timeouts import Timeout, Timeouts

from .attempt import Attempt, Dial, blame
from .call import REDIRECTIONS, Call
from .course import Course
from .events import Answered, Ended, Event, Informed, Notified, Offered, Progressed, Referred, Refused, Updated
from .leg import CalleeLeg, Leg
from .setup import hunt
from .substitute import Substitution
from .switchboard import Grant, Placed
from .target import Limit, Target, admitted

__all__ = ["Transfer"]

log = Logger()

Follow = Callable[[str, str, Subject, Sequence[str]], Placed | None]
"""Where a call goes on after a 3xx: the trunk that sent it, the trunk the call is from, its subject, the contacts."""


class Transfer:
    """One transfer, from the REFER to its outcome. Until somebody else has answered the call is as it was.

    Who asked may hang up at once: the call then waits for the outcome, and ends where there is none.
    """

    __slots__ = (
        "_answered",
        "_attempt",
        "_call",
        "_departed",
        "_dial",
        "_facing",
        "_follow",
        "_grants",
        "_leg",
        "_limit",
        "_origin",
        "_over",
        "_place",
        "_rang",
        "_redirections",
        "_referral",
        "_ring",
        "_setup",
        "_subject",
        "_timeouts",
        "_token",
        "_tried",
        "_trunk",
        "_way",
    )

    def __init__(
        self,
        call: Call,
        leg: Leg,
        referral: Referral,
        origin: Subject,
        way: Placed,
        *,
        dial: Dial,
        token: Callable[[], str],
        timeouts: Timeouts,
        follow: Follow,
    ) -> None:
        self._call = call
        self._leg = leg
        self._referral = referral
        self._origin = origin
        self._way = way
        self._subject = way.subject
        self._dial = dial
        self._token = token
        self._timeouts = timeouts
        self._facing: MediaSide | None = None
        self._follow = follow
        self._trunk = ""
        self._redirections = REDIRECTIONS
        self._limit: Limit | None = None
        self._grants: tuple[Grant, ...] = ()
        self._tried: tuple[CalleeLeg, ...] = ()
        self._attempt: Attempt | None = None
        self._answered: CalleeLeg | None = None
        self._place: Substitution | None = None
        self._departed: Ended | None = None
        self._setup: Deferred[None] | None = None
        self._ring: Timeout | None = None
        self._rang = False
        self._over = False

    def start(self, ring_timeout: float) -> None:
        """Accept the REFER and call the targets, the first of which has admitted the call, in turn."""
        targets = self._way.targets
        self._limit, self._grants = targets[0].limit, self._way.grants
        self._call.transfer = self
        self._referral.accept()
        self._ring = self._timeouts.start(ring_timeout, self._fail, "ring_timeout")
        self._hunt(targets)

    def _hunt(self, targets: Sequence[Target]) -> None:
        self._setup = Deferred.fromCoroutine(hunt(self, targets))
        self._setup.addErrback(self._broke)

    @property
    def progressed(self) -> bool:
        """Whether the new side rings."""
        return self._rang

    async def attempt(self, target: Target) -> Refused | None:
        """Call one target in place of who asked."""
        if target.limit is not self._limit:
            code = admitted(target, self._subject)
            if code:
                return Refused(0, code)
            self._hold(target.limit)
        self._trunk, self._facing = target.trunk, target.media
        try:
            body = self._call.media.again(self._leg.side, target.media)
        except SdpError as error:
            log.info("Transfer of {call}: nothing to offer: {error}", call=self._call.id, error=str(error))
            return Refused(0, "bad_media")
        flow = await target.reach()
        if self._over:
            return None
        course = Course(self._timeouts.now, self._subject.caller, self._subject.called)
        leg = CalleeLeg(target.trunk, flow, self._token(), self._hear, course, self._leg.side)
        self._tried += (leg,)
        attempt = self._attempt = Attempt(leg)
        self._call.placed += (leg.call_id,)
        patience = self._timeouts.start(target.within, attempt.expire) if target.within is not None else None
        refusal = await attempt.place(self._dial, target, flow, self._subject, body)
        if patience is not None:
            patience.cancel()
        if not self._over:
            blame(target, refusal)
        return refusal

    def refused(self, refusal: Refused) -> None:
        """Nobody answered."""
        self._setup = None
        if refusal.contacts and self._redirections and self._moved(refusal.contacts):
            return
        if 300 <= refusal.status < 400:
            self._fail("far_end", 480)
        elif refusal.status:
            self._fail("far_end", refusal.status, refusal.phrase)
        else:
            self._fail(refusal.cause if refusal.cause in REASONS else "target_silent")

    def _moved(self, contacts: Sequence[str]) -> bool:
        """Follow a 3xx, which who asked never hears of (XFR-08)."""
        found = self._follow(self._trunk, self._leg.trunk, self._subject, contacts)
        if found is None:
            return False
        self._way, self._subject = found, found.subject
        self._grants += found.grants
        self._hold(found.targets[0].limit)
        self._redirections -= 1
        self._hunt(found.targets)
        return True

    def _hold(self, limit: Limit | None) -> None:
        """The call counts at this limit, which has admitted it, and no longer at the one before."""
        if self._limit is not None:
            self._limit.release()
        self._limit = limit

    def _broke(self, reason: Failure) -> None:
        if not isinstance(reason.value, CancelledError):
            log.failure("A transfer failed", reason, call=self._call.id)
            self._fail("internal_error")

    # What the new leg says.

    def _hear(self, leg: Leg, event: Event) -> None:
        match event:
            case Progressed():
                self._rang = True
                self._referral.tell(event.status)
            case Answered() if isinstance(leg, CalleeLeg):
                self._settle(leg, event.body)
            case Refused():
                self._resolve(event)
            case Ended():
                leg.session = None
                self._fail(event.code, 480)
            case Offered() | Updated():
                event.offer.refuse("glare")
            case Informed():
                event.transaction.respond(200)
            case Referred() | Notified():
                event.transaction.refuse("glare")

    def _resolve(self, outcome: Refused | None) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.resolve(outcome)

    def _settle(self, leg: CalleeLeg, body: bytes) -> None:
        """Somebody answered: the side that stays hears of it, then the places are changed."""
        self._answered = leg
        self._call.placed += (leg.call_id,)
        self._stop_ring()
        other = self._call.other(self._leg)
        rest = other.session if other is not None else None
        if rest is None or self._facing is None:
            self._fail("peer_gone")
        else:
            media, side = self._call.media, self._leg.side
            self._place = Substitution(media, side, rest, self._facing, timeouts=self._timeouts, done=self._placed)
            self._place.describe(body)
        self._resolve(None)

    def _placed(self, told: bytes | None) -> None:
        leg = self._answered
        if self._over or leg is None or leg.session is None:
            return
        if told is None:
            self._fail("bad_media")
            return
        self._finish()
        self._place = None
        if told != leg.session.local:
            leg.session.offer(told, lambda status, answer: None)
        way, self._grants = replace(self._way, grants=self._grants), ()
        self._call.hand_on(self._leg, leg, self._origin, way, self._tried)
        self._call.hold(self._limit, leg.side)
        self._limit = None
        self._referral.finish(200)
        if self._leg.session is not None:
            self._leg.session.bye([reason_field("transferred")])
            self._leg.session = None

    # The end.

    def is_leaving(self, leg: Leg) -> bool:
        """Whether the media of this leg do not count any more: the new side's are being told."""
        return leg is self._leg and self._answered is not None

    def departs(self, leg: Leg, event: Ended) -> bool:
        """Whether the end of this leg is only who asked, hanging up before the outcome."""
        if leg is not self._leg:
            return False
        self._departed = event
        leg.session = None
        return True

    def _fail(self, code: str, status: int = 0, phrase: str = "") -> None:
        """The old call goes on, unless who asked for the transfer has left it."""
        if self._over:
            return
        self._drop(code)
        status = status or REASONS[code].status or 500
        self._referral.finish(status, phrase)
        log.info(
            "Transfer of {call} to {trunk} failed with {status}: {code}, {text}",
            call=self._call.id,
            trunk=self._trunk,
            status=status,
            code=code,
            text=REASONS[code].text,
        )
        if self._departed is not None:
            self._call.hang_up("transfer_failed")

    def lose(self, trunk: str) -> None:
        """Nobody on this trunk is called any more."""
        if self._trunk == trunk:
            self._fail("no_target")

    def cancel(self) -> None:
        """The call is over, and the transfer with it."""
        if not self._over:
            self._drop("caller_cancelled")
            self._referral.finish(487)

    def _drop(self, code: str) -> None:
        self._finish()
        place, self._place = self._place, None
        if place is not None:
            place.abandon(self._leg.session if self._call.ended_at is None else None)
        self._hold(None)
        grants, self._grants = self._grants, ()
        for grant in grants:
            grant.release()
        if self._attempt is not None:
            attempt, self._attempt = self._attempt, None
            attempt.cancel(reason_field(code)[1], code)
        elif self._setup is not None:
            self._setup.cancel()
        leg, self._answered = self._answered, None
        if leg is not None and leg.session is not None:
            leg.course.leaves(code)
            leg.session.bye([reason_field(code)])
            leg.session = None
        self._call.tried += self._tried

    def _finish(self) -> None:
        self._over = True
        self._stop_ring()
        self._call.transfer = None

    def _stop_ring(self) -> None:
        if self._ring is not None:
            self._ring.cancel()
            self._ring = None
