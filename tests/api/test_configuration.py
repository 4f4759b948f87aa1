"""The sections of the configuration, and the revisions of everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from rustalk.config.overlay import SECTIONS
from rustalk.config.restart import COUNTS_LATER
from tests.fakes.desk import Desk


@pytest_twisted.ensureDeferred
async def test_all_sections_are_shown_and_no_secret(desk: Desk) -> None:
    """The address of the database holds a password."""
    reply = await desk.ask("GET", "/config")
    assert set(reply.json) == set(SECTIONS)
    assert reply.json["sip"]["max_forwards"] == 70
    assert "url" not in reply.json["database"]


@pytest_twisted.ensureDeferred
async def test_one_key_is_set(desk: Desk) -> None:
    """The body of the seed: a key and a value."""
    body = (await desk.ask("POST", "/config", {"key": "sip.max_forwards", "value": 42})).json
    assert (body["success"], desk.live.settings.sip.max_forwards) == (True, 42)
    assert (await desk.ask("POST", "/config", {"key": "security.flood.burst", "value": 500})).status == 200
    assert desk.live.settings.security.flood.burst == 500


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"key": "sip.max_forwards", "value": 0}, 422),
        ({"key": "sip.nonsense", "value": 0}, 422),
        ({"key": "nonsense.x", "value": 0}, 422),
        ({"key": "sip", "value": 3}, 422),
        ({"key": "extensions", "value": []}, 422),
        ({"key": "database.url", "value": "sqlite:///tmp/x"}, 422),
        ({"key": 3, "value": 0}, 400),
        ({"value": 0}, 400),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_cannot_be_set_is_told(desk: Desk, body: dict[str, Any], status: int) -> None:
    before = desk.live.settings
    assert (await desk.ask("POST", "/config", body)).status == status
    assert desk.live.settings is before


@pytest_twisted.ensureDeferred
async def test_a_section_is_replaced_and_amended(desk: Desk) -> None:
    shown = await desk.ask("GET", "/config/limits")
    body = (await desk.ask("PUT", "/config/limits", {"max_calls": 5}, {"If-Match": shown.headers["etag"]})).json
    assert (body["max_calls"], body["retry_after"]) == (5, 5)
    assert (await desk.ask("PATCH", "/config/limits", {"retry_after": 9})).json["max_calls"] == 5
    late = await desk.ask("PUT", "/config/limits", {"max_calls": 6}, {"If-Match": shown.headers["etag"]})
    assert (late.status, late.json["code"]) == (412, "changed-since")
    assert (await desk.ask("GET", "/config/nonsense")).status == 404


@pytest_twisted.ensureDeferred
async def test_several_sections_are_replaced_at_once_or_not_at_all(desk: Desk) -> None:
    body = {"limits": {"max_calls": 5}, "sip": {"max_forwards": 0}}
    assert (await desk.ask("PUT", "/config", body)).status == 422
    assert desk.live.settings.limits.max_calls != 5
    assert (await desk.ask("PUT", "/config", {**body, "sip": {"max_forwards": 9}})).json["limits"]["max_calls"] == 5
    assert (await desk.ask("PUT", "/config", {"extensions": []})).status == 422


@pytest_twisted.ensureDeferred
async def test_the_section_of_teams_has_a_path_of_its_own(desk: Desk) -> None:
    body = (await desk.ask("GET", "/teams/config")).json
    assert (await desk.ask("PUT", "/teams/config?dry_run=true", {**body, "options_ping_interval": 90})).json[
        "options_ping_interval"
    ] == 90
    assert desk.live.settings.teams.options_ping_interval != 90


@pytest_twisted.ensureDeferred
async def test_every_change_is_a_revision_that_can_be_shown_and_compared(desk: Desk) -> None:
    await desk.ask("POST", "/extensions", {"extension": "1001", "display_name": "Alice"})
    await desk.ask("PATCH", "/extensions/1001", {"display_name": "Bob"})
    await desk.ask("PATCH", "/extensions/1001", {"display_name": "Carol", "notes": "x"})
    listed = (await desk.ask("GET", "/config/revisions?limit=2")).json
    assert ([each["id"] for each in listed["revisions"]], listed["total"], listed["next"]) == ([3, 2], 3, "2")
    older = (await desk.ask("GET", "/config/revisions?limit=2&cursor=2")).json
    assert ([each["id"] for each in older["revisions"]], older["next"]) == ([1], None)
    second = (await desk.ask("GET", "/config/revisions/2")).json
    assert (second["who"], second["collection"], second["key"]) == ("local", "extensions", "1001")
    assert second["differences"] == [{"path": "$.display_name", "before": "Alice", "after": "Bob"}]
    compared = (await desk.ask("GET", "/config/revisions/3?against=1")).json["differences"]
    assert {each["path"]: each["after"] for each in compared} == {"$.display_name": "Carol", "$.notes": "x"}


@pytest_twisted.ensureDeferred
async def test_a_change_that_counts_later_is_answered_with_a_warning(desk: Desk) -> None:
    """By each way to make it, dry run and restore included; what was shown may be sent back."""
    later = [{"path": "$.api.port", "message": COUNTS_LATER}]
    body = (await desk.ask("PATCH", "/config/api?dry_run=true", {"port": 9})).json
    assert (body["port"], body["warnings"]) == (9, later)
    assert (await desk.ask("POST", "/config", {"key": "api.port", "value": 9})).json["warnings"] == later
    assert (await desk.ask("PUT", "/config/api", body)).json["warnings"] == later
    assert (await desk.ask("PUT", "/config", {"api": {"port": 9}, "warnings": []})).json["warnings"] == later
    assert "warnings" not in (await desk.ask("PATCH", "/config/api", {"port": 8080})).json
    assert (await desk.ask("POST", "/config/revisions/1/restore")).json["warnings"] == later
    assert "warnings" not in (await desk.ask("PATCH", "/config/sip", {"ring_timeout": 30})).json


@pytest_twisted.ensureDeferred
async def test_a_revision_is_restored(desk: Desk) -> None:
    await desk.ask("POST", "/extensions", {"extension": "1001", "display_name": "Alice"})
    await desk.ask("DELETE", "/extensions/1001")
    await desk.ask("POST", "/extensions", {"extension": "1002"})
    dry = (await desk.ask("POST", "/config/revisions/1/restore?dry_run=true")).json
    assert (dry["message"], len(desk.live.settings.extensions)) == ("1 item would be as after revision 1.", 1)
    body = (await desk.ask("POST", "/config/revisions/1/restore")).json
    assert [each["restores"] for each in body["revisions"]] == [1]
    assert {each.display_name for each in desk.live.settings.extensions} == {"Alice", ""}
    for asked in ("?dry_run=true", ""):
        again = (await desk.ask("POST", f"/config/revisions/1/restore{asked}")).json
        assert (again["message"], again["revisions"]) == ("Nothing to do: the item is as after revision 1 already.", [])
    assert (await desk.ask("POST", "/config/revisions/1/restore", {"everything": True})).status == 200
    assert [each.id for each in desk.live.settings.extensions] == ["1001"]
    assert (await desk.ask("POST", "/config/revisions/99/restore")).status == 404


@pytest_twisted.ensureDeferred
async def test_everything_goes_back_to_the_file(tmp_path: Path) -> None:
    """Revision 0 is before all changes; a password that the file does not have is gone, too."""
    desk = Desk(tmp_path, {"extensions": [{"extension": "1001", "certificate_subject": "a.example.com"}]})
    try:
        before = desk.live.settings
        await desk.ask("PATCH", "/extensions/1001", {"password": "correct horse", "notes": "x"})
        await desk.ask("POST", "/extensions", {"extension": "1002"})
        await desk.ask("PATCH", "/config/sip", {"max_forwards": 60})
        path = "/config/revisions/0/restore"
        dry = (await desk.ask("POST", f"{path}?dry_run=true")).json
        assert dry["message"] == "3 items would be as in the file before the first change."
        assert (await desk.ask("POST", path, {"everything": False})).status == 400
        body = (await desk.ask("POST", path)).json
        assert (len(body["revisions"]), desk.live.settings) == (3, before)
        assert (await desk.ask("POST", path)).json["revisions"] == []
    finally:
        await desk.stop()


@pytest.mark.parametrize("cursor", ["zz", "0", "-1", "9" * 30, "1.5"])
@pytest_twisted.ensureDeferred
async def test_a_cursor_that_is_no_revision_is_refused(desk: Desk, cursor: str) -> None:
    assert (await desk.ask("GET", f"/config/revisions?cursor={cursor}")).status == 400
    assert (await desk.ask("GET", f"/audit?cursor={cursor}")).status == 400
