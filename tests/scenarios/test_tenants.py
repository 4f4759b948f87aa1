"""Many tenants of Teams behind one switch (MTN-01 to MTN-06), and what the dry run says of their calls."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from rustalk.cli.dry_run import DryRun, Question
from tests.fakes.agents import Leg
from tests.scenarios.site import CARRIER, FQDN, OTHER, Site, Talk

A, B = f"a.{FQDN}", f"b.{FQDN}"


def to(trunk: str, id: str, pattern: str) -> dict[str, Any]:
    """A route to a trunk."""
    return {"id": id, "pattern": pattern, "destination": {"type": "Trunk", "value": trunk}}


TENANTS = [
    {"id": "a", "fqdn": A, "routes": [to("carrier", "a-1001", "^1001$"), to("teams", "a-in", r"^\+1555")]},
    {"id": "b", "fqdn": B, "routes": [to("other", "b-1001", "^1001$"), to("teams", "b-in", r"^\+1666")]},
]
COMMON = {"routes": [to("carrier", "abroad", r"^\+")]}


@pytest.fixture
def site(build: Callable[..., Site]) -> Site:
    """A switch with two tenants, whose users have the same short number for different people."""
    return build(teams={"tenants": TENANTS}, routing=COMMON)


@pytest.mark.parametrize(("host", "callee"), [(A, "carrier"), (B, "other"), (A.upper(), "carrier")])
def test_two_tenants_with_the_same_short_number(site: Site, host: str, callee: str) -> None:
    """MTN-05: the host of the Request-URI tells whose it is; our Contact towards that tenant has its name."""
    talk = site.talking("teams", callee, uri=f"sip:1001@{host}:5061;user=phone;transport=tls")
    assert talk.callee.invite.target.number == "1001"
    assert f"@{host.lower()}:5061;" in (talk.caller.responses[-1].get("Contact") or "")
    talk.end()


def test_the_common_routes_come_after(site: Site) -> None:
    """Every tenant may use them, and the switch's own name too."""
    for host in (A, B, FQDN):
        site.talking("teams", "carrier", uri=f"sip:+15550001@{host}:5061").end()


@pytest.mark.parametrize("uri", ["sip:1001@c.sbc.example.com:5061", "sip:1001@192.0.2.10:5061", "tel:1001"])
def test_a_name_that_is_nobodys(site: Site, uri: str) -> None:
    """MTN-05: 404, and no other tenant's routes are asked."""
    leg = site.teams.call(uri=uri)
    site.run()
    assert leg.statuses == [404]
    assert "unknown_tenant" in (leg.responses[-1].get("Reason") or "")
    assert site.invites(CARRIER) == site.invites(OTHER) == []


@pytest.mark.parametrize(("number", "host"), [("+15550001", A), ("+16660001", B)])
def test_a_carrier_reaches_the_tenant_of_the_number(site: Site, number: str, host: str) -> None:
    """MTN-03: Contact and From have the tenant's name."""
    talk = site.talking("carrier", "teams", called=number)
    invite = talk.callee.invite
    assert invite.contact is not None
    assert (invite.contact.uri.host, invite.from_.uri.host) == (host, host)
    talk.end()


def replacing(talk: Talk, host: str) -> Leg:
    """A user of this tenant takes the place of the side of Teams."""
    dialog = talk.callee.dialog
    value = f"{dialog.call_id};to-tag={dialog.remote_tag};from-tag={dialog.local_tag}"
    leg = talk.site.teams.call(uri=f"sip:+15550001@{host}:5061", fields=[("Replaces", value)])
    talk.site.run()
    return leg


def test_a_user_of_a_tenant_takes_a_call_over(site: Site) -> None:
    """MTN-03, XFR-07: our Contact towards it has the tenant's name too."""
    talk = site.talking("carrier", "teams", called="+15550001")
    leg = replacing(talk, A)
    answer = leg.responses[-1]
    assert (answer.status, answer.contacts[0].uri.host) == (200, A)
    leg.bye()
    site.run()


@pytest.mark.parametrize(("host", "status", "code"), [(B, 481, "no_dialog"), ("c.example.com", 404, "unknown_tenant")])
def test_nobody_takes_over_the_call_of_another_tenant(site: Site, host: str, status: int, code: str) -> None:
    """MTN-05: for it there is no such call."""
    talk = site.talking("carrier", "teams", called="+15550001")
    leg = replacing(talk, host)
    assert (leg.statuses, code in (leg.responses[-1].get("Reason") or "")) == ([status], True)
    talk.end()


@pytest.mark.parametrize("number", ["1001", "+15550001", "+16660001", "+4420", "0", ""])
@pytest.mark.parametrize(
    ("source", "host"), [("teams", A), ("teams", B), ("teams", FQDN), ("teams", "x.y"), ("other", "")]
)
def test_the_dry_run_tells_what_happens(site: Site, source: str, host: str, number: str) -> None:
    """The trunk and the Request-URI, or the status of the refusal."""
    caller = "+15550009"
    question = Question(source, number, datetime.datetime.now(datetime.UTC), caller, host)
    trial = DryRun(site.settings).ask(question)
    at = f"{number}@" if number else ""
    leg = site.side(source).call(uri=f"sip:{at}{host or FQDN}:5061", caller=caller)
    site.run()
    if trial.goal is None:
        assert leg.statuses[-1] == trial.status
        assert trial.code in (leg.responses[-1].get("Reason") or "")
        return
    callee = site.side(trial.goal.trunk).last
    assert callee.invite.uri.partition("@")[0] == f"sip:{trial.goal.called}"
    leg.cancel()
    site.run(1)
