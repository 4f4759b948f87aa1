"""SimCarrier over UDP, TCP and TLS: two of them call each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_twisted
from twisted.internet import reactor

from rustalk.simulator.agent import Agent
from rustalk.simulator.carrier import CarrierTls, Kind, SimCarrier
from rustalk.simulator.credentials import Account
from rustalk.simulator.link import Datagrams, Link
from rustalk.simulator.media import CARRIER_TONE, TEAMS_TONE
from rustalk.simulator.pki import ClientTls, Pki, ServerTls, context
from rustalk.simulator.style import Style, hexadecimal
from rustalk.sip.message import Request, Response
from tests.fakes.patience import until
from tests.fakes.sbc import FQDN, QUICK

NUMBER = "+15550100"


@asynccontextmanager
async def pair(kind: Kind = "UDP", pki: Pki | None = None) -> AsyncIterator[tuple[SimCarrier, SimCarrier]]:
    """A caller and an answerer; the answerer speaks the other tone."""
    tls = None
    if pki is not None:
        tls = CarrierTls(
            ServerTls(context(pki.sbc, pki.sbc_root)), ClientTls(context(pki.sbc, pki.sbc_root), FQDN), FQDN
        )
    answerer = SimCarrier(reactor, ("127.0.0.1", 9), kind=kind, tls=tls, plan=QUICK, tones=(TEAMS_TONE, CARRIER_TONE))
    await answerer.start()
    caller = SimCarrier(reactor, ("127.0.0.1", answerer.port), kind=kind, tls=tls, plan=QUICK)
    await caller.start()
    try:
        yield caller, answerer
    finally:
        await caller.stop()
        await answerer.stop()


@asynccontextmanager
async def phone(carrier: SimCarrier) -> AsyncIterator[tuple[Agent, Link, Style]]:
    """A UDP user agent for single requests to a carrier."""
    agent = Agent(reactor, lambda request, link: None)
    socket = Datagrams(agent.received)
    port = reactor.listenUDP(0, socket, interface="127.0.0.1")
    style = Style("UDP", "127.0.0.1", socket.local[1], "<sip:me@127.0.0.1>", "Phone", "INVITE", hexadecimal)
    try:
        yield agent, socket.to(("127.0.0.1", carrier.port)), style
    finally:
        agent.close()
        await port.stopListening()


def register(style: Style, **fields: str) -> Request:
    own = [
        ("From", "<sip:me@x.test>;tag=1"),
        ("To", "<sip:me@x.test>"),
        ("Call-ID", hexadecimal(8)),
        ("CSeq", "1 REGISTER"),
    ]
    return style.request("REGISTER", "sip:x.test", [*own, *fields.items()])


@pytest.mark.parametrize("kind", ["UDP", "TCP"])
@pytest_twisted.ensureDeferred
async def test_a_call_is_answered_and_both_ends_hear_the_other(kind: Kind) -> None:
    async with pair(kind) as (caller, answerer):
        answerer.answer_with("listen")
        result = await caller.place_call(NUMBER, "+15550199")
        assert result.media.good, result
        await until(lambda: bool(answerer.results))
        assert answerer.results[0].media.good, answerer.results
        assert answerer.results[0].ended_by == "peer"


@pytest_twisted.ensureDeferred
async def test_a_call_over_tls(pki: Pki) -> None:
    async with pair("TLS", pki) as (caller, _):
        result = await caller.place_call(NUMBER, "+15550199")
        assert result.media.good, result


@pytest_twisted.ensureDeferred
async def test_a_late_offer_is_answered_in_the_ack() -> None:
    """HDR-11: what a carrier may send."""
    async with pair() as (caller, answerer):
        result = await caller.place_call(NUMBER, "+15550199", offer=False)
        assert result.media.good, result
        await until(lambda: bool(answerer.results))
        assert answerer.results[0].media.good, answerer.results


@pytest_twisted.ensureDeferred
async def test_the_order_of_provisional_responses_is_in_the_result() -> None:
    """RNG-03."""
    async with pair() as (caller, answerer):
        answerer.answer_with("early-forks", number=NUMBER)
        result = await caller.place_call(NUMBER, "+15550199")
        assert [(one.status, one.sdp) for one in result.progress] == [(183, True), (180, False)]


@pytest.mark.parametrize(("script", "status"), [("busy", 486), ("moved", 302), ("declined", 603)])
@pytest_twisted.ensureDeferred
async def test_a_refusal_ends_the_call(script: str, status: int) -> None:
    async with pair() as (caller, answerer):
        answerer.answer_with(script)
        assert (await caller.place_call(NUMBER, "+15550199")).status == status


@pytest_twisted.ensureDeferred
async def test_a_silent_carrier_answers_nothing() -> None:
    async with pair() as (_, answerer), phone(answerer) as (agent, link, style):
        answerer.silent = True
        assert await agent.send(link, style, register(style)).responses.take(0.2) is None


@pytest_twisted.ensureDeferred
async def test_a_registration_is_granted_for_no_longer_than_the_carrier_wants() -> None:
    async with pair() as (_, answerer), phone(answerer) as (agent, link, style):
        answerer.grants = 30
        asked = register(style, Contact="<sip:me@127.0.0.1>;expires=3600")
        response = await agent.send(link, style, asked).responses.take(2)
        assert response is not None
        assert response.get("Contact") == "<sip:me@127.0.0.1>;expires=30"
        assert answerer.registrations[0].expires == 30


@pytest_twisted.ensureDeferred
async def test_a_carrier_that_knows_its_customers_asks_for_credentials() -> None:
    async with pair() as (_, answerer), phone(answerer) as (agent, link, style):
        answerer.account = Account("me", "secret", proxy=True)
        response = await agent.send(link, style, register(style)).responses.take(2)
        assert response is not None
        assert response.status == 407
        assert answerer.registrations == []


@pytest_twisted.ensureDeferred
async def test_options_are_answered() -> None:
    async with pair() as (_, answerer), phone(answerer) as (agent, link, style):
        asked = register(style)
        asked = style.request("OPTIONS", "sip:x.test", [*asked.fields[2:-1], ("CSeq", "1 OPTIONS")])
        response: Response | None = await agent.send(link, style, asked).responses.take(2)
        assert response is not None
        assert (response.status, answerer.seen) == (200, {"OPTIONS": 1})


@pytest_twisted.ensureDeferred
async def test_a_contact_that_does_not_resolve_is_told_as_the_cause() -> None:
    async with pair() as (caller, answerer):
        answerer.contact_host = "sbc.nowhere.example"
        result = await caller.place_call(NUMBER, "+15550199")
        assert "sbc.nowhere.example" in result.cause
