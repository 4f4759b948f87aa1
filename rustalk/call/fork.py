"""Several places that ring together; who answers first has the call (RFC 3261 section 16.7, seen from one caller)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from rustalk.interfaces import IFlow
from rustalk.media.session import MediaSide
from rustalk.sip.message import Field
from rustalk.transport.errors import TransportError
from rustalk.ua.outgoing import Invitation
from rustalk.ua.reasons import REASONS, reason_field
from rustalk.ua.route import Path
from rustalk.ua.subject import Subject
from rustalk.ua.timeouts import Timeout, Timeouts

from .attempt import ELSEWHERE, Attempt, Dial, blame
from .course import Course
from .events import Answered, Event, Informed, Notified, Offered, Progressed, Referred, Refused, Updated
from .leg import CalleeLeg, Leg
from .target import Limit, Target, admitted

__all__ = ["Fork", "Forked", "Ring"]

log = Logger()

_AWAY, _DECLINED = 480, 600
_LEAST_SECURE_FIRST = ("off", "any", "preferred", "required")


@dataclass(frozen=True, slots=True)
class Ring:
    """One target of a fork, and how many seconds after the first ones it begins to ring."""

    target: Target
    delay: float = 0.0


class Fork:
    """A target that is several.

    ``limit`` is the one where the call counts once, whoever answers; without it each target counts it for itself while
    it rings. ``is_group`` lets others ring on when one of them declines for all (6xx), and keeps one from sending the
    call elsewhere (3xx): they are different people.
    """

    __slots__ = ("is_group", "limit", "media", "rings", "shares", "trunk", "within")

    def __init__(
        self,
        rings: Sequence[Ring],
        *,
        limit: Limit | None = None,
        within: float | None = None,
        is_group: bool = False,
    ) -> None:
        self.rings = tuple(rings)
        self.trunk = rings[0].target.trunk
        self.media = _common([ring.target.media for ring in rings])
        self.shares: _Shares | None = None
        if limit is None:
            limit = self.shares = _Shares()
        self.limit = limit
        self.within = within
        self.is_group = is_group

    def reach(self) -> Deferred[IFlow]:
        """Nobody yet: each target is reached for itself."""
        return succeed(_Nowhere())

    def path(self, flow: IFlow) -> Path:
        """That of the first: a fork itself sends nothing."""
        return self.rings[0].target.path(flow)

    def invite(self, subject: Subject, body: bytes, flow: IFlow) -> Invitation:
        """That of the first: a fork itself sends nothing."""
        return self.rings[0].target.invite(subject, body, flow)

    def worked(self) -> None:
        """Each target hears for itself."""

    def failed(self, why: str) -> None:
        """Each target hears for itself."""

    def moves_on(self, status: int, progressed: bool) -> bool:
        """Whether those after it ring: not when somebody has declined on one of his phones."""
        return self.is_group or status < _DECLINED


class Forked:
    """The INVITEs of one fork; to the call, whose leg is ``leg``, they are one."""

    __slots__ = (
        "_attempts",
        "_dial",
        "_forget",
        "_fork",
        "_leg",
        "_open",
        "_refusals",
        "_subject",
        "_timeouts",
        "_timers",
        "_token",
    )

    def __init__(
        self,
        fork: Fork,
        subject: Subject,
        body: bytes,
        leg: CalleeLeg,
        *,
        dial: Dial,
        forget: Callable[[str], None],
        token: Callable[[], str],
        timeouts: Timeouts,
    ) -> None:
        """``forget`` is told the Call-IDs of those that did not get the call."""
        self._fork = fork
        self._subject = subject
        self._leg: CalleeLeg | None = leg
        self._dial = dial
        self._forget = forget
        self._token = token
        self._timeouts = timeouts
        self._attempts: dict[Target, Attempt | None] = {}
        self._refusals: list[Refused] = []
        self._open = len(fork.rings)
        self._timers: list[Timeout] = []
        for ring in fork.rings:
            if ring.delay:
                self._timers.append(timeouts.start(ring.delay, self._begin, ring.target, body))
            else:
                self._begin(ring.target, body)

    def is_ringing(self, call_id: str, our_tag: str, their_tag: str) -> bool:
        """Whether these name a dialog of one that rings."""
        legs = (each.leg for each in self._attempts.values() if each is not None)
        return any(leg.ringing(call_id, our_tag, their_tag) is not None for leg in legs)

    def cancel(self, fields: Iterable[Field] = ()) -> None:
        """Give up whatever rings. Nothing more is reported."""
        code = self._leg.course.code if self._leg is not None else ""
        self._leg = None
        self._stop(next((value for name, value in fields if name == "Reason"), ""), code)

    def _begin(self, target: Target, body: bytes) -> None:
        if self._leg is None:
            return
        shares = self._fork.shares
        code = admitted(target, self._subject) if shares is not None else ""
        if code:
            self._refused(target, Refused(REASONS[code].status, code))
            return
        if shares is not None:
            shares.hold(target)
        self._attempts[target] = None
        Deferred.fromCoroutine(self._place(target, body)).addErrback(self._broke, target)

    async def _place(self, target: Target, body: bytes) -> None:
        try:
            flow = await target.reach()
        except TransportError as error:
            target.failed(f"{error.cause}: {error.reason}")
            self._refused(target, Refused(0, "target_unreachable", reason=error.reason))
            return
        if self._leg is None or target not in self._attempts:
            return
        course = Course(self._timeouts.now, self._subject.caller, self._subject.called)
        leg = CalleeLeg(target.trunk, flow, self._token(), self._hear, course, self._leg.side)
        self._leg.branches += (leg,)
        attempt = self._attempts[target] = Attempt(leg)
        refusal = await attempt.place(self._dial, target, flow, self._subject, body)
        if self._leg is not None:
            blame(target, refusal)
        if refusal is not None:
            self._forget(leg.call_id)
            self._refused(target, refusal)

    def _broke(self, reason: Failure, target: Target) -> None:
        if not isinstance(reason.value, CancelledError):
            log.failure("Somebody of a fork could not be called", reason)
            self._refused(target, Refused(0, "internal_error"))

    def _hear(self, leg: Leg, event: Event) -> None:
        match event:
            case Progressed():
                if self._leg is not None:  # several may ring, and nobody can listen to all of them
                    self._leg.hear(self._leg, Progressed(180 if event.body else event.status, b""))
            case Answered():
                self._answered(leg, event)
            case Refused():
                attempt = next((each for each in self._attempts.values() if each is not None and each.leg is leg), None)
                if attempt is not None:
                    attempt.resolve(event)
            case Offered() | Updated():
                event.offer.refuse("glare")
            case Informed():
                event.transaction.respond(200)
            case Referred() | Notified():
                event.transaction.refuse("glare")

    def _answered(self, winner: Leg, event: Answered) -> None:
        leg, self._leg = self._leg, None
        if leg is None or not isinstance(winner, CalleeLeg):
            return
        self._stop(ELSEWHERE, winner=winner)
        leg.adopt(winner)
        leg.hear(leg, event)

    def _stop(self, reason: str, code: str = "", winner: Leg | None = None) -> None:
        """Nobody rings any more."""
        for timer in self._timers:
            timer.cancel()
        attempts, self._attempts = self._attempts, {}
        for target, attempt in attempts.items():
            if attempt is not None and attempt.leg is winner:
                attempt.resolve(None)
                continue
            if attempt is not None:
                attempt.cancel(reason, code)
                self._forget(attempt.leg.call_id)
            if self._fork.shares is not None:
                self._fork.shares.drop(target)

    def _refused(self, target: Target, refusal: Refused) -> None:
        """One of them does not take the call; when nobody is left the best of all refusals counts."""
        self._attempts.pop(target, None)
        if self._fork.shares is not None:
            self._fork.shares.drop(target)
        if self._leg is None:
            return
        self._refusals.append(refusal if not (self._fork.is_group and refusal.contacts) else Refused(_AWAY))
        self._open -= 1
        if self._open == 0 or (refusal.status >= _DECLINED and not self._fork.is_group):
            leg, self._leg = self._leg, None
            self._stop(reason_field("far_end", refusal.status)[1] if self._open else "", "far_end")
            leg.hear(leg, min(self._refusals, key=_rank))


def _rank(refusal: Refused) -> tuple[bool, bool, int]:
    """A decline for all first, then the lowest status of somebody who answered (RFC 3261 section 16.7 step 6)."""
    return refusal.status < _DECLINED, refusal.status == 0 or refusal.status == 503, refusal.status


def _common(sides: Sequence[MediaSide]) -> MediaSide:
    """Media that all of them take: one description is for everybody."""
    first = sides[0]
    if all(side == first for side in sides):
        return first
    srtp = min((side.srtp for side in sides), key=_LEAST_SECURE_FIRST.index)
    return replace(first, srtp=srtp, suites=(), codecs=(), dtmf="rfc4733")


class _Shares:
    """Where a fork counts: at each target for itself, as long as that rings or has the call."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: list[Target] = []

    def admit(self) -> str:
        """Each target is asked when it is to ring."""
        return ""

    def barred(self) -> str:
        """Nobody calls from a fork."""
        return ""

    def take(self) -> None:
        """As `admit`."""

    def hold(self, target: Target) -> None:
        """A target has admitted the call."""
        self._held.append(target)

    def drop(self, target: Target) -> None:
        """A target does not have the call."""
        if target in self._held:
            self._held.remove(target)
            target.limit.release()

    def release(self) -> None:
        """The call is over."""
        for target in tuple(self._held):
            self.drop(target)


@implementer(IFlow)
class _Nowhere:
    """A flow to nobody yet."""

    transport = ""
    reliable = True
    profile = ""
    local = ("", 0)
    peer = ("", 0)
    identity: object = None

    def close(self, reason: str) -> None:
        """Nothing is open."""

    def toward(self, port: int) -> IFlow:
        """Nobody, too."""
        return self

    def send(self, data: bytes) -> None:
        """Nobody is there."""
