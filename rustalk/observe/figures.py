"""The end-to-end figures of RFC 6076 for each trunk, counted from finished calls and registrations.

Each INVITE that was sent to a trunk, or came from one, is one session request; an authentication challenge that was
answered is part of the request that it belongs to. What has not happened yet has no figure: a ratio of nothing is None
and never 0, and so is a mean of nothing. Memory grows with the number of trunks and not with that of calls; all phones
are counted as the one trunk ``PHONES``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from .snapshots import CallSnapshot, LegSnapshot

__all__ = ["PHONES", "Figures", "Ratio", "RegistrationFigures", "SessionFigures", "Spread", "TrunkFigures"]

PHONES = "phones"
"""What the legs and the registrations of all extensions are counted under."""

_EXTENSION = "extension:"
_CHALLENGES = frozenset({401, 402, 407})
_EFFECTIVE = frozenset({200, 480, 486, 600, 603})
_INEFFECTIVE = frozenset({408, 500, 503, 504})
_BROKEN = frozenset({"no_ack", "session_expired", "peer_gone", "peer_lost", "no_media", "internal_error", "shutdown"})
"""The reasons that end an answered call without the BYE of a side or of an operator."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """So many out of so many."""

    count: int
    of: int

    @property
    def percent(self) -> float | None:
        """The ratio as the RFC gives it; None where there is nothing to compare with."""
        return 100 * self.count / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took, in milliseconds; without a sample there are no times."""

    samples: int = 0
    mean_ms: float | None = None
    least_ms: float | None = None
    most_ms: float | None = None


@dataclass(frozen=True, slots=True)
class SessionFigures:
    """The sessions of one trunk in one direction; the section numbers are those of RFC 6076.

    ``srd`` is the request delay, from the INVITE to the ring or the answer, and ``srd_failed`` that to a refusal which
    no ring went before (4.3). ``sdd`` is the disconnect delay (4.4), ``sdt`` the duration of sessions that ended in
    order and ``sdt_failed`` of those that did not (4.5), ``ser`` and ``seer`` the establishment and the effectiveness
    ratio (4.6, 4.7), ``isa`` the ineffective attempts (4.8), ``scr`` the completion ratio (4.9).
    """

    requests: int
    srd: Spread
    srd_failed: Spread
    sdd: Spread
    sdt: Spread
    sdt_failed: Spread
    ser: Ratio
    seer: Ratio
    isa: Ratio
    scr: Ratio


@dataclass(frozen=True, slots=True)
class RegistrationFigures:
    """The registrations of one trunk: ``rrd`` is the request delay (4.1), ``ira`` the ineffective attempts (4.2)."""

    rrd: Spread
    ira: Ratio


@dataclass(frozen=True, slots=True)
class TrunkFigures:
    """All figures of one trunk: of the calls that we sent it, of those that it sent us, and of the registrations."""

    outbound: SessionFigures
    inbound: SessionFigures
    registrations: RegistrationFigures


class Figures:
    """Adds up what has ended since the start of the process."""

    def __init__(self) -> None:
        self._outbound: dict[str, _Sessions] = {}
        self._inbound: dict[str, _Sessions] = {}
        self._registrations: dict[str, _Registrations] = {}

    def call(self, snapshot: CallSnapshot) -> None:
        """Count a call that is over. Legs without a trunk are of nobody; those that go on are counted when they end."""
        for leg in snapshot.legs:
            if leg.trunk is not None and not leg.goes_on:
                sessions = self._inbound if leg.direction == "in" else self._outbound
                sessions.setdefault(_key(leg.trunk), _Sessions()).add(snapshot, leg)

    def parted(self, trunk: str, direction: str, delay: timedelta) -> None:
        """Count a BYE of ours that a leg of this direction, "in" or "out", has answered with a 2xx."""
        sessions = self._inbound if direction == "in" else self._outbound
        sessions.setdefault(_key(trunk), _Sessions()).parted(delay)

    def registration(self, delay: timedelta, status: int, trunk: str = PHONES) -> None:
        """Count a REGISTER that has got its final response, 408 where none came.

        A challenge is no answer yet and not counted (section 4.2); the attempt that follows it is.
        """
        if status not in _CHALLENGES:
            self._registrations.setdefault(_key(trunk), _Registrations()).add(delay, status)

    def trunk(self, trunk: str) -> TrunkFigures:
        """The figures of one trunk, also of one that nothing is known of."""
        return TrunkFigures(
            self._outbound.get(trunk, _NONE).figures(),
            self._inbound.get(trunk, _NONE).figures(),
            self._registrations.get(trunk, _UNREGISTERED).figures(),
        )

    def trunks(self) -> Mapping[str, TrunkFigures]:
        """The figures of all trunks that anything is known of, by their ids."""
        return {trunk: self.trunk(trunk) for trunk in sorted({*self._outbound, *self._inbound, *self._registrations})}


class _Times:
    """A running sum; whole microseconds, so that the mean is exact."""

    __slots__ = ("_least", "_most", "_samples", "_sum")

    def __init__(self) -> None:
        self._samples = 0
        self._sum = timedelta()
        self._least = timedelta.max
        self._most = timedelta()

    def add(self, time: timedelta) -> None:
        time = max(time, timedelta())
        self._samples += 1
        self._sum += time
        self._least = min(self._least, time)
        self._most = max(self._most, time)

    def between(self, first: datetime | None, last: datetime | None) -> None:
        if first is not None and last is not None:
            self.add(last - first)

    def spread(self) -> Spread:
        if not self._samples:
            return Spread()
        millisecond = timedelta(milliseconds=1)
        return Spread(
            self._samples, self._sum / self._samples / millisecond, self._least / millisecond, self._most / millisecond
        )


class _Sessions:
    """The counters behind `SessionFigures`."""

    __slots__ = (
        "_completed",
        "_effective",
        "_ineffective",
        "_redirected",
        "_requests",
        "_sdd",
        "_sdt",
        "_sdt_failed",
        "_set_up",
        "_srd",
        "_srd_failed",
    )

    def __init__(self) -> None:
        self._requests = self._redirected = self._set_up = self._effective = self._ineffective = self._completed = 0
        self._srd, self._srd_failed, self._sdd = _Times(), _Times(), _Times()
        self._sdt, self._sdt_failed = _Times(), _Times()

    def add(self, call: CallSnapshot, leg: LegSnapshot) -> None:
        status = _status(call, leg)
        self._requests += 1
        self._redirected += 300 <= status < 400
        self._effective += status in _EFFECTIVE
        self._ineffective += status in _INEFFECTIVE
        started, answered = leg.started or call.started, _answered(call, leg)
        if leg.progressed is not None or status == 200:
            self._srd.between(started, leg.progressed or answered)
        elif status >= 400 and status not in _CHALLENGES:
            self._srd_failed.between(started, leg.ended or call.ended)
        if status == 200:
            self._set_up += 1
            self._disconnected(answered, leg.ended or call.ended, leg.reason or call.reason or "")

    def parted(self, delay: timedelta) -> None:
        self._sdd.add(delay)

    def _disconnected(self, answered: datetime | None, ended: datetime | None, reason: str) -> None:
        if reason in _BROKEN:
            self._sdt_failed.between(answered, ended)
        else:
            self._completed += 1
            self._sdt.between(answered, ended)

    def figures(self) -> SessionFigures:
        established = self._requests - self._redirected
        return SessionFigures(
            requests=self._requests,
            srd=self._srd.spread(),
            srd_failed=self._srd_failed.spread(),
            sdd=self._sdd.spread(),
            sdt=self._sdt.spread(),
            sdt_failed=self._sdt_failed.spread(),
            ser=Ratio(self._set_up, established),
            seer=Ratio(self._effective, established),
            isa=Ratio(self._ineffective, self._requests),
            scr=Ratio(self._completed, self._requests),
        )


class _Registrations:
    """The counters behind `RegistrationFigures`."""

    __slots__ = ("_attempts", "_failed", "_rrd")

    def __init__(self) -> None:
        self._attempts = self._failed = 0
        self._rrd = _Times()

    def add(self, delay: timedelta, status: int) -> None:
        self._attempts += 1
        if 200 <= status < 300:
            self._rrd.add(delay)
        elif status >= 400:
            self._failed += 1

    def figures(self) -> RegistrationFigures:
        return RegistrationFigures(self._rrd.spread(), Ratio(self._failed, self._attempts))


_NONE = _Sessions()
_UNREGISTERED = _Registrations()


def _key(trunk: str) -> str:
    return PHONES if trunk.startswith(_EXTENSION) else trunk


def _answered(call: CallSnapshot, leg: LegSnapshot) -> datetime | None:
    return leg.answered or (call.answered if leg.sip_status in (None, 200) else None)


def _status(call: CallSnapshot, leg: LegSnapshot) -> int:
    """The final status of a leg's INVITE; where it has none, that of the call, and 200 for one that was answered."""
    if leg.sip_status is not None:
        return 200 if 200 <= leg.sip_status < 300 else leg.sip_status
    return 200 if _answered(call, leg) is not None else call.sip_status or 487
