"""The registry of causes."""

from __future__ import annotations

import re

import pytest

from rustalk.ua.reasons import REASONS, reason, reason_field


@pytest.mark.parametrize("code", REASONS)
def test_each_code_is_a_word_with_a_status_and_a_sentence(code: str) -> None:
    """A status of 0 is for causes that have none of their own."""
    item = reason(code)
    assert re.fullmatch(r"[a-z_]+", item.code)
    assert item.status == 0 or 400 <= item.status < 700
    assert item.text


def test_a_reason_header() -> None:
    """RFC 3326: the code first, so that machines find it."""
    name, value = reason_field("no_route")
    assert (name, value) == ("Reason", 'SIP;cause=404;text="no_route: no route matched"')
    assert "cause=603" in reason_field("route_refused", 603)[1]
    assert "cause=200" in reason_field("normal")[1]


def test_no_cause_is_reported_as_anothers() -> None:
    """Busy is for a callee that is busy, or an extension of ours, and for what RFC 3891 section 3 calls so."""
    assert {item.code for item in REASONS.values() if item.status == 486} == {"already_answered", "extension_busy"}
