"""What Microsoft asks for, and what is known not to work with it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.config.findings import TEAMS, TRUNK, faults, paths, warned

TENANT = {"id": "contoso", "fqdn": "contoso.sbc.example.com"}


@pytest.mark.parametrize(
    "name",
    ["", "203.0.113.1", "sbc.contoso.onmicrosoft.com", "*.example.com", "sbc", "a" * 50 + ".example.example", "a..b"],
)
def test_the_name_of_the_sbc_is_one_that_teams_pairs(name: str) -> None:
    """NET-11: a name of one's own domain, at most 63 characters, no address and no wildcard."""
    assert paths(teams=TEAMS | {"sbc_fqdn": name}) == ["$.teams.sbc_fqdn"]


def test_teams_that_is_off_needs_nothing() -> None:
    """A prepared section does not stop a start."""
    assert paths(teams={"enabled": False, "sbc_fqdn": "x.onmicrosoft.com"}) == []


def test_teams_has_a_certificate_with_its_key() -> None:
    """Mutual TLS needs both files."""
    assert paths(teams=TEAMS | {"mtls_key_path": ""}) == ["$.teams.mtls_key_path"]
    assert paths(teams=TEAMS | {"mtls_key_path": "", "mtls_cert_path": ""}) == ["$.teams.mtls_cert_path"]


def test_teams_has_a_profile_with_tls() -> None:
    """NET-01: TLS only."""
    profile = {"id": "plain", "protocols": ["udp"]}
    assert paths(teams=TEAMS, sip_profiles=[profile]) == ["$.teams.profile"]
    assert paths(teams=TEAMS | {"profile": "plain"}, sip_profiles=[profile]) == ["$.teams.profile"]
    assert paths(teams=TEAMS | {"profile": "nowhere"}) == ["$.teams.profile"]


def test_the_government_clouds_use_port_5061_alone() -> None:
    """NET-02: both our listener and the proxies."""
    teams = TEAMS | {"cloud": "gcc-high"}
    assert paths(teams=teams) == []
    assert paths(teams=teams, transport={"tls_port": 5067}) == ["$.transport.tls_port"]
    profile = {"id": "outside", "protocols": ["tls"], "bind_port": 5067}
    assert paths(teams=teams, sip_profiles=[profile]) == ["$.sip_profiles[0].bind_port"]
    other = teams | {"sip_proxies": ["sip.pstnhub.gov.teams.microsoft.us:5067"]}
    assert paths(teams=other) == ["$.teams.sip_proxies[0]"]


def test_a_proxy_belongs_to_the_cloud() -> None:
    """NET-02, NET-03: no names of another cloud, and no retired ones."""
    assert paths(teams=TEAMS | {"sip_proxies": ["sip.pstnhub.gov.teams.microsoft.us"]}) == ["$.teams.sip_proxies[0]"]
    assert paths(teams=TEAMS | {"sip_proxies": ["sip-all.pstnhub.microsoft.com"]}) == ["$.teams.sip_proxies[0]"]
    assert paths(teams=TEAMS | {"sip_proxies": [], "networks": []}) == ["$.teams.networks", "$.teams.sip_proxies"]


def test_pings_that_teams_would_miss_are_warned_of() -> None:
    """OPT-01, OPT-02: one a minute."""
    slow = TEAMS | {"options_ping_interval": 120, "options_ping_enabled": False}
    assert warned(teams=slow) == ["$.teams.options_ping_interval", "$.teams.options_ping_enabled"]


def test_a_tenant_has_a_name_that_teams_pairs() -> None:
    """MTN-01, NET-11: the same rules as for the SBC's own name, whether Teams is enabled or not."""
    for fqdn in ("contoso.onmicrosoft.com", "a" * 50 + ".example.example", "sbc", "203.0.113.1", "*.example.com"):
        assert paths(teams={"tenants": [TENANT | {"fqdn": fqdn}]}) == ["$.teams.tenants[0].fqdn"]
    assert paths(teams=TEAMS | {"tenants": [TENANT]}) == []


def test_tenants_are_told_apart_by_id_and_name() -> None:
    """MTN-05: the host of a Request-URI means one tenant, or the SBC itself."""
    again = {"id": "contoso", "fqdn": "Contoso.SBC.example.com"}
    own = {"id": "own", "fqdn": TEAMS["sbc_fqdn"]}
    found = paths(teams=TEAMS | {"tenants": [TENANT, again, own]})
    assert found == ["$.teams.tenants[1].fqdn", "$.teams.tenants[1].id", "$.teams.tenants[2].fqdn"]


def test_the_routes_of_tenants_are_checked_as_the_common_ones() -> None:
    """Their destinations exist, and an id means one route of all."""
    route: dict[str, Any] = {"id": "r", "pattern": "^1", "destination": {"type": "Trunk", "value": "carrier"}}
    lost = route | {"destination": {"type": "Trunk", "value": "nowhere"}}
    tenant = TENANT | {"routes": [lost]}
    found = paths(trunks=[TRUNK], routing={"routes": [route]}, teams={"tenants": [tenant]})
    start = "$.teams.tenants[0].routes[0]"
    assert found == [f"{start}.destination.value", f"{start}.id"]


@pytest.mark.parametrize("srtp", ["preferred", "off"])
def test_teams_takes_srtp_only(srtp: str) -> None:
    """MED-01: RTP/AVP is answered 488."""
    problem = faults(teams={"srtp": srtp})[0]
    assert (problem.path, problem.expected) == ("$.teams.srtp", '"required"')


def test_the_internal_address_is_one_that_can_be_sent_to() -> None:
    """LMO-01: it is written into descriptions."""
    assert paths(teams={"internal_media_address": "0.0.0.0"}) == ["$.teams.internal_media_address"]
    assert paths(teams={"internal_media_address": "10.0.0.10"}) == []


def test_media_bypass_that_cannot_work_is_warned_of() -> None:
    """XFR-01: it needs REFER; ICE-01: and an IPv4 address."""
    assert warned(teams={"media_bypass": True, "allow_refer": False}) == ["$.teams.allow_refer"]
    assert warned(teams={"media_bypass": True}, media={"bind_address": "::1"}) == ["$.teams.media_bypass"]


AZURE = {"id": "acs", "host": "sip.pstnhub.microsoft.com:5061", "protocol": "tls"}
OWN = {"id": "acs", "protocols": ["tls"], "bind_port": 5071, "domain": "acs.example.com"}
OUTSIDE = {"id": "outside", "protocols": ["tls"], "bind_port": 5061, "domain": ""}
FILES = {"tls_cert": "acs.pem", "tls_key": "acs.key"}


def test_a_name_is_not_used_for_teams_and_for_azure() -> None:
    """MTN-07: a trunk to the hosts that both have, with the name that Teams is paired with, is warned of."""
    assert warned(teams=TEAMS, trunks=[AZURE]) == ["$.trunks[0].host"]
    more = {"id": "acs", "host": "192.0.2.9", "hosts": [{"host": "SIP2.pstnhub.Microsoft.com."}], "protocol": "tls"}
    assert warned(teams=TEAMS, trunks=[more]) == ["$.trunks[0].hosts[0].host"]
    assert warned(teams=TEAMS | {"enabled": False}, trunks=[AZURE]) == []
    assert warned(teams=TEAMS, trunks=[AZURE | {"host": "sip.notpstnhub.microsoft.com"}]) == []


def test_a_name_of_its_own_is_for_azure() -> None:
    """MTN-07: a profile with another domain is what the warning asks for; one with a tenant's name is not."""
    profiles = [OUTSIDE, OWN | FILES]
    acs = AZURE | {"profile": "acs"}
    teams = TEAMS | {"profile": "outside"}
    assert warned(teams=teams, trunks=[acs], sip_profiles=profiles) == []
    tenant = teams | {"tenants": [TENANT | {"fqdn": "acs.example.com"}]}
    assert warned(teams=tenant, trunks=[acs], sip_profiles=profiles) == ["$.trunks[0].host"]
