"""Credentials: shown to the trunk they belong to, once, and to nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rustalk.sip.digest import Authorization, ha1
from tests.fakes.agents import Leg
from tests.scenarios.site import CARRIER, CONFIGURATION, Site

REALM, USER, PASSWORD = "carrier.example", "account-17", "canary-password"
ACCOUNT = {"username": USER, "password": PASSWORD, "realm": REALM}
TRUNKS = [CONFIGURATION["trunks"][0] | ACCOUNT, *CONFIGURATION["trunks"][1:]]
PROXY = "Proxy-Authorization"
CHALLENGE = f'Digest realm="{REALM}", nonce="n1", qop="auth", algorithm=SHA-256'


@pytest.fixture
def site(build: Callable[..., Site]) -> Site:
    """A switch with an account at the carrier."""
    return build(trunks=TRUNKS)


def asking(site: Site, value: str = CHALLENGE, status: int = 401) -> None:
    """Let the carrier challenge every INVITE that shows nothing."""
    asked, answered = ("WWW-Authenticate", "Authorization") if status == 401 else ("Proxy-Authenticate", PROXY)

    def plan(leg: Leg) -> None:
        if leg.invite.get(answered) is None:
            leg.refuse(status, [(asked, value)])
        else:
            leg.ring()

    site.carrier.plan = plan


def call(site: Site) -> Leg:
    """Call the carrier, and give up in the end."""
    leg = site.teams.call()
    site.run(1)
    if not leg.over:
        leg.cancel()
        site.run(1)
    return leg


@pytest.mark.parametrize(("status", "field"), [(401, "Authorization"), (407, PROXY)])
def test_a_challenge_is_answered_once(site: Site, status: int, field: str) -> None:
    """RFC 3261 section 22: same Call-ID and From tag, the next CSeq, and a right answer."""
    asking(site, status=status)
    leg = call(site)
    assert leg.statuses == [180, 487]
    first, second = (one.invite for one in site.carrier.calls)
    assert (first.call_id, first.from_.tag) == (second.call_id, second.from_.tag)
    assert second.cseq.number == first.cseq.number + 1
    answer = Authorization.parse(second.get(field) or "")
    assert answer is not None
    secret = ha1("SHA-256", USER, REALM, PASSWORD)
    assert answer.response == answer.expected(secret, "INVITE", second.body)
    assert (answer.uri, answer.nc) == (second.uri, 1)


def test_another_realm_gets_nothing(site: Site) -> None:
    """A2: the trunk's own realm only; the caller hears that we could not go on."""
    asking(site, CHALLENGE.replace(REALM, "evil.example"))
    leg = call(site)
    assert leg.statuses == [503]
    assert len(site.carrier.calls) == 1


def test_a_challenge_for_ever_is_answered_once(site: Site) -> None:
    """A3: a new nonce each time does not make us go on."""
    nonces = iter(range(1000))
    site.carrier.plan = lambda leg: leg.refuse(401, [("WWW-Authenticate", CHALLENGE.replace("n1", f"n{next(nonces)}"))])
    leg = call(site)
    assert leg.statuses == [503]
    assert len(site.carrier.calls) == 2


def test_a_broken_challenge_is_a_refusal(site: Site) -> None:
    """A4: a challenge that cannot be read must not leave the caller ringing."""
    asking(site, 'Digest realm="x')
    assert call(site).statuses == [503]


def test_a_challenge_inside_a_call_gets_no_credentials(site: Site) -> None:
    """A2: a peer that challenges our re-INVITE learns nothing, and the asker is refused."""
    site.carrier.answers["INVITE"] = 407
    talk = site.talking("other", "carrier")
    answers = talk.caller.ask("INVITE", site.other.describe(version=2, lines=["a=inactive"]))
    site.run()
    talk.end()
    assert answers[-1].status == 488
    assert all(request.get(PROXY) is None for request in site.carrier.requests("INVITE"))


def test_credentials_and_a_longer_interval(build: Callable[..., Site]) -> None:
    """RFC 4028 section 7.3 with section 22: 401, then 422, and the answer to the challenge is shown again."""
    account = {"username": USER, "password": PASSWORD, "realm": REALM}
    site = build(
        sip={"session_expires": 120}, trunks=[CONFIGURATION["trunks"][0] | account, CONFIGURATION["trunks"][1]]
    )

    def plan(leg: Leg) -> None:
        if leg.invite.get("Authorization") is None:
            leg.refuse(401, [("WWW-Authenticate", CHALLENGE)])
        elif leg.invite.get("Session-Expires") == "120":
            leg.refuse(422, [("Min-SE", "300")])
        else:
            leg.ring()

    site.carrier.plan = plan
    assert call(site).statuses == [180, 487]
    counts = [Authorization.parse(one.invite.get("Authorization") or "") for one in site.carrier.calls[1:]]
    assert [one.nc for one in counts if one is not None] == [1, 2]


def test_a_carrier_that_is_silent_after_its_challenge(site: Site) -> None:
    """FO-05: the second INVITE has its own time limit."""
    asking(site)
    leg = site.teams.call()
    site.run(0.012)
    site.network.silent.add(CARRIER)
    site.run(6)
    assert leg.statuses == [503]
    assert site.record.reason == "target_silent"


def test_the_password_is_nowhere(site: Site) -> None:
    """A40: not on the wire, not in a trace, not in any repr."""
    asking(site)
    call(site)
    wire = b"".join(data for _, data in site.network.wire)
    assert PASSWORD.encode() not in wire
    shown = [site.settings, site.trunks["carrier"].credentials, *site.calls.ids(), site.record]
    assert PASSWORD not in repr(shown)
