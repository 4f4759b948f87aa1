"""What a caller is told when nobody took its call, and what is remembered of that."""

from __future__ import annotations

from dataclasses import dataclass

from rustalk.ua.reasons import REASONS, reason_field

from .events import Refused

__all__ = ["Verdict", "code_of", "judge"]

_TO_US = frozenset((401, 405, 406, 407, 415, 416, 420, 421, 422, 494))
"""What the called side says to our own INVITE; to the caller's it would be no answer."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A cause of the registry, the final status for the caller, and the called side's own words where they cross.

    ``is_ours`` tells that the called side did not say this ``status``: it said one that concerns our INVITE alone.
    """

    code: str
    status: int
    phrase: str = ""
    reason: str = ""
    contacts: tuple[str, ...] = ()
    is_ours: bool = False


def judge(refusal: Refused, *, passes_redirects: bool) -> Verdict:
    """The last word of a hunt. A 3xx crosses where the caller ``passes_redirects``; 480 stands for it elsewhere."""
    code = code_of(refusal)
    if code != "far_end":
        return Verdict(code, REASONS[code].status)
    reason = refusal.reason or reason_field(code, refusal.status)[1]
    contacts = refusal.contacts if passes_redirects else ()
    if refusal.status in _TO_US:
        return Verdict(code, 503, reason=reason, contacts=contacts, is_ours=True)
    if refusal.status < 400 and not contacts:
        return Verdict(code, 480, reason=reason, is_ours=True)
    return Verdict(code, refusal.status, refusal.phrase, reason, contacts)


def code_of(refusal: Refused) -> str:
    """The cause in the words of the registry: "far_end" where somebody has answered."""
    if refusal.cause in REASONS:
        return refusal.cause
    if refusal.cause == "transport":
        return "target_unreachable"
    return "far_end" if refusal.status else "target_silent"
