"""How Teams wants to be spoken to; what it sees on the wire is in tests/scenarios/test_teams_headers.py."""

from __future__ import annotations

from rustalk.trunk.teams import Teams
from rustalk.ua.subject import Subject
from tests.scenarios.site import FQDN, PROXIES, SBC, Site

ONE = next(iter(PROXIES))


def make_teams(**changes: object) -> tuple[Teams, Site]:
    """The Teams trunk of a switch."""
    site = Site(teams=changes)
    teams = site.trunks["teams"]
    assert isinstance(teams, Teams)
    return teams, site


def test_an_invite_as_the_contract_draws_it() -> None:
    """HDR-01, HDR-04, HDR-05."""
    teams, site = make_teams()
    flow = site.network.flow("outside", (SBC, 5061), ("52.114.0.1", 5061))
    made = teams.gateways[0].invite(Subject("15551230001", "+15551230002", "Bob"), b"v=0", flow)
    assert made.uri == f"sip:+15551230002@{ONE}:5061;user=phone;transport=tls"
    assert made.from_ == f'"Bob" <sip:+15551230001@{FQDN}>'
    assert made.contact == f"<sip:+15551230001@{FQDN}:5061;transport=tls>"


def test_the_proxies_in_their_order() -> None:
    """NET-01, FO-01."""
    teams, _ = make_teams()
    assert [gateway.host for gateway in teams.targets()] == list(PROXIES)


def test_other_proxies_and_ports() -> None:
    """NET-02: another cloud has one."""
    teams, _ = make_teams(cloud="gcc-high")
    assert [gateway.authority for gateway in teams.gateways] == ["sip.pstnhub.gov.teams.microsoft.us:5061"]


def test_what_teams_does_not_take() -> None:
    """HDR-09."""
    teams, _ = make_teams()
    assert not teams.takes_info


def test_a_contact_without_a_user_has_no_at_sign() -> None:
    """OPT-06."""
    teams, site = make_teams()
    flow = site.network.flow("outside", (SBC, 5061), ("52.114.0.1", 5061))
    assert teams.contact(flow, "") == f"<sip:{FQDN}:5061;transport=tls>"
