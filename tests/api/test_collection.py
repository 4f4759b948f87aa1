"""What every collection of the configuration has, over real HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults

from rustalk.config.overlay import Change
from tests.fakes.desk import Desk

SAMPLES: dict[str, dict[str, Any]] = {
    "extensions": {"extension": "1001", "display_name": "Alice", "password": "CANARY-xyz-123"},
    "dids": {"number": "+12025550123", "destination": {"type": "Hangup", "value": "404"}},
    "ring-groups": {"id": "support", "name": "Support", "overflow": {"type": "Hangup", "value": "486"}},
    "trunks": {"id": "carrier", "host": "192.0.2.1", "username": "u", "password": "CANARY-xyz-123"},
    "routes": {"id": "all", "pattern": "^9", "action": "reject"},
    "sip-profiles": {"id": "inside", "bind_address": "127.0.0.1", "bind_port": 5070},
    "acls": {"name": "office", "rules": [{"cidr": "192.0.2.0/24", "action": "allow"}]},
    "codecs": {"name": "L16", "payload_type": 120, "clock_rate": 16000},
    "rates": {"id": "uk", "prefix": "44", "rate_per_minute": "0.15"},
    "bill-templates": {"id": "standard", "included_minutes": 100},
    "policies": {"id": "office", "daily_limit": {"count": 20}},
    "calendars": {"id": "holidays", "dates": [{"date": "2026-12-25", "name": "Christmas"}]},
}
KEYS = {path: sample.get("id") or sample.get("extension") or sample.get("name") for path, sample in SAMPLES.items()}
KEYS |= {"dids": "12025550123", "codecs": "L16/16000"}


@pytest.mark.parametrize("path", SAMPLES)
@pytest_twisted.ensureDeferred
async def test_an_item_is_made_shown_replaced_and_deleted(desk: Desk, path: str) -> None:
    """The whole life of one, with the statuses that the issue names; no answer holds a secret."""
    one = f"/{path}/{KEYS[path]}"
    made = await desk.ask("POST", f"/{path}", SAMPLES[path])
    assert (made.status, made.headers["location"].replace("%2F", "/")) == (201, f"/api/v1{one}")
    shown = await desk.ask("GET", one)
    assert shown.json == {name: value for name, value in made.json.items() if name != "warnings"}
    assert (shown.status, shown.headers["etag"]) == (200, made.headers["etag"])
    replaced = await desk.ask("PUT", one, shown.json | {"enabled": False} if "enabled" in shown.json else shown.json)
    assert replaced.status == 200
    assert replaced.json.get("enabled", False) is False
    listed = (await desk.ask("GET", f"/{path}")).json
    assert KEYS[path] in [each["id"] for each in listed[path.replace("-", "_")]]
    assert (await desk.ask("DELETE", one)).json["success"]
    assert (await desk.ask("GET", one)).json["code"] == "item-not-found"
    assert not [each for each in (made, shown, replaced) if b"CANARY" in each.body]


@pytest_twisted.ensureDeferred
async def test_what_is_made_twice_is_a_conflict(desk: Desk) -> None:
    assert (await desk.ask("POST", "/extensions", {"extension": "1001"})).status == 201
    assert (await desk.ask("POST", "/extensions", {"extension": "1001"})).json["code"] == "already-exists"
    other = await desk.ask("POST", "/extensions", {"extension": "1001", "id": "alice"})
    assert (other.status, other.json["code"]) == (409, "already-exists")


@pytest_twisted.ensureDeferred
async def test_of_two_that_make_the_same_item_at_once_one_wins(desk: Desk) -> None:
    asked = [Deferred.fromCoroutine(desk.ask("POST", "/extensions", {"extension": "1001"})) for _ in range(4)]
    statuses = sorted(reply.status for reply in await gatherResults(asked))
    assert statuses == [201, 409, 409, 409]


@pytest_twisted.ensureDeferred
async def test_everything_wrong_is_told_with_its_place(desk: Desk) -> None:
    wrong = {"extension": "1001", "max_concurrent_calls": -1, "nonsense": 1, "call_forwarding": {"busy": 7}}
    reply = await desk.ask("POST", "/extensions", wrong)
    assert (reply.status, reply.json["code"], reply.headers["content-type"]) == (
        422,
        "invalid-value",
        "application/problem+json",
    )
    paths = [error["path"] for error in reply.json["errors"]]
    assert sorted(paths) == ["$.call_forwarding.busy", "$.max_concurrent_calls", "$.nonsense"]
    assert desk.live.settings.extensions == ()


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"nonsense", b'{"a": 1, "a": 2}', b"\xff", b'{"a": ' * 40 + b"1" + b"}" * 40]
)
@pytest_twisted.ensureDeferred
async def test_what_is_no_object_is_refused(desk: Desk, body: bytes) -> None:
    reply = await desk.ask("POST", "/extensions", body)
    assert (reply.status, reply.json["code"]) == (400, "invalid-body")


@pytest_twisted.ensureDeferred
async def test_what_has_changed_since_is_not_overwritten(desk: Desk) -> None:
    """RFC 9110 section 13.1.1."""
    tag = (await desk.ask("POST", "/extensions", {"extension": "1001"})).headers["etag"]
    body = {"extension": "1001", "display_name": "Bob"}
    assert (await desk.ask("PUT", "/extensions/1001", body, {"If-Match": tag})).status == 200
    for method in ("PUT", "PATCH", "DELETE"):
        late = await desk.ask(method, "/extensions/1001", body, {"If-Match": tag})
        assert (late.status, late.json["code"]) == (412, "changed-since")
    assert (await desk.ask("DELETE", "/extensions/1001", None, {"If-Match": "*"})).status == 200


@pytest_twisted.ensureDeferred
async def test_a_patch_changes_what_it_names(desk: Desk) -> None:
    """RFC 7396: null takes a key back to its default."""
    await desk.ask("POST", "/extensions", {"extension": "1001", "email": "a@example.com", "display_name": "Alice"})
    patch = {"email": None, "permissions": {"international": True}}
    body = (await desk.ask("PATCH", "/extensions/1001", patch)).json
    assert (body["email"], body["display_name"], body["permissions"]["international"]) == ("", "Alice", True)
    assert body["permissions"]["domestic"] is True


@pytest_twisted.ensureDeferred
async def test_a_dry_run_tells_what_would_be_and_changes_nothing(desk: Desk) -> None:
    await desk.ask("POST", "/extensions", {"extension": "1001"})
    before = desk.live.settings
    dry = "?dry_run=true"
    made = await desk.ask("POST", f"/extensions{dry}", {"extension": "1002"})
    assert (made.status, made.json["extension"]) == (200, "1002")
    assert (await desk.ask("PUT", f"/extensions/1001{dry}", {"extension": "1001", "notes": "x"})).json["notes"] == "x"
    assert (await desk.ask("DELETE", f"/extensions/1001{dry}")).json["message"] == "The extension would be deleted."
    assert (await desk.ask("POST", f"/extensions{dry}", {"extension": "x y"})).status == 422
    assert desk.live.settings is before
    await desk.store.audit.flush()
    assert [each.action for each in await desk.store.audit.entries(10)][-1] == "POST /api/v1/extensions"


@pytest_twisted.ensureDeferred
async def test_what_others_need_cannot_be_deleted(desk: Desk) -> None:
    await desk.ask("POST", "/extensions", {"extension": "1001"})
    await desk.ask("POST", "/ring-groups", {"id": "support", "extensions": ["1001"]})
    reply = await desk.ask("DELETE", "/extensions/1001")
    assert (reply.status, reply.json["code"]) == (409, "in-use")
    assert reply.json["errors"][0]["path"] == '$.ring_groups["support"].extensions[0]'


@pytest.fixture
def many(desk: Desk) -> Desk:
    """An API with seven extensions."""
    changes = [
        Change("extensions", str(number), {"extension": str(number), "department": "Sales" if number % 2 else "IT"})
        for number in range(1001, 1008)
    ]
    pytest_twisted.blockon(Deferred.fromCoroutine(desk.live.change_all(changes, "test")))
    return desk


@pytest_twisted.ensureDeferred
async def test_a_list_comes_page_by_page(many: Desk) -> None:
    seen, cursor, pages = [], "", 0
    while pages == 0 or cursor:
        body = (await many.ask("GET", f"/extensions?limit=3&cursor={cursor}")).json
        seen += [each["id"] for each in body["extensions"]]
        cursor, pages = body["next"], pages + 1
    assert (seen, pages, body["total"]) == ([str(number) for number in range(1001, 1008)], 3, 7)


@pytest_twisted.ensureDeferred
async def test_a_page_goes_on_although_its_last_item_is_gone(many: Desk) -> None:
    """Nothing is skipped and nothing comes twice."""
    first = (await many.ask("GET", "/extensions?limit=3")).json
    await many.ask("DELETE", "/extensions/1003")
    second = (await many.ask("GET", f"/extensions?limit=3&cursor={first['next']}")).json
    assert [each["id"] for each in second["extensions"]] == ["1004", "1005", "1006"]


@pytest.mark.parametrize("cursor", ["zz", "e30", "WzEsMl0", "%00", "%F0%9F%98%80", "W1siYSJdLDFd", "a" * 3000])
@pytest_twisted.ensureDeferred
async def test_a_cursor_that_no_page_has_given_is_refused(many: Desk, cursor: str) -> None:
    reply = await many.ask("GET", f"/extensions?cursor={cursor}")
    assert (reply.status, reply.json["code"]) == (400, "invalid-parameter")


@pytest_twisted.ensureDeferred
async def test_fields_and_text_choose(many: Desk) -> None:
    await many.ask("PATCH", "/extensions/1003", {"enabled": False, "display_name": "Alice Archer"})
    for query, expected in (
        ("department=Sales", ["1001", "1003", "1005", "1007"]),
        ("department=Sales&enabled=false", ["1003"]),
        ("q=aLiCe", ["1003"]),
        ("q=alice&department=IT", []),
    ):
        body = (await many.ask("GET", f"/extensions?{query}")).json
        assert ([each["id"] for each in body["extensions"]], body["total"]) == (expected, len(expected))


@pytest_twisted.ensureDeferred
async def test_moving_an_item_makes_places_the_priorities(many: Desk) -> None:
    body = (await many.ask("POST", "/extensions/reorder", {"from_index": 6, "to_index": 0})).json
    assert body["success"] is True
    assert [each["id"] for each in body["extensions"]][:3] == ["1007", "1001", "1002"]
    listed = (await many.ask("GET", "/extensions")).json["extensions"]
    assert [(each["id"], each["priority"]) for each in listed][:2] == [("1007", 0), ("1001", 1)]


@pytest.mark.parametrize("body", [{}, {"from_index": 0, "to_index": 7}, {"from_index": True, "to_index": 0}])
@pytest_twisted.ensureDeferred
async def test_an_index_that_is_no_place_is_refused(many: Desk, body: dict[str, Any]) -> None:
    assert (await many.ask("POST", "/extensions/reorder", body)).status == 400


@pytest_twisted.ensureDeferred
async def test_each_change_is_in_the_audit_log_with_its_revision(desk: Desk) -> None:
    await desk.ask("POST", "/extensions", {"extension": "1001"})
    await desk.ask("POST", "/extensions", {"extension": "x y"})
    await desk.store.audit.flush()
    second, first = await desk.store.audit.entries(10)
    assert (first.who, first.address, first.outcome) == ("local", "127.0.0.1", "done")
    assert first.detail == {"changed": {"extensions": ["1001"]}, "revisions": [1]}
    assert (second.target, second.outcome) == ("/api/v1/extensions", "invalid-value")


@pytest_twisted.ensureDeferred
async def test_an_item_of_the_file_is_changed_and_deleted_as_others_are(tmp_path: Path) -> None:
    desk = Desk(tmp_path, {"extensions": [{"extension": "1001", "password": "CANARY-of-the-file"}]})
    try:
        shown = await desk.ask("GET", "/extensions/1001")
        assert (await desk.ask("PUT", "/extensions/1001", shown.json | {"notes": "x"})).json["notes"] == "x"
        assert desk.live.settings.extensions[0].ha1_sha256
        assert (await desk.ask("DELETE", "/extensions/1001")).status == 200
        assert (await desk.ask("GET", "/extensions")).json["total"] == 0
    finally:
        await desk.stop()


@pytest_twisted.ensureDeferred
async def test_what_looks_like_a_mistake_is_told_when_it_is_saved(desk: Desk) -> None:
    """Issue 4, section 3: a rule that can never match is reported."""
    await desk.ask("POST", "/routes", {"id": "first", "pattern": "", "action": "reject", "priority": 1})
    reply = await desk.ask("POST", "/routes", {"id": "second", "pattern": "^1", "action": "reject", "priority": 2})
    assert reply.status == 201
    assert reply.json["warnings"]


@pytest_twisted.ensureDeferred
async def test_a_pattern_that_is_no_re2_is_refused_with_the_reason(desk: Desk) -> None:
    reply = await desk.ask("POST", "/routes", {"id": "us", "pattern": "^(?!1)", "action": "reject"})
    assert (reply.status, reply.json["errors"][0]["path"]) == (422, "$.pattern")


@pytest_twisted.ensureDeferred
async def test_a_key_without_effect_is_told_of_only_where_it_says_something(desk: Desk) -> None:
    """Not to everybody who changes something else, or sends an item back as it was shown."""
    await desk.ask("POST", "/extensions", {"extension": "1001"})
    patched = await desk.ask("PATCH", "/extensions/1001", {"notes": "x"})
    sent_back = await desk.ask("PUT", "/extensions/1001", patched.json)
    assert "warnings" not in patched.json.keys() | sent_back.json.keys()
    told = (await desk.ask("PATCH", "/extensions/1001", {"recording": "all"})).json["warnings"]
    assert [each["path"] for each in told] == ["$.recording"]


@pytest.mark.parametrize("number", ["10 01", "", 7])
@pytest_twisted.ensureDeferred
async def test_a_wrong_number_is_told_once(desk: Desk, number: object) -> None:
    """Not a second time as the id that would be made from it."""
    reply = await desk.ask("POST", "/extensions", {"extension": number, "id": ""})
    assert (reply.status, reply.json["code"]) == (422, "invalid-value")
    assert [error["path"] for error in reply.json["errors"]] == ["$.extension"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("extensions", "enabled=maybe"),
        ("extensions", "priority=high"),
        ("extensions", "dtmf_mode=morse"),
        ("ring-groups", "timeout_seconds=soon"),
        ("rates", "active=1"),
        ("config/revisions", "collection=phones"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_filter_that_nothing_can_fit_is_refused_with_its_place(desk: Desk, path: str, query: str) -> None:
    reply = await desk.ask("GET", f"/{path}?{query}")
    assert (reply.status, reply.json["code"]) == (400, "invalid-parameter")
    assert reply.json["errors"][0]["path"] == f"?{query.partition('=')[0]}"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
@pytest_twisted.ensureDeferred
async def test_what_is_no_number_in_json_is_refused_with_its_place(desk: Desk, number: str) -> None:
    body = f'{{"extension": "1001",\n "max_concurrent_calls": {number}}}'.encode()
    reply = await desk.ask("POST", "/extensions", body)
    assert (reply.status, reply.json["code"]) == (400, "invalid-body")
    assert f"{number} at line 2 column 26" in reply.json["detail"]
