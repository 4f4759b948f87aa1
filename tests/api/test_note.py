"""What the audit log tells of a change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest_twisted

from rustalk.api.note import MOST, changed
from rustalk.store.overlay import Revision
from tests.fakes.desk import Desk


def revision(id: int, collection: str = "extensions", key: str = "1001") -> Revision:
    """One change."""
    return Revision(id, 0.0, "alice", collection, key, None, {})


def test_each_item_is_named_with_its_collection() -> None:
    made = [revision(3), revision(4, "dids", "12025550123"), revision(5, key="1002")]
    assert changed(made) == {
        "changed": {"extensions": ["1001", "1002"], "dids": ["12025550123"]},
        "revisions": [3, 4, 5],
    }
    assert changed(()) == {}


def test_an_entry_has_a_bound() -> None:
    note = changed([revision(number, key=str(number)) for number in range(MOST + 5)])
    assert (len(note["changed"]["extensions"]), note["more"]) == (MOST, 5)


STEPS: list[tuple[str, str, Any, dict[str, list[str]]]] = [
    ("POST", "/extensions", {"extension": "1001"}, {"extensions": ["1001"]}),
    ("POST", "/dids", {"number": "+12025550123", "destination": "1001"}, {"dids": ["12025550123"]}),
    ("PATCH", "/extensions/1001", {"notes": "x"}, {"extensions": ["1001"]}),
    ("POST", "/extensions/import", b"extension\n1002\n1003\n", {"extensions": ["1002", "1003"]}),
    ("POST", "/extensions/rotate-passwords", {"extensions": ["1001", "1002"]}, {"extensions": ["1001", "1002"]}),
    ("POST", "/extensions/reorder", {"from_index": 2, "to_index": 1}, {"extensions": ["1003", "1002"]}),
    ("DELETE", "/extensions/1001?decommission=true", None, {"dids": ["12025550123"], "extensions": ["1001"]}),
    ("POST", "/rates/import", {"format": "csv", "data": "id,rate_per_minute\nuk,1\n"}, {"rates": ["uk"]}),
    ("PATCH", "/config/sip", {"max_forwards": 60}, {"config": ["sip"]}),
    ("POST", "/config", {"key": "sip.max_forwards", "value": 50}, {"config": ["sip"]}),
    ("POST", "/config/revisions/1/restore", {}, {"extensions": ["1001"]}),
]


@pytest_twisted.ensureDeferred
async def test_every_change_names_what_it_changed(tmp_path: Path) -> None:
    """Issue 4, section 6: an append-only audit log with every change; single and many at once."""
    desk = Desk(tmp_path)
    try:
        for method, path, body, expected in STEPS:
            kind = {"Content-Type": "text/csv"} if isinstance(body, bytes) else {}
            reply = await desk.ask(method, path, body, kind)
            assert reply.status < 300, reply.body
            await desk.store.audit.flush()
            detail = (await desk.store.audit.entries(1))[0].detail
            assert detail["changed"] == expected
            assert detail["revisions"]
    finally:
        await desk.stop()
