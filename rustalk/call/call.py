"""One call: a caller's leg, a callee's leg, the media between them, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from rustalk.interfaces import IFlow
from rustalk.media.ports import NoPortsError
from rustalk.media.session import MediaSession
from rustalk.sdp.errors import SdpError
from rustalk.sip.errors import RemoteProtocolError
from rustalk.ua.incoming import Incoming
from rustalk.ua.outgoing import Outgoing, OutgoingListener
from rustalk.ua.subject import Subject
from rustalk.ua.timeouts import Timeout, Timeouts

from . import bridge
from .early import EarlyMedia
from .events import Answered, Described, Ended, Event, Informed, Offered, Progressed, Refused
from .leg import CalleeLeg, CallerLeg, Leg
from .reasons import REASONS, reason_field
from .setup import hunt
from .target import Target

__all__ = ["Call", "Dial"]

log = Logger()

_TO_US = frozenset((401, 405, 406, 407, 415, 416, 420, 421, 422, 494))
"""What the called side says to our own INVITE; to the caller's it would be no answer."""

Dial = Callable[[Target, IFlow, Subject, bytes, str, OutgoingListener], Outgoing]
"""Sends an INVITE: target, flow, subject, description, Call-ID, and who hears of its fate."""


class Call:
    """A call in progress, until ``finished`` is called with it: then nothing is left but what its record needs."""

    __slots__ = (
        "_dial",
        "_early",
        "_finished",
        "_hush",
        "_outcome",
        "_parting",
        "_retry_after",
        "_ring",
        "_ring_within",
        "_setup",
        "_timeouts",
        "_token",
        "answered_at",
        "callee",
        "caller",
        "code",
        "destination",
        "ended_at",
        "hung_up_by",
        "id",
        "incoming",
        "info_to",
        "media",
        "one_way",
        "placed",
        "started_at",
        "status",
        "subject",
    )

    def __init__(
        self,
        call_id: str,
        subject: Subject,
        media: MediaSession,
        *,
        dial: Dial,
        token: Callable[[], str],
        timeouts: Timeouts,
        early_media: str,
        ring_within: float | None,
        info_to: tuple[bool, bool],
        retry_after: int,
        finished: Callable[[Call], None],
    ) -> None:
        self.id = call_id
        self.subject = subject
        self.media = media
        self.info_to = info_to
        self.caller: CallerLeg | None = None
        self.callee: CalleeLeg | None = None
        self.incoming: Incoming | None = None
        self.destination: str | None = None
        self.placed: tuple[str, ...] = ()
        self.started_at = datetime.now(UTC)
        self.answered_at: datetime | None = None
        self.ended_at: datetime | None = None
        self.code: str | None = None
        self.status: int | None = None
        self.hung_up_by: str | None = None
        self.one_way = False
        self._dial = dial
        self._token = token
        self._timeouts = timeouts
        self._retry_after = retry_after
        self._finished = finished
        self._parting = ""
        self._early: EarlyMedia | None = EarlyMedia(early_media, media, timeouts, self._ring_caller)
        self._ring_within = ring_within
        self._hush: Timeout | None = None
        self._ring: Timeout | None = None
        self._setup: Deferred[None] | None = None
        self._outcome: Deferred[Refused | None] | None = None
        media.on_silence = self._silent
        media.on_one_way = self._one_way

    # Setting up.

    def start(self, caller: CallerLeg, incoming: Incoming, targets: Sequence[Target], ring_timeout: float) -> None:
        """Call the targets in turn until one answers."""
        self.caller = caller
        self.incoming = incoming
        self._ring = self._timeouts.start(ring_timeout, self._give_up, "ring_timeout")
        if self._ring_within is not None:
            self._hush = self._timeouts.start(self._ring_within, self._give_up, "no_progress")
        self._setup = Deferred.fromCoroutine(hunt(self, targets))
        self._setup.addErrback(self._setup_failed)

    @property
    def progressed(self) -> bool:
        """Whether the caller has heard a ring."""
        return self._early is not None and self._early.rang

    async def attempt(self, target: Target) -> Refused | None:
        """Call one target and wait for what comes of it."""
        assert self.incoming is not None
        self.destination = target.trunk
        try:
            body = self.media.translate(self.incoming.request.body, 0)
        except SdpError as error:
            log.info("Call {call} cannot be offered: {error}", call=self.id, error=str(error))
            return Refused(0, "bad_media")
        except NoPortsError as error:
            log.warn("Call {call} has no media: {error}", call=self.id, error=str(error))
            return Refused(0, "no_media_ports")
        flow = await target.reach()
        call_id = self._token()
        self.placed += (call_id,)
        leg = self.callee = CalleeLeg(target.trunk, flow, call_id, self.hear)
        self._outcome = Deferred()
        leg.outgoing = self._dial(target, flow, self.subject, body, call_id, leg)
        refusal = await self._outcome
        if self.ended_at is not None:  # given up meanwhile, which says nothing about the target
            return None
        why = _failure(refusal)
        if why:
            target.failed(why)
        else:
            target.worked()
        return refusal

    def refused(self, refusal: Refused) -> None:
        """The hunt is over without an answer."""
        self._setup = None
        code = refusal.cause if refusal.cause in REASONS else "far_end" if refusal.status else "target_silent"
        if refusal.cause == "transport":
            code = "target_unreachable"
        self.hung_up_by = "callee" if code == "far_end" else "switch"
        status = refusal.status if code == "far_end" else REASONS[code].status
        if status in _TO_US or status < 400:
            status = 480 if status < 400 else 503
        self._reject(code, status, refusal.phrase if status == refusal.status else "", refusal.reason)

    def _setup_failed(self, reason: Failure) -> None:
        if not isinstance(reason.value, CancelledError):
            log.failure("Call {call} could not be set up", reason, call=self.id)
            self._reject("internal_error", 500)

    def _give_up(self, code: str) -> None:
        self.hung_up_by = "switch"
        self._reject(code, REASONS[code].status)

    def _reject(self, code: str, status: int, phrase: str = "", reason: str = "") -> None:
        """Refuse the caller, and stop calling."""
        if self.ended_at is None:
            incoming = self.incoming
            self._finish(code, status)
            if incoming is not None:
                field = ("Reason", reason) if code == "far_end" and reason else reason_field(code, status)
                extra = [("Retry-After", str(self._retry_after))] if status == 503 else []
                incoming.reject(status, phrase, [field, *extra])
            self._let_go()

    def _cancel_reason(self) -> str:
        """Why the called side is cancelled: in the caller's words where it said why (RNG-07)."""
        return self._parting or reason_field(self.code or "caller_cancelled")[1]

    def _ring_caller(self, status: int, body: bytes) -> None:
        if self._hush is not None:
            self._hush.cancel()
        if self.incoming is not None:
            self.incoming.provisional(status, body)

    def _stop_waiting(self) -> None:
        """Nobody waits for a ring or an answer any more."""
        if self._early is not None:
            self._early.stop()
        for timeout in (self._ring, self._hush):
            if timeout is not None:
                timeout.cancel()
        self._early = self._ring = self._hush = None

    # What the legs say.

    def hear(self, leg: Leg, event: Event) -> None:
        """An event of one of the legs."""
        if self.ended_at is not None:
            _hear_late(leg, event)
            return
        match event:
            case Progressed():
                self._progressed(event)
            case Answered():
                self._answered(event.body)
            case Refused():
                self._resolve(event)
            case Ended():
                self._ended(leg, event)
            case _:
                self._bridge(leg, event)

    def _progressed(self, event: Progressed) -> None:
        body = b""
        if event.body:
            try:
                body = self.media.translate(event.body, 1)
            except (SdpError, NoPortsError) as error:
                log.info("Ignored early media: {error}", error=str(error), call=self.id)
        if self._early is not None:
            self._early.progress(event.status, body)

    def _answered(self, body: bytes) -> None:
        incoming, early, callee = self.incoming, self._early, self.callee
        if incoming is None or early is None or callee is None or self.caller is None:
            return
        early.stop()
        try:
            answer = self.media.translate(body, 1)
            self.caller.session = incoming.answer(answer, fork=early.described not in (b"", answer))
        except (SdpError, NoPortsError, RemoteProtocolError) as error:
            log.warn("Call {call} was answered with unusable media: {error}", call=self.id, error=str(error))
            if callee.session is not None:
                callee.session.bye([reason_field("bad_media")])
            self._resolve(Refused(0, "bad_media"))
            return
        self.answered_at = datetime.now(UTC)
        self.media.answered()
        self._stop_waiting()
        self.incoming = None
        self._resolve(None)
        self._setup = None

    def _resolve(self, outcome: Refused | None) -> None:
        waiting, self._outcome = self._outcome, None
        if waiting is not None:
            waiting.callback(outcome)

    def _bridge(self, leg: Leg, event: Event) -> None:
        opposite = self._other(leg)
        other = opposite.session if opposite is not None else None
        if leg.session is None or other is None:
            _hear_late(leg, event)
            return
        match event:
            case Offered():
                bridge.offered(self.media, event.offer, leg.side, leg.session, other)
            case Described():
                bridge.described(self.media, event.body, leg.side, other)
            case Informed():
                bridge.informed(event.transaction, other, self.info_to[1 - leg.side])

    def _other(self, leg: Leg) -> Leg | None:
        return self.callee if leg is self.caller else self.caller

    # The end.

    def _ended(self, leg: Leg, event: Ended) -> None:
        self.hung_up_by = "caller" if leg is self.caller else "callee"
        self._parting = event.reason
        other = self._other(leg)
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
        self.ended_at = datetime.now(UTC)
        for leg in (self.caller, self.callee):
            if leg is not None:
                leg.hear = _hear_late
        self._stop_waiting()
        setup, self._setup = self._setup, None
        if self._outcome is not None and self.callee is not None:
            # The hunt ends by its own return: a cancelled one would leave its frames to the garbage collector.
            self.callee.cancel(self._cancel_reason())
            self._resolve(None)
        elif setup is not None:
            setup.cancel()
        self.media.close()
        self._finished(self)


def _hear_late(leg: Leg, event: Event) -> None:
    """The call is over, but a leg still has something to be answered."""
    match event:
        case Offered():
            event.offer.refuse(481)
        case Informed():
            event.transaction.respond(481)
        case Answered():
            if leg.session is not None:
                leg.session.bye()
                leg.session = None


def _failure(refusal: Refused | None) -> str:
    """What an outcome says against the host that was called; '' when nothing."""
    if refusal is None or refusal.cause in REASONS:
        return ""
    if refusal.status == 0:
        return "the connection was lost" if refusal.cause == "transport" else "no answer to INVITE"
    return "503 to INVITE" if refusal.status == 503 else ""
