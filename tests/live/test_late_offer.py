"""SIPp calls Teams without a session description: Teams gets one all the same, and the 200 makes SIPp an offer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread

from rustalk.simulator.inbox import Inbox
from rustalk.simulator.media import TEAMS_TONE
from rustalk.simulator.scripts import led
from rustalk.simulator.taken import TakenCall
from tests.live.baresip import LATCHING
from tests.live.layout import vacant
from tests.live.meeting import USER, ChildMeeting, Meet, meetings
from tests.live.sipp import Sipp

meet = pytest.fixture(meetings)

CALLER = "127.0.0.10"
PACKETS = 25
PATIENCE = 10.0


@pytest_twisted.ensureDeferred
async def test_a_late_offer_becomes_an_early_one(meet: Meet, sipp: Callable[..., Sipp]) -> None:
    """HDR-11: and SRTP ends at the switch; SIPp gives back what it hears, so Teams hears its own tone."""
    port = vacant(CALLER)
    trunk = {"host": CALLER, "port": port, "srtp": "off"}
    met = await meet(ChildMeeting, trunk=trunk, media=LATCHING, profile={"domain": "127.0.0.1"})
    arrived: Inbox[TakenCall] = Inbox(cast(Any, met.timeline))
    met.teams.answer_with(cast(Any, led(arrived.put)))
    here = (CALLER, port, f"127.0.0.1:{met.ports.carrier}")
    placing = sipp("late_caller", *here, "-m", "1", "-s", USER, "-rtp_echo")
    call = await arrived.take(PATIENCE)
    assert call is not None
    assert b"RTP/SAVP" in call.incoming.body
    end = call.end_of("a")
    end.expect(TEAMS_TONE)
    call.ring()
    call.accept()
    assert await call.confirmed()
    await met.until(lambda: end.counts.verified > PACKETS, "the echo at Teams")
    assert not end.counts.bad
    assert await call.hang_up() == 200
    call.release()
    outcome = await deferToThread(placing.wait)
    assert outcome.successful == 1, outcome.complaints
    (record,) = (await met.get("/api/v1/calls"))["calls"]
    assert (record["over"], record["reason"]) == (True, "normal")
