"""A real phone and Teams put each other on hold, and hear each other again afterwards.

The recording of baresip 1.0 ends with the first hold. What it hears later shows in its count of packets, which those
that its SRTP refuses do not reach.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import pytest_twisted

from rustalk.sdp.model import Direction
from rustalk.simulator.call import Call
from tests.live.baresip import Baresip, Phone
from tests.live.meeting import Meet, meetings
from tests.live.office import Office, Open, offices

meet = pytest.fixture(meetings)

UNDER_WAY = 10
"""Packets that may be lost at the moments when one side already receives no more."""


@pytest.fixture
def office(meet: Meet, baresip: Callable[[Phone], Baresip]) -> Iterator[Open]:
    """Opens an office."""
    yield from offices(meet, baresip)


async def talks_again(site: Office, call: Call, phone: Baresip) -> None:
    """Teams hears the phone's tone, and says enough for a verdict on what the phone heard."""
    end = call.sound.end
    before = end.counts.sent
    await site.hears(call, phone.phone.tone)
    await site.until(lambda: end.counts.sent > before + 3 * UNDER_WAY, "the audio of Teams")


async def end(site: Office, phone: Baresip, sent: int) -> None:
    """The phone hangs up, having received what Teams has sent; nothing is left."""
    phone.command("hangup")
    await site.over("normal")
    await site.until(lambda: phone.packets != (0, 0), "the phone's own count")
    assert phone.packets[1] >= sent - UNDER_WAY


@pytest.mark.parametrize("who", ["alice", "bob"])
@pytest_twisted.ensureDeferred
async def test_each_holds_and_resumes(office: Open, who: str) -> None:
    """HLD-01, HLD-03: with plain RTP and with SRTP. Teams is offered a=inactive, and a=sendrecv again."""
    site = await office()
    phone: Baresip = getattr(site, who)
    call = await site.teams_calls(phone)
    await site.talk(call, phone)
    phone.command("hold")
    await site.until(lambda: call.sound.direction is Direction.INACTIVE, "a=inactive at Teams")
    await site.quiet(call)
    phone.command("resume")
    await site.until(lambda: call.sound.direction is Direction.SENDRECV, "a=sendrecv at Teams")
    await talks_again(site, call, phone)
    assert (await call.reinvite(Direction.INACTIVE)).status == 200
    await site.quiet(call)
    assert (await call.reinvite(Direction.SENDRECV)).status == 200
    await talks_again(site, call, phone)
    await end(site, phone, call.sound.counts.sent)


@pytest_twisted.ensureDeferred
async def test_teams_resumes_elsewhere(office: Open) -> None:
    """HLD-04, MED-05: Teams comes back with another address and key. The phone has plain RTP and notices nothing.

    With SRTP of its own baresip 1.0 would keep the old key, and hear nothing.
    """
    site = await office()
    call = await site.teams_calls(site.alice)
    await site.talk(call, site.alice)
    assert (await call.reinvite(Direction.INACTIVE)).status == 200
    await site.quiet(call)
    first = call.sound.counts.sent
    call.move()
    assert (await call.reinvite(Direction.SENDRECV)).status == 200
    await talks_again(site, call, site.alice)
    await end(site, site.alice, first + call.sound.counts.sent)
