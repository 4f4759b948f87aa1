"""Extensions: passwords, tables, and what would miss one that goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import pytest_twisted

from rustalk.config.overlay import Change
from rustalk.sip.digest import ha1
from tests.fakes.desk import Desk


@pytest_twisted.ensureDeferred
async def test_a_password_that_is_left_out_is_made_and_shown_once(desk: Desk) -> None:
    made = (await desk.ask("POST", "/extensions", {"extension": "1001"})).json
    assert len(made["password"]) >= 20
    shown = await desk.ask("GET", "/extensions/1001")
    assert "password" not in shown.json
    extension = desk.live.settings.extensions[0]
    assert extension.ha1_sha256.reveal() == ha1("SHA-256", "1001", "rustalk.local", made["password"])
    assert not extension.password


@pytest_twisted.ensureDeferred
async def test_a_password_that_is_given_is_never_shown(desk: Desk) -> None:
    made = await desk.ask("POST", "/extensions", {"extension": "1001", "password": "CANARY-of-alice"})
    assert "password" not in made.json
    assert b"CANARY" not in made.body + (await desk.ask("GET", "/config/revisions/1")).body


@pytest_twisted.ensureDeferred
async def test_new_passwords_for_many(desk: Desk) -> None:
    for number in ("1001", "1002", "1003"):
        await desk.ask("POST", "/extensions", {"extension": number})
    before = {each.id: each.ha1_md5 for each in desk.live.settings.extensions}
    body = (await desk.ask("POST", "/extensions/rotate-passwords", {"extensions": ["1001", "1003"]})).json
    assert (body["rotated"], [each["id"] for each in body["passwords"]]) == (2, ["1001", "1003"])
    changed = {each.id for each in desk.live.settings.extensions if each.ha1_md5 != before[each.id]}
    assert changed == {"1001", "1003"}
    assert (await desk.ask("POST", "/extensions/rotate-passwords", {"all": True})).json["rotated"] == 3
    assert (await desk.ask("POST", "/extensions/rotate-passwords", {"extensions": ["1009"]})).status == 404
    for wrong in ({}, {"extensions": []}, {"all": True, "extensions": ["1001"]}, {"all": 1}):
        assert (await desk.ask("POST", "/extensions/rotate-passwords", wrong)).status == 400


TABLE = b"""extension,display_name,email,password,enabled,department
1001,Alice,a@example.com,secret-of-alice,true,Sales
1002,Bob,not an address,,true,Sales
1003,Carol,,,no,
1003,Again,,,no,
"""
CSV = {"Content-Type": "text/csv"}


@pytest_twisted.ensureDeferred
async def test_good_lines_of_a_table_are_taken_and_bad_ones_told(desk: Desk) -> None:
    """Issue 4, section 7: the header is line 1."""
    body = (await desk.ask("POST", "/extensions/import", TABLE, CSV)).json
    assert body["imported"] == 2
    assert {(error["line"], error["field"]) for error in body["errors"]} >= {(3, "email"), (5, "extension")}
    assert [each.id for each in desk.live.settings.extensions] == ["1001", "1003"]


@pytest_twisted.ensureDeferred
async def test_passwords_made_for_lines_without_are_shown_once(desk: Desk) -> None:
    body = (await desk.ask("POST", "/extensions/import", b"extension\n1001\n1002\n", CSV)).json
    assert [each["extension"] for each in body["passwords"]] == ["1001", "1002"]
    assert all(each.ha1_md5 for each in desk.live.settings.extensions)


@pytest_twisted.ensureDeferred
async def test_a_table_is_tried_without_taking_it(desk: Desk) -> None:
    body = (await desk.ask("POST", "/extensions/import?dry_run=true", TABLE, CSV)).json
    assert (body["imported"], body["passwords"], desk.live.settings.extensions) == (2, [], ())


@pytest_twisted.ensureDeferred
async def test_what_goes_out_as_a_table_comes_in_again(desk: Desk) -> None:
    """A29: and a cell that a spreadsheet would run is harmless."""
    await desk.ask("POST", "/extensions", {"extension": "1001", "display_name": "=cmd|x", "notes": "a,b"})
    sent = await desk.ask("GET", "/extensions/export")
    assert (sent.status, sent.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert b"'=cmd|x" in sent.body
    await desk.ask("DELETE", "/extensions/1001")
    assert (await desk.ask("POST", "/extensions/import", sent.body, CSV)).json["imported"] == 1
    assert desk.live.settings.extensions[0].display_name == "=cmd|x"


async def furnish(desk: Desk) -> None:
    """An extension that everything names."""
    place = {"type": "Extension", "value": "1001"}
    for path, body in (
        ("/extensions", {"extension": "1001"}),
        ("/extensions", {"extension": "1002", "call_forwarding": {"busy": "1001", "no_answer": "1001"}}),
        ("/ring-groups", {"id": "sales", "extensions": ["1001", "1002"], "members": [], "overflow": place}),
        ("/dids", {"number": "+12025550123", "destination": place}),
        ("/routes", {"id": "one", "pattern": "^1$", "destination": place}),
        ("/routes", {"id": "two", "pattern": "^2$", "destinations": [place, {"type": "Extension", "value": "1002"}]}),
        ("/voicemail/mailboxes", {"extension": "1001", "pin": "4711"}),
    ):
        reply = await desk.ask("POST", path, body)
        assert reply.status == 201, reply.body


@pytest_twisted.ensureDeferred
async def test_everything_that_names_an_extension_is_told(desk: Desk) -> None:
    await furnish(desk)
    body = (await desk.ask("GET", "/extensions/1001/bindings")).json
    told = [(each["type"], each["id"], each["field"], each["action"]) for each in body["bindings"]]
    assert told == [
        ("ring_group", "sales", "extensions", "change"),
        ("ring_group", "sales", "overflow", "change"),
        ("did", "12025550123", "destination", "delete"),
        ("route", "one", "destination", "delete"),
        ("route", "two", "destinations", "change"),
        ("mailbox", "1001", "extension", "delete"),
        ("extension", "1002", "call_forwarding.busy", "change"),
        ("extension", "1002", "call_forwarding.no_answer", "change"),
    ]


@pytest_twisted.ensureDeferred
async def test_one_that_others_need_stays_and_the_answer_says_how_it_would_go(desk: Desk) -> None:
    await furnish(desk)
    refused = await desk.ask("DELETE", "/extensions/1001")
    assert refused.status == 409
    assert "`rustalk extensions bindings 1001`" in refused.json["detail"]
    assert "`rustalk extensions delete 1001 --decommission`" in refused.json["detail"]


@pytest_twisted.ensureDeferred
async def test_all_that_is_wrong_with_one_without_a_number_is_told_at_once(desk: Desk) -> None:
    refused = await desk.ask("POST", "/extensions", {"number": "1006", "password": "1234"})
    assert (refused.status, [each["path"] for each in refused.json["errors"]]) == (
        422,
        ["$.extension", "$.password", "$.number"],
    )
    assert refused.json["detail"] == "Nothing was changed: give the extension its `extension`, and see errors."


@pytest_twisted.ensureDeferred
async def test_decommissioning_takes_it_out_of_all_of_them_at_once(desk: Desk) -> None:
    await furnish(desk)
    assert (await desk.ask("DELETE", "/extensions/1001")).status == 409
    dry = (await desk.ask("DELETE", "/extensions/1001?decommission=true&dry_run=true")).json
    assert (len(dry["removed"]), len(desk.live.settings.extensions)) == (8, 2)
    body = (await desk.ask("DELETE", "/extensions/1001?decommission=true")).json
    assert (body["success"], body["removed"]) == (True, dry["removed"])
    settings = desk.live.settings
    assert [each.id for each in settings.extensions] == ["1002"]
    assert (settings.dids, settings.mailboxes, [each.id for each in settings.routing.routes]) == ((), (), ["two"])
    assert settings.ring_groups[0].extensions == ("1002",)
    assert settings.ring_groups[0].overflow is None
    assert settings.extensions[0].call_forwarding.busy == ""


@pytest_twisted.ensureDeferred
async def test_those_without_a_phone_for_long_are_found(desk: Desk) -> None:
    now = datetime.now(UTC)
    for number, days in (("1001", 0), ("1002", 40), ("1003", None)):
        await desk.live.change(Change("extensions", number, {"extension": number}), "test")
        if days is not None:
            desk.switch.seen[number] = now - timedelta(days=days)
    body = (await desk.ask("GET", "/extensions?offline_days=30")).json
    assert [each["id"] for each in body["extensions"]] == ["1002", "1003"]
    assert body["extensions"][1]["last_seen"] is None


@pytest.mark.parametrize("days", ["0", "-1", "x", "1e9"])
@pytest_twisted.ensureDeferred
async def test_an_impossible_number_of_days_is_refused(desk: Desk, days: str) -> None:
    assert (await desk.ask("GET", f"/extensions?offline_days={days}")).status == 400


@pytest.mark.parametrize("password", ["1234", "1001", "password", "aaaaaaaa", "12345678"])
@pytest_twisted.ensureDeferred
async def test_a_password_that_is_easily_guessed_is_refused(desk: Desk, password: str) -> None:
    """Made, replaced, changed or imported; nothing that is answered holds it."""
    await desk.ask("POST", "/extensions", {"extension": "1002"})
    body = {"extension": "1001", "password": password}
    for method, path in (("POST", "/extensions"), ("PUT", "/extensions/1002"), ("PATCH", "/extensions/1002")):
        reply = await desk.ask(method, path, body if method == "POST" else {**body, "extension": "1002"})
        assert (reply.status, reply.json["code"]) == (400, "weak-password")
        assert reply.json["errors"][0]["path"] == "$.password"
        assert "at least 8 characters" in reply.json["errors"][0]["message"]
    table = await desk.ask("POST", "/extensions/import", f"extension,password\n1001,{password}\n".encode(), CSV)
    assert (table.json["imported"], table.json["errors"][0]["field"]) == (0, "password")
    assert [each.extension for each in desk.live.settings.extensions] == ["1002"]
