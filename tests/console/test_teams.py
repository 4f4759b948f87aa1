"""`rustalk teams script`: the PowerShell that pairs this configuration with a tenant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rustalk.cli.program import main

Captured = pytest.CaptureFixture[str]

TEAMS = {
    "enabled": True,
    "sbc_fqdn": "sbc.example.com",
    "mtls_cert_path": "/etc/rustalk/cert.pem",
    "mtls_key_path": "/etc/rustalk/secret-key.pem",
}


def run(tmp_path: Path, *arguments: str, **teams: object) -> int:
    """Write the script of this configuration."""
    name = tmp_path / "rustalk.json"
    name.write_text(json.dumps({"teams": TEAMS | teams}), encoding="utf-8")
    return main(["teams", "script", "--config", str(name), *arguments])


def test_the_script_is_written(tmp_path: Path, capsys: Captured) -> None:
    """OPS-01: for the port, name and users of this configuration, and without where its key is."""
    users = ["--user", "a@contoso.com", "--number", "+15551230001", "--user", "b@contoso.com"]
    assert run(tmp_path, "--name", "Office", *users) == 0
    out = capsys.readouterr().out
    assert "$fqdn = 'sbc.example.com'\n" in out
    assert "$policy = 'Office'\n" in out
    assert "-Identity 'a@contoso.com' -PhoneNumber '+15551230001' -PhoneNumberType DirectRouting\n" in out
    assert "Grant-CsOnlineVoiceRoutingPolicy -Identity 'b@contoso.com' -PolicyName $policy\n" in out
    assert "secret-key" not in out


@pytest.mark.parametrize(
    ("arguments", "code", "cause"),
    [
        (["--number", "+15551230001"], 2, "--user"),
        (["--user", "nobody"], 1, "sign-in name"),
        (["--tenant", "x"], 1, "teams.tenants"),
        (["--name", "a\nb"], 1, "Choose a name"),
    ],
)
def test_what_is_wrong_with_the_arguments(
    tmp_path: Path, capsys: Captured, arguments: list[str], code: int, cause: str
) -> None:
    """Nothing is written to standard output, which might be a file to be run."""
    assert run(tmp_path, *arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert cause in captured.err


def test_teams_is_off(tmp_path: Path, capsys: Captured) -> None:
    """The message says what to set."""
    assert run(tmp_path, enabled=False) == 1
    assert "teams.enabled" in capsys.readouterr().err


def test_a_configuration_that_is_wrong_or_not_there(tmp_path: Path, capsys: Captured) -> None:
    """As of check-config."""
    assert run(tmp_path, sbc_fqdn="192.0.2.1") == 1
    assert "$.teams.sbc_fqdn" in capsys.readouterr().err
    assert main(["teams", "script", "--config", str(tmp_path / "none.json")]) == 1
    assert "cannot be read" in capsys.readouterr().err
