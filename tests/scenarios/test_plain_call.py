"""Calls that are answered and end."""

from __future__ import annotations

import pytest

from tests.scenarios.site import Site

BOTH = pytest.mark.parametrize(("caller", "callee"), [("carrier", "teams"), ("teams", "carrier"), ("other", "carrier")])


@BOTH
def test_the_caller_hangs_up(site: Site, caller: str, callee: str) -> None:
    """180, 200 and ACK cross; BYE of the caller ends the callee's leg."""
    talk = site.ringing(caller, callee)
    talk.callee.ring()
    site.run()
    talk.callee.answer()
    site.run(1)
    assert talk.caller.statuses == [180, 200]
    talk.caller.bye()
    site.run()
    assert talk.is_over
    assert site.record.reason == "normal"
    assert site.record.hung_up_by == "caller"


@BOTH
def test_the_callee_hangs_up(site: Site, caller: str, callee: str) -> None:
    """BYE of the callee ends the caller's leg."""
    talk = site.talking(caller, callee)
    talk.callee.bye()
    site.run()
    assert talk.is_over
    assert site.record.hung_up_by == "callee"
