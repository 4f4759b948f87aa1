"""Where an extension sends the calls that it does not take: call forwarding and do not disturb.

Pure: the extension as configured and what became of the call give the next place. Who forwards pays, so what is called
next is asked for with the permissions of the extension that forwards, not with those of the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rustalk.config.model import Extension

__all__ = ["BUSY", "Forward", "Outcome", "forwarded", "outcome_of", "redirected"]

Outcome = Literal["busy", "no_answer", "unreachable", "refused"]
"""What became of a call to an extension; "refused" is for whatever no forwarding is for."""

BUSY = frozenset((486, 600, 603, 607))
"""Busy Here and Busy Everywhere, and the button that sends a call away (RFC 3261 section 21.6.2, RFC 8197)."""

_NO_ANSWER = frozenset((408, 480, 487))
_UNREACHABLE = frozenset((404, 410, 430, 500, 502, 503, 504))
_CODES: dict[str, Outcome] = {
    "ring_timeout": "no_answer",
    "no_target": "unreachable",
    "target_unreachable": "unreachable",
    "target_silent": "unreachable",
    "no_progress": "unreachable",
}
_CAUSES = {"always": 302, "busy": 486, "no_answer": 408, "unreachable": 503, "do_not_disturb": 480}


@dataclass(frozen=True, slots=True)
class Forward:
    """The next place: a ``number`` that is dialled as the extension dials, or its voicemail box where that is ''.

    ``cause`` is the status by which the call leaves the extension, as History-Info and Diversion tell it (RFC 7544).
    """

    number: str
    cause: int


def outcome_of(status: int, code: str = "") -> Outcome:
    """What became of a call that ended with this SIP status and, where it was ours, the code of a reason."""
    if code in _CODES:
        return _CODES[code]
    if status in BUSY:
        return "busy"
    if status in _NO_ANSWER:
        return "no_answer"
    return "unreachable" if status in _UNREACHABLE else "refused"


def redirected(extension: Extension, *, voicemail: bool = False) -> Forward | str | None:
    """What happens to a call before the extension rings.

    A forward, a reason's code where the call is refused, None where it rings. ``voicemail`` says that boxes take calls.
    """
    forwarding = extension.call_forwarding
    if forwarding.always:
        return Forward(forwarding.always, _CAUSES["always"])
    if not extension.do_not_disturb:
        return None
    if forwarding.busy:
        return Forward(forwarding.busy, _CAUSES["do_not_disturb"])
    return _to_box(extension, _CAUSES["do_not_disturb"], voicemail) or "do_not_disturb"


def forwarded(extension: Extension, outcome: Outcome, *, voicemail: bool = False) -> Forward | None:
    """Where a call goes that the extension did not take, None where it ends.

    A call that nobody could be rung for goes where the unanswered ones go, unless there is a place of its own for it.
    """
    if outcome == "refused":
        return None
    forwarding = extension.call_forwarding
    number = {
        "busy": forwarding.busy,
        "no_answer": forwarding.no_answer,
        "unreachable": forwarding.unreachable or forwarding.no_answer,
    }[outcome]
    if number:
        return Forward(number, _CAUSES[outcome])
    return _to_box(extension, _CAUSES[outcome], voicemail)


def _to_box(extension: Extension, cause: int, voicemail: bool) -> Forward | None:
    return Forward("", cause) if voicemail and extension.voicemail_enabled else None
