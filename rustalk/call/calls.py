"""The calls in progress, and the door that a new one comes through."""

from __future__ import annotations

import secrets
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Protocol, cast

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from rustalk.config.model import TEAMS
from rustalk.interfaces import IFlow, IMediaRelay
from rustalk.media.session import MediaSession, MediaSide
from rustalk.observe.counters import Counters
from rustalk.observe.snapshots import CallSnapshot
from rustalk.security.limits import TokenBucket
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Field, Request
from rustalk.sip.replaces import Replaces
from rustalk.sip.session_timer import SessionTimer
from rustalk.ua.dialogs import Dialogs, Usage
from rustalk.ua.endpoint import Endpoint, ServerTransaction
from rustalk.ua.incoming import Incoming
from rustalk.ua.inspect import inspect
from rustalk.ua.outgoing import Outgoing
from rustalk.ua.reasons import REASONS, reason_field
from rustalk.ua.subject import Subject

from .call import Call
from .course import Course, Lamp
from .fork import Fork, Forked
from .leg import CalleeLeg, CallerLeg, Dialled, Leg
from .pickup import pick_up
from .record import domains, handed_on, refused, snapshot
from .switchboard import Grant, Placed, Switchboard, enter
from .takeover import Takeover
from .target import Target, Trunk
from .transfers import Transfers

__all__ = ["Calls", "Lamps", "Policy", "Told"]

log = Logger()

_REMEMBERED = 500
_OVERLOAD = frozenset(("too_many_calls", "calls_too_fast"))


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for every call. ``max_calls`` 0 is no limit; times in seconds."""

    max_calls: int
    retry_after: int
    ring_timeout: float
    session_expires: int
    min_se: int


class Lamps(Protocol):
    """Who shows others how the calls of a peer are."""

    def lamp(self, peer: str, id: str, subject: Subject, *, is_caller: bool) -> Lamp | None:
        """What is to be told how one leg of a peer goes; ``id`` tells it from its others. None: nobody can watch."""


class Told(Protocol):
    """Who is told of calls that are over."""

    def over(self, call: CallSnapshot, grants: Iterable[Grant] = ()) -> None:
        """A call is over; ``grants`` are the limits that it counted under."""

    def tell(self, call: Call) -> None:
        """A call has begun, or is answered."""

    def parted(self, trunk: str, direction: str, delay: timedelta) -> None:
        """The peer of a leg, "in" or "out", has answered our BYE after so long."""

    def registered(self, trunk: str, delay: timedelta, status: int) -> None:
        """A trunk has answered our REGISTER, after so long; 408 is silence."""


class Calls:
    """Takes INVITEs, refuses what may not pass, and keeps what is in progress and what lately ended.

    ``loop`` is the address of this machine, by IP version, over which the media of two joined calls reach each other.
    ``now`` is the time of the token bucket in seconds. The calls themselves are found by their id.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        dialogs: Dialogs,
        *,
        trunks: Mapping[str, Trunk],
        switchboard: Switchboard,
        relay: IMediaRelay,
        policy: Policy,
        rate: TokenBucket | None,
        now: Callable[[], float],
        counters: Counters,
        loop: Mapping[int, str],
        told: Told | None = None,
        lamps: Lamps | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._dialogs = dialogs
        self._trunks = trunks
        self._switchboard = switchboard
        self._relay = relay
        self._policy = policy
        self._rate = rate
        self._now = now
        self._counters = counters
        self._told = told
        self._lamps = lamps
        self._calls: dict[str, Call] = {}
        self._recent: deque[CallSnapshot] = deque(maxlen=_REMEMBERED)
        self._placed: set[str] = set()
        self._drained: Deferred[None] | None = None
        self._totals: Counter[str] = Counter()
        self._transfers = Transfers(
            trunks=trunks,
            switchboard=switchboard,
            dialogs=dialogs,
            dial=self._dial,
            token=endpoint.token,
            timeouts=endpoint.timeouts,
            ring_timeout=policy.ring_timeout,
            owner=self._owner,
            ringing=self._ringing,
            spend=self._spend,
            loop=loop,
        )

    def use(self, policy: Policy, rate: TokenBucket | None) -> None:
        """What holds for calls from now on."""
        self._policy = policy
        self._rate = rate

    # The door.

    def invite_received(self, transaction: ServerTransaction, source: str) -> None:
        """A new INVITE from the trunk ``source``."""
        request = transaction.request
        self._counters.call(self._endpoint.timeouts.now().timestamp())
        code = self._refusal(request)
        if code is not None and not (code in _OVERLOAD and self._is_for_help(request, source)):
            self._refuse(transaction, source, code)
            return
        unfit = inspect(request, self._trunks[source].allow)
        if unfit is not None:
            self._refuse(transaction, source, unfit.code, fields=unfit.fields)
            return
        timer = SessionTimer(self._policy.session_expires, self._policy.min_se)
        too_small = timer.too_small(request)
        if too_small is not None:
            self._refuse(transaction, source, "short_interval", fields=too_small)
            return
        replaces = request.get("Replaces")
        if replaces is not None:
            self._take_over(transaction, source, replaces, timer)
        else:
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
        return None

    def _is_for_help(self, request: Request, source: str) -> bool:
        """Whether this INVITE is a call for help, which is taken however full we are."""
        return self._switchboard.is_emergency(self._trunks[source].subject(request), source)

    def _route(self, transaction: ServerTransaction, source: str, timer: SessionTimer) -> None:
        caller = self._trunks[source]
        subject = replace(caller.subject(transaction.request), call=self._endpoint.token())
        barred = caller.limit.barred()
        if barred and not self._switchboard.is_emergency(subject, source):
            self._refuse(transaction, source, barred, subject)
            return
        placed = self._switchboard.place(subject, source, transaction.request.get)
        placed, code = enter(self._switchboard, placed, source)
        if code:
            self._refuse(transaction, source, code, subject, placed)
        else:
            self._begin(transaction, source, subject, placed, timer)

    def _begin(
        self,
        transaction: ServerTransaction,
        source: str,
        origin: Subject,
        placed: Placed,
        timer: SessionTimer,
    ) -> None:
        """Call the targets, the first of which has admitted the call."""
        target, subject, path = placed.targets[0], placed.subject, placed.media
        caller, callee = self._trunks[source], self._trunks[target.trunk]
        sides = caller.media_over(transaction.flow), target.media
        direct = sides[0].direct and sides[1].direct if path is None else path == "direct"
        media = MediaSession(
            self._relay,
            (_going(sides[0], direct), _going(sides[1], direct)),
            random=lambda: secrets.randbits(62),
        )
        call = Call(
            subject.call,
            origin,
            placed,
            media,
            crossroads=self._transfers,
            dial=self._dial,
            token=self._endpoint.token,
            timeouts=self._endpoint.timeouts,
            early_media=callee.early_media,
            ring_within=caller.ring_within,
            info_to=(caller.takes_info, callee.takes_info),
            retry_after=self._policy.retry_after,
            keeper=self,
        )
        if subject.told.is_internal and caller.internal_address:
            media.internal(0, caller.internal_address)
        caller.limit.take()
        call.limits = [caller.limit, target.limit]
        call.domains = domains(transaction.request)
        leg = self._calling(transaction, source, origin, call)
        try:
            incoming = self._incoming(transaction, leg, subject, timer)
        except RemoteProtocolError:
            call.hold(None, 0)
            call.hold(None, 1)
            for grant in call.grants:
                grant.release()
            raise
        self._attend(leg, subject, is_caller=True)
        leg.course.light("trying")
        self._calls[call.id] = call
        self._totals.update({source, target.trunk})
        call.start(leg, incoming, placed.targets, self._policy.ring_timeout)
        if self._told is not None and call.ended_at is None:
            self._told.tell(call)

    def _calling(
        self, transaction: ServerTransaction, source: str, subject: Subject, call: Call, side: int = 0
    ) -> CallerLeg:
        """The side of a call that this INVITE is."""
        course = Course(self._endpoint.timeouts.now, subject.caller, subject.called)
        course.tags = transaction.request.from_.tag, ""
        return CallerLeg(source, transaction.flow, transaction.call_id, call.hear, course, side)

    def _incoming(
        self, transaction: ServerTransaction, leg: CallerLeg, subject: Subject, timer: SessionTimer
    ) -> Incoming:
        """The INVITE, as whoever answers it sees it."""
        trunk = self._trunks[leg.trunk]
        return Incoming(
            transaction,
            self._dialogs,
            trunk.path(transaction.flow),
            leg,
            contact=trunk.contact(transaction.flow, subject.called, subject.tenant),
            timer=timer,
            allow=trunk.allow,
        )

    def _take_over(self, transaction: ServerTransaction, source: str, text: str, timer: SessionTimer) -> None:
        """An INVITE that takes the place of a side of a call in progress (XFR-07)."""
        if len(transaction.request.all("Replaces")) > 1:
            raise RemoteProtocolError("Replaces stands twice")
        trunk = self._trunks[source]
        subject = trunk.subject(transaction.request)
        tenant = self._switchboard.tenant(subject, source)
        if source == TEAMS and tenant is None:
            self._refuse(transaction, source, "unknown_tenant", subject)
            return
        found = self._transfers.replaced(Replaces.parse(text), source, tenant)
        if isinstance(found, str):
            self._refuse(transaction, source, found)
            return
        call, old = found
        leg = self._calling(transaction, source, subject, call, old.side)
        incoming = self._incoming(transaction, leg, replace(subject, tenant=tenant or ""), timer)
        self._attend(leg, call.subject, is_caller=not call.is_called(old))
        if call.answered_at is None:
            pick_up(call, old, leg, incoming, trunk.limit, self._endpoint.timeouts)
        else:
            Takeover(call, old, leg, self._endpoint.timeouts).start(incoming, trunk.media_over(transaction.flow))

    def _ringing(self, replaces: Replaces) -> tuple[Call, Leg, str] | None:
        """The call that rings at somebody on a branch of these tags, and the peer that rings."""
        for call in self._calls.values():
            leg = call.callee if call.answered_at is None else None
            if isinstance(leg, CalleeLeg):
                branch = leg.ringing(replaces.call_id, replaces.to_tag, replaces.from_tag)
                if branch is not None:
                    return call, leg, branch.trunk
        return None

    def _spend(self, subject: Subject) -> str:
        """Why one more call may not be placed now, '' where it may: it counts as a new one."""
        if self._rate is not None and not subject.is_emergency and not self._rate.take(self._now()):
            return "calls_too_fast"
        return ""

    def _owner(self, usage: Usage) -> tuple[Call, Leg] | None:
        """The call in progress that a dialog is a leg of."""
        for call in self._calls.values():
            for leg in (call.caller, call.callee):
                if leg is not None and leg.session is cast(object, usage):
                    return call, leg
        return None

    def _dial(
        self,
        target: Target,
        flow: IFlow,
        subject: Subject,
        body: bytes,
        leg: CalleeLeg,
    ) -> Dialled:
        """Send the INVITE of one attempt."""
        if isinstance(target, Fork):
            return Forked(
                target,
                subject,
                body,
                leg,
                dial=self._dial,
                forget=self._placed.discard,
                token=self._endpoint.token,
                timeouts=self._endpoint.timeouts,
            )
        self._placed.add(leg.call_id)
        self._attend(leg, subject, is_caller=False)
        return Outgoing(
            self._endpoint,
            self._dialogs,
            target.path(flow),
            flow,
            target.invite(subject, body, flow),
            leg,
            call_id=leg.call_id,
            timer=SessionTimer(self._policy.session_expires, self._policy.min_se),
        )

    def _refuse(
        self,
        transaction: ServerTransaction,
        source: str,
        code: str,
        origin: Subject | None = None,
        placed: Placed | None = None,
        fields: Iterable[Field] = (),
    ) -> None:
        """Answer with the status of the code, and leave a record of it: who called, and what the routes made of it."""
        status = (placed.status if placed is not None else 0) or REASONS[code].status
        fields = [reason_field(code, status), *fields]
        if status == 503:
            fields.append(("Retry-After", str(self._policy.retry_after)))
        request = transaction.request
        origin = origin or Subject(request.from_.uri.number, request.target.number)
        placed = placed or Placed(origin)
        self._counters.refuse(code)
        log.info(
            "Refused a call from {caller} to {called} on {source} with {status}: {code}, {text}",
            caller=placed.subject.caller,
            called=placed.subject.called,
            source=source,
            status=status,
            code=code,
            text=REASONS[code].text,
            call_id=transaction.call_id,
        )
        now = self._endpoint.timeouts.now()
        id = origin.call or self._endpoint.token()
        record = refused(id, transaction, source, origin, placed, code, status, now)
        transaction.respond(status, fields=fields)
        self._keep(record)

    # The calls.

    def call_answered(self, call: Call) -> None:
        """Tell that both sides talk."""
        if self._told is not None:
            self._told.tell(call)

    def call_handed_on(self, call: Call, old: Leg, new: Leg, onward: str) -> None:
        """Keep what a transfer has ended; the rest is a call of its own, with the id ``onward``."""
        del self._calls[call.id]
        self._totals[new.trunk] += 1
        record = handed_on(call, old, onward, self._endpoint.timeouts.now())
        call.id, call.transferred_from = record.transferred_to, call.id
        self._calls[call.id] = call
        self._keep(record, call.grants)

    def _attend(self, leg: Leg, subject: Subject, *, is_caller: bool) -> None:
        """Have a leg shown to whoever watches its peer, and its end timed."""
        if self._lamps is not None:
            leg.course.lamp = self._lamps.lamp(leg.trunk, leg.call_id, subject, is_caller=is_caller)
        if self._told is not None:
            leg.course.parted = partial(self._told.parted, leg.trunk, "in" if leg.called_us else "out")

    def _keep(self, record: CallSnapshot, grants: Iterable[Grant] = ()) -> None:
        self._recent.append(record)
        if self._told is not None:
            self._told.over(record, grants)

    def call_finished(self, call: Call) -> None:
        """Forget the call, but for its record."""
        for side in (call.caller, call.callee):
            if side is not None:
                side.course.light("terminated")
        self._calls.pop(call.id, None)
        self._placed.difference_update(call.placed)
        record = snapshot(call)
        for leg in record.legs:
            if leg.media is not None:
                self._counters.media_packets += leg.media.packets
                self._counters.media_bytes += leg.media.bytes
        self._keep(record, call.grants)
        if record.answered is None and record.reason is not None:
            self._counters.refuse(record.reason)
        elif record.answered is not None:
            self._counters.calls_answered += 1
        log.info(
            "{caller} to {called}, {source} to {destination}: {code}, {text} ({ending}){remark}",
            call=call.id,
            caller=record.caller,
            called=record.called,
            source=record.source_trunk,
            destination=record.destination_trunk,
            code=call.code,
            text=REASONS[call.code or "normal"].text,
            by=call.hung_up_by,
            said=call.said,
            status=call.status,
            ending=f"{call.hung_up_by} ended it" + (f", status {call.status}" if call.status else ""),
            remark=f" {call.said}" if call.said else "",
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

    def end_of(self, trunk: str) -> None:
        """End the calls of a trunk that is no more."""
        for call in list(self._calls.values()):
            if trunk in (leg.trunk for leg in (call.caller, call.callee) if leg is not None):
                call.hang_up("operator")
            elif call.transfer is not None:
                call.transfer.lose(trunk)

    def look(self, call_id: str) -> CallSnapshot:
        """A call whose id ``ids`` gave just now. Raises LookupError for another."""
        found = self.find(call_id)
        if found is None:
            raise LookupError(call_id)
        return found

    def active(self, trunk: str) -> int:
        """How many calls in progress come from or go to a trunk."""
        return sum(trunk in (call.source, call.destination) for call in self._calls.values())

    def total(self, trunk: str) -> int:
        """How many calls have come from or gone to a trunk since the start, those in progress among them."""
        return self._totals[trunk]

    # Shutting down.

    @property
    def draining(self) -> bool:
        """Whether no new calls are taken."""
        return self._drained is not None

    @property
    def retry_after(self) -> int:
        """After how many seconds who is refused for want of room may try again."""
        return self._policy.retry_after

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
