"""How Teams wants to be spoken to; what it sees on the wire is in tests/scenarios/test_teams_headers.py."""

from __future__ import annotations

import pytest

from rustalk.sip.uri import Uri
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


TENANTS = [{"id": "a", "fqdn": f"a.{FQDN}"}, {"id": "b", "fqdn": f"b.{FQDN}"}]


@pytest.mark.parametrize(("tenant", "name"), [("a", f"a.{FQDN}"), ("b", f"b.{FQDN}"), ("", FQDN)])
def test_each_tenant_knows_us_by_its_own_name(tenant: str, name: str) -> None:
    """MTN-03: in Contact and in From, and in the answers to its calls."""
    teams, site = make_teams(tenants=TENANTS)
    flow = site.network.flow("outside", (SBC, 5061), ("52.114.0.1", 5061))
    made = teams.gateways[0].invite(Subject("+1", "+2", tenant=tenant), b"v=0", flow)
    assert made.contact == f"<sip:+1@{name}:5061;transport=tls>"
    assert made.from_ == f"<sip:+1@{name}>"
    assert teams.contact(flow, "+2", tenant) == f"<sip:+2@{name}:5061;transport=tls>"
    assert teams.host_of(tenant) == name


def test_pings_have_the_name_of_the_carrier() -> None:
    """MTN-06."""
    teams, site = make_teams(tenants=TENANTS)
    flow = site.network.flow("outside", (SBC, 5061), ("52.114.0.1", 5061))
    assert teams.options(teams.gateways[0], flow, "id", "tag").get("Contact") == f"<sip:{FQDN}:5061;transport=tls>"


@pytest.mark.parametrize("allowed", [True, False])
def test_whether_teams_may_refer(allowed: bool) -> None:
    """XFR-01: Allow says it in INVITE and OPTIONS; NOTIFY stands there either way."""
    teams, site = make_teams(allow_refer=allowed)
    flow = site.network.flow("outside", (SBC, 5061), ("52.114.0.1", 5061))
    invite = teams.gateways[0].invite(Subject("+1", "+2"), b"v=0", flow)
    options = teams.options(teams.gateways[0], flow, "id", "tag").get("Allow")
    assert ("REFER" in invite.allow.split(", ")) is allowed
    assert options == invite.allow
    assert "NOTIFY" in invite.allow.split(", ")


def test_no_reliable_ringing_is_asked_of_teams() -> None:
    """HDR-09: it does not take PRACK."""
    teams, site = make_teams()
    flow = site.network.flow("outside", (SBC, 5061), ("52.114.0.1", 5061))
    assert "100rel" not in teams.gateways[0].invite(Subject("+1", "+2"), b"v=0", flow).supported


@pytest.mark.parametrize(
    ("target", "there", "there_if_local"),
    [
        ("sip:sip.pstnhub.microsoft.com:5061;transport=tls;x-m=8:orgid:a", True, True),
        ("sip:+15551230009@sip.pstnhub.microsoft.com", True, False),
        ("sip:+15551230009@sip-du-a-eu.pstnhub.microsoft.com;x-m=8:orgid:a", True, True),
        ("sip:+15551230009@sip.pstnhub.gov.teams.microsoft.us", True, False),
        (f"sip:+15551230009@{FQDN}", False, False),
        ("sip:+15551230009@evil.example", False, False),
        ("tel:+15551230009", False, False),
    ],
)
def test_who_is_called_in_teams(target: str, there: bool, there_if_local: bool) -> None:
    """XFR-02, XFR-05: people always, numbers unless they are to go by our own routes; no other host."""
    assert make_teams()[0].answers_at(Uri.parse(target)) is there
    assert make_teams(refer_local=True)[0].answers_at(Uri.parse(target)) is there_if_local


def test_an_invite_to_the_target_of_a_transfer() -> None:
    """XFR-03, XFR-04: Request-URI and To as Refer-To had them, From and Contact of the number that stays."""
    teams, site = make_teams()
    flow = site.network.flow("outside", (SBC, 5061), ("52.114.0.1", 5061))
    uri = "sip:sip.pstnhub.microsoft.com:5061;transport=tls;x-m=8:orgid:a;x-t=b"
    made = teams.gateways[0].invite(Subject("+1", "", uri=uri, referred_by="<sip:x;x-tt=A%3D>"), b"v=0", flow)
    assert (made.uri, made.to) == (uri, f"<{uri}>")
    assert made.contact == f"<sip:+1@{FQDN}:5061;transport=tls>"
    assert made.fields == (("Referred-By", "<sip:x;x-tt=A%3D>"),)


def test_a_number_of_a_transfer_without_a_plus() -> None:
    """XFR-06."""
    assert make_teams(country="US")[0].inward("15551230002") == "+15551230002"
