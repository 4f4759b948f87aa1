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
        # Refused whatever the request wants (RFC 3261 section 8.2).
        Reason("bad_request", 400, "the request is not one that SIP allows"),
        Reason("bad_method", 405, "the method is not taken here"),
        Reason("bad_scheme", 416, "the Request-URI is neither sip, sips nor tel"),
        Reason("bad_extension", 420, "the request requires an extension that is not spoken here; Unsupported names it"),
        Reason("bad_content", 415, "the body is of a kind that is not read here; Accept names the one that is"),
        Reason("unacceptable", 406, "the request accepts no answer of a kind that is given here"),
        Reason("short_interval", 422, "the session interval is shorter than Min-SE", "sip.min_se"),
        Reason("merged_request", 482, "the same request came over another way before"),
        Reason("no_dialog", 481, "no call or transaction is known by these tags and this Call-ID"),
        Reason("already_answered", 486, "Replaces asks for a ringing call, and the call is answered"),
        Reason("glare", 491, "both sides changed the session at the same time; ask again a little later"),
        Reason("still_busy", 500, "the request before this one is not settled yet; Retry-After says when to come back"),
        # A registration (RFC 3261 section 10.3), or a request that needs a login (section 22).
        Reason("login_failed", 403, "no known account, or not its password"),
        Reason("login_replayed", 401, "the answer to a challenge was seen before; the phone counts no nonces"),
        Reason("other_account", 403, "the request speaks for another account than its login"),
        Reason("register_too_brief", 423, "the registration is shorter than Min-Expires"),
        Reason("register_out_of_order", 500, "a later REGISTER of the same phone was here before this one"),
        Reason("first_hop_lacks_outbound", 439, "the nearest proxy does not keep flows (RFC 5626)"),
        Reason("too_many_devices", 403, "the extension is registered at as many devices as it may be"),
        # What is watched and what is published (RFC 6665, RFC 3903).
        Reason("bad_event", 489, "the event package is none of ours; Allow-Events names them"),
        Reason("event_too_brief", 423, "the subscription or publication is shorter than Min-Expires"),
        Reason("nobody_to_watch", 404, "the number that is to be watched is no extension of ours"),
        Reason("too_many_subscriptions", 403, "the extension, or the switch, watches as much as it may"),
        Reason("publication_unknown", 412, "SIP-If-Match names nothing that the extension has published and is valid"),
        Reason("too_large", 413, "the body is larger than what is read here"),
        # Refused before anybody was called.
        Reason("unknown_source", 403, "the call came from no configured trunk", "check the trunk's host and networks"),
        Reason("draining", 503, "the switch is being shut down and takes no new calls"),
        Reason("too_many_calls", 503, "the limit of simultaneous calls is reached", "limits.max_calls"),
        Reason("calls_too_fast", 503, "the limit of new calls a second is reached", "limits.calls_per_second"),
        Reason("loop_detected", 482, "the call came back to us"),
        Reason("too_many_hops", 483, "Max-Forwards is used up; probably two systems route the call to each other"),
        Reason("no_number", 484, "the Request-URI names nobody"),
        Reason("bad_media", 488, "the session description could not be used"),
        Reason(
            "srtp_required", 488, "one side takes SRTP only, and the other one plain RTP that is not encrypted here"
        ),
        Reason("unknown_tenant", 404, "the Request-URI names no tenant of this switch", "teams.tenants"),
        Reason("no_route", 404, "no route matched", "routing.routes"),
        Reason("extension_offline", 480, "no phone of the extension is registered", "GET /registrations"),
        Reason("extension_busy", 486, "the extension has as many calls as it may", "extensions[].max_concurrent_calls"),
        Reason("voicemail_unavailable", 480, "this version records no messages", "routing.routes[].destination"),
        Reason("queue_unavailable", 480, "this version has no queues", "routing.routes[].destination"),
        Reason("extension_disabled", 404, "the extension is not enabled", "extensions[].enabled"),
        Reason("forward_loop", 482, "forwards, groups or numbers lead back to where the call has been"),
        Reason("too_many_forwards", 483, "forwards, groups or numbers lead on and on"),
        Reason("do_not_disturb", 480, "the extension takes no calls at the moment", "extensions[].do_not_disturb"),
        Reason("group_empty", 480, "nobody in the group can be rung", "ring_groups[].members"),
        Reason("internal_barred", 403, "the extension may not call inside", "extensions[].permissions"),
        Reason("domestic_barred", 403, "the extension may not call its own country", "extensions[].permissions"),
        Reason("international_barred", 403, "the extension may not call other countries", "extensions[].permissions"),
        Reason("premium_barred", 403, "the extension may not call premium-rate numbers", "extensions[].permissions"),
        Reason("number_barred", 403, "the extension may not call this number", "extensions[].permissions.deny"),
        Reason("trunk_closed", 503, "the trunk takes no calls at this time", "trunk.hours"),
        Reason("route_full", 503, "the route has as many calls as it takes", "route.max_calls"),
        Reason("route_too_fast", 503, "the route has got as many new calls a second as it takes", "route.max_cps"),
        Reason("policy_hours", 603, "the policy allows no calls at this time", "policies[].time_window"),
        Reason("policy_country", 603, "the policy allows no calls to this country", "policies[].allowed_countries"),
        Reason("policy_frequency", 603, "the policy allows no more calls in this window", "GET /frequency-limits"),
        Reason("policy_daily", 603, "the policy allows no more calls today", "GET /frequency-limits"),
        Reason("policy_concurrency", 603, "the policy allows no more calls at once", "GET /frequency-limits"),
        Reason("policy_account", 603, "the policy allows this account no more calls at once", "GET /frequency-limits"),
        Reason("policy_spend", 603, "the policy allows no more spending today", "GET /frequency-limits"),
        Reason("route_refused", 403, "a route rejects this call"),
        Reason("route_hangup", 603, "a route ends this call"),
        Reason(
            "no_media_ports",
            503,
            "no media port could be opened: all are in use",
            "media.ports",
        ),
        Reason("no_files", 503, "the process may open no more files for media", "LimitNOFILE, ulimit -n"),
        Reason("trunk_full", 503, "the trunk has as many calls as it takes", "trunk.max_calls"),
        Reason("trunk_too_fast", 503, "the trunk has got as many new calls a second as it takes", "trunk.max_cps"),
        Reason(
            "tls_required",
            480,
            "a sips: URI is called over TLS only, and the trunk that it leads to is not reached so",
            "trunk.protocol",
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
        Reason("no_prack", 504, "the caller asked for reliable rings and acknowledged none (RFC 3262)"),
        Reason("caller_lost", 487, "the caller's connection was lost before the answer"),
        # After the answer.
        Reason("normal", 0, "one side hung up"),
        Reason("transferred", 0, "the call was handed on to somebody else"),
        Reason("transfer_failed", 480, "who handed the call on has left, and nobody else took it"),
        Reason("no_ack", 408, "the answer was never acknowledged"),
        Reason("session_expired", 408, "the peer stopped refreshing its session (RFC 4028)"),
        Reason("peer_gone", 481, "the peer no longer knows the call"),
        Reason("peer_lost", 408, "the peer does not answer any more"),
        Reason("no_media", 408, "no audio came from either side", "media.timeout"),
        Reason("operator", 0, "hung up by the operator"),
        Reason("shutdown", 503, "the switch was shut down"),
        Reason("interrupted", 503, "the switch was killed in mid-call; the end is the last moment that is certain"),
    )
}


def reason(code: str) -> Reason:
    """The registered cause of this code."""
    return REASONS[code]


def reason_field(code: str, status: int = 0) -> Field:
    """The Reason header (RFC 3326): ``SIP;cause=404;text="no_route: no route matched"``."""
    item = REASONS[code]
    return "Reason", f"SIP;cause={status or item.status or 200};text={quote(f'{item.code}: {item.text}')}"
