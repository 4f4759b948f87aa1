"""Why a call was refused or ended: one registry for the log, the Reason header, the counters and the records.

A status alone does not tell: 503 may mean that we are full, that every host of a trunk is down, or that the far end
said so. Each cause has a code of its own, and none is ever reported as another's.
"""

from __future__ import annotations

from dataclasses import dataclass

from rustalk.sip.headers import quote
from rustalk.sip.message import Field

__all__ = ["REASONS", "Reason", "reason", "reason_field"]


@dataclass(frozen=True, slots=True)
class Reason:
    """A cause. ``status`` is what an unanswered caller gets; ``text`` tells a person, ``advice`` what to look at."""

    code: str
    status: int
    text: str
    advice: str = ""


REASONS: dict[str, Reason] = {
    item.code: item
    for item in (
        # Refused before anybody was called.
        Reason("unknown_source", 403, "the call came from no configured trunk", "check the trunk's host and networks"),
        Reason("draining", 503, "the switch is being shut down and takes no new calls"),
        Reason("too_many_calls", 503, "the limit of simultaneous calls is reached", "limits.max_calls"),
        Reason("calls_too_fast", 503, "the limit of new calls a second is reached", "limits.calls_per_second"),
        Reason("loop_detected", 482, "the call came back to us"),
        Reason("too_many_hops", 483, "Max-Forwards is used up; probably two systems route the call to each other"),
        Reason("no_number", 484, "the Request-URI names nobody"),
        Reason("no_offer", 488, "the INVITE brought no session description; a later version offers one itself"),
        Reason("bad_media", 488, "the session description could not be used"),
        Reason("no_route", 404, "no route matched", "routing.routes"),
        Reason("route_refused", 403, "a route rejects this call"),
        Reason("route_hangup", 603, "a route ends this call"),
        Reason(
            "no_media_ports",
            503,
            "no media port could be opened: all are in use, or the process may open no more files",
            "media.ports",
        ),
        Reason("no_target", 503, "the trunk has no host that may be called", "trunk state"),
        Reason("internal_error", 500, "the switch failed; the log has the details"),
        # The called side.
        Reason("target_unreachable", 503, "no host of the trunk could be reached", "trunk state"),
        Reason("target_silent", 503, "no host of the trunk answered the INVITE", "sip.first_response_timeout"),
        Reason(
            "no_progress", 503, "nobody rang in time, so that the caller may go elsewhere (FO-07)", "teams.ring_within"
        ),
        Reason("ring_timeout", 408, "nobody answered in time", "sip.ring_timeout"),
        Reason("far_end", 0, "the called side refused"),
        Reason("bad_answer", 502, "the called side answered with a message that SIP does not allow"),
        # The calling side.
        Reason("caller_cancelled", 487, "the caller gave up before the answer"),
        Reason("caller_lost", 487, "the caller's connection was lost before the answer"),
        # After the answer.
        Reason("normal", 0, "one side hung up"),
        Reason("no_ack", 408, "the answer was never acknowledged"),
        Reason("session_expired", 408, "the peer stopped refreshing its session (RFC 4028)"),
        Reason("peer_gone", 481, "the peer no longer knows the call"),
        Reason("peer_lost", 408, "the peer does not answer any more"),
        Reason("no_media", 408, "no audio came from either side", "media.timeout"),
        Reason("operator", 0, "hung up by the operator"),
        Reason("shutdown", 503, "the switch was shut down"),
    )
}


def reason(code: str) -> Reason:
    """The registered cause of this code."""
    return REASONS[code]


def reason_field(code: str, status: int = 0) -> Field:
    """The Reason header (RFC 3326): ``SIP;cause=404;text="no_route: no route matched"``."""
    item = REASONS[code]
    return "Reason", f"SIP;cause={status or item.status or 200};text={quote(f'{item.code}: {item.text}')}"
