"""`rustalk route test`: where a call would go, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from rustalk.cli.program import main
from tests.fakes.desk import Desk

from .conftest import Run

Captured = pytest.CaptureFixture[str]

CONFIGURATION: dict[str, Any] = {
    "transport": {"protocols": ["udp", "tls"], "udp_port": 5060, "tls_port": 5061},
    "teams": {
        "enabled": True,
        "sbc_fqdn": "sbc.example.com",
        "mtls_cert_path": "/etc/rustalk/cert.pem",
        "mtls_key_path": "/etc/rustalk/key.pem",
        "tenants": [
            {
                "id": "contoso",
                "fqdn": "contoso.sbc.example.com",
                "routes": [
                    {"id": "in", "pattern": r"^\+4930", "destination": {"type": "Trunk", "value": "teams"}},
                    {"id": "out", "pattern": r"^\+", "destination": {"type": "Trunk", "value": "carrier"}},
                ],
            }
        ],
    },
    "trunks": [{"id": "carrier", "host": "192.0.2.7", "country": "DE", "identity": "pai"}],
    "routing": {
        "routes": [
            {
                "id": "night",
                "pattern": "",
                "source": "carrier",
                "conditions": [{"type": "Time", "start_time": "22:00", "end_time": "06:00"}],
                "action": "reject",
            }
        ]
    },
}


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server of whoever runs the tests is asked."""
    monkeypatch.delenv("RUSTALK_SERVER", raising=False)


@pytest.fixture
def name(tmp_path: Path) -> str:
    """A configuration file."""
    path = tmp_path / "rustalk.json"
    path.write_text(json.dumps(CONFIGURATION))
    return str(path)


def test_a_call_that_goes_somewhere(name: str, capsys: Captured) -> None:
    """Numbers, tenant, route, and the INVITE that would go out; exit code 0."""
    assert main(["route", "test", "030123456", "--from", "carrier", "--caller", "040987654", "-c", name]) == 0
    written = capsys.readouterr().out
    assert "040987654 (that is +4940987654) to 030123456 (that is +4930123456)" in written
    assert "tenant   contoso\nroute    in matches\ngoes to  teams as +4930123456\n" in written
    assert "From: <sip:+4940987654@contoso.sbc.example.com>" in written


def test_a_call_that_is_refused(name: str, capsys: Captured) -> None:
    """Each route with why it was passed over, and the status; exit code 1."""
    argv = ["route", "test", "113", "--from", "carrier", "--at", "2026-11-24T00:00+01:00", "-c", name]
    assert main(argv) == 1
    written = capsys.readouterr().out
    assert "route    in is for other numbers\nroute    night matches\nrefused  403, route_refused:" in written
    assert main([*argv, "--at", "2026-11-24T12:00"]) == 1
    written = capsys.readouterr().out
    assert "night has a condition that does not hold (Time)\nthen     the number is not one that is dialled" in written
    assert "refused  404, no_route" in written


def test_a_call_for_help_is_never_refused(name: str, capsys: Captured) -> None:
    """EMG-03: nothing takes it here, and that is what is said."""
    argv = ["route", "test", "112", "--from", "carrier", "--at", "2026-11-24T00:00+01:00", "-c", name]
    assert main(argv) == 1
    written = capsys.readouterr().out
    assert "an emergency number" in written
    assert "night would not let an emergency call pass" in written
    assert "refused  404, no_route" in written


def test_the_name_that_teams_calls(name: str, capsys: Captured) -> None:
    """MTN-05: tells the tenant."""
    assert main(["route", "test", "+1555", "--from", "teams", "--host", "contoso.sbc.example.com", "-c", name]) == 0
    assert main(["route", "test", "+1555", "--from", "teams", "--host", "x.example", "-c", name]) == 1
    assert "refused  404, unknown_tenant:" in capsys.readouterr().out


def test_for_programs(name: str, capsys: Captured) -> None:
    """The same as JSON."""
    assert main(["route", "test", "030123456", "--from", "carrier", "--json", "-c", name]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["called"], told["tenant"], told["refusal"]) == ("+4930123456", "contoso", None)
    assert told["destination"]["trunk"] == "teams"
    assert told["steps"] == [{"route": "in", "result": "matched", "why": "matches", "condition": None}]
    assert main(["route", "test", "", "--from", "carrier", "--json", "-c", name]) == 1
    assert json.loads(capsys.readouterr().out)["refusal"]["code"] == "no_number"


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--from", "nobody"], "there is no such trunk or extension.\nTrunks: carrier, teams.\nExtensions: none."),
        (["--from", "teams", "--host", "a b"], "Give a name."),
        (["--from", "teams", "--server", "http://127.0.0.1:1"], "not both"),
    ],
)
def test_wrong_usage(name: str, capsys: Captured, argv: list[str], told: str) -> None:
    """Exit code 2, and what would do."""
    assert main(["route", "test", "+1", *argv, "-c", name]) == 2
    assert told in capsys.readouterr().err


def test_a_time_that_is_none(name: str, capsys: Captured) -> None:
    """As argparse tells it."""
    with pytest.raises(SystemExit) as caught:
        main(["route", "test", "+1", "--from", "teams", "--at", "noon", "-c", name])
    assert caught.value.code == 2
    assert "is no time such as" in capsys.readouterr().err


def test_a_configuration_that_cannot_be_used(tmp_path: Path, capsys: Captured) -> None:
    """Says why, as check-config does."""
    assert main(["route", "test", "+1", "--from", "teams", "-c", str(tmp_path / "none.json")]) == 1
    (tmp_path / "bad.json").write_text('{"srever": {}}')
    assert main(["route", "test", "+1", "--from", "teams", "-c", str(tmp_path / "bad.json")]) == 1
    errors = capsys.readouterr().err
    assert "cannot be read" in errors
    assert "srever" in errors


def test_a_call_for_help_with_a_location(tmp_path: Path, capsys: Captured) -> None:
    """EMG-02: the way of a known place and of another, in words and as JSON."""
    known = {"type": "Location", "methods": ["LIS"]}
    route = {
        "id": "psap",
        "pattern": "^911$",
        "conditions": [known],
        "destination": {"type": "Trunk", "value": "carrier"},
    }
    path = tmp_path / "emergency.json"
    path.write_text(json.dumps(CONFIGURATION | {"routing": {"routes": [route]}}))
    argv = ["route", "test", "911", "--from", "teams", "-c", str(path)]
    assert main([*argv, "--location", "lis"]) == 0
    assert "with a location found by lis\nroute    psap matches\ngoes to  carrier as 911\n" in capsys.readouterr().out
    assert main([*argv, "--location", "Manual", "--json"]) == 1
    written = json.loads(capsys.readouterr().out)
    assert written["location"] == "Manual"
    step = written["steps"][0]
    assert (step["route"], step["result"], step["condition"]) == ("psap", "condition", "Location")


def test_a_call_of_an_extension(tmp_path: Path, capsys: Captured) -> None:
    """From its number; a set of destinations is told in its order."""
    targets = [{"type": "Trunk", "value": "carrier"}, {"type": "Extension", "value": "1002"}]
    route = {"id": "phones", "pattern": r"^\+49", "destinations": targets}
    extensions = [{"extension": each, "password": "not so easily guessed"} for each in ("1001", "1002")]
    path = tmp_path / "phones.json"
    path.write_text(json.dumps(CONFIGURATION | {"routing": {"routes": [route]}, "extensions": extensions}))
    argv = ["route", "test", "+49401234567", "--from", "1001", "-c", str(path)]
    assert main(argv) == 0
    written = capsys.readouterr().out
    assert "goes to  carrier as +49401234567" in written
    assert "then     Extension 1002" in written
    assert main([*argv, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["destinations"] == targets


def test_a_call_from_one_extension_to_another(tmp_path: Path, capsys: Captured) -> None:
    """No route is needed, and no INVITE is shown: each phone gets its own."""
    extensions = [{"extension": each, "password": "not so easily guessed"} for each in ("1001", "1002")]
    path = tmp_path / "phones.json"
    path.write_text(json.dumps(CONFIGURATION | {"extensions": extensions}))
    argv = ["route", "test", "1002", "--from", "1001", "-c", str(path)]
    assert main(argv) == 0
    written = capsys.readouterr().out
    assert "then     the extension may make this call\ngoes to  Extension 1002\n" in written
    assert main([*argv, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["destination"] == {"type": "Extension", "value": "1002"}


@pytest_twisted.ensureDeferred
async def test_the_running_switch_is_asked_where_one_is_named(run: Run, desk: Desk, capsys: Captured) -> None:
    """By trunk, or by the number or id of an extension."""
    await desk.ask("POST", "/extensions", {"extension": "1001", "id": "alice"})
    assert await run("route", "test", "+1", "--from", "alice", "--at", "2026-12-24T18:00:00Z") == 0
    assert "all  matches\nroute all sends the call to Trunk carrier\n" in capsys.readouterr().out
    assert await run("route", "test", "+1", "--from", "carrier", "--caller", "+4930") == 0
    asked = [each[:3] for each in desk.switch.tested]
    assert asked == [("1001", "+1", ""), ("+4930", "+1", "carrier")]


@pytest_twisted.ensureDeferred
async def test_who_cannot_call_is_told_who_can(run: Run, desk: Desk, capsys: Captured) -> None:
    for number in range(1001, 1024):
        await desk.ask("POST", "/extensions", {"extension": str(number)})
    assert await run("route", "test", "+1", "--from", "nobody") == 2
    errors = capsys.readouterr().err
    assert "no such trunk or extension.\nTrunks: carrier, teams.\nExtensions: 1001, 1002," in errors
    assert errors.endswith("1020 and 3 more.\n")
    assert await run("route", "test", "+1", "--from", "1001", "--location", "LIS") == 2
