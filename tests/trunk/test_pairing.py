"""The PowerShell that pairs this SBC with a tenant."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rustalk.config.load import load
from rustalk.config.model import Settings
from rustalk.trunk.pairing import PairingError, User, script

GOLDEN = Path(__file__).parent.parent / "data" / "pairing"

TENANT = {
    "id": "contoso",
    "fqdn": "contoso.sbc.example.com",
    "routes": [{"id": "in", "pattern": "^2", "destination": {"type": "Trunk", "value": "teams"}}],
}


def settings(
    *, port: int = 5061, trunk: dict[str, Any] | None = None, limits: dict[str, Any] | None = None, **teams: Any
) -> Settings:
    """A configuration with Teams."""
    given = {"enabled": True, "sbc_fqdn": "sbc.example.com", "mtls_cert_path": "/c", "mtls_key_path": "/k"}
    made = {
        "sip_profiles": [{"id": "outside", "bind_port": port, "protocols": ["tls"]}],
        "teams": given | teams,
        "trunks": [{"id": "carrier", "host": "192.0.2.7", "protocol": "tls"} | (trunk or {})],
        "limits": limits or {},
    }
    return load(json.dumps(made))


def parameters(found: Settings) -> dict[str, str]:
    """What the script says about the gateway."""
    return dict(re.findall(r"^    (\w+) += (.+)$", script(found), re.MULTILINE))


def skeleton(text: str) -> str:
    """A script without comments and what stands in quotes; fails where a quote is open or a bracket is not closed."""
    bare = re.sub(r"'(?:[^'\n]|'')*'|#.*", "", text)
    assert "'" not in bare
    assert '"' not in bare
    assert "`" not in bare
    opened = []
    for sign in bare:
        if sign in "({":
            opened.append(sign)
        elif sign in ")}":
            assert opened.pop() + sign in ("()", "{}")
    assert opened == []
    return bare


@pytest.mark.parametrize(
    ("name", "teams", "parts"),
    [
        ("plain", {"media_bypass": True, "ring_within": 20.5, "max_calls": 250}, {}),
        (
            "users",
            {"cloud": "gcc-high"},
            {"users": [User("adele@contoso.com", "+15551230001"), User("o'b@contoso.com")]},
        ),
        ("carrier", {"tenants": [TENANT]}, {}),
        ("customer", {"tenants": [TENANT]}, {"tenant": "contoso", "name": "Voice $x `n 'y'"}),
    ],
)
def test_the_whole_script(name: str, teams: dict[str, Any], parts: dict[str, Any]) -> None:
    """OPS-01, MTN-04: as somebody has read it, for an SBC, its users, a carrier and the carrier's customer."""
    text = script(settings(**teams), **parts)
    skeleton(text)
    assert text == (GOLDEN / f"{name}.ps1").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("ring_within", "seconds"), [(0, "10"), (5, "10"), (9, "10"), (9.5, "11"), (20, "21"), (120, "121")]
)
def test_teams_waits_longer_than_we_do(ring_within: float, seconds: str) -> None:
    """FO-07: FailoverTimeSeconds is a second more than ring_within, and never less than Microsoft's own."""
    assert parameters(settings(ring_within=ring_within))["FailoverTimeSeconds"] == seconds


def test_what_a_full_sbc_answers_makes_teams_move_on() -> None:
    """FO-06, FO-09: 503 is among the codes, the decisions of people are not."""
    assert parameters(settings())["FailoverResponseCodes"] == "'408,503,504'"


@pytest.mark.parametrize(
    ("teams", "limit", "sessions"), [(30, 10, "30"), (0, 10, "10"), (0, 1000000, "100000"), (0, 0, None)]
)
def test_how_many_calls_are_expected(teams: int, limit: int, sessions: str | None) -> None:
    """OPS-01: that of Teams, else that of all calls; without a limit nothing is said."""
    found = parameters(settings(max_calls=teams, limits={"max_calls": limit}))
    assert found.get("MaxConcurrentSessions") == sessions


@pytest.mark.parametrize(
    ("teams", "trunk", "history", "pai"),
    [
        ({"history": "none"}, {}, "$false", "$false"),
        ({"history": "both"}, {}, "$true", "$false"),
        ({"history": "none"}, {"history": "diversion", "identity": "ppi"}, "$true", "$true"),
        ({"history": "none", "identity": "pai"}, {}, "$false", "$true"),
        ({"history": "none"}, {"enabled": False, "history": "both", "identity": "pai"}, "$false", "$false"),
    ],
)
def test_what_teams_is_to_send(teams: dict[str, Any], trunk: dict[str, Any], history: str, pai: str) -> None:
    """HDR-12, HDR-13: History-Info and P-Asserted-Identity where some side of ours makes use of them."""
    found = parameters(settings(trunk=trunk, **teams))
    assert (found["ForwardCallHistory"], found["ForwardPai"]) == (history, pai)


def test_it_may_be_run_again() -> None:
    """OPS-01: whatever is made new is looked for before."""
    bare = skeleton(script(settings()))
    for noun in ("PSTNGateway", "VoiceRoute", "VoiceRoutingPolicy"):
        assert bare.index(f"Get-CsOnline{noun}") < bare.index(f"New-CsOnline{noun} ")
    assert bare.index("Get-CsOnlinePstnUsage") < bare.index("Set-CsOnlinePstnUsage")


def test_a_customer_gets_no_gateway_unless_he_is_outside_our_domain() -> None:
    """MTN-04: a derived trunk is one label below ours; for another name there is nothing to be derived from."""
    tenants = [TENANT, {"id": "fabrikam", "fqdn": "voice.fabrikam.com"}]
    found = settings(tenants=tenants, sbc_fqdn="SBC.example.com.")
    assert "New-CsOnlinePSTNGateway" not in script(found, tenant="contoso")
    assert "New-CsOnlinePSTNGateway" in script(found, tenant="fabrikam")


def test_local_media_needs_what_only_the_tenant_knows() -> None:
    """LMO-01: the sites; the script says which command."""
    assert "BypassMode Always" in script(settings(internal_media_address="10.0.0.10"))


@pytest.mark.parametrize(
    ("teams", "parts", "cause"),
    [
        ({"enabled": False}, {}, "not enabled"),
        ({}, {"tenant": "x"}, "none"),
        ({"tenants": [TENANT]}, {"tenant": "x"}, "contoso"),
        ({}, {"name": "a\nb"}, "Choose a name"),
    ],
)
def test_why_there_is_no_script(teams: dict[str, Any], parts: dict[str, Any], cause: str) -> None:
    """OPS-01: the message says what to do."""
    with pytest.raises(PairingError, match=cause):
        script(settings(**teams), **parts)


def test_a_port_that_is_not_known_before_the_start() -> None:
    """OPS-01: Teams must be told one."""
    with pytest.raises(PairingError, match="bind_port"):
        script(settings(port=0))


def test_the_port_is_that_of_the_profile() -> None:
    """NET-07: whichever it is."""
    assert parameters(settings(port=5067))["SipSignalingPort"] == "5067"


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("adele", ""),
        ("@contoso.com", ""),
        ("a\n@b", ""),
        ("", "+1"),
        ("a@b", "5551230001"),
        ("a@b", "+0123"),
        ("a@b", "+1'"),
    ],
)
def test_who_is_no_user(name: str, number: str) -> None:
    """OPS-01: what is neither a sign-in name nor a number never gets into a script."""
    with pytest.raises(PairingError):
        User(name, number)
