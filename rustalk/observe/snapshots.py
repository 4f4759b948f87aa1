"""The switch as the outside sees it: frozen values, taken at one moment, that hold nothing alive.

Times are UTC datetimes. What has not been measured is None, never a hopeful number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from rustalk.observe.readiness import Reason

__all__ = [
    "CallPage",
    "CallSnapshot",
    "CallState",
    "CertificateReload",
    "HealthStatus",
    "LegSnapshot",
    "MediaSnapshot",
    "ProxyHealth",
    "Readiness",
    "SentSnapshot",
    "Statistics",
    "TargetSnapshot",
    "TeamsSnapshot",
    "TrunkSnapshot",
    "TrunkState",
    "cut_page",
]


class CallState(StrEnum):
    """Where a call is. ``failed`` means that it ended without an answer."""

    RINGING = "ringing"
    ACTIVE = "active"
    ENDED = "ended"
    FAILED = "failed"


class TrunkState(StrEnum):
    """The health of a trunk or of one of its hosts."""

    UP = "up"
    SUSPECT = "suspect"
    DOWN = "down"
    UNKNOWN = "unknown"
    DISABLED = "disabled"


class HealthStatus(StrEnum):
    """The health of a Teams proxy in the words of the Teams status page."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class SentSnapshot:
    """What one leg reports in RTCP of the audio that we send to it; the fields are as in MediaSnapshot."""

    packets: int
    lost: int
    loss_percent: float | None = None
    jitter_ms: float | None = None
    round_trip_ms: float | None = None
    mos: float | None = None
    r_factor: float | None = None
    mos_inputs: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class MediaSnapshot:
    """What has arrived from one leg: RTP packets and octets, losses, reordering and jitter (RFC 3550 section 6.4.1).

    ``round_trip_ms`` is that between us and the leg. ``r_factor`` and ``mos`` are those of the E-model, and
    ``mos_inputs`` what they were computed from, with method and assumptions (see docs/media.md). ``sent`` is the other
    direction, as the leg reports it: None where it reports nothing, or nothing that we can read.
    """

    packets: int = 0
    bytes: int = 0
    lost: int | None = 0
    reordered: int | None = 0
    jitter_ms: float | None = None
    mos: float | None = None
    loss_percent: float | None = None
    round_trip_ms: float | None = None
    r_factor: float | None = None
    mos_inputs: Mapping[str, object] | None = None
    sent: SentSnapshot | None = None


@dataclass(frozen=True, slots=True)
class LegSnapshot:
    """One side of a call. ``direction`` is "in" for the leg that called us and "out" for one that we called.

    A call has one leg out for each INVITE that was sent for it, those that failed included. ``caller`` and ``called``
    are the numbers as this leg's INVITE has them. ``started`` is when that INVITE passed, ``progressed`` when its first
    provisional response other than 100 did (RFC 6076 section 4.3). ``sip_status`` is the final status of the INVITE;
    silence counts as 408, a dead transport as 503 (RFC 3261 section 8.1.3.1). ``reason`` is the code of what ended this
    leg, None where that ended the call, or where another leg was answered instead. A leg that ``goes_on`` is one of the
    call that this one was transferred to, too.
    """

    sip_call_id: str
    direction: str
    trunk: str | None
    peer: str
    transport: str
    codecs: tuple[str, ...] = ()
    media: MediaSnapshot | None = None
    started: datetime | None = None
    progressed: datetime | None = None
    answered: datetime | None = None
    ended: datetime | None = None
    sip_status: int | None = None
    reason: str | None = None
    caller: str = ""
    called: str = ""
    from_tag: str = ""
    to_tag: str = ""
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class CallSnapshot:
    """One call with its legs; ``caller`` and ``called`` as the dialplan left them, ``original_*`` as they came.

    ``reason`` is the code of the registry that ended the call, ``sip_status`` the final status where there was one,
    ``hung_up_by`` "caller", "callee" or "switch". ``said`` is the Reason header of the side that refused or ended it,
    where Teams puts its sub-codes (OPS-02). ``route`` is the id of the route that took the call. ``transferred_to`` is
    the id of the call that carried this one on, ``transferred_from`` that of the one that it carries on; ``part_of`` is
    that of the call at another node, which has come to a phone of ours.
    """

    id: str
    state: CallState
    caller: str
    called: str
    started: datetime
    source_trunk: str | None = None
    destination_trunk: str | None = None
    answered: datetime | None = None
    ended: datetime | None = None
    legs: tuple[LegSnapshot, ...] = ()
    reason: str | None = None
    sip_status: int | None = None
    hung_up_by: str | None = None
    said: str = ""
    route: str = ""
    original_caller: str = ""
    original_called: str = ""
    transferred_to: str = ""
    transferred_from: str = ""
    tenant: str = ""
    caller_name: str = ""
    caller_domain: str = ""
    called_domain: str = ""
    part_of: str = ""
    recording_path: str = ""

    def duration(self, now: datetime) -> float | None:
        """Seconds of talk so far, or in all; None for a call that was never answered."""
        if self.answered is None:
            return None
        return max(0.0, ((self.ended or now) - self.answered).total_seconds())


@dataclass(frozen=True, slots=True)
class CallPage:
    """Some calls, newest first, out of ``total``; ``next`` is the cursor of the page behind this one."""

    calls: tuple[CallSnapshot, ...] = ()
    total: int = 0
    next: str | None = None


def cut_page(ids: Sequence[str], limit: int, cursor: str | None, look: Callable[[str], CallSnapshot]) -> CallPage:
    """The page of at most ``limit`` calls that follows the call ``cursor``; ``ids`` are all calls, newest first.

    Only the calls of the page are looked at. A cursor that is gone begins anew.
    """
    start = ids.index(cursor) + 1 if cursor in ids else 0
    chosen = ids[start : start + limit]
    more = start + limit < len(ids)
    return CallPage(tuple(look(each) for each in chosen), len(ids), chosen[-1] if more and chosen else None)


@dataclass(frozen=True, slots=True)
class TargetSnapshot:
    """One host of a trunk; ``why`` tells in words what its state rests on."""

    host: str
    port: int
    transport: str
    state: TrunkState
    why: str = ""
    since: datetime | None = None
    last_check: datetime | None = None
    response_time_ms: float | None = None


@dataclass(frozen=True, slots=True)
class TrunkSnapshot:
    """A trunk and its hosts. ``registered`` is None where we do not register."""

    id: str
    name: str
    state: TrunkState
    why: str = ""
    since: datetime | None = None
    targets: tuple[TargetSnapshot, ...] = ()
    registered: bool | None = None
    active_calls: int = 0
    total_calls: int = 0


@dataclass(frozen=True, slots=True)
class ProxyHealth:
    """The answer of one Teams proxy to our last OPTIONS; ``error`` says what was wrong with it."""

    proxy: str
    status: HealthStatus
    last_check: datetime | None = None
    response_time_ms: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TeamsSnapshot:
    """The Teams trunk: its settings (never a secret), the health of its proxies, its calls."""

    enabled: bool
    config: Mapping[str, object] = field(default_factory=dict)
    health_status: tuple[ProxyHealth, ...] = ()
    total_calls: int = 0
    active_calls: int = 0


@dataclass(frozen=True, slots=True)
class Statistics:
    """Figures of the process since its start. ``cpu_usage`` in percent of one core, ``memory_usage`` in octets."""

    active_calls: int = 0
    total_calls: int = 0
    total_calls_today: int = 0
    uptime_seconds: float = 0.0
    cpu_usage: float | None = None
    memory_usage: int | None = None
    messages_in: int = 0
    messages_out: int = 0
    messages_malformed: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    media_packets: int = 0
    media_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the switch can take a call now, each reason where it cannot, and what is wrong beside."""

    ready: bool
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class CertificateReload:
    """What became of one set of certificate files; when not ``loaded`` the old one stays in force."""

    name: str
    path: str
    loaded: bool
    message: str
