"""From the configuration to trunks; calls over them are in tests/scenarios."""

from __future__ import annotations

import pytest

from rustalk.sip.digest import parse_challenges
from tests.scenarios.site import Site


def test_teams_has_a_gateway_for_each_proxy_in_order() -> None:
    """NET-01."""
    teams = Site().trunks["teams"]
    assert [gateway.host for gateway in teams.gateways] == [
        "sip.pstnhub.microsoft.com",
        "sip2.pstnhub.microsoft.com",
        "sip3.pstnhub.microsoft.com",
    ]


def test_a_disabled_trunk_is_not_built() -> None:
    """Neither for calls nor for OPTIONS."""
    site = Site()
    off = [{"id": each.id, "host": each.host, "enabled": False} for each in site.settings.trunks]
    built = Site(trunks=off, routing={"routes": []})
    assert list(built.trunks) == ["teams"]


def test_who_is_pinged_is_what_the_configuration_says() -> None:
    """OPT-02: every proxy, unless pinging is switched off."""
    assert len(Site(teams={"options_ping_enabled": True}).probes) >= 3
    assert Site(teams={"options_ping_enabled": False}).probes == []


@pytest.mark.parametrize(
    ("realm", "answered"), [("carrier.example", True), ("192.0.2.9", True), ("evil.example", False)]
)
def test_a_password_is_for_the_trunks_own_realm(realm: str, answered: bool) -> None:
    """A2: where no realm is configured, that is the name of a host or a domain it is in, and nothing else."""
    hosts = [{"host": "192.0.2.9"}]
    trunk = {"id": "carrier", "host": "sip.carrier.example", "hosts": hosts, "username": "u", "password": "p"}
    provider = Site(trunks=[trunk, {"id": "other", "host": "192.0.2.8"}], routing={"routes": []}).trunks["carrier"]
    challenges = parse_challenges([f'Digest realm="{realm}", nonce="n", qop="auth"'])
    assert (provider.credentials.choose(challenges) is not None) is answered
    assert provider.credentials.choose(parse_challenges(['Digest realm="example", nonce="n"'])) is None
