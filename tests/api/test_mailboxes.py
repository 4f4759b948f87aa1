"""Voicemail boxes."""

from __future__ import annotations

import pytest_twisted

from tests.fakes.desk import Desk


@pytest_twisted.ensureDeferred
async def test_a_box_is_made_and_its_pin_is_a_hash(desk: Desk) -> None:
    await desk.ask("POST", "/extensions", {"extension": "1001"})
    made = await desk.ask("POST", "/voicemail/mailboxes", {"extension": "1001", "pin": "471147"})
    assert (made.status, made.json["id"], made.json["max_messages"]) == (201, "1001", 100)
    assert not {"pin", "pin_hash"} & made.json.keys()
    assert b"471147" not in (await desk.ask("GET", "/voicemail/mailboxes")).body
    box = desk.live.settings.mailboxes[0]
    assert box.pin_hash.reveal()
    assert not box.pin


@pytest_twisted.ensureDeferred
async def test_a_box_without_messages_says_so(desk: Desk) -> None:
    await desk.ask("POST", "/extensions", {"extension": "1001"})
    await desk.ask("POST", "/voicemail/mailboxes", {"extension": "1001"})
    body = (await desk.ask("GET", "/voicemail/mailboxes/1001/messages")).json
    assert body == {"messages": [], "total": 0, "next": None}
    waiting = (await desk.ask("GET", "/voicemail/mailboxes/1001/mwi")).json
    assert waiting == {"mailbox_id": "1001", "new_messages": 0, "old_messages": 0, "total_messages": 0}
    assert (await desk.ask("GET", "/voicemail/mailboxes/1002/mwi")).status == 404
