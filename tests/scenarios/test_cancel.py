"""The caller gives up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rustalk.sip.dialog import Dialog
from rustalk.sip.message import Request
from tests.scenarios.site import PROXIES, Site

BOTH = pytest.mark.parametrize(("caller", "callee"), [("carrier", "teams"), ("teams", "carrier")])


@BOTH
def test_before_any_ringing(site: Site, caller: str, callee: str) -> None:
    """CANCEL after 100: 487 for the caller, CANCEL for the callee."""
    talk = site.ringing(caller, callee)
    talk.caller.cancel()
    site.run()
    assert talk.caller.statuses == [487]
    assert talk.callee.cancelled is not None
    assert talk.is_over


@BOTH
def test_while_it_rings(site: Site, caller: str, callee: str) -> None:
    """CANCEL after 180."""
    talk = site.ringing(caller, callee)
    talk.callee.ring()
    site.run()
    talk.caller.cancel()
    site.run()
    assert talk.caller.statuses == [180, 487]
    assert talk.is_over
    assert site.record.reason == "caller_cancelled"


def test_before_the_callee_says_anything(site: Site) -> None:
    """RFC 3261 section 9.1: CANCEL waits for the first provisional response."""
    site.carrier.deaf = True
    leg = site.teams.call()
    site.run(0.2)
    leg.cancel()
    site.run(0.1)
    assert leg.statuses == [487]
    assert site.carrier.requests("CANCEL") == []
    site.carrier.deaf = False
    site.run(2)
    assert site.carrier.last.cancelled is not None
    assert site.carrier.last.over


def test_while_the_connection_is_made(site: Site) -> None:
    """Nothing is called any more when the target could be reached only after the CANCEL."""
    site.network.silent.add(PROXIES["sip.pstnhub.microsoft.com"])
    leg = site.carrier.call()
    site.run(1)
    leg.cancel()
    site.run(10)
    assert leg.statuses == [487]
    assert site.teams.calls == []
    assert len(site.network.attempts) == 1


@BOTH
def test_the_answer_was_faster(site: Site, caller: str, callee: str) -> None:
    """F-01: CANCEL and 200 cross between switch and callee: the late 2xx gets ACK, then BYE."""
    talk = site.ringing(caller, callee)
    talk.callee.answer()
    talk.caller.cancel()
    site.run()
    assert talk.caller.statuses == [487] or talk.caller.statuses == [200]
    assert len(talk.callee.acks) == 1
    assert len(talk.callee.received("BYE")) == 1
    assert talk.is_over


def test_a_200_that_ignores_the_cancel(site: Site) -> None:
    """F-01: the callee answers after our CANCEL has arrived: ACK, then BYE, and the caller has its 487."""
    talk = site.ringing("teams", "carrier")
    talk.callee.ring()
    site.run()
    talk.caller.cancel()
    site.run(0.009)
    talk.callee.answer()
    site.run()
    assert talk.caller.statuses == [180, 487]
    assert talk.callee.over
    assert talk.callee.acks


def test_a_callee_that_forgets_the_invite_after_cancel_is_given_up(site: Site) -> None:
    """RFC 3261 section 9.1: without a final response the transaction ends 64*T1 after the CANCEL."""
    talk = site.ringing("teams", "carrier")
    talk.callee.ring()
    site.run()
    site.carrier.deaf = True
    talk.caller.cancel()
    site.run(70)
    assert talk.caller.statuses == [180, 487]
    assert site.endpoint.transactions == 0
    talk.callee.over = True


def test_the_callers_reason_crosses(site: Site) -> None:
    """RNG-07: "Call completed elsewhere" must reach Teams, or it shows a missed call."""
    talk = site.ringing("carrier", "teams")
    talk.caller.cancel([("Reason", 'SIP;cause=200;text="Call completed elsewhere"')])
    site.run()
    cancel = talk.callee.cancelled
    assert cancel is not None
    assert cancel.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'


def test_a_callee_that_never_answers_is_cancelled_with_a_reason(build: Callable[..., Site]) -> None:
    """sip.ring_timeout: 408 for the caller, CANCEL with the reason for the callee."""
    site = build(sip={"ring_timeout": 20})
    talk = site.ringing("carrier", "teams")
    talk.callee.ring()
    site.run(30)
    assert talk.caller.statuses == [180, 408]
    assert "ring_timeout" in (talk.callee.cancelled or Request("", "")).get("Reason")
    assert talk.is_over


def test_bye_in_the_early_dialog_gives_the_call_up(site: Site) -> None:
    """RFC 3261 section 15: the caller may end an early dialog with BYE."""
    talk = site.ringing("carrier", "teams")
    talk.callee.ring()
    site.run()
    leg = talk.caller
    ringing = next(response for response in leg.responses if response.status == 180)
    leg.dialogs["early"] = Dialog.as_client(ringing, leg.invite.get("From") or "", leg.invite.from_.tag)
    assert [response.status for response in leg.bye()] == []
    site.run()
    assert leg.statuses == [180, 487]
    assert talk.is_over


def test_cancel_of_nothing_gets_481(site: Site) -> None:
    """RFC 3261 section 9.2."""
    answers = site.carrier.ask("CANCEL")
    site.run()
    assert [response.status for response in answers] == [481]
