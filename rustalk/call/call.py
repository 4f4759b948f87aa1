"""One call: a caller's leg, a callee's leg, the media between them, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from rustalk.media.ports import NoFilesError, NoPortsError
from rustalk.media.session import InsecureError, MediaSession, MediaSide
from rustalk.sdp.errors import SdpError
from rustalk.sip.errors import RemoteProtocolError
from rustalk.ua.endpoint import ServerTransaction
from rustalk.ua.incoming import Incoming
from rustalk.ua.inspect import description
from rustalk.ua.reasons import REASONS, reason_field
from rustalk.ua.subject import Subject
from rustalk.ua.timeouts import Timeout, Timeouts

from . import bridge, digits
from .attempt import ELSEWHERE, Attempt, Dial, blame
from .course import Course
from .dialler import Dialler
from .early import EarlyMedia
from .events import (
    Answered,
    Asked,
    Described,
    Early,
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
from .leg import CalleeLeg, CallerLeg, Conversation, Leg
from .renewal import Renewal
from .setup import hunt
from .switchboard import Grant, Placed
from .target import Limit, Target, admitted
from .verdict import judge

__all__ = ["REDIRECTIONS", "Call", "Change", "Crossroads", "Keeper"]

log = Logger()

_INSECURE = (488, 415, 606)
"""How a peer says that it does not take SRTP."""

_THEIRS = ("far_end", "normal")
"""Ends for which the called side may have given a Reason of its own."""

REDIRECTIONS = 5
"""So many 3xx of one call are followed."""
_SAID = 512


class Change(Protocol):
    """Somebody else is about to stand on one side of a call: a transfer, or a takeover."""

    def is_leaving(self, leg: Leg) -> bool:
        """Whether the media of this leg do not count any more, since those of another are being told."""

    def departs(self, leg: Leg, event: Ended) -> bool:
        """Whether the end of this leg does not end the call, since another is to come in its place."""

    def lose(self, trunk: str) -> None:
        """This trunk is no more: who was to come from there does not."""

    def cancel(self) -> None:
        """The call is over."""


class Keeper(Protocol):
    """Who keeps the calls in progress."""

    def call_answered(self, call: Call) -> None:
        """Both sides talk."""

    def call_handed_on(self, call: Call, old: Leg, new: Leg, onward: str) -> None:
        """The side ``old`` hands the call on to ``new``: what was so far is over, the rest has the id ``onward``."""

    def call_finished(self, call: Call) -> None:
        """The call is over; nothing is left but what its record needs."""


class Crossroads(Protocol):
    """Where a call asks for ways that it does not know itself."""

    def referred(self, call: Call, leg: Leg, transaction: ServerTransaction) -> None:
        """A side wants the call to go elsewhere; the REFER must be answered."""

    def notified(self, call: Call, leg: Leg, transaction: ServerTransaction) -> None:
        """A side tells what became of a REFER; the NOTIFY must be answered."""

    def redirected(self, call: Call, contacts: Sequence[str]) -> Sequence[Target]:
        """Who to call instead, after a 3xx; nobody where it is not to be followed."""

    def onward(self, call: Call, refusal: Refused) -> Sequence[Target]:
        """Who to call after nobody has taken the call: by a forward, or the overflow of a group; nobody: it ends."""

    def passes_redirects(self, call: Call) -> bool:
        """Whether the caller is told of a 3xx."""


class Call:
    """A call in progress, until its ``keeper`` is told that it has finished.

    ``source`` and ``destination`` are the peers that called and were called, ``domains`` what the INVITE had behind
    their names. A transfer may turn that round: then who called stands on side 1.
    """

    __slots__ = (
        "_attempt",
        "_crossroads",
        "_dial",
        "_dialler",
        "_early",
        "_facing",
        "_hush",
        "_keeper",
        "_late",
        "_parting",
        "_renewal",
        "_retry_after",
        "_ring",
        "_ring_timeout",
        "_ring_within",
        "_setup",
        "_spent",
        "_timeouts",
        "_token",
        "answered_at",
        "callee",
        "caller",
        "code",
        "destination",
        "domains",
        "ended_at",
        "former",
        "grants",
        "hung_up_by",
        "id",
        "incoming",
        "info_to",
        "limits",
        "media",
        "one_way",
        "origin",
        "passes_refer",
        "placed",
        "redirections",
        "said",
        "source",
        "started_at",
        "status",
        "subject",
        "transfer",
        "transferred_from",
        "transferred_to",
        "tried",
        "turned",
        "way",
    )

    def __init__(
        self,
        call_id: str,
        origin: Subject,
        way: Placed,
        media: MediaSession,
        *,
        crossroads: Crossroads,
        dial: Dial,
        token: Callable[[], str],
        timeouts: Timeouts,
        early_media: str,
        ring_within: float | None,
        info_to: tuple[bool, bool],
        retry_after: int,
        keeper: Keeper,
    ) -> None:
        self.id = call_id
        self.way = way
        self.subject = way.subject
        self.origin = origin
        self.media = media
        self.info_to = info_to
        self.caller: Leg | None = None
        self.callee: Leg | None = None
        self.former: tuple[Leg, ...] = ()
        self.transfer: Change | None = None
        self.redirections = 0
        self.passes_refer = False
        self.limits: list[Limit | None] = [None, None]
        self.grants = way.grants
        self.incoming: Incoming | None = None
        self.source: str | None = None
        self.destination: str | None = None
        self.turned = False
        self.domains = "", ""
        self.transferred_from = self.transferred_to = ""
        self.placed: tuple[str, ...] = ()
        self.tried: tuple[CalleeLeg, ...] = ()
        self.started_at = timeouts.now()
        self.answered_at: datetime | None = None
        self.ended_at: datetime | None = None
        self.code: str | None = None
        self.status: int | None = None
        self.hung_up_by: str | None = None
        self.said = ""
        self.one_way = False
        self._crossroads = crossroads
        self._dial = dial
        self._dialler: Dialler | None = None
        self._token = token
        self._timeouts = timeouts
        self._retry_after = retry_after
        self._keeper = keeper
        self._spent: tuple[Grant, ...] = ()
        self._parting = ""
        self._facing: MediaSide | None = None
        self._ring_timeout = 0.0
        self._late = False
        self._renewal = Renewal(media)
        self._early: EarlyMedia | None = EarlyMedia(early_media, media, timeouts, self._ring_caller)
        self._ring_within = ring_within
        self._hush: Timeout | None = None
        self._ring: Timeout | None = None
        self._setup: Deferred[None] | None = None
        self._attempt: Attempt | None = None
        media.on_silence = self._silent
        media.on_one_way = self._one_way
        media.on_digit = self._dialled

    # Setting up.

    def start(self, caller: CallerLeg, incoming: Incoming, targets: Sequence[Target], ring_timeout: float) -> None:
        """Call the targets in turn until one answers."""
        self.caller, self.source = caller, caller.trunk
        self.incoming = incoming
        self._facing = targets[0].media
        self._ring_timeout = ring_timeout
        self._renewal.begin(incoming.exchange)
        self._ring = self._timeouts.start(ring_timeout, self._rung_out)
        if self._ring_within is not None:
            self._hush = self._timeouts.start(self._ring_within, self.give_up, "no_progress")
        self._hunt(targets)

    def _hunt(self, targets: Sequence[Target]) -> None:
        self._setup = Deferred.fromCoroutine(hunt(self, targets))
        self._setup.addErrback(self._setup_failed)

    @property
    def progressed(self) -> bool:
        """Whether the caller has heard a ring."""
        return self._early is not None and self._early.rang

    async def attempt(self, target: Target) -> Refused | None:
        """Call one target and wait for what comes of it; once more without SRTP where it can do without."""
        code = "ring_timeout" if self._late else self._face(target)
        if code:
            return Refused(0, code)
        self.destination = target.trunk
        while True:
            try:
                body = await self._offer()
            except SdpError as error:
                log.info("Call {call} cannot be offered: {error}", call=self.id, error=str(error))
                return Refused(0, "srtp_required" if isinstance(error, InsecureError) else "bad_media")
            except NoPortsError as error:
                log.warn("Call {call} has no media: {error}", call=self.id, error=str(error))
                return Refused(0, "no_files" if isinstance(error, NoFilesError) else "no_media_ports")
            flow = await target.reach()
            course = Course(self._timeouts.now, self.subject.caller, self.subject.called)
            leg = self.callee = CalleeLeg(target.trunk, flow, self._token(), self.hear, course)
            self.placed += (leg.call_id,)
            self.tried += (leg,)
            self._renewal.follow(b"", None)
            attempt = self._attempt = Attempt(leg)
            patience = self._timeouts.start(target.within, attempt.expire) if target.within is not None else None
            refusal = await attempt.place(self._dial, target, flow, self.subject, body)
            if patience is not None:
                patience.cancel()
            if self.ended_at is not None:  # given up meanwhile, which says nothing about the target
                return None
            blame(target, refusal)
            if refusal is None or refusal.status not in _INSECURE or self.progressed or not self.media.plain(1):
                return refusal

    def _face(self, target: Target) -> str:
        """Count the call where the target stands, and treat its media as that wants; or the code of why not."""
        if target.limit is not self.limits[1]:
            code = admitted(target, self.subject)
            if code:
                return code
            self.hold(target.limit, 1)
        if target.media != self._facing:
            try:
                self.media.replace(1, replace(target.media, direct=self.media.direct))
            except SdpError as error:
                log.info("Call {call} cannot be offered: {error}", call=self.id, error=str(error))
                return "bad_media"
            self._facing = target.media
        return ""

    async def _offer(self) -> bytes:
        """What the called side is offered: what the caller offers, or, where it says nothing yet, an offer of ours."""
        assert self.incoming is not None
        description = self.incoming.description
        if not description:
            await self.media.lease(b"", 0)
            return self.media.offer(1)
        await self.media.lease(description, 0)
        return self.media.translate(description, 0)

    def refused(self, refusal: Refused) -> None:
        """The hunt is over without an answer."""
        self._setup = None
        if refusal.contacts and self.redirections < REDIRECTIONS:
            targets = self._crossroads.redirected(self, refusal.contacts)
            if targets:
                self.redirections += 1
                self._hunt(targets)
                return
        targets = self._crossroads.onward(self, refusal)
        if targets:
            if self._ring is not None:
                self._ring.cancel()
            self._late = False
            self._ring = self._timeouts.start(self._ring_timeout, self._rung_out)
            self._hunt(targets)
            return
        verdict = judge(refusal, passes_redirects=self._crossroads.passes_redirects(self))
        self.hung_up_by = "callee" if verdict.code == "far_end" else "switch"
        self.said = refusal.reason[:_SAID]
        if verdict.is_ours:
            log.warn(
                "Call {call}: {trunk} answered {refused} {phrase}, which is no answer to the caller, who gets {status}",
                call=self.id,
                trunk=self.destination,
                refused=refusal.status,
                phrase=refusal.phrase,
                status=verdict.status,
            )
        self._reject(verdict.code, verdict.status, verdict.phrase, verdict.reason, verdict.contacts)

    def _setup_failed(self, reason: Failure) -> None:
        if not isinstance(reason.value, CancelledError):
            log.failure("Call {call} could not be set up", reason, call=self.id)
            self._reject("internal_error", 500)

    def _rung_out(self) -> None:
        """It has rung here for as long as a call may: whoever is left here is passed over, for the next place."""
        self._late = True
        if self._attempt is not None and self._attempt.is_open:
            self._attempt.expire()
        else:
            self.give_up("ring_timeout")

    def give_up(self, code: str) -> None:
        """Nobody will answer any more."""
        self.hung_up_by = "switch"
        self._reject(code, REASONS[code].status)

    def _reject(self, code: str, status: int, phrase: str = "", reason: str = "", contacts: Sequence[str] = ()) -> None:
        """Refuse the caller, and stop calling."""
        if self.ended_at is None:
            incoming = self.incoming
            self._finish(code, status)
            if incoming is not None:
                field = ("Reason", reason) if code in _THEIRS and reason else reason_field(code, status)
                extra = [("Retry-After", str(self._retry_after))] if status == 503 else []
                extra += [("Contact", f"<{contact}>") for contact in contacts]
                incoming.reject(status, phrase, [field, *extra])
            self._let_go()

    def _cancel_reason(self) -> str:
        """Why the called side is cancelled: in the caller's words where it said why (RNG-07)."""
        return self._parting or reason_field(self.code or "caller_cancelled")[1]

    def _ring_caller(self, status: int, body: bytes) -> None:
        if self._hush is not None:
            self._hush.cancel()
        if self.incoming is not None and self.caller is not None:
            self.caller.course.rings()
            self.incoming.provisional(status, (self.media.sent(0) or body) if body else b"")

    def _stop_waiting(self) -> None:
        """Nobody waits for a ring or an answer any more."""
        if self._early is not None:
            self._early.stop()
        for timeout in (self._ring, self._hush):
            if timeout is not None:
                timeout.cancel()
        self._early = self._ring = self._hush = None
        self._renewal.stop()

    # What the legs say.

    def hear(self, leg: Leg, event: Event) -> None:
        """An event of one of the legs."""
        if self.ended_at is not None:
            _hear_late(leg, event)
            return
        match event:
            case Progressed():
                self._progressed(event)
            case Updated():
                self._renewal.offered(event.offer, leg.side, event.by)
            case Described() if self.incoming is not None and leg.side == 1:  # it had picked the call up
                self._accepted(Answered(event.body))
            case Described() if self.incoming is not None:
                self._described(event.body)
            case Answered():
                self._accepted(event)
            case Refused():
                self._resolve(event)
            case Ended():
                if self.transfer is None or not self.transfer.departs(leg, event):
                    self._ended(leg, event)
            case Referred():
                self._crossroads.referred(self, leg, event.transaction)
            case Notified():
                self._crossroads.notified(self, leg, event.transaction)
            case _:
                self._bridge(leg, event)

    def _progressed(self, event: Progressed) -> None:
        body = b""
        if event.body:
            try:
                body = self.media.translate(event.body, 1)
                self._renewal.follow(event.body, event.branch)
            except SdpError as error:
                log.info("Ignored early media: {error}", error=str(error), call=self.id)
        if self._early is not None:
            self._early.progress(event.status, body)

    def _described(self, body: bytes) -> None:
        """The caller answers what an 18x offered; the called side hears of it once it has answered itself."""
        try:
            self.media.translate(body, 0)
        except SdpError as error:
            log.info("A PRACK describes no usable media: {error}", error=str(error), call=self.id)

    def _accepted(self, event: Answered) -> None:
        """The called side answered; the caller hears of it once all is settled that was said before."""
        if self.incoming is not None:
            self.incoming.settle(lambda: self._renewal.settle(lambda: self._answered(event.body, event.branch)))

    def _answered(self, body: bytes, branch: Early | None) -> None:
        incoming, early, callee = self.incoming, self._early, self.callee
        if incoming is None or early is None or callee is None or self.caller is None:
            return
        if branch is not None and callee.session is not None:  # media may have changed since the answer
            callee.session.local, callee.session.remote = branch.local, branch.remote
            body = branch.remote
        early.stop()
        self.placed += (callee.call_id,)  # of a fork it is that of who answered
        try:
            answer = self.media.translate(body, 1)
            self.caller.begin(incoming.answer(answer, fork=incoming.exchange.local not in (b"", answer)))
        except (SdpError, RemoteProtocolError) as error:
            log.warn("Call {call} was answered with unusable media: {error}", call=self.id, error=str(error))
            if callee.session is not None:
                callee.session.bye([reason_field("bad_media")])
            if self._attempt is None:  # it had picked the call up: nobody else is called
                self.give_up("bad_media")
            self._resolve(Refused(0, "bad_media"))
            return
        self.answered_at = self._timeouts.now()
        self.destination = callee.trunk
        self.media.answered()
        self._stop_waiting()
        self.incoming = None
        self._resolve(None)
        self._setup = None
        if incoming.description not in (b"", description(incoming.request)) and callee.session is not None:
            bridge.described(self.media, incoming.description, 0, callee.session, self.caller.session)
        if self.ended_at is None:
            self._keeper.call_answered(self)

    def _resolve(self, outcome: Refused | None) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.resolve(outcome)

    def _bridge(self, leg: Leg, event: Event) -> None:
        opposite = self.other(leg)
        other = opposite.session if opposite is not None else None
        if leg.session is None or other is None:
            if self.answered_at is None:
                _hear_early(event)
            else:
                _hear_late(leg, event)
            return
        match event:
            case Offered() if self._leaves(leg):
                event.offer.refuse("glare")
            case Offered():
                bridge.offered(self.media, event.offer, leg.side, leg.session, other)
            case Described() if not self._leaves(leg):
                if not bridge.described(self.media, event.body, leg.side, other, leg.session):
                    self.hang_up("bad_media")
            case Informed():
                self._informed(leg, event.transaction, other)

    def _leaves(self, leg: Leg) -> bool:
        return self.transfer is not None and self.transfer.is_leaving(leg)

    def _informed(self, leg: Leg, transaction: Asked, other: Conversation) -> None:
        """INFO: a digit goes on in the way that the other side dials, anything else crosses where it is taken."""
        digit = digits.read(transaction.request) if self.media.takes_digits(1 - leg.side) != "info" else None
        if digit is not None:
            self.media.digit(1 - leg.side, digit.digit, digit.milliseconds)
            transaction.respond(200)
        else:
            bridge.informed(transaction, other, self.info_to[1 - leg.side])

    def _dialled(self, side: int, digit: str, milliseconds: int) -> None:
        """A side dialled in a way that the other one does not know."""
        leg = (self.caller, self.callee)[1 - side]
        if self.media.takes_digits(1 - side) != "info":
            self.media.digit(1 - side, digit, milliseconds)
        elif leg is not None:
            if self._dialler is None or self._dialler.leg is not leg:
                self._dialler = Dialler(leg)
            self._dialler.dial(digits.Digit(digit, milliseconds))

    def other(self, leg: Leg) -> Leg | None:
        """Who is on the other side."""
        return self.callee if leg is self.caller else self.caller

    def hold(self, limit: Limit | None, side: int) -> None:
        """The call counts at the trunk of ``limit``, which has admitted it, and no longer at the one before."""
        before, self.limits[side] = self.limits[side], limit
        if before is not None:
            before.release()

    def picked_up(self, old: Leg, new: Leg) -> None:
        """Somebody else answers in place of who is being called."""
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.cancel(ELSEWHERE)
        self._setup = None
        self._renewal.follow(b"", None)
        self.place(old, new)

    def place(self, old: Leg, new: Leg, *, joined: bool = False) -> None:
        """Let ``new`` stand where ``old`` stood; ``joined``: it leads into another call, which has its own record."""
        old.course.leaves("transferred")
        self.former += (old,)
        called = self.is_called(old)
        if old is self.caller:
            self.caller = new
        else:
            self.callee = new
        if called and not joined:
            self.destination = new.trunk
        elif not joined:
            self.source = new.trunk
        old.hear = _hear_late
        new.hear = self.hear

    def hand_on(self, old: Leg, new: CalleeLeg, origin: Subject, way: Placed, tried: tuple[CalleeLeg, ...]) -> None:
        """``old`` has handed the call on to ``new``: from here on it is another call, from the side that stays.

        ``origin`` is that call before the routes, ``way`` behind them; ``tried`` are the legs that it took.
        """
        stays = self.other(old)
        old.course.leaves("transferred")
        self._keeper.call_handed_on(self, old, new, way.subject.call)
        self.place(old, new)
        self.former, self.tried = (), tried
        self.turned = stays is self.callee
        self.source, self.destination = stays.trunk if stays is not None else None, new.trunk
        self.origin, self.way, self.subject, self.domains = origin, way, way.subject, ("", "")
        self._spent += self.grants
        self.grants = way.grants
        self.started_at, self.answered_at = new.course.started, self._timeouts.now()
        self._keeper.call_answered(self)

    def is_called(self, leg: Leg) -> bool:
        """Whether this is the side that was called, or who stands in its place."""
        return (leg is not self.caller) != self.turned

    def role(self, leg: Leg) -> str:
        """The side in a word."""
        return "callee" if self.is_called(leg) else "caller"

    def number_of(self, leg: Leg) -> str:
        """The number of who stands on a side, as the routes left it."""
        return self.subject.called if self.is_called(leg) else self.subject.caller

    # The end.

    def _ended(self, leg: Leg, event: Ended) -> None:
        side = self.role(leg)
        self.hung_up_by = "switch" if event.by_switch else side
        if event.by_switch:
            log.info(
                "Call {call} is ended because of the {side} on {trunk}: {code}, {text}",
                call=self.id,
                side=side,
                trunk=leg.trunk,
                code=event.code,
                text=REASONS[event.code].text,
            )
        self._parting = event.reason
        self.said = event.reason[:_SAID]
        if self.answered_at is None and leg is self.callee:  # it had picked the call up
            self._reject(event.code, 480, reason=event.reason)
            return
        other = self.other(leg)
        self._finish(event.code, None if self.answered_at is not None else REASONS[event.code].status)
        if other is not None and other.session is not None:
            other.session.bye([("Reason", event.reason) if event.reason else reason_field(event.code)])
        self._let_go()

    def hang_up(self, code: str) -> None:
        """End the call from our side."""
        if self.ended_at is not None:
            return
        self.hung_up_by = "switch"
        if self.answered_at is None:
            self._reject(code, REASONS[code].status or 480)
            return
        self._finish(code, None)
        for leg in (self.caller, self.callee):
            if leg is not None and leg.session is not None:
                leg.session.bye([reason_field(code)])
        self._let_go()

    def _let_go(self) -> None:
        """Part the legs from their sessions: what knows each other would have to wait for the garbage collector."""
        for leg in (self.caller, self.callee):
            if leg is not None:
                leg.session = None

    def _silent(self) -> None:
        self.hang_up("no_media")

    def _one_way(self, side: int) -> None:
        if not self.one_way:
            self.one_way = True
            log.warn(
                "Call {call}: no audio from the {side} while the other side sends",
                call=self.id,
                side=("caller", "callee")[side],
            )

    def _finish(self, code: str, status: int | None) -> None:
        """Release everything, once."""
        self.code = code
        self.status = status
        self.ended_at = self._timeouts.now()
        if self.caller is not None and self.caller.course.answered is None:
            self.caller.course.fails(status or 0)
        for leg in (self.caller, self.callee):
            if leg is not None:
                leg.hear = _hear_late
        if self.transfer is not None:
            self.transfer.cancel()
        self._stop_waiting()
        setup, self._setup = self._setup, None
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.cancel(self._cancel_reason(), code)
        elif setup is not None:
            setup.cancel()
        self.media.close()
        for side in (0, 1):
            self.hold(None, side)
        self._keeper.call_finished(self)
        for grant in (*self._spent, *self.grants):
            grant.release()


def _hear_early(event: Event) -> None:
    """The called side has answered, but the caller cannot be told yet: what is asked may be asked again."""
    match event:
        case Offered():
            event.offer.refuse("glare")
        case Informed():
            event.transaction.refuse("still_busy", fields=[("Retry-After", "1")])


def _hear_late(leg: Leg, event: Event) -> None:
    """The call is over, but a leg still has something to be answered."""
    match event:
        case Offered() | Updated():
            event.offer.refuse("no_dialog")
        case Informed() | Referred() | Notified():
            event.transaction.refuse("no_dialog")
        case Answered():
            if leg.session is not None:
                leg.session.bye()
                leg.session = None
