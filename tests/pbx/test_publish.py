"""PUBLISH: what phones say of their users (RFC 3903)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rustalk.pbx.pidf import Condition, write
from rustalk.sip.message import Field, Response
from tests.pbx.desk import Desk

AWAY = Condition(True, ("away",), "Lunch")
MEETS = Condition(True, ("meeting",), "Until 4")
HOSTILE = sorted((Path(__file__).parent.parent / "data" / "presence" / "hostile").iterdir())


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Three registered phones; afterwards nothing may be left."""
    desk = Desk()
    yield desk
    assert not desk.leftovers()
    assert len(desk.watching.publications) == 0
    assert desk.watching.publications._publications == {}


def body(condition: Condition) -> bytes:
    """What a phone publishes."""
    return write("sip:1002@pbx.example.com", condition)


def told(desk: Desk) -> Condition | None:
    """What is published of 1002."""
    return desk.watching.publications.published("1002")


def matching(response: Response) -> Field:
    """The condition that names the publication that was answered so."""
    return "SIP-If-Match", response.get("SIP-ETag") or ""


def test_a_phone_publishes(desk: Desk) -> None:
    """Section 6: an entity-tag, and how long it holds."""
    response = desk.publish(body(AWAY), fields=[("Expires", "600")])
    assert (response.status, response.get("Expires")) == (200, "600")
    assert response.get("SIP-ETag")
    assert told(desk) == AWAY


def test_a_publication_is_refreshed_modified_and_removed(desk: Desk) -> None:
    """Section 4.1: each time under a new entity-tag, and the old one is worth nothing."""
    first = desk.publish(body(AWAY))
    second = desk.publish(b"", fields=[matching(first)])
    assert second.status == 200
    assert second.get("SIP-ETag") != first.get("SIP-ETag")
    assert told(desk) == AWAY
    assert desk.publish(b"", fields=[matching(first)]).status == 412
    third = desk.publish(body(MEETS), fields=[matching(second)])
    assert told(desk) == MEETS
    assert len(desk.watching.publications) == 1
    last = desk.publish(b"", fields=[matching(third), ("Expires", "0")])
    assert (last.status, last.get("Expires")) == (200, "0")
    assert told(desk) is None


def test_a_refresh_holds_on(desk: Desk) -> None:
    """And without one it expires."""
    first = desk.publish(body(AWAY), fields=[("Expires", "60")])
    desk.run(40)
    assert desk.publish(b"", fields=[matching(first), ("Expires", "60")]).status == 200
    desk.run(40)
    assert told(desk) == AWAY
    desk.run(40)
    assert told(desk) is None


def test_what_was_said_last_counts(desk: Desk) -> None:
    """Of several phones of one extension; when that is taken back, the one before."""
    desk.publish(body(AWAY))
    second = desk.publish(body(MEETS))
    assert told(desk) == MEETS
    desk.publish(b"", fields=[matching(second), ("Expires", "0")])
    assert told(desk) == AWAY


def test_an_extension_has_so_many_and_the_oldest_give_way(desk: Desk) -> None:
    """A phone that restarts forgets its entity-tags."""
    first = desk.publish(body(AWAY))
    for _ in range(10):
        assert desk.publish(body(MEETS)).status == 200
    assert len(desk.watching.publications) == 4
    assert desk.publish(b"", fields=[matching(first)]).status == 412


@pytest.mark.parametrize(
    ("parts", "status", "named"),
    [
        ({"called": "1001"}, 403, ""),
        ({"called": "4711"}, 403, ""),
        ({"fields": [("Event", "weather")], "replace": {"Event": "weather"}}, 489, "Allow-Events"),
        ({"replace": {"Event": None}}, 489, "Allow-Events"),
        ({"fields": [("SIP-If-Match", "unknown")]}, 412, ""),
        ({"fields": [("Expires", "5")]}, 423, "Min-Expires"),
        ({"fields": [("Require", "wings")]}, 420, "Unsupported"),
        ({"replace": {"Content-Type": "text/plain"}}, 415, "Accept"),
        ({"body": b""}, 400, ""),
        ({"body": body(AWAY) + b" " * 16384}, 413, ""),
        ({"body": b"<presence/>"}, 400, ""),
    ],
)
def test_what_is_refused(desk: Desk, parts: dict[str, Any], status: int, named: str) -> None:
    """Section 6, with the field that says what would do; nothing changes."""
    response = desk.publish(**{"body": body(AWAY), **parts})
    assert response.status == status
    assert not named or response.get(named)
    assert told(desk) is None


@pytest.mark.parametrize("document", HOSTILE, ids=lambda each: each.stem)
def test_hostile_documents_are_refused(desk: Desk, document: Path) -> None:
    """A31: 400, or 413 where they are long."""
    assert desk.publish(document.read_bytes()).status in (400, 413)
    assert told(desk) is None


def test_watchers_are_told(desk: Desk) -> None:
    """And once, when nothing is different afterwards."""
    lamp = desk.watch("presence")
    desk.run(6)
    first = desk.publish(body(AWAY))
    desk.run(6)
    assert lamp.texts("note") == ["Lunch"]
    assert [each.tag.rpartition("}")[2] for each in lamp.document.iter() if "rpid" in each.tag] == [
        "activities",
        "away",
    ]
    desk.publish(b"", fields=[matching(first)])
    desk.run(6)
    assert len(lamp.notifies) == 2
