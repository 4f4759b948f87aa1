"""The verbs of the collections, from the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import pytest_twisted

from rustalk.cli.items import ITEMS
from tests.fakes.desk import Desk

from .conftest import Run


@pytest_twisted.ensureDeferred
async def test_an_extension_is_made_shown_changed_and_deleted(
    run: Run, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """The password that is made is shown once; numbers of telephones stay text."""
    assert await run("extensions", "add", "extension=1001", "display_name=Alice Archer", "codecs=PCMA,PCMU") == 0
    assert "password" in capsys.readouterr().out
    made = desk.live.settings.extensions[0]
    assert (made.display_name, made.codecs) == ("Alice Archer", ("PCMA", "PCMU"))
    fields = (
        "enabled=false",
        "permissions.international=true",
        "max_concurrent_calls=4",
        "caller_id_number=+12025550123",
    )
    assert await run("extensions", "set", "1001", *fields) == 0
    changed = desk.live.settings.extensions[0]
    assert (changed.enabled, changed.permissions.international, changed.max_concurrent_calls) == (False, True, 4)
    capsys.readouterr()
    assert await run("extensions", "show", "1001", "--json") == 0
    assert json.loads(capsys.readouterr().out)["caller_id_number"] == "+12025550123"
    assert await run("extensions", "delete", "1001") == 0
    assert desk.live.settings.extensions == ()


@pytest_twisted.ensureDeferred
async def test_a_list_is_a_table_or_json(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    for number in ("1001", "1002", "1003"):
        await run("extensions", "add", f"extension={number}", f"department={'Sales' if number == '1002' else 'IT'}")
    capsys.readouterr()
    assert await run("extensions", "list", "department=IT", "--limit", "1") == 0
    heading, row, foot = capsys.readouterr().out.splitlines()
    assert (heading.split()[:2], row.split()[0], foot) == (["ID", "EXTENSION"], "1001", "1 of 2")
    assert await run("extensions", "list", "-q", "sales", "--json") == 0
    assert [each["id"] for each in json.loads(capsys.readouterr().out)["extensions"]] == ["1002"]


@pytest_twisted.ensureDeferred
async def test_what_is_wrong_is_told_with_its_place(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("routes", "add", "id=us", "pattern=^(?!1)", "action=reject") == 1
    told = capsys.readouterr().err
    assert "Nothing was changed" in told
    assert "  pattern:" in told
    assert await run("routes", "add", "nonsense") == 2
    assert "'nonsense' is no KEY=VALUE, such as id=nonsense." in capsys.readouterr().err
    assert await run("extensions", "add", "1006") == 2
    assert "'1006' is no KEY=VALUE, such as extension=1006." in capsys.readouterr().err


@pytest_twisted.ensureDeferred
async def test_a_dry_run_changes_nothing(run: Run, desk: Desk) -> None:
    assert await run("extensions", "add", "extension=1001", "--dry-run") == 0
    assert desk.live.settings.extensions == ()


@pytest_twisted.ensureDeferred
async def test_an_item_comes_from_a_file(run: Run, desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "route.json"
    file.write_text('{"id": "all", "pattern": "^0", "destination": {"type": "Hangup", "value": "404"}}')
    assert await run("routes", "add", "--file", str(file), "priority=5", "destination.value=503") == 0
    route = desk.live.settings.routing.routes[0]
    assert (route.priority, route.destination.value) == (5, "503")


@pytest_twisted.ensureDeferred
async def test_an_item_is_moved_in_the_list(run: Run, desk: Desk) -> None:
    for number in ("1001", "1002", "1003"):
        await run("extensions", "add", f"extension={number}")
    assert await run("extensions", "move", "1003", "0") == 0
    assert {each.id: each.priority for each in desk.live.settings.extensions} == {"1003": 0, "1001": 1, "1002": 2}


@pytest_twisted.ensureDeferred
async def test_tables_come_in_and_go_out(
    run: Run, desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("extension,email\n1001,a@example.com\n1002,nonsense\n")
    assert await run("extensions", "import", str(table)) == 1
    told = capsys.readouterr().out
    assert "line 3: email:" in told
    assert "1 were taken, 1 faults." in told
    assert await run("extensions", "export") == 0
    assert "a@example.com" in capsys.readouterr().out
    rates = tmp_path / "rates.csv"
    rates.write_text("id,prefix,rate_per_minute\nuk,44,0.1\n")
    assert await run("rates", "import", str(rates)) == 0
    capsys.readouterr()
    assert await run("rates", "quote", "+441", "60", "--json") == 0
    assert json.loads(capsys.readouterr().out)["cost"] == 0.1


@pytest_twisted.ensureDeferred
async def test_passwords_and_bindings(run: Run, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    await run("extensions", "add", "extension=1001")
    await run("ring-groups", "add", "id=sales", "extensions=1001")
    capsys.readouterr()
    assert await run("extensions", "rotate-passwords", "1001") == 0
    assert "1 got a new password." in capsys.readouterr().out
    assert await run("extensions", "rotate-passwords") == 2
    assert await run("extensions", "bindings", "1001") == 0
    assert "sales" in capsys.readouterr().out
    assert await run("extensions", "delete", "1001", "--decommission") == 0
    assert "change ring_group sales: extensions" in capsys.readouterr().out


@pytest_twisted.ensureDeferred
async def test_an_address_is_checked_against_an_acl(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("acls", "check", "rfc1918", "10.0.0.1") == 0
    assert "allowed  yes" in capsys.readouterr().out


@pytest.mark.parametrize("command", ITEMS, ids=lambda command: command.name)
@pytest_twisted.ensureDeferred
async def test_every_collection_can_be_listed(run: Run, command: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(command.name, "list") == 0
    assert " of " in capsys.readouterr().out


@pytest_twisted.ensureDeferred
async def test_the_running_switch_is_asked_where_a_call_would_go(
    run: Run, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run("routes", "test", "+1", "--caller", "1001", "--at", "2026-12-24T18:00:00Z") == 0
    assert capsys.readouterr().out.splitlines() == ["all  matches", "route all sends the call to Trunk carrier"]
    assert desk.switch.tested[0][:3] == ("1001", "+1", "")


@pytest_twisted.ensureDeferred
async def test_a_box_tells_how_many_messages_wait(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    await run("extensions", "add", "extension=1001")
    await run("mailboxes", "add", "extension=1001")
    capsys.readouterr()
    assert await run("mailboxes", "mwi", "1001") == 0
    assert "new_messages    0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["add", "extension=1001"], "There is an extension called '1001' already; change that one."),
        (
            ["add", "extension=1002", "password=1234"],
            "  password: is easily guessed, for it has fewer",
        ),
        (["show", "1009"], "No extension is called '1009'; see `rustalk extensions list`."),
        (["list", "enabled=maybe"], "An option has an impossible value. enabled must be true or false."),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_refusal_is_in_the_words_of_the_operator(
    run: Run, argv: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fields, options and commands; no paths, methods or statuses."""
    await run("extensions", "add", "extension=1001")
    capsys.readouterr()
    assert await run("extensions", *argv) == 1
    written = capsys.readouterr().err
    assert told in written
    assert not re.search(r"HTTP|PUT|POST|\b4\d\d\b|/api/|\$\.", written)
