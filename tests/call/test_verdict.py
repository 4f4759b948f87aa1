"""What a caller is told when nobody took its call."""

from __future__ import annotations

import pytest

from rustalk.call.events import Refused
from rustalk.call.verdict import Verdict, judge

MOVED = ("sip:2@example.com",)


def test_the_words_of_the_called_side_cross() -> None:
    """OPS-03: status, phrase and Reason."""
    refusal = Refused(486, phrase="Engaged", reason="Q.850;cause=17")
    assert judge(refusal, passes_redirects=False) == Verdict("far_end", 486, "Engaged", "Q.850;cause=17")


@pytest.mark.parametrize("status", [401, 405, 406, 407, 415, 416, 420, 421, 422, 494])
def test_what_concerns_our_own_invite_is_not_the_callers(status: int) -> None:
    """RFC 3261 section 8.2: the caller gets 503, and Reason tells what was really said."""
    verdict = judge(Refused(status, phrase="?"), passes_redirects=False)
    assert (verdict.code, verdict.status, verdict.phrase, verdict.is_ours) == ("far_end", 503, "", True)
    assert verdict.reason.startswith(f"SIP;cause={status};")


def test_a_redirection_crosses_where_the_caller_takes_it() -> None:
    """XFR-08: elsewhere 480 stands for it."""
    refusal = Refused(302, phrase="Moved", contacts=MOVED)
    passed, kept = judge(refusal, passes_redirects=True), judge(refusal, passes_redirects=False)
    assert (passed.status, passed.contacts, passed.is_ours) == (302, MOVED, False)
    assert (kept.status, kept.contacts, kept.is_ours) == (480, (), True)
    assert judge(Refused(302), passes_redirects=True).status == 480


@pytest.mark.parametrize(
    ("cause", "code", "status"),
    [
        ("bad_media", "bad_media", 488),
        ("transport", "target_unreachable", 503),
        ("silent", "target_silent", 503),
        ("timeout", "target_silent", 503),
    ],
)
def test_where_nobody_said_anything(cause: str, code: str, status: int) -> None:
    """FO-02: the cause is ours, and has its code and status."""
    assert judge(Refused(0, cause), passes_redirects=True) == Verdict(code, status)
