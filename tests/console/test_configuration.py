"""`rustalk check-config` and `rustalk generate-config`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor

from rustalk.cli.program import main
from rustalk.config.load import load
from rustalk.config.overlay import Change
from rustalk.store.store import open_store

Captured = pytest.CaptureFixture[str]


def write(directory: Path, **sections: object) -> str:
    """A configuration file with these sections."""
    path = directory / "rustalk.json"
    path.write_text(json.dumps(sections))
    return str(path)


def test_the_generated_configuration_can_be_used(tmp_path: Path, capsys: Captured) -> None:
    name = str(tmp_path / "new.json")
    assert main(["generate-config", "-o", name]) == 0
    assert main(["check-config", name]) == 0
    assert f"{name} can be used." in capsys.readouterr().out


def test_the_generated_configuration_goes_to_standard_output(capsys: Captured) -> None:
    assert main(["generate-config"]) == 0
    load(capsys.readouterr().out)


def test_a_file_that_exists_is_never_written_over(tmp_path: Path, capsys: Captured) -> None:
    name = write(tmp_path)
    assert main(["generate-config", "-o", name]) == 1
    assert Path(name).read_text() == "{}"
    assert "was left as it is" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, capsys: Captured) -> None:
    assert main(["generate-config", "-o", str(tmp_path / "none" / "x")]) == 1
    assert "cannot be written: No such file or directory" in capsys.readouterr().err


def test_every_problem_is_told_with_its_place(tmp_path: Path, capsys: Captured) -> None:
    name = write(tmp_path, api={"port": 99999}, media={"ports": "x"}, srever={})
    assert main(["check-config", "-c", name]) == 1
    errors = capsys.readouterr().err
    assert all(place in errors for place in ("$.api.port", "$.media.ports", "$.srever"))


def test_problems_as_json_are_for_programs(tmp_path: Path, capsys: Captured) -> None:
    assert main(["check-config", "--json", write(tmp_path, api={"port": -1})]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["valid"], report["problems"][0]["path"]) == (False, "$.api.port")


def test_warnings_are_told_and_do_not_fail(tmp_path: Path, capsys: Captured) -> None:
    name = write(tmp_path, acme={"enabled": True})
    assert main(["check-config", name]) == 0
    assert "warning: $.acme" in capsys.readouterr().out
    assert main(["check-config", "--json", name]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"][0]["path"].startswith("$.acme")


@pytest_twisted.ensureDeferred
async def test_what_the_database_holds_is_checked_too(tmp_path: Path, capsys: Captured) -> None:
    """A number that leads to an extension which the file has no more; for people and for programs."""
    place = {"server": {"state_directory": str(tmp_path / "state")}}
    store = open_store(load(json.dumps({**place, "extensions": [{"extension": "1001"}]})), reactor, {})
    await store.live.change(Change("dids", "a", {"id": "a", "number": "+493", "destination": "1001"}), "alice")
    await store.stop()
    assert main(["check-config", write(tmp_path, **place)]) == 1
    assert "rustalk db drop dids a" in capsys.readouterr().err
    assert main(["check-config", "--json", write(tmp_path, **place)]) == 1
    assert json.loads(capsys.readouterr().out)["problems"][0]["path"] == '$.dids["a"].destination.value'


def test_a_database_that_was_not_looked_at_is_a_warning(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "db").write_bytes(b"damaged" * 100)
    assert main(["check-config", write(tmp_path, database={"url": f"sqlite://{tmp_path}/db"})]) == 0
    assert "warning: $.database.url: what it holds over the file was not looked at" in capsys.readouterr().out


def test_the_api_without_authentication_is_refused_beyond_loopback(tmp_path: Path, capsys: Captured) -> None:
    assert main(["check-config", write(tmp_path, api={"bind_address": "0.0.0.0", "auth": "off"})]) == 1
    assert "$.api.bind_address" in capsys.readouterr().err


def test_a_file_that_is_missing_is_told_with_the_next_step(capsys: Captured) -> None:
    assert main(["check-config", "/nowhere/x.json"]) == 1
    assert "rustalk generate-config" in capsys.readouterr().err


def test_a_file_that_is_not_utf_8_is_told(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b'{"a": "\xff"}')
    assert main(["check-config", str(path)]) == 1
    assert "is not UTF-8 at byte 7" in capsys.readouterr().err


def test_no_file_at_all_is_wrong_usage() -> None:
    with pytest.raises(SystemExit) as caught:
        main(["check-config"])
    assert caught.value.code == 2
