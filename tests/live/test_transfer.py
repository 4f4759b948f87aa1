"""Real phones transfer calls with Teams, and Teams transfers calls with real phones: who stays hears who is new."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast
from urllib.parse import quote

import pytest
import pytest_twisted

from rustalk.simulator.catalogue.refer import ask, replaces, target, told_of
from tests.live.baresip import Baresip, Phone
from tests.live.meeting import Meet, meetings
from tests.live.office import ALICE_TONE, BOB, BOB_TONE, Office, Open, dialog, offices

meet = pytest.fixture(meetings)

COLLEAGUE = "8:orgid:47f6c1b2-9f8e-4a8e-b1de-1c2d3e4f5a6b"
BUSY = "8:orgid:0b5c1f7e-2222-4a8e-b1de-1c2d3e4f5a6b"
NOBODY = "+8190123456"


@pytest.fixture
def office(meet: Meet, baresip: Callable[[Phone], Baresip]) -> Iterator[Open]:
    """Opens an office."""
    yield from offices(meet, baresip)


def scene(site: Office) -> Any:
    """The office as the stories of the simulator's catalogue see it."""
    return cast(Any, site)


@pytest_twisted.ensureDeferred
async def test_a_phone_transfers_teams_to_another_phone(office: Open) -> None:
    """XFR-04 from the other side: Alice says REFER, Bob is called, and Teams keeps its dialog and hears him."""
    site = await office()
    call = await site.alice_calls_teams()
    site.alice.command("transfer", site.uri(BOB))
    await site.event(site.bob, "CALL_ESTABLISHED")
    await site.event(site.alice, "CALL_CLOSED")
    await site.talk(call, site.bob)
    site.bob.command("hangup")
    await site.over("normal", "transferred")


@pytest_twisted.ensureDeferred
async def test_a_phone_transfers_teams_to_a_number_that_nobody_has(office: Open) -> None:
    """XFR-04: NOTIFY tells the phone that it failed, which makes baresip hang up; nobody else was called."""
    site = await office()
    call = await site.alice_calls_teams()
    site.alice.command("transfer", site.uri(NOBODY))
    told = await site.event(site.alice, "TRANSFER_FAILED")
    assert "404" in told["param"]
    await site.until(lambda: call.ended_by, "the end of the call")
    await site.over("normal")


@pytest_twisted.ensureDeferred
async def test_teams_transfers_a_phone_to_a_colleague(office: Open) -> None:
    """XFR-02, XFR-04, XFR-09: one is busy, so they go on talking; the next one answers, with another key."""
    site = await office()
    call = await site.alice_calls_teams()
    await ask(scene(site), call, target(scene(site), object=BUSY))
    (await site.arrival()).refuse(486)
    await told_of(scene(site), call, 486)
    await site.talk(call, site.alice)
    call.seen.clear()
    await ask(scene(site), call, target(scene(site), object=COLLEAGUE))
    new = await site.answered()
    await told_of(scene(site), call, 200)
    await site.until(lambda: call.ended_by, "the end of the transferred call")
    await site.talk(new, site.alice)
    site.alice.command("hangup")
    await site.over("normal", "transferred")


@pytest_twisted.ensureDeferred
async def test_teams_transfers_a_phone_to_another_phone(office: Open) -> None:
    """XFR-05 with `refer_local`: two phones are left, one with plain RTP and one with SRTP; each hears the other."""
    site = await office(teams={"refer_local": True})
    call = await site.alice_calls_teams()
    await ask(scene(site), call, target(scene(site), number=BOB))
    await site.event(site.bob, "CALL_ESTABLISHED")
    await told_of(scene(site), call, 200)
    await site.until(lambda: call.ended_by, "the end of the transferred call")
    await site.heard_by(site.alice, BOB_TONE)
    await site.heard_by(site.bob, ALICE_TONE)
    site.alice.command("hangup")
    await site.over("normal", "transferred")


@pytest_twisted.ensureDeferred
async def test_a_phone_joins_teams_with_another_phone(office: Open) -> None:
    """RFC 5589 section 7: Alice holds Teams, asks Bob, and joins the two by REFER with Replaces; she is out."""
    site = await office()
    call = await site.alice_calls_teams()
    site.alice.command("hold")
    await site.quiet(call)
    await site.alice_calls_bob()
    await site.heard_by(site.bob, ALICE_TONE)
    call_id, ours, theirs = dialog(site.alice, BOB)
    site.alice.command("line", "1")
    named = quote(f"{call_id};to-tag={theirs};from-tag={ours}", safe="")
    site.alice.command("transfer", f"<{site.uri(BOB)}?Replaces={named}>")
    await site.event(site.alice, "CALL_CLOSED")
    await site.talk(call, site.bob)
    site.bob.command("hangup")
    await site.over("normal", "normal")


@pytest_twisted.ensureDeferred
async def test_a_colleague_takes_a_call_over(office: Open) -> None:
    """XFR-07: INVITE with Replaces from Teams; the phone hears the new one, the old call gets BYE."""
    site = await office()
    call = await site.alice_calls_teams()
    new = await site.teams_calls(site.alice, fields=[("Replaces", replaces(call))])
    await site.until(lambda: call.ended_by, "the BYE of the replaced call")
    await site.talk(new, site.alice)
    await new.hang_up()
    await site.event(site.alice, "CALL_CLOSED")
    await site.over("normal")
