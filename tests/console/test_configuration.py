"""`rustalk check-config` and `rustalk generate-config`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rustalk.cli.program import main
from rustalk.config.load import load

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
