"""The calls in progress, and the door that a new one comes through."""

from __future__ import annotations

import secrets
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from rustalk.config.model import Route
from rustalk.interfaces import IFlow, IMediaRelay
from rustalk.media.session import MediaSession, MediaSide
from rustalk.observe.counters import Counters
from rustalk.observe.snapshots import CallSnapshot
from rustalk.security.limits import TokenBucket
from rustalk.sip.message import Request
from rustalk.sip.session_timer import SessionTimer
from rustalk.ua.dialogs import Dialogs
from rustalk.ua.endpoint import Endpoint, ServerTransaction
from rustalk.ua.incoming import Incoming
from rustalk.ua.inspect import inspect, offers
from rustalk.ua.outgoing import Outgoing, OutgoingListener
from rustalk.ua.subject import Subject

from .call import Call
from .leg import CallerLeg
from .reasons import REASONS, reason_field
from .record import refused, snapshot
from .routes import CallQuery, Decision, Rejection, decide
from .target import Target, Trunk

__all__ = ["Calls", "Policy"]

log = Logger()

_REMEMBERED = 500


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for every call. ``max_calls`` 0 is no limit; times in seconds."""

    max_calls: int
    retry_after: int
    ring_timeout: float
    session_expires: int
    min_se: int


class Calls:
    """Takes INVITEs, refuses what may not pass, and keeps what is in progress and what lately ended.

    ``now`` is the time of the token bucket in seconds. The calls themselves are found by their id.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        dialogs: Dialogs,
        *,
        trunks: Mapping[str, Trunk],
        routes: Sequence[Route],
        relay: IMediaRelay,
        policy: Policy,
        rate: TokenBucket | None,
        now: Callable[[], float],
        counters: Counters,
    ) -> None:
        self._endpoint = endpoint
        self._dialogs = dialogs
        self._trunks = trunks
        self._routes = routes
        self._relay = relay
        self._policy = policy
        self._rate = rate
        self._now = now
        self._counters = counters
        self._calls: dict[str, Call] = {}
        self._recent: deque[CallSnapshot] = deque(maxlen=_REMEMBERED)
        self._placed: set[str] = set()
        self._drained: Deferred[None] | None = None
        self._totals: Counter[str] = Counter()

    # The door.

    def invite_received(self, transaction: ServerTransaction, source: str) -> None:
        """A new INVITE from the trunk ``source``."""
        request = transaction.request
        self._counters.call(datetime.now(UTC).timestamp())
        code = self._refusal(request)
        if code is not None:
            self._refuse(transaction, source, code)
            return
        unfit = inspect(request)
        if unfit is not None:
            transaction.respond(unfit[0], fields=unfit[1])
            return
        timer = SessionTimer(self._policy.session_expires, self._policy.min_se)
        too_small = timer.too_small(request)
        if too_small is not None:
            transaction.respond(422, fields=too_small)
            return
        self._route(transaction, source, timer)

    def _refusal(self, request: Request) -> str | None:
        """The code of what keeps this INVITE out before anybody asks where it goes."""
        if self._drained is not None:
            return "draining"
        if request.call_id in self._placed:
            return "loop_detected"
        if request.max_forwards == 0:
            return "too_many_hops"
        if 0 < self._policy.max_calls <= len(self._calls):
            return "too_many_calls"
        if self._rate is not None and not self._rate.take(self._now()):
            return "calls_too_fast"
        if not offers(request):
            return "no_offer" if not request.body else None
        return None

    def _route(self, transaction: ServerTransaction, source: str, timer: SessionTimer) -> None:
        trunk = self._trunks[source]
        subject = trunk.subject(transaction.request)
        if not subject.called:
            self._refuse(transaction, source, "no_number", subject)
            return
        query = CallQuery(source, subject.caller, subject.called, datetime.now(UTC))
        decision = decide(self._routes, query)
        if isinstance(decision, Decision):
            self._begin(transaction, source, subject, decision, timer)
        elif isinstance(decision, Rejection):
            code = "route_hangup" if decision.route.action == "accept" else "route_refused"
            self._refuse(transaction, source, code, subject, decision.status)
        else:
            self._refuse(transaction, source, "no_route", subject)

    def _begin(
        self, transaction: ServerTransaction, source: str, subject: Subject, decision: Decision, timer: SessionTimer
    ) -> None:
        caller_trunk, callee_trunk = self._trunks[source], self._trunks.get(decision.trunk)
        targets = callee_trunk.targets() if callee_trunk is not None else ()
        if callee_trunk is None or not targets:
            self._refuse(transaction, source, "no_target", subject)
            return
        sides = caller_trunk.media, callee_trunk.media
        both = sides[0].direct and sides[1].direct
        direct = both if decision.media is None else decision.media == "direct"
        media = MediaSession(
            self._relay,
            (_going(sides[0], direct), _going(sides[1], direct)),
            random=lambda: secrets.randbits(62),
        )
        call = Call(
            self._endpoint.token(),
            subject,
            media,
            dial=self._dial,
            token=self._endpoint.token,
            timeouts=self._endpoint.timeouts,
            early_media=callee_trunk.early_media,
            ring_within=caller_trunk.ring_within,
            info_to=(caller_trunk.takes_info, callee_trunk.takes_info),
            retry_after=self._policy.retry_after,
            finished=self._finished,
        )
        flow = transaction.flow
        leg = CallerLeg(source, flow, transaction.call_id, call.hear)
        incoming = Incoming(
            transaction,
            self._dialogs,
            caller_trunk.path(flow),
            leg,
            contact=caller_trunk.contact(flow, subject.called),
            timer=timer,
        )
        self._calls[call.id] = call
        self._totals.update({source, decision.trunk})
        call.start(leg, incoming, targets, self._policy.ring_timeout)

    def _dial(
        self,
        target: Target,
        flow: IFlow,
        subject: Subject,
        body: bytes,
        call_id: str,
        listener: OutgoingListener,
    ) -> Outgoing:
        """Send the INVITE of one attempt."""
        self._placed.add(call_id)
        return Outgoing(
            self._endpoint,
            self._dialogs,
            target.path(flow),
            flow,
            target.invite(subject, body, flow),
            listener,
            call_id=call_id,
            timer=SessionTimer(self._policy.session_expires, self._policy.min_se),
        )

    def _refuse(
        self,
        transaction: ServerTransaction,
        source: str,
        code: str,
        subject: Subject | None = None,
        status: int = 0,
    ) -> None:
        """Answer with the status of the code, and leave a record of it."""
        status = status or REASONS[code].status
        fields = [reason_field(code, status)]
        if status == 503:
            fields.append(("Retry-After", str(self._policy.retry_after)))
        request = transaction.request
        subject = subject or Subject(request.from_.uri.number, request.target.number)
        self._counters.refuse(code)
        log.info(
            "Refused a call from {caller} to {called} on {source} with {status}: {code}, {text}",
            caller=subject.caller,
            called=subject.called,
            source=source,
            status=status,
            code=code,
            text=REASONS[code].text,
            call_id=transaction.call_id,
        )
        transaction.respond(status, fields=fields)
        self._recent.append(refused(self._endpoint.token(), transaction, source, subject, code, status))

    # The calls.

    def _finished(self, call: Call) -> None:
        self._calls.pop(call.id, None)
        self._placed.difference_update(call.placed)
        record = snapshot(call)
        for leg in record.legs:
            if leg.media is not None:
                self._counters.media_packets += leg.media.packets
                self._counters.media_bytes += leg.media.bytes
        self._recent.append(record)
        if record.answered is None and record.reason is not None:
            self._counters.refuse(record.reason)
        elif record.answered is not None:
            self._counters.calls_answered += 1
        log.info(
            "{caller} to {called}, {source} to {destination}: {code}, {text} ({by} ended it, status {status})",
            call=call.id,
            caller=record.caller,
            called=record.called,
            source=record.source_trunk,
            destination=record.destination_trunk,
            code=call.code,
            text=REASONS[call.code or "normal"].text,
            by=call.hung_up_by,
            status=call.status,
        )
        if self._drained is not None and not self._calls and not self._drained.called:
            self._drained.callback(None)

    def media(self) -> tuple[int, int]:
        """RTP packets and octets that the calls in progress have brought so far."""
        heard = [each for call in self._calls.values() for pair in call.media.statistics() for each in pair]
        return sum(each.packets for each in heard), sum(each.bytes for each in heard)

    def __len__(self) -> int:
        return len(self._calls)

    def ids(self) -> list[str]:
        """Every call that can be told about, newest first: those in progress, then those lately ended."""
        return [*reversed(self._calls), *(record.id for record in reversed(self._recent))]

    def find(self, call_id: str) -> CallSnapshot | None:
        """What is known of a call, None when nothing is."""
        call = self._calls.get(call_id)
        if call is not None:
            return snapshot(call)
        return next((record for record in reversed(self._recent) if record.id == call_id), None)

    def hang_up(self, call_id: str) -> bool:
        """End a call in progress; False when there is none of this id."""
        call = self._calls.get(call_id)
        if call is not None:
            call.hang_up("operator")
        return call is not None

    def look(self, call_id: str) -> CallSnapshot:
        """A call whose id ``ids`` gave just now. Raises LookupError for another."""
        found = self.find(call_id)
        if found is None:
            raise LookupError(call_id)
        return found

    def active(self, trunk: str) -> int:
        """How many calls in progress come from or go to a trunk."""
        return sum(
            trunk in (call.caller.trunk if call.caller else None, call.destination) for call in self._calls.values()
        )

    def total(self, trunk: str) -> int:
        """How many calls have come from or gone to a trunk since the start, those in progress among them."""
        return self._totals[trunk]

    # Shutting down.

    @property
    def draining(self) -> bool:
        """Whether no new calls are taken."""
        return self._drained is not None

    def drain(self) -> Deferred[None]:
        """Take no new calls; fires when the last one has ended."""
        if self._drained is None:
            self._drained = Deferred() if self._calls else succeed(None)
        waiting: Deferred[None] = Deferred()
        self._drained.addBoth(lambda _: waiting.callback(None) if not waiting.called else None)
        return waiting

    def end_all(self) -> None:
        """Hang up what is left."""
        for call in list(self._calls.values()):
            call.hang_up("shutdown")


def _going(side: MediaSide, direct: bool) -> MediaSide:
    return side if side.direct is direct else replace(side, direct=direct)
