"""Registering with a provider."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rustalk.sip.digest import Authorization
from rustalk.sip.message import Field
from rustalk.ua.registration import Registration
from tests.fakes.agents import Exchange
from tests.scenarios.site import CARRIER, CONFIGURATION, SBC, Site

CHALLENGE = 'Digest realm="carrier.example", nonce="n1", qop="auth", algorithm=MD5'
CONTACT = f"<sip:account-17@{SBC}:5060>"


@pytest.fixture
def site(build: Callable[..., Site]) -> Site:
    """A switch that will register with the carrier."""
    account = {"username": "account-17", "password": "secret", "realm": "carrier.example", "register": True}
    return build(trunks=[CONFIGURATION["trunks"][0] | account, CONFIGURATION["trunks"][1]])


def registration(site: Site) -> Registration:
    """The one registration, begun."""
    registration = site.registrations["carrier"]
    registration.start()
    site.run(0.1)
    return registration


def granting(site: Site, *fields: Field, status: int = 200) -> None:
    """Let the registrar answer so."""
    site.carrier.registrar = lambda exchange: exchange.respond(status, fields=fields, without=["Contact"])


def count(site: Site) -> int:
    """How many REGISTERs came."""
    return len(site.carrier.requests("REGISTER"))


def test_what_is_registered(site: Site) -> None:
    """RFC 3261 section 10.2: the address of record in From and To, our Contact, and what we ask for."""
    granting(site, ("Expires", "600"))
    assert registration(site).registered
    (request,) = site.carrier.requests("REGISTER")
    assert request.uri == f"sip:{CARRIER}:5060"
    assert request.to.address == request.from_.address == f"sip:account-17@{CARRIER}"
    assert request.get("Contact") == CONTACT
    assert request.get("Expires") == "3600"


def test_what_is_granted_counts(site: Site) -> None:
    """RFC 3261 section 10.2.4: registered again before 600 s are over, in the same dialog with the next CSeq."""
    granting(site, ("Expires", "600"))
    registration(site)
    site.run(560)
    assert count(site) == 1
    site.run(30)
    first, second = site.carrier.requests("REGISTER")
    assert second.call_id == first.call_id
    assert second.cseq.number == 2


def test_our_own_contact_counts(site: Site) -> None:
    """RFC 3261 section 10.2.4: another phone's binding says nothing about ours."""
    granting(site, ("Contact", "<sip:other@192.0.2.77>;expires=60"), ("Contact", f"{CONTACT};expires=1200"))
    registration(site)
    site.run(1100)
    assert count(site) == 1
    site.run(80)
    assert count(site) == 2


def test_a_challenge_is_answered_once(site: Site) -> None:
    """A3: 401, then the answer; a second 401 is a refusal."""
    granting(site, ("WWW-Authenticate", CHALLENGE), status=401)
    assert not registration(site).registered
    assert count(site) == 2
    answer = Authorization.parse(site.carrier.requests("REGISTER")[1].get("Authorization") or "")
    assert answer is not None
    assert answer.uri == f"sip:{CARRIER}:5060"


def test_another_realm_gets_nothing(site: Site) -> None:
    """A2."""
    granting(site, ("WWW-Authenticate", CHALLENGE.replace("carrier.example", "evil")), status=401)
    assert not registration(site).registered
    assert count(site) == 1


def test_too_brief_an_interval(site: Site) -> None:
    """423 with Min-Expires: asked again with that."""

    def registrar(exchange: Exchange) -> None:
        if exchange.request.get("Expires") == "3600":
            exchange.respond(423, fields=[("Min-Expires", "7200")])
        else:
            exchange.respond(200, fields=[("Expires", "7200")])

    site.carrier.registrar = registrar
    assert registration(site).registered
    assert site.carrier.requests("REGISTER")[1].get("Expires") == "7200"


def test_a_challenge_and_too_brief_an_interval(site: Site) -> None:
    """401, then 423, then 200: the answer to the challenge is shown again."""

    def registrar(exchange: Exchange) -> None:
        if exchange.request.get("Authorization") is None:
            exchange.respond(401, fields=[("WWW-Authenticate", CHALLENGE)])
        elif exchange.request.get("Expires") == "3600":
            exchange.respond(423, fields=[("Min-Expires", "7200")])
        else:
            exchange.respond(200, fields=[("Expires", "7200")])

    site.carrier.registrar = registrar
    assert registration(site).registered
    assert count(site) == 3


def test_failures_wait_longer_each_time(site: Site) -> None:
    """Ten seconds, twenty, forty ..., each a quarter more or less, ten minutes at most."""
    granting(site, status=503)
    registration(site)
    site.run(13)
    assert count(site) == 2
    site.run(26)
    assert count(site) in (3, 4)
    site.run(6000)
    assert 10 < count(site) < 22


def test_a_registrar_that_is_silent(site: Site) -> None:
    """No answer for 64*T1, then patience, and it works again once the registrar does."""
    site.network.silent.add(CARRIER)
    it = registration(site)
    site.run(40)
    assert not it.registered
    assert "no answer" in it.why
    site.network.silent.clear()
    granting(site, ("Expires", "600"))
    site.run(20)
    assert it.registered


def test_a_registrar_that_grants_nothing(site: Site) -> None:
    """Expires 0 is no registration, and not asked for again every second."""
    granting(site, ("Expires", "0"))
    assert not registration(site).registered
    site.run(9)
    assert count(site) < 3


def test_an_answer_that_cannot_be_read(site: Site) -> None:
    """A peer's nonsense is a failure to be tried again, not the end."""
    granting(site, ("Contact", "<<<"))
    assert not registration(site).registered
    granting(site, ("Expires", "600"))
    site.run(15)
    assert site.registrations["carrier"].registered


def test_stopping_while_an_answer_is_awaited(site: Site) -> None:
    """Nothing is sent afterwards."""
    it = registration(site)
    it.stop()
    site.run(100)
    assert {request.cseq.number for request in site.carrier.requests("REGISTER")} <= {1}


def test_the_switch_tells_whether_it_is_registered(site: Site) -> None:
    """The snapshot of the trunk says so."""
    granting(site, ("Expires", "600"))
    registration(site)
    carrier = next(trunk for trunk in site.switch.trunks() if trunk.id == "carrier")
    assert carrier.registered


def test_how_long_a_provider_takes_is_counted(site: Site) -> None:
    """RFC 6076 sections 4.1 and 4.2: a challenge is no answer yet, a refusal is ineffective, and silence is, too."""
    figures = site.figures.trunk("carrier").registrations
    assert (figures.rrd.samples, figures.ira.percent) == (0, None)
    site.carrier.registrar = lambda exchange: exchange.respond(401, fields=[("WWW-Authenticate", CHALLENGE)])
    registration(site)
    granting(site, ("Expires", "600"), status=503)
    site.run(15)
    granting(site, ("Expires", "600"))
    site.run(60)
    figures = site.figures.trunk("carrier").registrations
    assert (figures.ira.count, figures.ira.of) == (1, 2)
    assert figures.rrd.samples == 1
    assert figures.rrd.mean_ms == pytest.approx(10)
